"""What history holds, as values: what is written into it, and what is read back.

How they are packed is `packing`'s business, where they stand in the database that of `writing` and `reading`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from models.detectors import Anomaly
from models.statistics import Severity
from models.stream import NOTHING_EXCLUDED, Actor, ActorBucket, ActorKind, Bucket, Exclusions
from service.core.alerting import Alert, SuppressedFinding
from service.core.engine import ClosedBucket
from service.core.notices import Notice
from service.core.verdicts import Verdict


class Delivered(NamedTuple):
    """What came of an attempt to tell a sink of alerts, or how a message ended without one; `at` is our clock's."""

    sink: str
    outcome: str
    reason: str
    alerts: Sequence[tuple[str, int]]
    at: datetime


class Restored(NamedTuple):
    """The service goes on from an older moment: what was written since is about to be written once more.

    Attributes
    ----------
    watermark
        How far the restored state has closed buckets.
    records
        How many records it has applied.
    horizon
        How long after its bucket an event is still judged.
    """

    watermark: datetime
    records: int
    horizon: timedelta


class PackedHour(NamedTuple):
    """An hour's document, its cell with the highest score (that score, the detector, the action), and its peaks."""

    data: bytes
    late: bool
    score: float
    detector: str
    action: str
    peaks: str


class PackedBucket(NamedTuple):
    """A closed bucket as the tables have it: of each identity who it was, how many cells it had, and its hour.

    Attributes
    ----------
    bucket
        When that was.
    records
        As of `ClosedBucket`.
    """

    bucket: Bucket
    records: int
    hours: Sequence[tuple[Actor, int, PackedHour]]


PackedEntry = PackedBucket | Alert | SuppressedFinding | Notice | Delivered | Restored | Verdict
"""What can be written as it is."""

HistoryEntry = ClosedBucket | PackedEntry
"""What can be written."""


class CellScore(NamedTuple):
    """The highest score of a cell, and the detector that gave it; no detector has an opinion of it if that is empty."""

    score: float
    detector: str


class Hour(NamedTuple):
    """What one identity did in a bucket, and what was thought of it.

    Attributes
    ----------
    seen
        Who, when, and all cells, as they were learnt.
    records
        How many records had been applied when the bucket was closed: with the bucket's start, the order of learning.
    late
        Whether this came after the bucket had been closed; there may be several such hours, besides the one in time.
    scores
        One for each cell, in their order.
    anomalies
        The opinions above their detector's floor for explaining.
    suppressed
        Those of them that a suppression kept back.
    exclusions
        Which cells each detector had to pass over, and whether it learnt them all the same.
    """

    seen: ActorBucket
    records: int
    late: bool
    scores: tuple[CellScore, ...]
    anomalies: tuple[Anomaly, ...] = ()
    suppressed: tuple[Anomaly, ...] = ()
    exclusions: Exclusions = NOTHING_EXCLUDED

    @property
    def highest(self) -> CellScore:
        """The highest of the scores."""
        return max(self.scores, default=CellScore(0.0, ""))


class KnownIdentity(NamedTuple):
    """An identity, and the starts of the first and the last bucket in which it did anything."""

    actor: Actor
    first_seen: datetime
    last_seen: datetime


class HourMark(NamedTuple):
    """An hour without its cells: how many they are, and the highest score with its detector and action."""

    actor: Actor
    start: datetime
    cells: int
    score: float
    detector: str
    action: str
    late: bool


class LaneDay(NamedTuple):
    """A day of an identity: when it begins, the highest score of its hours, and how many there are."""

    begins: datetime
    score: float
    hours: int


class Lane(NamedTuple):
    """An identity with the days on which it did anything, oldest first."""

    actor: Actor
    days: tuple[LaneDay, ...]


class AlertSummary(NamedTuple):
    """The newest revision of an alert, without its findings.

    Attributes
    ----------
    subject
        The identity's id, or ``operation/…``: see `Alert.actor_id`.
    first_found_at, found_at
        When the first revision, and this one, were decided.
    title, action
        Of the most surprising finding.
    findings
        How many there are.
    """

    id: str
    revision: int
    subject: str
    name: str
    kind: ActorKind
    operation: str
    window_start: datetime
    window_end: datetime
    first_found_at: datetime
    found_at: datetime
    score: float
    severity: Severity
    title: str
    action: str
    findings: int


class Attempt(NamedTuple):
    """One attempt to tell a sink of an alert's revision."""

    alert: str
    revision: int
    sink: str
    outcome: str
    reason: str
    at: datetime
