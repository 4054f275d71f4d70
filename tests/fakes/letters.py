"""A dead letter in memory: slow, full or broken as it is told."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import JsonValue

from tests.fakes.clock import FakeClock


class FakeDeadLetterStore:
    """A `service.core.ports.ReadableDeadLetterStore` for tests; each write takes `seconds`."""

    def __init__(self, clock: FakeClock, *, seconds: float = 0.0) -> None:
        self.written = 0
        self.dropped = 0
        self.entries: list[Mapping[str, JsonValue]] = []
        self.full = False
        self.bug: Exception | None = None
        self._clock = clock
        self._seconds = seconds

    async def write(self, entries: Sequence[Mapping[str, JsonValue]]) -> None:
        await self._clock.sleep(self._seconds)
        if self.bug is not None:
            raise self.bug
        if self.full:
            self.dropped += len(entries)
            return
        self.entries += entries
        self.written += len(entries)

    async def read(self, since: datetime) -> list[Mapping[str, JsonValue]]:
        return list(self.entries)
