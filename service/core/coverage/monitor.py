"""Hands what is heard to those who judge it, and keeps all of their memory as one value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue, TypeAdapter, with_config

from models.stream import EPOCH
from service.core.coverage.arrival import ArrivalDelay, Arrived
from service.core.coverage.gaps import EXACT, GapLimits, OpenGaps
from service.core.coverage.losses import Losses
from service.core.coverage.reading import PartitionCoverage, Reading
from service.core.messages import EndOffset, Message, Position
from service.core.notices import GapKind, Notice
from service.core.validation import understood


@with_config(EXACT)
@dataclass(slots=True)
class _Memory:
    alert_from: datetime | None = None
    gaps: OpenGaps = field(default_factory=OpenGaps)
    reading: Reading = field(default_factory=Reading)
    arrival: ArrivalDelay = field(default_factory=ArrivalDelay)
    losses: Losses = field(default_factory=Losses)


_MEMORY = TypeAdapter(_Memory)


class CoverageMonitor:
    """Takes note of what is read and not read; `look` says what there is to tell of it.

    Parameters
    ----------
    patience
        How long something must last.

    Notes
    -----
    For each kind at most one span is open, and each makes one notice that opens it, perhaps some that update it, and
    one that closes it, under one id, across restarts: everything but when this process began is in `dump`.

    Examples
    --------
    >>> from datetime import UTC, timedelta
    >>> night = datetime(2026, 11, 2, tzinfo=UTC)
    >>> monitor = CoverageMonitor()
    >>> monitor.begin({}, night)
    >>> monitor.end_offset(EndOffset("0", -1, night, night))
    >>> [(notice.kind.value, notice.stage) for notice in monitor.look(night + timedelta(minutes=20))]
    [('silent', 'opened')]
    """

    def __init__(self, limits: GapLimits = GapLimits()) -> None:  # noqa: B008 - immutable
        self._limits = limits
        self._begun = EPOCH
        self._memory = _Memory()

    @property
    def open(self) -> frozenset[GapKind]:
        """The kinds of which a span is open."""
        return frozenset(self._memory.gaps.open)

    def begin(self, positions: Mapping[str, Position], now: datetime) -> None:
        """Begin a life of the process; `positions` are where it goes on.

        What the hub took before the very first life is there to learn from: neither its delays nor its age count.
        """
        self._begun = now
        if self._memory.alert_from is None:
            self._memory.alert_from = now
        for partition, position in positions.items():
            coverage = self._memory.reading.coverage(partition, now)
            if coverage.sequence_number is None:
                coverage.sequence_number, coverage.enqueued_time = position.sequence_number, position.enqueued_time

    def read(
        self, message: Message, *, records: int, newest: datetime | None, unjudged: int = 0, now: datetime
    ) -> None:
        """Note a message that has been applied; one that was noted before changes nothing.

        Parameters
        ----------
        message
            Its body is not looked at.
        records
            Events in it.
        newest
            Time of the newest of them; None without any.
        unjudged
            How many of them came too late to be judged.
        now
            The instant at which it is read.
        """
        memory = self._memory
        coverage = memory.reading.coverage(message.partition, now)
        if coverage.sequence_number is not None:
            missing = message.sequence_number - coverage.sequence_number - 1
            if missing < 0:
                return
            self._lose(message.partition, coverage, missing, message.enqueued_time, now)
        coverage.sequence_number, coverage.enqueued_time = message.sequence_number, message.enqueued_time
        memory.reading.move(coverage, message.enqueued_time, now, self._limits)
        if newest is not None and message.enqueued_time >= (memory.alert_from or EPOCH):
            if now - message.enqueued_time >= self._limits.after:
                coverage.late_records += records
            arrived = Arrived(message.partition, message.enqueued_time, newest, records, unjudged)
            memory.arrival.note(arrived, memory.gaps, self._limits)

    def end_offset(self, end_offset: EndOffset) -> None:
        """Note what the hub says is a partition's newest message: if we have had it, we are whole until then."""
        coverage = self._memory.reading.coverage(end_offset.partition, end_offset.known_at)
        had = -1 if coverage.sequence_number is None else coverage.sequence_number
        if had >= end_offset.sequence_number:
            coverage.reach(end_offset.known_at, end_offset.known_at, self._limits)

    def expired(self, partition: str, last: int, now: datetime) -> None:
        """Note that the hub has dropped a partition's messages up to this sequence number, whether read or not."""
        coverage = self._memory.reading.coverage(partition, now)
        if coverage.sequence_number is not None:
            self._lose(partition, coverage, last - coverage.sequence_number, now, now)
            coverage.sequence_number = max(last, coverage.sequence_number)

    def look(self, now: datetime) -> list[Notice]:
        """Say what is news; to be asked several times within `GapLimits.after`."""
        memory, limits = self._memory, self._limits
        return [
            *memory.reading.look(now, self._begun, memory.gaps, limits),
            *memory.arrival.look(now, memory.gaps, limits),
            *memory.losses.look(now, memory.gaps, limits),
        ]

    def dump(self) -> JsonValue:
        """Return everything as plain JSON."""
        plain: JsonValue = _MEMORY.dump_python(self._memory, mode="json")
        return plain

    def load(self, data: JsonValue) -> None:
        """Replace everything by what `dump` gave.

        Raises
        ------
        UnexpectedRow
            If `data` is nothing that `dump` ever gave.
        """
        with understood("coverage"):
            self._memory = _MEMORY.validate_python(data)

    def _lose(self, partition: str, coverage: PartitionCoverage, messages: int, until: datetime, now: datetime) -> None:
        if messages > 0:
            since, behind = coverage.enqueued_time or coverage.caught_up_until, coverage.sequence_number or 0
            self._memory.losses.note(partition, behind, messages, since=since, until=until, now=now)
