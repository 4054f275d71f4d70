"""What a template is given of an alert or a notice: texts that are clean, in lists that are short, under fixed names.

Both have the same names, so that one template serves both; what a notice has not is empty.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from models.statistics import Severity
from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.verdicts import VerdictNotice
from service.sinks.content.alert_content import RESOURCE, Fact, Links, alert_content, kql
from service.sinks.content.notice_content import notice_content
from service.sinks.content.wording import clean, iso

_NAME, _WHY = 256, 2_000  # bytes
_NO_VERDICT = {"id": "", "kind": "", "by": "", "why": ""}


def alert_given(alert: Alert, links: Links) -> dict[str, Any]:
    """Return what a template knows of an alert."""
    content = alert_content(alert, links)
    first = alert.findings[0]
    more = [Fact("And", f"{content.hidden:,} more")] if content.hidden else []
    checks = [Fact("Check", check) for check in content.checks]
    told = [*content.subject, *(fact for facts in content.findings for fact in facts), *more, *checks]
    return {
        "kind": "alert",
        "id": alert.id,
        "revision": alert.revision,
        "stage": "updated" if alert.revision > 1 else "opened",
        "severity": alert.severity.value,
        "score": round(alert.score, 1),
        "title": content.heading,
        "text": _text(told, content.reference),
        "reference": content.reference,
        **_time(alert.found_at),
        "actor": {
            "id": clean(alert.actor_id, _NAME),
            "name": clean(alert.actor_name, _NAME),
            "kind": alert.actor_kind.value,
        },
        "incident": {"id": alert.incident or alert.id, "number": alert.incident_place},
        "detector": first.detector,
        "operation": clean(first.action_name, _NAME, keep_end=True),
        "resource": clean(first.resources[0], RESOURCE, keep_end=True) if first.resources else "",
        "addresses": [clean(address, 64) for address in first.addresses[:10]],
        "facts": [_named(facts) for facts in content.findings],
        "checks": list(content.checks),
        "mitre": content.mitre,
        "links": [{"label": link.label, "url": link.url} for link in content.all_links],
        "query": kql(alert),
        "verdict": _NO_VERDICT,
    }


def notice_given(notice: AnyNotice) -> dict[str, Any]:
    """Return what a template knows of a notice: of a coverage gap, or of what an alert was found to be."""
    content = notice_content(notice)
    is_verdict = isinstance(notice, VerdictNotice)
    return {
        "kind": "verdict" if is_verdict else "notice",
        # News of the alert, so that a receiver closes that.
        "id": notice.alert if isinstance(notice, VerdictNotice) else notice.id,
        "revision": notice.revision,
        "stage": notice.stage,
        "severity": Severity.INFORMATIONAL.value if is_verdict else Severity.MEDIUM.value,
        "score": 0.0,
        "title": content.heading,
        "text": _text(content.facts, content.reference),
        "reference": content.reference,
        **_time(notice.found_at),
        "actor": _actor(notice),
        "incident": {"id": "", "number": 0},
        "detector": "",
        "operation": "",
        "resource": "",
        "addresses": [],
        "facts": [_named(content.facts)],
        "checks": [],
        "mitre": "",
        "links": [],
        "query": "",
        "verdict": _verdict(notice) if isinstance(notice, VerdictNotice) else _NO_VERDICT,
    }


def _actor(notice: AnyNotice) -> dict[str, str]:
    if isinstance(notice, VerdictNotice):
        return {"id": clean(notice.actor_id, _NAME), "name": clean(notice.actor_name, _NAME), "kind": ""}
    return {"id": "", "name": "", "kind": ""}


def _verdict(verdict: VerdictNotice) -> dict[str, str]:
    return {
        "id": verdict.id,
        "kind": verdict.kind.value,
        "by": clean(verdict.by, _NAME),
        "why": clean(verdict.why, _WHY),
    }


def _time(found_at: datetime) -> dict[str, Any]:
    return {"time": iso(found_at), "epoch": round(found_at.timestamp(), 3)}


def _named(facts: Iterable[Fact]) -> dict[str, str]:
    return {fact.label.lower().replace(" ", "_"): fact.text for fact in facts}


def _text(facts: Sequence[Fact], reference: str) -> str:
    return "\n".join([*(f"{fact.label}: {fact.text}" for fact in facts), reference])
