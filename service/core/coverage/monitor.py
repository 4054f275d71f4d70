"""What the application calls to have coverage gaps found: hands on what is read, and keeps all of it as one value."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from types import MappingProxyType

from pydantic import JsonValue, TypeAdapter, with_config

from models.stream import EPOCH, ActivityEvent
from service.core.coverage.arrival import ArrivalDelays, MessageArrival, SubscriptionArrival, by_subscription
from service.core.coverage.clock_check import ClockCheck
from service.core.coverage.gaps import EXACT, GapLimits, OpenGaps
from service.core.coverage.losses import Losses
from service.core.coverage.partitions import PartitionCoverage, PartitionsRead
from service.core.messages import EndOffset, Message, Position
from service.core.notices import GapKind, Notice
from service.core.validation import understood

_NONE: Mapping[str, SubscriptionArrival] = MappingProxyType({})


@with_config(EXACT)
@dataclass(slots=True)
class _Memory:
    alert_from: datetime | None = None
    gaps: OpenGaps = field(default_factory=OpenGaps)
    partitions: PartitionsRead = field(default_factory=PartitionsRead)
    arrivals: ArrivalDelays = field(default_factory=ArrivalDelays)
    losses: Losses = field(default_factory=Losses)


_MEMORY = TypeAdapter(_Memory)


class CoverageMonitor:
    """Notes what is read and what is not; `check` returns the notices that are due.

    Parameters
    ----------
    limits
        How long something must last before people are notified of it.

    Attributes
    ----------
    clock
        Whether ours can be right, by what is noted here.

    Notes
    -----
    For each kind at most one gap is open, and each makes one notice that opens it, perhaps some that update it, and
    one that closes it, under one id, across restarts: everything but when this process began is in `dump`.

    Examples
    --------
    >>> from datetime import UTC, timedelta
    >>> night = datetime(2026, 11, 2, tzinfo=UTC)
    >>> monitor = CoverageMonitor()
    >>> monitor.begin({}, night)
    >>> monitor.note_end_offset(EndOffset("0", -1, night, night))
    >>> [(notice.kind.value, notice.stage) for notice in monitor.check(night + timedelta(minutes=20))]
    [('silent', 'opened')]
    """

    def __init__(self, limits: GapLimits = GapLimits()) -> None:  # noqa: B008 - immutable
        self.clock = ClockCheck()
        self._limits = limits
        self._process_began = EPOCH
        self._jumped = timedelta(0)
        self._memory = _Memory()

    @property
    def open(self) -> frozenset[GapKind]:
        """The kinds of which a gap is open."""
        return frozenset(self._memory.gaps.open)

    def follow(self, jumped: timedelta) -> None:
        """Move what is compared with our clock, which has been set by `jumped` since this object was made."""
        by, self._jumped = jumped - self._jumped, jumped
        if by:
            self.clock.move(by)
            memory = self._memory
            self._process_began += by
            memory.gaps.move(by)
            memory.losses.move(by)
            for coverage in memory.partitions.partitions.values():
                coverage.move(by)

    def begin(self, positions: Mapping[str, Position], now: datetime) -> None:
        """Note that the process begins; `positions` are where it goes on.

        What the hub took before the very first start is there to learn from: neither its delays nor its age count.
        """
        self._process_began = now
        self.clock.note_saved(chain.from_iterable(map(_moments, self._memory.partitions.partitions.values())), now)
        self.clock.note_saved((position.enqueued_time for position in positions.values()), now)
        self._memory.gaps.not_after(now)
        for coverage in self._memory.partitions.partitions.values():
            coverage.not_after(now)
        if self._memory.alert_from is None:
            self._memory.alert_from = now
        for partition, position in positions.items():
            coverage = self._memory.partitions.of(partition, now)
            if coverage.sequence_number is None:
                coverage.sequence_number, coverage.enqueued_time = position.sequence_number, position.enqueued_time

    def resume(self, now: datetime) -> None:
        """Note that nothing could be read for a while until now: the process was frozen, or busy with other things.

        What was missed meanwhile is being caught up on, as after a start: that the hub was silent cannot be known yet.
        """
        self._process_began = now

    def note_message(
        self,
        message: Message,
        *,
        records: int,
        newest: datetime | None,
        unjudged: int = 0,
        subscriptions: Mapping[str, SubscriptionArrival] = _NONE,
        now: datetime,
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
        subscriptions
            What it has of each subscription.
        now
            The instant at which it is read.
        """
        memory = self._memory
        self.clock.note_message(message.partition, message.sequence_number, message.enqueued_time, now)
        coverage = memory.partitions.of(message.partition, now)
        if coverage.sequence_number is not None:
            missing = message.sequence_number - coverage.sequence_number - 1
            if missing < 0:
                return
            self._note_loss(message.partition, coverage, missing, message.enqueued_time, now)
        coverage.sequence_number, coverage.enqueued_time = message.sequence_number, message.enqueued_time
        memory.partitions.note_read(coverage, message.enqueued_time, now, self._limits)
        if newest is not None and message.enqueued_time >= (memory.alert_from or EPOCH):
            if now - message.enqueued_time >= self._limits.after:
                coverage.late_records += records
            arrival = MessageArrival(message.partition, message.enqueued_time, newest, records, unjudged, subscriptions)
            memory.arrivals.note(arrival, self._limits)

    def note_events(self, message: Message, events: Sequence[ActivityEvent], *, unjudged: int, now: datetime) -> None:
        """Do what `note_message` does, given the events in the message, of which so many came too late to be judged."""
        newest = max((event.time for event in events), default=None)
        whose = by_subscription(events)
        self.note_message(message, records=len(events), newest=newest, unjudged=unjudged, subscriptions=whose, now=now)

    def note_set_aside(self, message: Message, now: datetime) -> None:
        """Note that a message is not read, and never will be, though the hub holds it; to be noted as applied next."""
        taken = message.enqueued_time
        self._memory.losses.note(message.partition, message.sequence_number - 1, 1, since=taken, until=taken, now=now)

    def note_end_offset(self, end_offset: EndOffset) -> None:
        """Note which message the hub says is a partition's newest: once that is read, the partition is caught up."""
        self.clock.note_end_offset(*end_offset[:4])
        coverage = self._memory.partitions.of(end_offset.partition, end_offset.known_at)
        read = -1 if coverage.sequence_number is None else coverage.sequence_number
        if read >= end_offset.sequence_number:
            coverage.advance(end_offset.known_at, end_offset.known_at, self._limits)

    def note_expired(self, partition: str, last: int, now: datetime) -> None:
        """Note that the hub has dropped a partition's messages up to this sequence number, whether read or not."""
        coverage = self._memory.partitions.of(partition, now)
        if coverage.sequence_number is not None:
            self._note_loss(partition, coverage, last - coverage.sequence_number, now, now)
            coverage.sequence_number = max(last, coverage.sequence_number)

    def note_recreated(self, partitions: Collection[str], created_at: datetime, now: datetime) -> None:
        """Note that the hub was deleted and created again at `created_at`, now with these partitions.

        What the old one held and was not read is lost; the sequence numbers of the new one start again at 0.
        """
        read = self._memory.partitions
        for partition, coverage in read.partitions.items():
            if coverage.sequence_number is not None:
                since = coverage.enqueued_time or coverage.caught_up_until
                until = max(since, min(created_at, now))
                self._memory.losses.note(partition, coverage.sequence_number, 0, since=since, until=until, now=now)
        read.keep(partitions)
        self.forget_positions()

    def forget_positions(self) -> None:
        """Forget which message of each partition was read last: the next one may have any sequence number."""
        for coverage in self._memory.partitions.partitions.values():
            coverage.sequence_number = coverage.enqueued_time = None

    def check(self, now: datetime) -> list[Notice]:
        """Return the notices that are due; to be called several times within `GapLimits.after`."""
        memory, limits = self._memory, self._limits
        return [
            *memory.partitions.check(now, self._process_began, memory.gaps, limits),
            *memory.arrivals.check(now, memory.gaps, limits),
            *memory.losses.check(now, memory.gaps, limits),
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

    def _note_loss(
        self, partition: str, coverage: PartitionCoverage, messages: int, until: datetime, now: datetime
    ) -> None:
        if messages > 0:
            since, behind = coverage.enqueued_time or coverage.caught_up_until, coverage.sequence_number or 0
            self._memory.losses.note(partition, behind, messages, since=since, until=until, now=now)


def _moments(coverage: PartitionCoverage) -> Iterator[datetime]:
    yield coverage.caught_up_until
    yield coverage.last_read_at
