"""What comes from the hub, as values: messages, how far a partition has been read, and where it ends."""

from datetime import datetime
from typing import Any, NamedTuple

from models.stream import Json, fields


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

    def row(self, partition: str) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        return {"partition": partition, **self._asdict(), "enqueued_time": self.enqueued_time.isoformat()}

    @classmethod
    def from_row(cls, row: Any) -> tuple[str, "Position"]:
        """Restore partition and position that `row` gave."""
        partition, sequence_number, offset, enqueued_time = fields("position", row, "partition", *cls._fields)
        return partition, cls(sequence_number, offset, datetime.fromisoformat(enqueued_time))


class EndOffset(NamedTuple):
    """What the hub says is the newest message of a partition; -1 when it is empty.

    Attributes
    ----------
    partition, sequence_number, enqueued_time
        The message, and when the hub took it.
    known_at
        Since when we know, by our clock: when the hub was asked.
    hub_time
        How late it was then by the hub's clock, at least: it does not depend on whether ours is right. None: as late as
        by ours.
    """

    partition: str
    sequence_number: int
    enqueued_time: datetime
    known_at: datetime
    hub_time: datetime | None = None
