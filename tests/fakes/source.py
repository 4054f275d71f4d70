"""A hub in memory with the behaviour of `service.source.EventHubSource`: it passes the same contract tests."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from service.core.messages import EndOffset, Message, Position
from service.core.ports import Clock, HubRecreated, SourceError


class FakeSource:
    """A `service.core.ports.Source` that is fed by the test.

    Parameters
    ----------
    positions
        Where the reader is, live: messages up to there are not delivered again.
    max_batch
        Most messages in one batch.
    """

    def __init__(
        self,
        *,
        positions: Callable[[], Mapping[str, Position]],
        clock: Clock,
        partitions: Sequence[str] = ("0", "1"),
        max_batch: int = 100,
    ) -> None:
        self._positions = positions
        self._clock = clock
        self._max_batch = max_batch
        self._log: dict[str, list[Message]] = {partition: [] for partition in partitions}
        self._next: dict[str, int] = defaultdict(int)
        self._more = asyncio.Event()
        self._stopping = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._failure: SourceError | None = None
        self._recreated_at: datetime | None = None
        self.ready = False
        self.ahead = timedelta(0)

    @property
    def _hub_time(self) -> datetime:
        """Whoever sets our clock does not set that of the hub, of which it may be ahead from the start."""
        return self._clock.now() - self._clock.jumped() - self.ahead

    def feed(self, partition: str, *bodies: bytes) -> None:
        """Append messages to a partition, enqueued now."""
        log = self._log[partition]
        for body in bodies:
            number = len(log)
            log.append(Message(partition, number, str(100 * number), self._hub_time, body))
        self._more.set()

    def drop(self, partition: str, count: int) -> None:
        """Append messages that are gone before anybody has read them; all that was fed before must have been read."""
        self._next[partition] += count
        self.feed(partition, *[b""] * count)

    def rewind(self, partition: str, sequence_number: int) -> None:
        """Deliver again from this sequence number on, as a new connection with an old position would."""
        self._next[partition] = sequence_number
        self._more.set()

    def recreate(self) -> None:
        """Delete the hub and create it again, empty."""
        for log in self._log.values():
            log.clear()
        self._next.clear()
        self._recreated_at = self._hub_time
        self._more.set()

    def fail(self, error: SourceError) -> None:
        """Make `prepare` or `run` raise."""
        self._failure = error
        self._more.set()

    async def prepare(self) -> list[EndOffset]:
        """Return the newest message of each partition, after looking for positions ahead of it."""
        self._raise_failure()
        self._raise_recreated()
        for partition, position in self._positions().items():
            if position.sequence_number >= len(self._log[partition]):
                raise SourceError(f"partition {partition} ends before {position.sequence_number}")
        now, hub = self._clock.now(), self._hub_time
        return [
            EndOffset(partition, len(log) - 1, log[-1].enqueued_time if log else hub, now, hub)
            for partition, log in self._log.items()
        ]

    async def run(self, handle: Callable[[Sequence[Message]], Awaitable[None]]) -> None:
        """Deliver what was fed and what will be, one batch of a partition after another's."""
        self._idle.clear()
        self.ready = True
        for partition, position in self._positions().items():
            self._next[partition] = position.sequence_number + 1
        try:
            while not self._stopping.is_set():
                self._raise_failure()
                self._raise_recreated()
                self._more.clear()
                for partition, log in self._log.items():
                    batch = log[self._next[partition] : self._next[partition] + self._max_batch]
                    if batch and not self._stopping.is_set():
                        self._next[partition] += len(batch)
                        await handle(batch)
                        self._more.set()
                await self._more.wait()
        finally:
            self.ready = False
            self._idle.set()

    async def stop(self) -> None:
        """Let the batch in hand finish."""
        self._stopping.set()
        self._more.set()
        await self._idle.wait()

    def _raise_recreated(self) -> None:
        positions = self._positions().values()
        if self._recreated_at is not None and any(one.enqueued_time < self._recreated_at for one in positions):
            raise HubRecreated(self._recreated_at, list(self._log))

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
