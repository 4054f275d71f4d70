"""An alert as an OCSF 1.5 Detection Finding: the same facts as on the cards, in the schema that SIEMs understand.

Values stand as they were logged: whoever reads this is a machine.
"""

from pydantic import JsonValue

from models.statistics import Severity
from models.stream import ActorKind
from service.core.alerting import Alert, AlertKind, Finding
from service.sinks.content.alert_content import ALL_LINKS, Links, alert_content, heading, kql
from service.sinks.content.pagination import Element

VERSION = "1.5.0"
SCHEMA = f"https://schema.ocsf.io/{VERSION}/classes/detection_finding"
_SEVERITIES = {
    Severity.INFORMATIONAL: 1,
    Severity.LOW: 2,
    Severity.MEDIUM: 3,
    Severity.HIGH: 4,
    Severity.CRITICAL: 5,
}
# user.type_id: 1 User, 3 System, 4 Service, 0 Unknown.
_USER_TYPES = {
    ActorKind.HUMAN: (1, "User"),
    ActorKind.GUEST: (1, "User"),
    ActorKind.SERVICE_PRINCIPAL: (4, "Service"),
    ActorKind.MANAGED_IDENTITY: (4, "Service"),
    ActorKind.FIRST_PARTY: (3, "System"),
    ActorKind.UNKNOWN: (0, "Unknown"),
}


def detection_finding(alert: Alert, links: Links = ALL_LINKS) -> Element:
    """Return `alert` as class 2004, created (type 200401) or updated (type 200402), with Azure's cloud profile.

    What OCSF has no field for (score, surprise, window, query) stands under ``unmapped``; each finding stands whole in
    its evidence's ``data``, and those that `alert` does not hold are counted as ``findings_left_out``.
    """
    updated = alert.revision > 1
    content = alert_content(alert, links)
    first = alert.findings[0]
    analytics: list[JsonValue] = [
        {"name": detector, "uid": detector, "type_id": 4, "type": "Learning (ML/DL)"}
        for detector in dict.fromkeys(finding.detector for finding in alert.findings)
    ]
    times = [finding.time for finding in alert.findings]
    info: Element = {
        "uid": alert.id,
        "title": heading(alert),
        "desc": first.why,
        "analytic": analytics[0],
        "related_analytics": analytics[1:],
        "attacks": [_attack(tag) for tag in dict.fromkeys(t for finding in alert.findings for t in finding.mitre)],
        "data_sources": ["Azure Activity Log"],
        "first_seen_time": _millis(min(times).timestamp()),
        "last_seen_time": _millis(max(times).timestamp()),
        "modified_time": _millis(alert.found_at.timestamp()),
        "types": list(dict.fromkeys(finding.title for finding in alert.findings)),
    }
    if content.all_links:
        info["src_url"] = content.all_links[0].url
    resources = dict.fromkeys(resource for finding in alert.findings for resource in finding.resources)
    return {
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "category_uid": 2,
        "category_name": "Findings",
        "activity_id": 2 if updated else 1,
        "activity_name": "Update" if updated else "Create",
        "type_uid": 200402 if updated else 200401,
        "type_name": f"Detection Finding: {'Update' if updated else 'Create'}",
        "time": _millis(alert.found_at.timestamp()),
        "start_time": _millis(alert.window_start.timestamp()),
        "end_time": _millis(alert.window_end.timestamp()),
        "severity_id": _SEVERITIES[alert.severity],
        "severity": alert.severity.value.capitalize(),
        "status_id": 1,
        "status": "New",
        "is_alert": True,
        "message": heading(alert),
        "metadata": {
            "version": VERSION,
            "uid": f"{alert.id}.{alert.revision}",
            "profiles": ["cloud"],
            "product": {"name": "Unwonted", "vendor_name": "Unwonted"},
        },
        "cloud": {"provider": "Azure"},
        "finding_info": info,
        "evidences": [_evidence(alert, finding) for finding in alert.findings],
        "resources": [{"uid": resource} for resource in resources],
        "anomaly_analyses": [_analysis(alert, finding) for finding in alert.findings],
        "remediation": {
            "desc": " ".join(content.checks) or "Ask the owner of the identity whether this was intended.",
            "references": [link.url for link in content.all_links],
        },
        "unmapped": {
            "revision": alert.revision,
            "score": alert.score,
            "actor_kind": alert.actor_kind.value,
            "kql": kql(alert),
            "findings_left_out": alert.omitted,
            **({"days": alert.days} if alert.days > 1 else {}),
            **({"incident": alert.incident, "incident_place": alert.incident_place} if alert.incident else {}),
            **({"owner": alert.owner} if alert.owner else {}),
            **({"tags": list[JsonValue](alert.tags)} if alert.tags else {}),
            **_many(alert),
        },
    }


