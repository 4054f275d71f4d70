"""Alerts and notices for machines: CloudEvents, an alert with an OCSF Detection Finding in it (`ocsf`)."""

from pydantic import JsonValue

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.verdicts import VerdictNotice
from service.sinks.content.alert_content import ALL_LINKS, Links
from service.sinks.content.messages import compact
from service.sinks.content.notice_content import notice_content
from service.sinks.content.ocsf import SCHEMA, detection_finding
from service.sinks.content.pagination import Element
from service.sinks.content.verdict_content import verdict_heading
from service.sinks.content.wording import iso

SOURCE = "/unwonted"
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
LARGEST = 262_144
"""Longest event, in bytes."""
_LONGEST = 1_024


def cloud_event(alert: Alert, links: Links = ALL_LINKS, largest: int = LARGEST) -> Element:
    """Return `alert` as a CloudEvents 1.0 event in structured mode, ready for JSON, at most `largest` bytes of it.

    What Azure allows as a name is told as it was logged: only texts of more than 1,024 characters and lists of more
    than 20 are cut. If the event is still too large, shorter texts are cut, too, and the least surprising findings are
    left out and counted.
    """
    event: Element = {
        "specversion": "1.0",
        "id": f"{alert.id}.{alert.revision}",
        "source": SOURCE,
        "type": "unwonted.alert.updated" if alert.revision > 1 else "unwonted.alert.created",
        "subject": alert.id,
        "time": iso(alert.found_at),
        "datacontenttype": "application/json",
        "dataschema": SCHEMA,
    }
    for longest, findings in ((1024, 100), (128, 50), (64, 5)):
        event["data"] = detection_finding(cut_alert(alert, longest, findings), links)
        if len(compact(event)) <= largest:
            break
    return event


def notice_event(notice: AnyNotice) -> Element:
    """Return `notice` as a CloudEvents 1.0 event; OCSF has no class for a detector that was blind, so data is plain."""
    if isinstance(notice, VerdictNotice):
        return _verdict_event(notice)
    return {
        "specversion": "1.0",
        "id": f"{notice.id}.{notice.revision}",
        "source": SOURCE,
        "type": f"unwonted.blindness.{notice.stage}",
        "subject": notice.id,
        "time": iso(notice.found_at),
        "datacontenttype": "application/json",
        "data": {
            "revision": notice.revision,
            "kind": notice.kind.value,
            "since": iso(notice.since),
            "until": iso(notice.until) if notice.until is not None else None,
            "partitions": list(notice.partitions),
            "subscriptions": list(notice.subscriptions),
            "may_alerts_still_come": notice.may_alerts_still_come,
            "late_records": notice.late_records,
            "unjudged_records": notice.unjudged_records,
            "lost_messages": notice.lost_messages,
            "message": notice_content(notice).heading,
        },
    }


def _verdict_event(verdict: VerdictNotice) -> Element:
    """Return a verdict as an event about its alert; as it was given, for whoever reads it is a machine."""
    actions: list[JsonValue] = [one[:_LONGEST] for one in verdict.actions]
    return {
        "specversion": "1.0",
        "id": f"{verdict.id}.{verdict.revision}",
        "source": SOURCE,
        "type": "unwonted.verdict.given",
        "subject": verdict.alert,
        "time": iso(verdict.found_at),
        "datacontenttype": "application/json",
        "data": {
            "id": verdict.id,
            "alert": verdict.alert,
            "stage": verdict.stage,
            "kind": verdict.kind.value,
            "for_kind": verdict.for_kind,
            "actor_id": verdict.actor_id[:_LONGEST],
            "actor_name": verdict.actor_name[:_LONGEST],
            "actions": actions,
            "since": iso(verdict.since),
            "until": iso(verdict.until),
            "by": verdict.by,
            "at": iso(verdict.found_at),
            "why": verdict.why,
            "takes_effect": iso(verdict.takes_effect),
            "message": verdict_heading(verdict),
        },
    }


def cut_alert(alert: Alert, longest: int, findings: int) -> Alert:
    """Return `alert` with texts of at most `longest` characters and so many of its findings, the others counted."""
    told = [
        finding.model_copy(update={field: _cut(value, longest) for field, value in finding})
        for finding in alert.findings[:findings]
    ]
    texts = ("actor_id", "actor_name", "operation", "identities", "rollout", "joined_by")
    names = {field: _cut(getattr(alert, field), longest) for field in texts}
    omitted = alert.finding_count - len(told)
    return alert.model_copy(update={**names, "findings": tuple(told), "omitted": omitted})


def _cut(value: object, longest: int) -> object:
    if isinstance(value, str):
        return value if len(value) <= longest else value[: longest - 1] + "…"
    if isinstance(value, tuple | list):
        return type(value)(_cut(item, longest) for item in value[:20])
    if isinstance(value, dict):
        return {key: _cut(item, longest) for key, item in value.items()}
    return value
