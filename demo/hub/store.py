"""Partitions, their messages, and the positions from which a reader may ask for them."""

import re
import zlib
from bisect import bisect_left, bisect_right
from datetime import datetime
from typing import Literal, NamedTuple

from demo.hub import refusals
from demo.hub.messages import Draft, HubMessage, to_milliseconds


class Position(NamedTuple):
    """Where to start reading: behind (or, `inclusive`, at) an offset, a sequence number or an enqueued time in ms."""

    kind: Literal["offset", "sequence-number", "enqueued-time"]
    value: str
    inclusive: bool


_SELECTOR = re.compile(
    r"\s*amqp\.annotation\.x-opt-(offset|sequence-number|enqueued-time)\s*(>=|>)\s*'([^']*)'\s*", re.IGNORECASE
)


def parse_selector(selector: object) -> Position:
    """Read the expression of an ``apache.org:selector-filter:string``.

    Raises
    ------
    Refusal
        ``amqp:invalid-field`` when it is no position that the service knows.

    Examples
    --------
    >>> parse_selector("amqp.annotation.x-opt-sequence-number >= '50'")
    Position(kind='sequence-number', value='50', inclusive=True)
    """
    match = _SELECTOR.fullmatch(selector) if isinstance(selector, str) else None
    if match is None:
        raise refusals.bad_filter(selector)
    kind = match[1].lower()
    if kind == "offset":
        return Position("offset", match[3], match[2] == ">=")
    if not re.fullmatch(r"-?\d{1,19}", match[3]):
        raise refusals.bad_filter(selector)
    return Position("enqueued-time" if kind == "enqueued-time" else "sequence-number", match[3], match[2] == ">=")


class Partition:
    """One partition's messages in order.

    Parameters
    ----------
    number
        Its id.
    retain
        How many messages to keep; None: all. Older ones are forgotten, as the service does after the retention time.
    offset_prefix
        Text in front of each offset; geo-replicated hubs have ``0:`` and the like, so offsets are not numbers there.
    """

    def __init__(self, number: int, retain: int | None = None, offset_prefix: str = "") -> None:
        self.id = str(number)
        self.begin = 0
        self.next = 0
        self._retain = retain
        self._prefix = offset_prefix
        self._messages: dict[int, HubMessage] = {}
        self._bytes = 0
        self._newest: HubMessage | None = None

    def __getitem__(self, sequence_number: int) -> HubMessage:
        """The message with this number; KeyError when it is not kept (any more)."""
        return self._messages[sequence_number]

    @property
    def newest(self) -> HubMessage | None:
        """The message appended last, or None."""
        return self._newest

    @property
    def last_offset(self) -> str:
        """Offset of the newest message; "-1" when there never was one."""
        return self._newest.offset if self._newest else "-1"

    def append(self, message: Draft, enqueued_time: datetime) -> HubMessage:
        """Store a message; its enqueued time is never before its predecessor's, as one partition has one clock."""
        enqueued = to_milliseconds(enqueued_time)
        if self._newest is not None:
            enqueued = max(enqueued, self._newest.enqueued_ms)
        stored = HubMessage(self.next, f"{self._prefix}{self._bytes}", enqueued, message)
        self._messages[self.next] = self._newest = stored
        self._bytes += len(stored.payload)
        self.next += 1
        if self._retain is not None and len(self._messages) > self._retain:
            del self._messages[self.begin]
            self.begin += 1
        return stored

    def expire(self) -> int:
        """Forget all messages, as after the retention time; return how many there were."""
        gone = self.next - self.begin
        self._messages.clear()
        self.begin = self.next
        return gone

    def seek(self, position: Position) -> int:
        """The sequence number to deliver first.

        Raises
        ------
        Refusal
            ``com.microsoft:argument-error`` when the position lies behind the partition's end: it is of another hub.
        """
        if position.kind == "sequence-number":
            number = int(position.value)
            if number > self.next - 1 and not (position.inclusive and number == self.next):
                raise refusals.bad_sequence_number(number, self.next - 1)
            return max(self.begin, number if position.inclusive else number + 1)
        numbers = range(self.begin, self.next)
        bisect = bisect_left if position.inclusive else bisect_right
        if position.kind == "enqueued-time":
            index = bisect(numbers, int(position.value), key=lambda number: self._messages[number].enqueued_ms)
            return self.begin + index
        if position.value == "-1":
            return self.begin
        if position.value == "@latest":
            return self.next
        offset = self._number(position.value)
        if offset is None or self._newest is None or offset > (self._number(self._newest.offset) or 0):
            raise refusals.bad_offset(position.value, self.last_offset)
        return self.begin + bisect(numbers, offset, key=lambda number: self._number(self._messages[number].offset) or 0)

    def _number(self, offset: str) -> int | None:
        digits = offset.removeprefix(self._prefix)
        return int(digits) if offset.startswith(self._prefix) and digits.isdecimal() else None


class Store:
    """A hub's partitions, and which of them a message goes to; created before its oldest message."""

    def __init__(self, partitions: int, created_at: datetime, retain: int | None, offset_prefix: str) -> None:
        self.created_at = created_at
        self.partitions = {str(n): Partition(n, retain, offset_prefix) for n in range(partitions)}
        self._turn = 0

    def partition(self, partition: str) -> Partition:
        """Find a partition; raises `Refusal` (argument-out-of-range) when there is none with this id."""
        try:
            return self.partitions[partition]
        except KeyError:
            raise refusals.bad_partition(partition, len(self.partitions)) from None

    def choose(self, partition_key: str | None) -> Partition:
        """One key, always the same partition; no key, all in turn."""
        if partition_key is not None:
            number = zlib.crc32(partition_key.encode()) % len(self.partitions)
        else:
            number = self._turn
            self._turn = (self._turn + 1) % len(self.partitions)
        return self.partitions[str(number)]
