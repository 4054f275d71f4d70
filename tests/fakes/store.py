"""A snapshot store in memory that fails as it is told and knows when it is misused."""

from collections.abc import AsyncIterator

from service.core.ports import Clock, Generation, SnapshotStore

_NEWEST_FIRST = ("current", "previous", "restored")


class FakeStore:
    """A `service.core.ports.SnapshotStore` for tests.

    Parameters
    ----------
    clock, seconds
        What one `save` takes, and whose time.
    kept
        What an earlier process has left, by place.

    Attributes
    ----------
    kept
        What there is, by place.
    set_aside
        What could not be used.
    failure
        What the next saves raise, if anything.
    misused
        How many saves were cut short, or began before another had ended; a real store would have been damaged.
    """

    def __init__(self, clock: Clock, *, seconds: float = 0.0, kept: dict[str, bytes] | None = None) -> None:
        self.kept: dict[str, bytes] = {} if kept is None else kept
        self.set_aside: list[bytes] = []
        self.failure: Exception | None = None
        self.misused = 0
        self.saves = 0
        self._clock = clock
        self._seconds = seconds
        self._busy = 0
        self._offered: list[str] = []
        self._unusable: list[str] = []
        self._accepted: str | None = None
        self._own = False

    @property
    def generations(self) -> list[bytes]:
        """What is kept, newest first."""
        return [self.kept[place] for place in _NEWEST_FIRST if place in self.kept]

    async def load(self) -> AsyncIterator[Generation]:
        self._offered = []
        for place in _NEWEST_FIRST:
            if place in self.kept:
                self._offered.append(place)
                yield Generation(place, self.kept[place])

    def accept(self) -> None:
        *self._unusable, self._accepted = self._offered

    async def save(self, data: bytes) -> None:
        self.misused += self._busy
        self._busy += 1
        await self._clock.sleep(self._seconds)
        self._busy -= 1
        if self.failure is not None:
            raise self.failure
        self.saves += 1
        self.set_aside += [self.kept.pop(place) for place in self._unusable]
        if self._accepted is not None:
            self.kept["restored"] = self.kept[self._accepted]
            self.kept.pop("previous", None)
        elif self._own:
            self.kept["previous"] = self.kept["current"]
        elif "current" in self.kept:
            self.set_aside.append(self.kept["current"])
        self._unusable, self._accepted, self._own = [], None, True
        self.kept["current"] = data


async def kept_in(store: SnapshotStore) -> list[bytes]:
    """Return the generations of any store, newest first."""
    return [generation.data async for generation in store.load()]


async def begun_with(store: SnapshotStore, wanted: bytes) -> None:
    """Load as a life does that can use only `wanted`."""
    async for generation in store.load():
        if generation.data == wanted:
            store.accept()
            return
    raise AssertionError(f"{wanted!r} was not offered")
