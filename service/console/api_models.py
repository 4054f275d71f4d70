"""What the API says, as models that its document is made from."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from models.statistics import Severity
from models.stream import ActorKind
from service.core.alerting import Alert
from service.core.incidents import IncidentState
from service.core.notices import Notice


class _ApiModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AlertLine(_ApiModel):
    """An alert without its findings: its newest revision."""

    id: str
    revision: int
    identity: str
    name: str
    kind: ActorKind
    operation: str
    what: str
    title: str
    severity: Severity
    score: float
    window_start: datetime
    window_end: datetime
    found_at: datetime
    findings: int


class IncidentLine(_ApiModel):
    """Alerts of one identity, or about one operation, that belong together; the worst of them says who and what.

    The revision differs whenever there is news of it, or of how far people are with it.
    """

    id: str
    state: IncidentState
    assignee: str
    revision: str
    owner: str
    tags: tuple[str, ...]
    start: datetime
    end: datetime
    worst: AlertLine
    alerts: tuple[AlertLine, ...]


class Incidents(_ApiModel):
    """Incidents, the newest first; `count` says how many there are in all."""

    count: int
    incidents: tuple[IncidentLine, ...]


class Alerts(_ApiModel):
    """Alerts, the newest first."""

    alerts: tuple[AlertLine, ...]


class AlertDetail(_ApiModel):
    """An alert as it was told last, with all numbers behind it, and the id of its incident."""

    incident: str
    alert: Alert


class IdentityLine(_ApiModel):
    """An identity, when it was seen, and who answers for it, if that is known."""

    id: str
    name: str
    kind: ActorKind
    first_seen: datetime
    last_seen: datetime
    owner: str
    tags: tuple[str, ...]


class Identities(_ApiModel):
    """Identities, those seen last first."""

    identities: tuple[IdentityLine, ...]


class HourLine(_ApiModel):
    """An hour in which an identity did something, with its highest score."""

    start: datetime
    operations: int
    score: float
    detector: str
    action: str
    late: bool


class FoundAlert(_ApiModel):
    """An alert, and in what of it stands what was sought."""

    where: str
    alert: AlertLine


class SearchResult(_ApiModel):
    """What was found: identities, those seen last first, and alerts, the newest first."""

    identities: tuple[IdentityLine, ...]
    alerts: tuple[FoundAlert, ...]


class IdentityDetail(_ApiModel):
    """An identity, its hours, oldest first, and its alerts, newest first."""

    identity: IdentityLine
    hours: tuple[HourLine, ...]
    alerts: tuple[AlertLine, ...]


class CurrentSession(_ApiModel):
    """Who is signed in, and what a request that changes something has to carry as X-CSRF-Token."""

    name: str
    roles: tuple[str, ...]
    csrf: str


class Gaps(_ApiModel):
    """Coverage gaps, the newest first."""

    gaps: tuple[Notice, ...]


class TuningDay(_ApiModel):
    """A day: identities that did anything, and how many would have been alerted, by now's thresholds and by others."""

    begins: datetime
    active: int
    now: int
    tried: int


class Appearing(_ApiModel):
    """An identity's day that other thresholds would have told of, by the hour that is furthest above them."""

    identity: str
    name: str
    kind: ActorKind
    start: datetime
    detector: str
    score: float
    action: str


class Tuning(_ApiModel):
    """What thresholds would have given in the last days, beside those in force; and the YAML to configure them."""

    since: datetime
    until: datetime
    in_force: dict[str, float]
    tried: dict[str, float]
    days: tuple[TuningDay, ...]
    appearing: tuple[Appearing, ...]
    vanishing: tuple[AlertLine, ...]
    yaml: str


class KeptBack(_ApiModel):
    """A finding that a suppression would have kept back."""

    identity: str
    name: str
    time: datetime
    action: str
    detector: str
    score: float


class SuppressionTrial(_ApiModel):
    """A suppression as a file has it, or why it is none; and what it would have kept back, the newest of it."""

    problems: tuple[str, ...]
    yaml: str
    count: int
    kept_back: tuple[KeptBack, ...]


class DayOfLane(_ApiModel):
    """A day of an identity: the highest score of its hours, how many there are, and the worst alert of that day."""

    begins: datetime
    score: float
    hours: int
    alert: str


class LaneLine(_ApiModel):
    """An identity with the days on which it did anything, oldest first."""

    id: str
    name: str
    kind: ActorKind
    days: tuple[DayOfLane, ...]


class Lanes(_ApiModel):
    """Identities with their days, the highest score first."""

    since: datetime
    until: datetime
    lanes: tuple[LaneLine, ...]


class PartitionLine(_ApiModel):
    """A partition: messages in the hub that are not read yet, and when the hub took the one that was read last."""

    partition: str
    behind: int | None
    applied: datetime | None


class SinkLine(_ApiModel):
    """A sink: what kind, how many messages wait for it, and since when and why it takes none, if it does not."""

    name: str
    kind: str
    waiting: int
    broken_since: datetime | None
    reason: str


class SuppressionLine(_ApiModel):
    """A suppression: where it stands, what it kept back, and its entry, as far as these are known."""

    id: str
    stage: str
    findings: int
    last: datetime | None
    entry: dict[str, str]


class CoverageReport(_ApiModel):
    """What history spans, what is read, who is told, what is kept back, and the generations of the state."""

    since: datetime | None
    until: datetime | None
    partitions: tuple[PartitionLine, ...]
    sinks: tuple[SinkLine, ...]
    suppressions: tuple[SuppressionLine, ...]
    generations: tuple[str, ...] | None


class SinkTestResult(_ApiModel):
    """What became of a test message."""

    sink: str
    taken: bool
    said: str


class Opinion(_ApiModel):
    """What a detector would think of it, against its threshold; empty words where it is ordinary."""

    detector: str
    score: float
    threshold: float
    would_alert: bool
    why: str
    counterfactual: str


class WhatIfResult(_ApiModel):
    """How an operation would be judged: the highest opinion first; who says nothing has none."""

    identity: str
    action: str
    time: datetime
    would_alert: bool
    opinions: tuple[Opinion, ...]
