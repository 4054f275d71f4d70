"""One state per key, bounded: whoever has been silent longest is forgotten first, and forgetting is counted.

The in-process stand-in for a stream engine's keyed state. What a state holds is the owner's business.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from sys import intern
from typing import Any, Generic, Protocol, TypeVar

from models.statistics.lessons import Lessons
from models.stream import Json, RowsLater, UnexpectedRow, UnreadRows, fields


class IdentityState(Protocol):
    """What is remembered of one identity, with its own row; `last_hours` is its newest bucket, from the epoch."""

    last_hours: float

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        ...

    def restore(self, row: Any) -> None:
        """Become what `row` gave."""
        ...


_S = TypeVar("_S", bound=IdentityState)


class Keyed(Generic[_S]):
    """A bounded map from key to state.

    When it would grow beyond `limit`, the eighth that has been silent longest goes at once, so that making room
    costs little per key. Ties are broken by key: what is forgotten depends on what was seen, not on its order.

    Parameters
    ----------
    limit
        Largest number of keys, at least 1.
    fresh
        Makes the state of a new key.

    Attributes
    ----------
    evicted
        States evicted so far.
    evicted_values
        What had to go from states that stayed: counted by the owner.

    Examples
    --------
    >>> from models.statistics.user_days import UserDayState
    >>> store = Keyed(2, UserDayState)
    >>> for hour, key in enumerate(["a", "b", "a", "c"]):
    ...     store.touch(key).last_hours = hour
    >>> sorted(store.keys()), store.evicted
    (['a', 'c'], 1)
    """

    def __init__(self, limit: int, fresh: Callable[[], _S]) -> None:
        self.limit = max(1, limit)
        self.fresh = fresh
        self.evicted = 0
        self.evicted_values = 0
        self._states: dict[str, _S] = {}
        # Out of a snapshot: blocks that nobody has asked for, and rows of those blocks that somebody has.
        self._unread = UnreadRows[str]()
        self._saved: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self._states) + len(self._saved) + self._unread.rows

    def get(self, key: str) -> _S | None:
        """Return the state of `key`, None if there is none; changes nothing."""
        state = self._states.get(key)
        return self._restored(key) if state is None and (self._saved or self._unread.rows) else state

    def _restored(self, key: str) -> _S | None:
        """Restore a state that is still a row of a snapshot; None if it is none, or if that cannot be done."""
        self._unpack(self._unread.between(key, key))
        if key not in self._saved:
            return None
        row, state = self._saved.pop(key), self.fresh()
        try:
            state.restore(row)
        except Exception:  # noqa: BLE001 - it may be wrong in any way, and it is too late for another one
            self.evicted += 1
            return None
        # Several tables know the same identities: interned, their ids are held once.
        self._states[intern(key)] = state
        return state

    def _unpack(self, blocks: Iterable[RowsLater]) -> None:
        """Have the rows of blocks at hand, each to be restored when it is asked for."""
        for block in blocks:
            try:
                rows = dict(zip(map(intern, block.column("id")), block.column("state"), strict=True))
            except Exception:  # noqa: BLE001 - likewise
                self.evicted += block.number
                continue
            self._saved.update((key, row) for key, row in rows.items() if key not in self._states)

    def touch(self, key: str, lessons: Lessons | None = None) -> _S:
        """Return the state of `key`, a fresh one if there is none; `lessons` are told how many more are known by it.

        Whoever has something to do with those that must go for a new one calls `make_room` first.
        """
        state = self.get(key)
        if state is None:
            self.make_room(key, lessons)
            state = self._states[intern(key)] = self.fresh()
            if lessons is not None:
                lessons.identities += 1
        return state

    def make_room(self, key: str, lessons: Lessons | None = None) -> Sequence[tuple[str, _S]]:
        """Forget who has to go before `key` can be touched, and return them: nobody if it is known or there is room."""
        if len(self) < self.limit or self.get(key) is not None:
            return ()
        self._unpack(self._unread.all())
        for saved in list(self._saved):
            self._restored(saved)
        if len(self) < self.limit:  # some could not be restored
            return ()
        silent = sorted(self._states, key=lambda key: (self._states[key].last_hours, key))
        excess = len(self._states) - self.limit  # of a state that was saved under a higher limit
        evicted = [(key, self._states.pop(key)) for key in silent[: excess + max(1, self.limit // 8)]]
        self.evicted += len(evicted)
        if lessons is not None:
            lessons.identities -= len(evicted)
        return evicted

    def keys(self) -> Iterator[str]:
        """Iterate over the keys, in no promised order."""
        return chain(self._states, self._saved, self._unread.keys("id"))

    def sorted_items(self) -> Iterator[tuple[str, _S]]:
        """Iterate over key and state in the order of the keys, for a dump that is always the same."""
        for key in sorted({*self.keys()}):
            state = self.get(key)
            if state is not None:
                yield key, state

    def dump(self) -> Iterator[Json]:
        """Yield the counts of evictions, then one row a key, in their order."""
        yield {"evicted": self.evicted, "evicted_values": self.evicted_values}
        for key, state in self.sorted_items():
            yield {"id": key, "state": state.row()}

    def load(self, rows: Iterable[Any]) -> None:
        """Replace everything by what `dump` gave; if that is more than the limit, room is made at the next new key.

        Blocks of rows are read when one of their identities is asked for, and each state of them is restored when its
        own is: by the next dump at the latest.
        """
        self.evicted, self.evicted_values = 0, 0
        self._states, self._saved, self._unread = {}, {}, UnreadRows()
        rows = iter(rows)
        for row in rows:
            self.evicted, self.evicted_values = fields("identities", row, "evicted", "evicted_values")
            break
        for row in rows:
            if type(row) is RowsLater:
                ids = row.column("id")
                if set(map(type, ids)) != {str}:
                    raise UnexpectedRow("identity: an id should be a text")
                self._unread.add(ids, row)
            else:
                key, saved = fields("identity", row, "id", "state")
                state = self._states[intern(key)] = self.fresh()
                state.restore(saved)
        if not self._unread.in_order:
            self._unpack(self._unread.all())


class Headcount:
    """How many identities are known; where they are shared out among several processes, of all of them.

    Attributes
    ----------
    known
        That number.
    """

    def __init__(self) -> None:
        self.known = 0

    def teach(self, lessons: Lessons) -> None:
        """Apply how many more there are after a bucket."""
        self.known += lessons.identities

    def dump(self) -> Iterator[Json]:
        """Yield the number."""
        yield {"known": self.known}

    def load(self, rows: Iterable[Any]) -> None:
        """Become what `dump` gave."""
        self.known = sum(int(known) for row in rows for known in fields("identities", row, "known"))
