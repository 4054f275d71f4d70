"""Alert and Finding: what people are told, self-contained, under an id that does not depend on when it was found.

One alert is one identity's unusual activity in one aligned window, one operation's that fails for many, a roll-out's,
or a campaign's. Which anomalies make one is the log's work (`alert_log`), rendering and sending the sinks', retrying
the outbox's.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from models.detectors import Anomaly, Detector
from models.statistics import Severity
from models.stream import ActorKind, Bucket
from service.core.alerting.families import suggested


class AlertKind(StrEnum):
    """What an alert is about."""

    IDENTITY = "identity"
    FAILURES = "failures"  # an operation that fails for many
    ROLLOUT = "rollout"  # operations that many take up
    CAMPAIGN = "campaign"  # identities that something joins
    DIGEST = "digest"  # many alerts


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
    actor_id: str = ""
    actor_name: str = ""
    actor_kind: ActorKind = ActorKind.UNKNOWN


class Alert(BaseModel):
    """What people are told: one identity, operation, roll-out or campaign, and its findings, most surprising first.

    A digest stands for many alerts at once, when there are too many to be told one by one: it has an `identity_count`,
    of alerts, and neither `operation` nor `rollout` nor `joined_by`.

    Attributes
    ----------
    id
        Deterministic: identity (or operation) and window, 16 hex digits.
    revision
        1 when first told, one more whenever there is news.
    actor_id, actor_name, actor_kind
        Who. If an operation fails for many: ``operation/…``, how many identities, and unknown; each finding says
        whose it is. So it is with a roll-out, as ``rollout/…``, and a campaign, as ``campaign/…``.
    window_start, window_end
        Aligned stretch of event time that the findings fall in; of a roll-out or a campaign, weeks.
    found_at
        When this revision was decided, by our clock.
    score, severity
        The highest of the findings.
    findings
        Highest surprise first, at most 25.
    omitted
        How many findings there are beyond those: told of by their number alone.
    operation
        The operation that fails for many, as it was written; empty in the alert of an identity.
    identities, identity_count
        Names of those for whom it fails, or who take it up, in their order, at most 20; and how many there are.
    rollout
        The operations that many take up, as they were written; empty in any other alert.
    joined_by
        What joins the identities of a campaign, in words, at most 20; empty in any other alert.
    days
        On how many days it was seen so far: an open alert is updated with what goes on.
    incident, incident_place
        When it is told: of which incident it is a part, by the id of that one's first alert, and which of its alerts it
        is; empty and 1 if it is the first itself. They follow from the other alerts, and are not remembered.
    owner, tags
        When it is told: who answers for the identity, and its tags, where a file says so; not remembered either.
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
    operation: str = ""
    identities: tuple[str, ...] = ()
    identity_count: int = 0
    rollout: tuple[str, ...] = ()
    joined_by: tuple[str, ...] = ()
    days: int = 1
    incident: str = Field(default="", exclude_if=lambda value: not value)
    incident_place: int = Field(default=1, exclude_if=lambda value: value == 1)
    owner: str = Field(default="", exclude_if=lambda value: not value)
    tags: tuple[str, ...] = Field(default=(), exclude_if=lambda value: not value)

    @property
    def subject(self) -> str:
        """Whom or what it is about."""
        return self.actor_id

    @property
    def kind(self) -> AlertKind:
        """What it is about."""
        if self.joined_by:
            return AlertKind.CAMPAIGN
        if self.rollout:
            return AlertKind.ROLLOUT
        if self.operation:
            return AlertKind.FAILURES
        return AlertKind.DIGEST if self.identity_count else AlertKind.IDENTITY

    @property
    def finding_count(self) -> int:
        """How many findings there are, those that it does not hold included."""
        return len(self.findings) + self.omitted


def finding(anomaly: Anomaly, detector: Detector, *, settled: bool, threshold: float) -> Finding:
    """Make an anomaly self-contained.

    Of the changes that were imagined while it was judged, it says which would have led below `threshold`. ATT&CK and
    next steps are what operation and outcome suggest (`families`), then the detector's.
    """
    card, cell = detector.declaration.card, anomaly.cell
    sample = cell.sample
    suggests = suggested(cell.action, in_vain=anomaly.in_vain)
    evidence = dict(anomaly.evidence)
    changes = evidence.pop("changes", None)
    if isinstance(changes, dict):
        evidence["counterfactual"] = detector.counterfactual(changes, threshold)

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
        evidence=evidence,
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
        # A card names first what it suggests of any operation; the rest of its list is of some operations only.
        mitre=suggests.mitre or card.mitre[:1],
        response=(*suggests.response, *card.response),
        actor_id=anomaly.actor.id,
        actor_name=anomaly.actor.name,
        actor_kind=anomaly.actor.kind,
    )


def alert_id(actor: str, window: Bucket) -> str:
    """Return the identity of what is told of `actor` in `window`: 16 hex digits."""
    return sha256(f"{actor}\x1f{window.start.isoformat()}\x1f{window.width}".encode()).hexdigest()[:16]


def operation_alert_id(action: str, window: Bucket) -> str:
    """Return the identity of what is told of an operation that fails for many: 16 hex digits, nobody's own."""
    # No identity's key begins with a separator: keys are stripped of them.
    return alert_id(f"\x1eoperation\x1e{action}", window)


def rollout_alert_id(action: str, window: Bucket) -> str:
    """Return the identity of what is told of an operation that many take up: 16 hex digits, nobody's own."""
    return alert_id(f"\x1erollout\x1e{action}", window)
