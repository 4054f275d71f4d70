"""Alerts and notices as rows of one table, within what a column and a request may hold.

Values stand as they were logged, so that they can be joined with other tables.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from pydantic import JsonValue

from service.core.alerting import Alert, Finding
from service.core.notices import AnyNotice
from service.core.ports import Rendered
from service.core.verdicts import VerdictNotice
from service.sinks.content.alert_content import ALL_LINKS, Links, alert_content, heading, kql
from service.sinks.content.cloud_event import cut_alert
from service.sinks.content.messages import compact, message_about
from service.sinks.content.notice_content import notice_content
from service.sinks.content.pagination import Element
from service.sinks.content.wording import iso

ROW = "application/vnd.unwonted.row+json"
"""Content type of a row that waits; on its way it is JSON."""
LARGEST_VALUE = 60_000
"""Bytes. What is beyond 64 KiB in a column is cut off by the workspace, in the middle of a list if need be:
https://learn.microsoft.com/azure/azure-monitor/fundamentals/service-limits#logs-ingestion-api"""
LARGEST_ROW = 253_952
"""Bytes; a request may have four times as many."""
_MOST = 100  # entries of a list
_LONGEST = 1024  # characters of a name in a verdict


def render(alerts: Sequence[Alert], links: Links = ALL_LINKS) -> list[Rendered]:
    """Turn each alert into a row, in a request of its own."""
    return [message_about(alert, compact_rows(_fitting(alert, links)), ROW) for alert in alerts]


def render_notice(notice: AnyNotice) -> Rendered:
    """Turn a notice into a row."""
    said = notice_content(notice)
    told: Element = {
        "Stage": notice.stage,
        "Title": said.heading,
        "Description": "\n".join(f"{fact.label}: {fact.text}" for fact in said.facts),
    }
    return message_about(notice, compact_rows({**_about(notice), **told}), ROW)


def _about(notice: AnyNotice) -> Element:
    if isinstance(notice, VerdictNotice):
        return {
            **_common("verdict", notice.alert, notice.revision, notice.found_at),
            "Severity": notice.severity.value,
            "ActorId": notice.actor_id[:_LONGEST],
            "ActorName": notice.actor_name[:_LONGEST],
            "Operations": [one[:_LONGEST] for one in notice.actions],
            "WindowStart": iso(notice.since),
            "WindowEnd": iso(notice.until),
        }
    return {
        **_common("notice", notice.id, notice.revision, notice.found_at),
        "Severity": "medium",
        "WindowStart": iso(notice.since),
        "WindowEnd": iso(notice.until) if notice.until is not None else None,
        "Partitions": list(notice.partitions[:_MOST]),
        "Subscriptions": list(notice.subscriptions[:_MOST]),
    }


def compact_rows(row: Element) -> bytes:
    """Return the body of a request: an array with one row, without the columns that would be empty."""
    return b"[" + compact({name: value for name, value in row.items() if value not in (None, [], "")}) + b"]"


def _fitting(alert: Alert, links: Links) -> Element:
    row: Element = {}
    for longest, findings in ((1024, 25), (256, 10), (64, 5)):
        row = _row(cut_alert(alert, longest, findings), links)
        largest = max(len(compact({"": value})) for value in row.values())
        if largest <= LARGEST_VALUE and len(compact(row)) <= LARGEST_ROW:
            break
    return row


def _row(alert: Alert, links: Links) -> Element:
    content = alert_content(alert, links)
    tags = _distinct(tag for one in alert.findings for tag in one.mitre)
    parts = [part for tag in tags for part in tag.split("/")]
    return {
        **_common("alert", alert.id, alert.revision, alert.found_at),
        "Stage": "updated" if alert.revision > 1 else "opened",
        "Severity": alert.severity.value,
        "Score": round(alert.score, 1),
        "Title": heading(alert),
        "Description": "\n".join(one.why for one in alert.findings if one.why),
        "ActorId": alert.actor_id,
        "ActorName": alert.actor_name,
        "ActorKind": alert.actor_kind.value,
        "IdentityCount": alert.identity_count,
        "Identities": list[JsonValue](alert.identities),
        "Detectors": _list(one.detector for one in alert.findings),
        "Operations": _list(one.action_name for one in alert.findings),
        "Resources": _list(resource for one in alert.findings for resource in one.resources),
        "IpAddresses": _list(address for one in alert.findings for address in one.addresses),
        "CorrelationIds": _list(correlation for one in alert.findings for correlation in one.correlations),
        "Tactics": _list(part for part in parts if part.startswith("TA")),
        "Techniques": _list(part for part in parts if not part.startswith("TA")),
        "WindowStart": iso(alert.window_start),
        "WindowEnd": iso(alert.window_end),
        "Findings": [_told(one) for one in alert.findings],
        "FindingsLeftOut": alert.omitted,
        "Query": kql(alert),
        "Link": content.all_links[0].url if content.all_links else "",
    }


def _common(kind: str, id_: str, revision: int, found_at: datetime) -> Element:
    return {"TimeGenerated": iso(found_at), "Kind": kind, "AlertId": id_, "Revision": revision}


def _told(finding: Finding) -> JsonValue:
    return {
        "Time": iso(finding.time),
        "Detector": finding.detector,
        "Operation": finding.action_name,
        "Score": round(finding.score, 1),
        "Why": finding.why,
        "Attempts": finding.attempts,
        "Failures": finding.failures,
        "Results": list[JsonValue](finding.results),
        "Resources": list[JsonValue](finding.resources),
        "IpAddresses": list[JsonValue](finding.addresses),
        "ActorName": finding.actor_name,
    }


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _list(texts: Iterable[str]) -> list[JsonValue]:
    return list[JsonValue](_distinct(texts)[:_MOST])
