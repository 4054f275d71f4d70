"""Many alerts at once: in which order they matter, and how those for which there is no room are told as one.

Somebody who can write to the hub can make up a thousand identities, to bury the alert that is about him. So what is
worst goes first and is the last to make room. How many are too many is for a receiver to say, where the others are
written down for the dispatcher.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from models.stream import ActorKind
from service.core.alerting.alerts import Alert
from service.core.alerting.revisions import MOST_FINDINGS, MOST_IDENTITIES

HIGHEST_SCORE = 100


def urgency(alert: Alert) -> float:
    """Return a number that is greater the sooner an alert has to be told: by its severity, then by its score."""
    return alert.severity.rank * (HIGHEST_SCORE + 1.0) + alert.score


def by_urgency(alerts: Iterable[Alert]) -> list[Alert]:
    """Return alerts in the order in which they have to be told, of equal ones the oldest first."""
    return sorted(alerts, key=lambda one: (-urgency(one), one.window_start, one.id, one.revision))


def digest(alerts: Sequence[Alert]) -> Alert:
    """Return one alert that stands for all of these, at least one, the most urgent first; their order gives its id.

    It has the first finding of the first of them, the names of the first, and counts the rest.
    """
    told = "\x1f".join(f"{alert.id}.{alert.revision}" for alert in alerts)
    key = sha256(f"digest\x1e{told}".encode()).hexdigest()[:16]
    findings = [
        alert.findings[0].model_copy(
            update={"actor_id": alert.actor_id, "actor_name": alert.actor_name, "actor_kind": alert.actor_kind}
        )
        for alert in alerts[:MOST_FINDINGS]
    ]
    return Alert(
        id=key,
        revision=1,
        actor_id=f"digest/{key}",
        actor_name=f"{len(alerts)} alerts",
        actor_kind=ActorKind.UNKNOWN,
        window_start=min(alert.window_start for alert in alerts),
        window_end=max(alert.window_end for alert in alerts),
        found_at=max(alert.found_at for alert in alerts),
        score=max(alert.score for alert in alerts),
        severity=max((alert.severity for alert in alerts), key=lambda one: one.rank),
        findings=tuple(findings),
        omitted=sum(alert.finding_count for alert in alerts) - len(findings),
        identities=tuple(alert.actor_name for alert in alerts[:MOST_IDENTITIES]),
        identity_count=len(alerts),
    )
