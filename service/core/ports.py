"""The whole outside world on one screen: clock, input, output and memory, as the core wants to see them.

Each port has a real implementation and, in the tests, a fake that passes the same contract tests.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, Protocol

from pydantic import JsonValue

from service.core.alerting import Alert
from service.core.messages import EndOffset, Message
from service.core.notices import AnyNotice
from service.core.verdicts import Line


class Clock(Protocol):
    """The only way to know the time or to let it pass: a calendar (`now`, `sleep_until`) and a stopwatch.

    The two are apart because a calendar can be set, and can run faster than the machine in a demonstration.
    """

    def now(self) -> datetime:
        """Return the present, aware UTC."""
        ...

    def elapsed(self) -> float:
        """Return seconds on a clock that never goes back, from an arbitrary origin: for durations."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass on the stopwatch (none, if negative)."""
        ...

    async def sleep_until(self, moment: datetime) -> None:
        """Wait until the calendar says `moment` or later, or until it should have: it may be set back meanwhile."""
        ...

    def jumped(self) -> timedelta:
        """Return by how much the calendar had been set when `now` was last asked, all in all, forward if positive.

        Instants by our clock that lie ahead or behind are as far away as before once they are moved by that.
        """
        ...


class Source(Protocol):
    """Messages, at least once, in order within a partition."""

    async def prepare(self) -> list[EndOffset]:
        """Check that the input can be read; returns the newest message of each partition.

        Raises
        ------
        SourceError
            It cannot be read.
        HubRecreated
            Our positions are those of a hub that is gone: forget them, and prepare again.
        """
        ...

    async def run(self, handle: Callable[[Sequence[Message]], Awaitable[None]]) -> None:
        """Deliver batches (each of one partition) until `stop`; raises as `prepare` does, for what cannot heal."""
        ...

    async def stop(self) -> None:
        """Finish the batch in hand, then close; returns when nothing more will be delivered, or before it hangs."""
        ...


class SourceError(Exception):
    """The input cannot work as configured; the text is one paragraph for an operator, without secrets."""


class HubRecreated(SourceError):  # noqa: N818 - it says what happened to the hub, not what was done wrong
    """The hub was deleted and created again since our positions were reached, so that they mean nothing any more.

    Parameters
    ----------
    created_at
        When it was created, as the hub says.
    partitions
        All that it has now.
    """

    def __init__(self, created_at: datetime, partitions: Sequence[str]) -> None:
        super().__init__(f"The Event Hub was deleted and created again at {created_at.isoformat()}.")
        self.created_at = created_at
        self.partitions = tuple(partitions)


ALERT = "application/vnd.unwonted.alert+json"
"""Content type of an alert that was never made a message for its sink: the alert itself, to be rendered later."""
NOTICE = "application/vnd.unwonted.notice+json"
"""Content type of a notice that no message could be made of: to be read, never to be sent."""


class Rendered(NamedTuple):
    """One message to one sink, ready to be sent and kept in the outbox until it is.

    Attributes
    ----------
    id
        Deterministic; the same on every retry, so that a receiver can collapse duplicates.
    alerts
        ``(alert id, revision)`` of each alert in it, or those of the notice that it is.
    body
        Exactly the bytes of the request (or of the line on stdout, or what a letter is made of).
    content_type
        MIME type of the body.
    hidden
        How many of its alerts, the last of them, it only counts for want of room.
    follows
        Id of the alert that is news no more once this is told, and so is told before it; empty if there is none.
    """

    id: str
    alerts: tuple[tuple[str, int], ...]
    body: bytes
    content_type: str = "application/json"
    hidden: int = 0
    follows: str = ""


class Receipt(NamedTuple):
    """What became of one attempt. Sinks classify; retrying is the dispatcher's work.

    ``sent`` is done; ``retry`` may be tried again, not before `retry_after` seconds if given; ``refused`` is a
    permanent no to this message; ``broken`` a permanent no to every message (wrong or revoked address).
    `reason` is short, bounded in its variety, and free of secrets.
    """

    outcome: Literal["sent", "retry", "refused", "broken"]
    reason: str
    retry_after: float | None = None


class Pace(NamedTuple):
    """How fast a receiver may be spoken to: at most so many messages a second, and an hour (None: any).

    `at_once` is how many alerts of one evaluation it is told; of what goes beyond, it is told the number.
    """

    per_second: float | None = None
    per_hour: int | None = None
    at_once: int = 500


