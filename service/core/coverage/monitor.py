"""Hands what is heard to those who judge it, and keeps all of their memory as one value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue, TypeAdapter

from models.stream import EPOCH
from service.core.coverage.arrival import Arrival, Arrived
from service.core.coverage.gaps import Patience, Windows
from service.core.coverage.losses import Losses
from service.core.coverage.reading import Ear, Reading
from service.core.messages import Message, PartitionTip, Position
from service.core.notices import Blind, Notice


@dataclass(slots=True)
class _Memory:
    born: datetime | None = None
    windows: Windows = field(default_factory=Windows)
    reading: Reading = field(default_factory=Reading)
    arrival: Arrival = field(default_factory=Arrival)
    losses: Losses = field(default_factory=Losses)


_MEMORY = TypeAdapter(_Memory)


class Blindness:
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
    >>> blindness = Blindness()
    >>> blindness.begin({}, night)
    >>> blindness.tip(PartitionTip("0", -1, night, night))
    >>> [(notice.kind.value, notice.stage) for notice in blindness.look(night + timedelta(minutes=20))]
    [('silent', 'opened')]
    """

    def __init__(self, patience: Patience = Patience()) -> None:  # noqa: B008 - immutable
        self._patience = patience
        self._begun = EPOCH
        self._memory = _Memory()

    @property
    def open(self) -> frozenset[Blind]:
        """The kinds of which a span is open."""
        return frozenset(self._memory.windows.open)

    def begin(self, positions: Mapping[str, Position], now: datetime) -> None:
        """Begin a life of the process; `positions` are where it goes on.

        What the hub took before the very first life is there to learn from: neither its delays nor its age count.
        """
        self._begun = now
        if self._memory.born is None:
            self._memory.born = now
        for partition, position in positions.items():
            ear = self._memory.reading.ear(partition, now)
            if ear.sequence_number is None:
                ear.sequence_number, ear.enqueued_time = position.sequence_number, position.enqueued_time

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
        ear = memory.reading.ear(message.partition, now)
        if ear.sequence_number is not None:
            missing = message.sequence_number - ear.sequence_number - 1
            if missing < 0:
                return
            self._lose(message.partition, ear, missing, message.enqueued_time, now)
        ear.sequence_number, ear.enqueued_time = message.sequence_number, message.enqueued_time
        memory.reading.move(ear, message.enqueued_time, now, self._patience)
        if newest is not None and message.enqueued_time >= (memory.born or EPOCH):
            if now - message.enqueued_time >= self._patience.after:
                ear.late_records += records
            arrived = Arrived(message.partition, message.enqueued_time, newest, records, unjudged)
            memory.arrival.note(arrived, memory.windows, self._patience)

    def tip(self, tip: PartitionTip) -> None:
        """Note what the hub says is a partition's newest message: if we have had it, we are whole until then."""
        ear = self._memory.reading.ear(tip.partition, tip.known_at)
        had = -1 if ear.sequence_number is None else ear.sequence_number
        if had >= tip.sequence_number:
            ear.reach(tip.known_at, tip.known_at, self._patience)

    def expired(self, partition: str, last: int, now: datetime) -> None:
        """Note that the hub has dropped a partition's messages up to this sequence number, whether read or not."""
        ear = self._memory.reading.ear(partition, now)
        if ear.sequence_number is not None:
            self._lose(partition, ear, last - ear.sequence_number, now, now)
            ear.sequence_number = max(last, ear.sequence_number)

    def look(self, now: datetime) -> list[Notice]:
        """Say what is news; to be asked several times within `Patience.after`."""
        memory, patience = self._memory, self._patience
        return [
            *memory.reading.look(now, self._begun, memory.windows, patience),
            *memory.arrival.look(now, memory.windows, patience),
            *memory.losses.look(now, memory.windows, patience),
        ]

    def dump(self) -> JsonValue:
        """Return everything as plain JSON."""
        plain: JsonValue = _MEMORY.dump_python(self._memory, mode="json")
        return plain

    def load(self, data: JsonValue) -> None:
        """Replace everything by what `dump` gave.

        Raises
        ------
        pydantic.ValidationError
            If `data` is nothing that `dump` ever gave.
        """
        self._memory = _MEMORY.validate_python(data)

    def _lose(self, partition: str, ear: Ear, messages: int, until: datetime, now: datetime) -> None:
        if messages > 0:
            since, behind = ear.enqueued_time or ear.whole_until, ear.sequence_number or 0
            self._memory.losses.note(partition, behind, messages, since=since, until=until, now=now)
