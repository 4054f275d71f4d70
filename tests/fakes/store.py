"""A snapshot store in memory, with two generations, that fails as it is told and knows when it is misused."""

from service.core.ports import Clock


class FakeStore:
    """A `service.core.ports.SnapshotStore` for tests.

    Parameters
    ----------
    clock, seconds
        What one `save` takes, and whose time.

    Attributes
    ----------
    generations
        What is kept, newest first.
    failure
        What the next saves raise, if anything.
    misused
        How many saves were cut short, or began before another had ended; a real store would have been damaged.
    """

    def __init__(self, clock: Clock, *, seconds: float = 0.0) -> None:
        self.generations: list[bytes] = []
        self.failure: Exception | None = None
        self.misused = 0
        self.saves = 0
        self._clock = clock
        self._seconds = seconds
        self._busy = 0

    async def load(self) -> list[bytes]:
        return list(self.generations)

    async def save(self, data: bytes) -> None:
        self.misused += self._busy
        self._busy += 1
        await self._clock.sleep(self._seconds)
        self._busy -= 1
        if self.failure is not None:
            raise self.failure
        self.saves += 1
        self.generations = [data, *self.generations[:1]]