class Sink(Protocol):
    """A place where people or machines read alerts and notices, of coverage gaps and of verdicts."""

    @property
    def name(self) -> str:
        """Name in configuration, logs and metrics."""
        ...

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        """Turn alerts into as few messages as the receiver's limits allow; pure, equal input gives equal bytes."""
        ...

    def render_notice(self, notice: AnyNotice) -> Rendered:
        """Turn a notice into a message of its own; pure, equal input gives equal bytes."""
        ...

    async def send(self, message: Rendered) -> Receipt:
        """Try once; never raises for anything that the network or the receiver does."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


class DeadLetterStore(Protocol):
    """Keeps what can go nowhere else for people to look at, within a bound; never raises for want of room or reach.

    Attributes
    ----------
    written
        Entries stored since the start.
    dropped
        Entries lost since the start: beyond the bound, rotated away, or not writable.
    """

    @property
    def written(self) -> int: ...  # noqa: D102 - see above

    @property
    def dropped(self) -> int: ...  # noqa: D102 - see above

    async def write(self, entries: Sequence[Mapping[str, JsonValue]]) -> None:
        """Store `entries`, in order; those that do not fit are counted as dropped."""
        ...


class ReadableDeadLetterStore(DeadLetterStore, Protocol):
    """A dead letter that can be looked into, too."""

    async def read(self, since: datetime) -> list[Mapping[str, JsonValue]]:
        """Return what was written since then, the oldest first; raises `OSError` when it cannot be reached."""
        ...


class Generation(NamedTuple):
    """A whole snapshot, under the name by which its store keeps it."""

    name: str
    data: bytes


class SnapshotStore(Protocol):
    """Keeps whole snapshots, newest generation first; knows nothing of what is in them.

    No generation that has been loaded, or whose writing was checked, is replaced by one that has not.
    """

    def load(self) -> AsyncIterator[Generation]:
        """Yield what there is, newest first, each read when it is asked for; nothing at the very first start."""
        ...

    def accept(self) -> None:
        """Hold what `load` yielded last for good, and what it yielded before that for unusable.

        The next save keeps the one as long as there is none younger that could be loaded, and sets the others aside.
        """
        ...

    async def save(self, data: bytes) -> None:
        """Keep `data` durably as the newest generation, atomically; raises `SnapshotFenced` or `OSError`."""
        ...


class VerdictStore(Protocol):
    """Keeps the lines of the journal of verdicts for good; knows nothing of what is in them."""

    async def read(self) -> Sequence[Line]:
        """Return all of them, the same object while nothing has been added; raises `OSError`."""
        ...

    async def append(self, name: str, line: bytes) -> None:
        """Keep a line durably, under a name of its own where there are names; raises `OSError`."""
        ...


class Segment(NamedTuple):
    """A segment of the history: the hour that it holds, by its first Unix second, and which version of it there is."""

    hour: int
    tag: str


class FoundSegment(NamedTuple):
    """What a segment holds, and which version of it that is."""

    data: bytes
    tag: str


class SegmentChanged(Exception):  # noqa: N818 - it says what happened
    """Somebody else has written or deleted the segment of this hour since."""

    def __init__(self, hour: int) -> None:
        super().__init__(f"the segment of {hour} has been changed")


class SegmentStore(Protocol):
    """Keeps segments of the history, one an hour; knows nothing of what is in them."""

    async def names(self) -> Sequence[Segment]:
        """Return which there are; raises `OSError`."""
        ...

    async def get(self, hour: int) -> FoundSegment | None:
        """Return one, None if there is none of that hour; raises `OSError`."""
        ...

    async def put(self, hour: int, data: bytes, tag: str | None) -> str:
        """Keep one in place of the version `tag`, or where there is none; returns its tag.

        Raises `SegmentChanged` or `OSError`.
        """
        ...

    async def delete(self, hour: int, tag: str) -> None:
        """Delete that version; raises `SegmentChanged` or `OSError`."""
        ...


class SnapshotFenced(Exception):  # noqa: N818 - it says what happened to us: another writer took over
    """Another instance has written since we last read or wrote; this one must stop."""


class Lease(Protocol):
    """The right to be the one instance that works, which ends by itself when its holder is gone."""

    async def acquire(self) -> None:
        """Wait until it is ours; raises `OSError` if it cannot even be asked for."""
        ...

    async def keep(self) -> None:
        """Wait for as long as it is ours; raises `LeaseLost` before anybody else can have it."""
        ...

    async def release(self) -> None:
        """Give it back, so that another instance need not wait for its end; never raises."""
        ...


class LeaseLost(Exception):  # noqa: N818 - it says what happened to us
    """The lease could not be renewed in time, or is another instance's; this one must stop."""
