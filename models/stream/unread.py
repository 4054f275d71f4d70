"""Rows of a snapshot that nobody has asked for yet: blocks of them, found by the keys that they are in the order of.

How a block is read is the business of whoever took it out of the snapshot, what its rows mean of whoever asks for them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from operator import lt
from typing import Any, Generic, NamedTuple, Protocol, TypeVar


class RowsLater(NamedTuple):
    """A block of rows that stands where its rows would.

    Attributes
    ----------
    number
        How many they are.
    column
        Returns what all of them have in one field.
    read
        Returns them.
    """

    number: int
    column: Callable[[str], Sequence[Any]]
    read: Callable[[], Sequence[Any]]


class _Ordered(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...


_K = TypeVar("_K", bound=_Ordered)


class UnreadRows(Generic[_K]):
    """Blocks that have yet to be read; each is handed out once.

    Attributes
    ----------
    rows
        How many are left in them.
    in_order
        Whether all keys came in their order; if not, none may be looked for, and all have to be read.

    Examples
    --------
    >>> def block(*keys):
    ...     return RowsLater(len(keys), lambda name: keys, lambda: [f"row {key}" for key in keys])
    >>> unread = UnreadRows[str]()
    >>> for keys in ("ab", "bc", "ef"):
    ...     unread.add(keys, block(*keys))
    >>> [found.read() for found in unread.between("b", "b")], unread.rows
    ([['row a', 'row b'], ['row b', 'row c']], 2)
    >>> [found.read() for found in unread.all()], unread.rows
    ([['row e', 'row f']], 0)
    """

    def __init__(self) -> None:
        self.rows = 0
        self.in_order = True
        self._firsts: list[_K] = []
        self._last: _K | None = None
        self._blocks: list[RowsLater | None] = []

    def add(self, keys: Sequence[_K], block: RowsLater) -> None:
        """Keep a block, of whose rows these are the keys, after all others."""
        follows = self._last is None or not keys[0] < self._last
        self.in_order = self.in_order and follows and not any(map(lt, islice(keys, 1, None), keys))
        self._firsts.append(keys[0])
        self._last = keys[-1]
        self._blocks.append(block)
        self.rows += block.number

    def between(self, low: _K, high: _K) -> Iterator[RowsLater]:
        """Hand out the blocks in which there may be a key from `low` to `high`."""
        return self._taken(range(max(0, bisect_left(self._firsts, low) - 1), bisect_right(self._firsts, high)))

    def keys(self, name: str) -> Iterator[Any]:
        """Iterate over one field of all that are left, and leave them there."""
        return chain.from_iterable(block.column(name) for block in self._blocks if block is not None)

    def all(self) -> Iterator[RowsLater]:
        """Hand out all that are left, in their order."""
        yield from self._taken(range(len(self._blocks)))
        self._firsts, self._blocks = [], []

    def _taken(self, places: range) -> Iterator[RowsLater]:
        for place in places:
            block = self._blocks[place]
            if block is not None:
                self._blocks[place] = None
                self.rows -= block.number
                yield block


def restore_block(block: RowsLater, restore: Callable[[Any], None]) -> int:
    """Have each row of a block restored; return how many could not be, because it is too late for another snapshot."""
    lost = 0
    try:
        rows = block.read()
    except Exception:  # noqa: BLE001 - it may be wrong in any way
        return block.number
    for row in rows:
        try:
            restore(row)
        except Exception:  # noqa: BLE001 - likewise
            lost += 1
    return lost
