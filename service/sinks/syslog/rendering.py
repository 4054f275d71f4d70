"""Alerts and notices as messages of syslog: a header after RFC 5424, and an event in CEF.

No byte-order mark stands before the event, because collectors look for ``CEF:`` there.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from service.core.alerting import Alert, Finding
from service.core.notices import AnyNotice
from service.core.ports import Rendered
from service.core.verdicts import VerdictNotice
from service.sinks.content.alert_content import ALL_LINKS, Links, alert_content, heading, kql
from service.sinks.content.messages import message_about
from service.sinks.content.notice_content import notice_content
from service.sinks.content.wording import clean, iso, listed
from service.sinks.syslog.cef import Field, cef
from service.sinks.syslog.collector import Collector

TEXT = "text/plain; charset=utf-8"
# RFC 5424, section 6.2.1, and the scale of CEF: low to 3, medium to 6, high to 8, very high to 10.
_SEVERITIES = {"critical": (2, 10), "high": (3, 8), "medium": (4, 6), "low": (5, 3), "informational": (6, 1)}


def render(alerts: Sequence[Alert], collector: Collector, links: Links = ALL_LINKS) -> list[Rendered]:
    """Turn each alert into a message of its own."""
    return [
        message_about(
            alert,
            _message(
                collector,
                ("alert", alert.found_at, alert.severity.value),
                alert.findings[0].detector,
                heading(alert),
                _told(alert, links),
            ),
            TEXT,
        )
        for alert in alerts
    ]


def render_notice(notice: AnyNotice, collector: Collector) -> Rendered:
    """Turn a notice into a message of its own."""
    said, is_verdict = notice_content(notice), isinstance(notice, VerdictNotice)
    fields = [
        Field("externalId", notice.id, 40),
        Field("cat", "Verdict" if is_verdict else "Coverage gap"),
        Field("rt", _millis(notice.found_at)),
        Field("act", notice.stage, 63),
        Field("cn1", notice.revision, label="Revision"),
        *_about(notice),
        Field("msg", "\n".join(f"{fact.label}: {fact.text}" for fact in said.facts)),
    ]
    signature = f"{'verdict' if is_verdict else 'gap'}_{notice.kind.value}"
    head = ("notice", notice.found_at, "medium")
    return message_about(notice, _message(collector, head, signature, said.heading, fields), TEXT)


def _about(notice: AnyNotice) -> Iterator[Field]:
    """Yield what a notice is about: an alert that was judged, or the span of a gap."""
    if isinstance(notice, VerdictNotice):
        yield Field("suser", notice.actor_name)
        yield Field("suid", notice.actor_id)
        yield Field("start", _millis(notice.since))
        yield Field("end", _millis(notice.until))
        yield Field("cs1", notice.alert, label="Alert")
        yield Field("cs2", _all(notice.actions), label="Operations")
        yield Field("cs3", notice.by, label="Judged by")
    else:
        yield Field("start", _millis(notice.since))
        yield Field("end", _millis(notice.until) if notice.until is not None else "")


def _message(
    collector: Collector, head: tuple[str, datetime, str], signature: str, name: str, fields: Iterable[Field]
) -> bytes:
    about, time, severity = head
    urgency, degree = _SEVERITIES[severity]
    priority = collector.facility * 8 + urgency
    header = f"<{priority}>1 {iso(time)} {collector.hostname} unwonted - {about} - "
    return (header + cef(signature, name, degree, fields, largest=collector.largest - len(header))).encode()


def _told(alert: Alert, links: Links) -> Iterator[Field]:
    """Yield what is told of an alert, what matters most first: the rest may find no room."""
    content, first = alert_content(alert, links), alert.findings[0]
    yield Field("externalId", alert.id, 40)
    yield Field("cat", f"Unusual activity: {alert.kind.value}")
    yield Field("rt", _millis(alert.found_at))
    yield Field("suser", alert.actor_name)
    yield Field("suid", alert.actor_id)
    yield Field("act", first.action_name, 63, keep_end=True)
    yield from _addresses(alert.findings)
    yield Field("cn1", alert.revision, label="Revision")
    yield Field("cn2", alert.identity_count or 1, label="Identities")
    yield Field("cfp1", f"{alert.score:.1f}", label="Score")
    yield Field("cnt", alert.finding_count)
    yield Field("start", _millis(alert.window_start))
    yield Field("end", _millis(alert.window_end))
    yield Field("cs1", first.resources[0] if first.resources else "", keep_end=True, label="Resource")
    yield Field("cs2", _all(one.action_name for one in alert.findings), label="Operations")
    yield Field("msg", "\n".join(clean(one.why, 1_023) for one in alert.findings))
    yield Field("cs3", content.mitre, label="ATT&CK")
    yield Field("cs4", _all(one.detector for one in alert.findings), label="Detectors")
    yield Field("cs5", _all(one for finding in alert.findings for one in finding.correlations), label="Correlations")
    yield Field("cs6", _all(alert.identities), label="Identities")
    # The console if there is one, else the runbook, else the query in the portal.
    yield Field("request", next((link.url for link in (*content.decisions, *content.links[::-1])), ""))
    yield Field("flexString1", kql(alert), label="KQL")


def _addresses(findings: Sequence[Finding]) -> Iterator[Field]:
    """Yield the first address of each version; what is no address is no field."""
    seen: set[int] = set()
    for text in (address for finding in findings for address in finding.addresses):
        try:
            ip = ipaddress.ip_address(text)
        except ValueError:
            continue
        if ip.version not in seen:
            seen.add(ip.version)
            if ip.version == 4:
                yield Field("src", str(ip))
            else:
                yield Field("c6a2", str(ip), label="Source IPv6 Address")


def _all(texts: Iterable[str]) -> str:
    distinct = list(dict.fromkeys(text for text in texts if text))
    return listed(distinct, most=10, limit=200, keep_end=True) if distinct else ""


def _millis(time: datetime) -> int:
    return round(time.timestamp() * 1000)
