"""The messages that wait for one sink, as a snapshot keeps them; when they are tried is for the outbox to decide."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    PlainValidator,
    TypeAdapter,
    with_config,
)

from service.core.message_rows import read_message, write_message
from service.core.outbox.values import Broken
from service.core.ports import Rendered

_EXACT = ConfigDict(extra="forbid")  # what would be left out of a snapshot unread is refused


class _Broken(BaseModel):
    model_config = _EXACT

    since: datetime
    reason: str


def _read_broken(row: object) -> Broken | None:
    if row is None:
        return None
    stored = _Broken.model_validate(row)
    return Broken(stored.since, stored.reason)


def _write_broken(broken: Broken | None) -> dict[str, JsonValue] | None:
    return None if broken is None else {"since": broken.since.isoformat(), "reason": broken.reason}


@with_config(_EXACT)
@dataclass(slots=True)
class WaitingMessage:
    """A message with its place in the order, its attempts, and until when it is worth delivering.

    `durable` says whether it is in a safe snapshot, before which it is not sent.
    """

    message: Annotated[Rendered, PlainValidator(read_message), PlainSerializer(write_message)]
    number: int
    created: datetime
    expires: datetime
    next_try: datetime
    attempts: int = 0
    reason: str = ""
    urgency: float = 0.0
    durable: Annotated[bool, Field(exclude=True)] = True  # what comes from a snapshot is in one


@with_config(_EXACT)
@dataclass(slots=True)
class Queue:
    """What waits for a sink, what was settled lately and until when that is remembered, and how the sink does."""

    rows: dict[str, WaitingMessage] = field(default_factory=dict)
    settled: dict[str, datetime] = field(default_factory=dict)
    pause_until: datetime | None = None
    failures: int = 0
    broken: Annotated[Broken | None, PlainValidator(_read_broken), PlainSerializer(_write_broken)] = None

    def free(self) -> list[WaitingMessage]:
        """Return what may be tried when its time has come: nothing before the alert, or revision, that it follows.

        What waits for another was enqueued after it, so that no two wait for each other.
        """
        waiting: dict[str, list[tuple[int, int]]] = {}
        for row in self.rows.values():
            for alert, revision in row.message.alerts:
                waiting.setdefault(alert, []).append((revision, row.number))
        return [
            row
            for row in self.rows.values()
            if row.durable
            and row.message.follows not in waiting
            and not any(
                earlier < revision and number < row.number
                for alert, revision in row.message.alerts
                for earlier, number in waiting[alert]
            )
        ]

    def move(self, by: timedelta) -> None:
        """Move all times along with a clock that has been set."""
        for row in self.rows.values():
            row.created, row.expires, row.next_try = row.created + by, row.expires + by, row.next_try + by
        self.settled = {id_: until + by for id_, until in self.settled.items()}
        self.pause_until = self.pause_until + by if self.pause_until else None
        self.broken = self.broken._replace(since=self.broken.since + by) if self.broken else None


class StoredOutbox(BaseModel):
    """An outbox as a snapshot has it."""

    model_config = _EXACT

    number: int
    queues: dict[str, Queue]


QUEUES = TypeAdapter(dict[str, Queue])