def _many(alert: Alert) -> Element:
    """Say of an alert of many for whom, and of which operations; an identity's alert has none of these fields."""
    names: list[JsonValue] = list(alert.identities)
    whose: Element = {"identities": names, "identity_count": alert.identity_count}
    match alert.kind:
        case AlertKind.IDENTITY:
            return {}
        case AlertKind.DIGEST:
            return {"digest": True, "identities": names, "alert_count": alert.identity_count}
        case AlertKind.FAILURES:
            return {"operation": alert.operation, **whose}
        case AlertKind.ROLLOUT:
            return {"rollout": list[JsonValue](alert.rollout), **whose}
        case AlertKind.CAMPAIGN:
            return {"joined_by": list[JsonValue](alert.joined_by), **whose}


def _whose(alert: Alert, finding: Finding) -> tuple[str, str, ActorKind]:
    if alert.identity_count:
        return finding.actor_id, finding.actor_name, finding.actor_kind
    return alert.actor_id, alert.actor_name, alert.actor_kind


def _evidence(alert: Alert, finding: Finding) -> Element:
    uid, name, kind = _whose(alert, finding)
    type_id, type_name = _USER_TYPES[kind]
    user: Element = {"uid": uid, "name": name, "type_id": type_id, "type": type_name}
    api: Element = {"operation": finding.action_name, "service": {"name": finding.action.partition("/")[0]}}
    if finding.correlations:
        api["request"] = {"uid": finding.correlations[0]}
    if finding.results:
        api["response"] = {"message": ", ".join(finding.results)}
    evidence: Element = {
        "uid": finding.id,
        "name": finding.title,
        "actor": {"user": user},
        "api": api,
        "resources": [{"uid": resource} for resource in finding.resources],
        "data": finding.model_dump(mode="json"),
    }
    if finding.addresses:
        evidence["src_endpoint"] = {"ip": finding.addresses[0]}
    return evidence


def _analysis(alert: Alert, finding: Finding) -> Element:
    span: Element = {
        "start_time": _millis(finding.bucket_start.timestamp()),
        "end_time": _millis(finding.bucket_end.timestamp()),
        "type_id": 1,
    }
    seen: Element = {"value": finding.action, "count": finding.attempts, "timespan": span}
    _, name, kind = _whose(alert, finding)
    analysis: Element = {
        "analysis_targets": [{"name": name, "type": kind.replace("_", " ")}],
        "anomalies": [
            {
                "observation_parameter": "operation",
                "observation_type": "Frequency Analysis",
                "observed_pattern": _pattern(finding),
                "observations": [seen],
            }
        ],
    }
    usual = _usual(finding)
    if usual:
        analysis["baselines"] = [
            {
                "observation_parameter": "operation",
                "observation_type": "Frequency Analysis",
                "observed_pattern": "FREQUENT",
                "observations": usual,
            }
        ]
    return analysis


def _pattern(finding: Finding) -> str:
    probability = finding.evidence.get("probability")
    never = isinstance(probability, dict) and probability.get("times") == 0
    return "UNSEEN" if never else "RARE"


def _usual(finding: Finding) -> list[JsonValue]:
    usual = finding.evidence.get("usual")
    return [{"value": value} for value in usual if isinstance(value, str)] if isinstance(usual, list) else []


def _attack(tag: str) -> Element:
    attack: Element = {}
    for part in tag.split("/"):
        if part.startswith("TA"):
            attack["tactic"] = {"uid": part}
        elif "." in part:
            attack["technique"] = {"uid": part.partition(".")[0]}
            attack["sub_technique"] = {"uid": part}
        else:
            attack["technique"] = {"uid": part}
    return attack


def _millis(seconds: float) -> int:
    return round(seconds * 1000)
