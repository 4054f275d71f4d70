"""One frozen value for each thing that happens in the service, with the numbers that the back ends need of it.

What a part reports in a value of its own (a `Delivery`, a `Saved`, a `Looked`, the source's events) is taken as it is.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from models.detectors import Anomaly
from models.stream import RecordResult
from service.core.engine import Applied, Evaluation
from service.core.messages import Message
from service.core.notices import GapKind, Notice
from service.core.parsing import Parsed, RejectReason
from service.delivery import Delivery
from service.monitoring.metrics import DeadLetterReason
from service.source import SourceEvent
from service.storage import Saved
from service.suppressions import Looked


class GeographyOpened(NamedTuple):
    """Which type of geographic database is used, if any, and which detectors are off for want of a better one."""

    database: str | None
    detectors_off: Sequence[str]


class StateRestored(NamedTuple):
    """What the service begins with: a snapshot, or an empty state."""

    from_snapshot: bool
    partitions: int
    records: int


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
        Records found; why some could not be understood; how many are no identity's doing, by kind.
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
    rejects: Sequence[RejectReason]
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
        for _, one, done in fresh:
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
            rejects=[reject.reason for _, one, _ in fresh for reject in one.rejects],
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


class CellsJudged(NamedTuple):
    """Cells that were judged because time passed their bucket, without a message."""

    scored: Sequence[Anomaly]


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


class SecretFilesChecked(NamedTuple):
    """Which files with a sink's secrets cannot be used now, and why, a line each."""

    problems: tuple[str, ...]


class LoopLagSampled(NamedTuple):
    """How late the event loop resumed a waiting task."""

    seconds: float


TelemetryEvent = (
    GeographyOpened
    | StateRestored
    | HubBegunAnew
    | HistoryLearning
    | HistoryFetching
    | HistoryLearnt
    | HistoryMissed
    | Started
    | Stopping
    | Stopped
    | BatchApplied
    | CellsJudged
    | Evaluated
    | EvaluationsMissed
    | CoverageChecked
    | DeadLettersWritten
    | AlertsBelowSeverity
    | LoopLagSampled
    | SecretFilesChecked
    | Saved
    | Delivery
    | Looked
    | SourceEvent
)
