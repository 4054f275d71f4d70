"""One state per key, bounded: whoever has been silent longest is forgotten first, and forgetting is counted.

The in-process stand-in for a stream engine's keyed state. What a state holds is the owner's business.
"""

from collections.abc import Callable, Iterator
from sys import intern
from typing import Generic, Protocol, TypeVar


class Dated(Protocol):
    """Anything that knows when it was last active, in hours from the epoch."""

    last_hours: float


S = TypeVar("S", bound=Dated)


class Keyed(Generic[S]):
    """A bounded map from key to state.

    When it would grow beyond `limit`, the eighth that has been silent longest goes at once, so that making room
    costs little per key. Ties are broken by key: what is forgotten depends on what was seen, not on its order.

    Parameters
    ----------
    limit
        Largest number of keys, at least 1.
    fresh
        Makes the state of a new key.
    forgotten
        Called with each key and state that is evicted, if given.

    Attributes
    ----------
    evicted
        States evicted so far.

    Examples
    --------
    >>> class Seen:
    ...     last_hours = 0.0
    >>> store = Keyed(2, Seen)
    >>> for hour, key in enumerate(["a", "b", "a", "c"]):
    ...     store.touch(key).last_hours = hour
    >>> sorted(store.keys()), store.evicted
    (['a', 'c'], 1)
    """

    def __init__(self, limit: int, fresh: Callable[[], S], forgotten: Callable[[str, S], None] | None = None) -> None:
        self.limit = max(1, limit)
        self.fresh = fresh
        self.forgotten = forgotten
        self.evicted = 0
        self._states: dict[str, S] = {}

    def __len__(self) -> int:
        return len(self._states)

    def get(self, key: str) -> S | None:
        """Return the state of `key`, None if there is none; changes nothing."""
        return self._states.get(key)

    def touch(self, key: str) -> S:
        """Return the state of `key`, a fresh one if there is none."""
        state = self._states.get(key)
        if state is None:
            if len(self._states) >= self.limit:
                self._make_room()
            # Several tables know the same identities: interned, their ids are held once.
            state = self._states[intern(key)] = self.fresh()
        return state

    def keys(self) -> Iterator[str]:
        """Iterate over the keys, in no promised order."""
        return iter(self._states)

    def sorted_items(self) -> Iterator[tuple[str, S]]:
        """Iterate over key and state in the order of the keys, for a dump that is always the same."""
        for key in sorted(self._states):
            yield key, self._states[key]

    def clear(self) -> None:
        """Forget everything, the count of evictions too."""
        self._states.clear()
        self.evicted = 0

    def _make_room(self) -> None:
        silent = sorted(self._states, key=lambda key: (self._states[key].last_hours, key))
        for key in silent[: max(1, self.limit // 8)]:
            state = self._states.pop(key)
            self.evicted += 1
            if self.forgotten is not None:
                self.forgotten(key, state)
