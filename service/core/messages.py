"""What comes from the hub, as values: messages, how far a partition has been read, and where it ends."""

from datetime import datetime
from typing import NamedTuple


class Message(NamedTuple):
    """One Event Hubs message: the unit of position; its body holds one or many records.

    `offset` is opaque text; `enqueued_time` is when the hub took it, aware UTC.
    """

    partition: str
    sequence_number: int
    offset: str
    enqueued_time: datetime
    body: bytes


class Position(NamedTuple):
    """Where a partition has been read to, inclusive."""

    sequence_number: int
    offset: str
    enqueued_time: datetime


class EndOffset(NamedTuple):
    """What the hub says is the newest message of a partition; -1 when it is empty."""

    partition: str
    sequence_number: int
    enqueued_time: datetime
    known_at: datetime
