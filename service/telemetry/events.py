"""One frozen value for each thing that happens in the service, with the numbers that the back ends need of it.

What a part reports in a value of its own (a `Delivery`, a `Saved`, a `Looked`, the source's events) is taken as it is.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from models.detectors import Anomaly
from models.stream import EPOCH, RecordResult
from service.core.engine import Applied, ClosedBucket, Evaluation
from service.core.messages import Message
from service.core.notices import GapKind, Notice
from service.core.parsing import Parsed, RejectReason
from service.core.verdicts import Verdict
from service.delivery import Delivery
from service.monitoring.metrics import DeadLetterReason
from service.owners import OwnersLooked
from service.source import SourceEvent
from service.storage import Saved
from service.suppressions import Looked
from service.verdicts import VerdictsRead


class GeographyOpened(NamedTuple):
    """Which type of geographic database is used, if any, and which detectors are off for want of a better one."""

    database: str | None
    detectors_off: Sequence[str]


class StateRestored(NamedTuple):
    """What the service begins with: a snapshot, or an empty state.

    Attributes
    ----------
    records
        How many it has ever applied.
    watermark, horizon
        Up to when buckets are closed in it; and how long after its bucket an event is still judged.
    """

    from_snapshot: bool
    partitions: int
    records: int
    watermark: datetime = EPOCH
    horizon: timedelta = timedelta(0)


class WaitingAsStandby(NamedTuple):
    """The instance waits for the lease; where metrics and probes are served meanwhile."""

    http_port: int


class TookOver(NamedTuple):
    """The instance has the lease, and begins to work."""


class HubBegunAnew(NamedTuple):
    """The hub was deleted and created again, and these partitions of it are read from their beginning."""

    created_at: datetime
    partitions: Sequence[str]


class HistoryLearning(NamedTuple):
    """The state is empty, and history is being learnt before anything is read."""


class HistoryFetching(NamedTuple):
    """So many pieces of history out of so many have been fetched."""

    pieces: int
    planned: int


class HistoryLearnt(NamedTuple):
    """What was learnt of history: records, rejected ones, its span, and why which origins could not be read."""

    records: int
    rejects: int
    first: datetime | None
    last: datetime | None
    refused: Mapping[str, str]


class HistoryMissed(NamedTuple):
    """The service starts without history, for this reason."""

    reason: str


class Started(NamedTuple):
    """All tasks run; how many partitions the hub has, and where metrics and probes are served."""

    partitions: int
    http_port: int


class Stopping(NamedTuple):
    """The end has been asked for."""


class Stopped(NamedTuple):
    """The end has been reached, with so many messages still in the outbox."""

    messages_waiting: int


class BatchApplied(NamedTuple):
    """A batch of messages of one partition, parsed and applied.

    Attributes
    ----------
    messages, replayed
        Messages in it, and how many of them had been applied before; these count for nothing below.
    seconds
        How long parsing and applying took.
    records, rejects, left_out
        Records found; how many could not be understood, by reason; how many are no identity's doing, by kind.
    results
        Events by what became of them.
    clamped
        Events whose time lay after their message was enqueued.
    arrivals
        Of each message with events: when the hub took it, and the time of its newest event.
    scored
        Cells that were judged because their bucket closed.
    """

    partition: str
    messages: int
    replayed: int
    seconds: float
    records: int
    rejects: Mapping[RejectReason, int]
    left_out: Mapping[str, int]
    results: Mapping[RecordResult, int]
    clamped: int
    arrivals: Sequence[tuple[datetime, datetime]]
    scored: Sequence[Anomaly]

    @classmethod
    def of(
        cls, messages: Sequence[Message], parsed: Sequence[Parsed], applied: Sequence[Applied], seconds: float
    ) -> "BatchApplied":
        """Sum up a batch, which must not be empty."""
        fresh = [each for each in zip(messages, parsed, applied, strict=True) if each[2].fresh]
        results: Counter[RecordResult] = Counter()
        left_out: Counter[str] = Counter()
        rejects: Counter[RejectReason] = Counter()
        for _, one, done in fresh:
            for reject in one.rejects:
                rejects[reject.reason] += reject.records
            for result, count in done.results.items():
                results[result] += count
            if one.left_out:
                left_out.update(one.left_out)
        return cls(
            partition=messages[0].partition,
            messages=len(messages),
            replayed=len(messages) - len(fresh),
            seconds=seconds,
            records=sum(one.records for _, one, _ in fresh),
            rejects=rejects,
            left_out=left_out,
            results=results,
            clamped=sum(done.clamped for _, _, done in fresh),
            arrivals=[
                (message.enqueued_time, max(event.time for event in one.events))
                for message, one, _ in fresh
                if one.events
            ],
            scored=[anomaly for _, _, done in fresh for anomaly in done.scored],
        )


class EndedWhileReading(NamedTuple):
    """The process before this one ended while it read this message, the last of so many that did."""

    partition: str
    sequence_number: int
    ends: int


class MessageSetAside(NamedTuple):
    """A message of so many bytes was not read: the process has ended too often while it was."""

    partition: str
    sequence_number: int
    bytes: int


class CellsJudged(NamedTuple):
    """Cells that were judged because time passed their bucket, without a message."""

    scored: Sequence[Anomaly]


class BucketsClosed(NamedTuple):
    """Buckets that were judged and learnt, with everything that was seen and said: this one does hold names."""

    closed: Sequence[ClosedBucket]


class EvaluationDecided(NamedTuple):
    """What an evaluation came to, before it is saved and told; this one holds names, too."""

    evaluation: Evaluation


class Evaluated(NamedTuple):
    """A scheduled evaluation, its snapshot included, took so long."""

    evaluation: Evaluation
    seconds: float


class EvaluationsMissed(NamedTuple):
    """Scheduled evaluations that a later, wider one replaces."""

    evaluations: int


class CoverageChecked(NamedTuple):
    """A check for coverage gaps: notices that it led to, and the kinds of gap that are open now."""

    notices: Sequence[Notice]
    open_kinds: frozenset[GapKind]


class DeadLettersWritten(NamedTuple):
    """How many rejected records, or undelivered messages, the dead letter has taken, and lost, since the start."""

    reason: DeadLetterReason
    written: int
    dropped: int


class AlertsBelowSeverity(NamedTuple):
    """Alerts that a sink was not sent because they are less severe than it wants."""

    alerts: int


class AlertsDigested(NamedTuple):
    """Alerts that a sink was told of by their number alone, because there were too many at once."""

    sink: str
    alerts: int


class SecretFilesChecked(NamedTuple):
    """Which files with a sink's secrets cannot be used now, and why, a line each, by sink; empty if all can."""

    problems: Mapping[str, Sequence[str]]

    @property
    def lines(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(line for lines in self.problems.values() for line in lines)


class VerdictsLate(NamedTuple):
    """Verdicts that were heard of after the bucket from which on they were to count had been closed."""

    verdicts: Sequence[Verdict]


class LoopLagSampled(NamedTuple):
    """How late the event loop resumed a waiting task."""

    seconds: float


class ClockJumped(NamedTuple):
    """The machine's clock was set by so many seconds, forward if positive."""

    seconds: float


class ClockDoubted(NamedTuple):
    """The machine's clock is so many seconds ahead of the hub's, at least; negative: behind; 0: no longer in doubt."""

    seconds: float


TelemetryEvent = (
    GeographyOpened
    | StateRestored
    | WaitingAsStandby
    | TookOver
    | HubBegunAnew
    | HistoryLearning
    | HistoryFetching
    | HistoryLearnt
    | HistoryMissed
    | Started
    | Stopping
    | Stopped
    | BatchApplied
    | EndedWhileReading
    | MessageSetAside
    | CellsJudged
    | BucketsClosed
    | EvaluationDecided
    | Evaluated
    | EvaluationsMissed
    | CoverageChecked
    | DeadLettersWritten
    | AlertsBelowSeverity
    | AlertsDigested
    | LoopLagSampled
    | ClockJumped
    | ClockDoubted
    | SecretFilesChecked
    | Saved
    | Delivery
    | Looked
    | OwnersLooked
    | VerdictsRead
    | VerdictsLate
    | SourceEvent
)
