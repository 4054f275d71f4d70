"""Alert, Finding, and the log of what has been told: which anomalies make an alert, once.

One alert is one identity's unusual activity in one aligned window; a later tick that finds more in the same window
gives the same alert a higher revision. Rendering and sending are the sinks' work; retrying is the outbox's.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue

from models.anomalies import Anomaly
from models.detector import Card
from models.events import ActorKind
from models.scoring import Severity, severity
from models.windows import Bucket

MOST_FINDINGS = 25


class Finding(BaseModel):
    """One anomaly as an alert carries it: self-contained, so that nobody has to look elsewhere first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    detector: str
    title: str
    action: str
    action_name: str
    time: datetime
    bucket_start: datetime
    bucket_end: datetime
    score: float
    surprise: float
    severity: Severity
    why: str
    evidence: dict[str, JsonValue]
    attempts: int
    failures: int
    denials: int
    resources: tuple[str, ...]
    addresses: tuple[str, ...]
    scopes: tuple[str, ...]
    results: tuple[str, ...]
    correlations: tuple[str, ...]
    late: bool
    settled: bool
    mitre: tuple[str, ...]
    response: tuple[str, ...]


class Alert(BaseModel):
    """What people are told: one identity, one window, its findings with the most surprising first.

    Attributes
    ----------
    id
        Deterministic: identity and window, 16 hex digits.
    revision
        1 when first told, one more whenever there is news.
    actor_id, actor_name, actor_kind
        Who.
    window_start, window_end
        Aligned stretch of event time that the findings fall in.
    found_at
        When this revision was decided, by our clock.
    score, severity
        The highest of the findings.
    findings
        Highest surprise first, at most 25.
    omitted
        Findings beyond those.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    revision: int
    actor_id: str
    actor_name: str
    actor_kind: ActorKind
    window_start: datetime
    window_end: datetime
    found_at: datetime
    score: float
    severity: Severity
    findings: tuple[Finding, ...]
    omitted: int = 0


def finding(anomaly: Anomaly, card: Card, *, settled: bool) -> Finding:
    """Make an anomaly self-contained."""
    cell = anomaly.cell
    sample = cell.sample

    def distinct(values: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value for value in values if value))

    return Finding(
        id=anomaly.id,
        detector=anomaly.detector,
        title=card.title,
        action=cell.action,
        action_name=cell.action_name,
        time=cell.first_time,
        bucket_start=anomaly.bucket.start,
        bucket_end=anomaly.bucket.end,
        score=round(anomaly.score, 2),
        surprise=round(anomaly.surprise, 4),
        severity=anomaly.severity,
        why=anomaly.why,
        evidence=dict(anomaly.evidence),
        attempts=cell.attempts,
        failures=cell.failures,
        denials=cell.denials,
        resources=distinct(event.resource for event in sample),
        addresses=cell.addresses,
        scopes=cell.scopes,
        results=distinct(event.result for event in sample),
        correlations=distinct(event.correlation for event in sample),
        late=cell.late,
        settled=settled,
        mitre=card.mitre,
        response=card.response,
    )


def alert_id(actor: str, window: Bucket) -> str:
    """Return the identity of what is told of `actor` in `window`: 16 hex digits."""
    return sha256(f"{actor}\x1f{window.start.isoformat()}\x1f{window.width}".encode()).hexdigest()[:16]


class AlertLog:
    """Remembers what has been told, so that eight ticks over one window tell it once.

    Parameters
    ----------
    window
        Length of the aligned windows that an identity's findings are gathered in.
    """

    def __init__(self, window: timedelta) -> None:
        self.window = window
        self._alerts: dict[str, Alert] = {}
        self._told: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._alerts)

    def told(self, anomaly: Anomaly) -> bool:
        """Whether `anomaly` is part of an alert already."""
        window = Bucket.of(anomaly.bucket.start, self.window)
        return anomaly.id in self._told.get(alert_id(anomaly.actor.id, window), ())

    def tell(
        self, anomalies: Iterable[Anomaly], *, settled: Collection[str], cards: Mapping[str, Card], now: datetime
    ) -> list[Alert]:
        """Return the alerts that have news in them, each identity's window once, in a stable order.

        Parameters
        ----------
        anomalies
            Everything unusual that this evaluation looks at, told before or not, in any order.
        settled
            Ids of those whose bucket has closed; the others may still change.
        cards
            Every detector's card, by name.
        now
            The instant of the evaluation.
        """
        groups: dict[tuple[str, Bucket], list[Anomaly]] = defaultdict(list)
        for anomaly in anomalies:
            groups[anomaly.actor.id, Bucket.of(anomaly.bucket.start, self.window)].append(anomaly)
        alerts = []
        for (actor, window), group in sorted(groups.items(), key=lambda item: (item[0][1].start, item[0][0])):
            key = alert_id(actor, window)
            told = self._told.setdefault(key, set())
            if all(anomaly.id in told for anomaly in group):
                continue
            told.update(anomaly.id for anomaly in group)
            findings = {known.id: known for known in (self._alerts[key].findings if key in self._alerts else ())}
            for anomaly in group:
                findings[anomaly.id] = finding(anomaly, cards[anomaly.detector], settled=anomaly.id in settled)
            alerts.append(self._revise(key, window, group[0], list(findings.values()), now))
        return alerts

    def _revise(self, key: str, window: Bucket, anomaly: Anomaly, findings: list[Finding], now: datetime) -> Alert:
        findings.sort(key=lambda one: (-one.surprise, one.time, one.id))
        previous = self._alerts.get(key)
        highest = max([one.score for one in findings] + [previous.score if previous else 0.0])
        alert = self._alerts[key] = Alert(
            id=key,
            revision=previous.revision + 1 if previous else 1,
            actor_id=anomaly.actor.id,
            actor_name=anomaly.actor.name,
            actor_kind=anomaly.actor.kind,
            window_start=window.start,
            window_end=window.end,
            found_at=now,
            score=highest,
            severity=severity(highest),
            findings=tuple(findings[:MOST_FINDINGS]),
            omitted=max(0, len(self._told[key]) - MOST_FINDINGS),
        )
        return alert

    def expire(self, oldest: datetime) -> None:
        """Forget alerts whose window ended at or before `oldest`: nothing can be added to them any more."""
        for key in [key for key, alert in self._alerts.items() if alert.window_end <= oldest]:
            del self._alerts[key], self._told[key]

    def dump(self) -> list[dict[str, Any]]:
        """Plain rows for a snapshot, one an alert."""
        return [
            {"alert": alert.model_dump(mode="json"), "told": sorted(self._told[key])}
            for key, alert in sorted(self._alerts.items())
        ]

    def load(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Restore what `dump` gave."""
        self._alerts, self._told = {}, {}
        for row in rows:
            alert = Alert.model_validate(row["alert"])
            self._alerts[alert.id] = alert
            self._told[alert.id] = set(row["told"])
