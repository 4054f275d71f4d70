"""Which cells were closed lately, and with which outcomes: it tells a record that comes late from one that comes twice.

Of very many identities it is the largest table, and hardly ever asked: a cell takes four bytes. What is done with a
record that comes late is left to `buckets`.
"""

from array import array
from collections.abc import Iterator, Mapping
from sys import intern
from typing import Any

from models.stream.json_value import Json
from models.stream.rows import fields
from models.stream.steps import Steps, finish
from models.stream.unread import RowsLater, UnreadRows, restore_block

TOGETHER = 8  # buckets whose cells stand together: an identity then has one entry for all of them
# Three bits say which bucket, twenty-five which action, four which outcomes.
_PLACE_SHIFT, _ACTION_SHIFT, _FLAGS = 29, 4, 15
_CELLS = "I"  # of at least four bytes, on every machine that Python runs on


class _Block:
    """The cells of some buckets: numbers of actions, and for each identity its cells."""

    __slots__ = ("actions", "cells", "numbers")

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.actions: list[str] = []
        self.cells: dict[str, bytes] = {}

    def number(self, action: str) -> int:
        number = self.numbers.get(action)
        if number is None:
            number = self.numbers[action] = len(self.actions)
            self.actions.append(action)
        return number


class ClosedCells:
    """Flags of `models.stream.operations` for each bucket, identity and action.

    Attributes
    ----------
    lost
        Rows that were loaded, and could not be read when they were asked for.

    Examples
    --------
    >>> closed = ClosedCells()
    >>> closed.add(490_000, "t/ann", {"web/write": 3})
    >>> closed.add(490_000, "t/ann", {"web/write": 4, "web/read": 1}, again=True)
    >>> closed.of(490_000, "t/ann")
    {'web/write': 7, 'web/read': 1}
    >>> closed.forget(490_001)
    >>> closed.of(490_000, "t/ann")
    {}
    """

    def __init__(self) -> None:
        self._blocks: dict[int, _Block] = {}
        self.lost = 0
        self._oldest = 0
        self._unread = UnreadRows[tuple[int, str]]()

    @property
    def in_order(self) -> bool:
        """Whether an identity can be found among what has yet to be read; else all has to be read first."""
        return self._unread.in_order

    def add(self, bucket: int, actor: str, flags: Mapping[str, int], *, again: bool = False) -> None:
        """Remember cells of an identity's bucket; where that may have some already, `again` joins the flags of both."""
        if self._unread.rows:
            self._read(bucket, actor)
        self._add(bucket, actor, flags, again=again)

    def _add(self, bucket: int, actor: str, flags: Mapping[str, int], *, again: bool) -> None:
        if not flags:
            return
        number, place = divmod(bucket, TOGETHER)
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = _Block()
        number_of, high = block.number, place << _PLACE_SHIFT
        cells = array(_CELLS, [high | number_of(action) << _ACTION_SHIFT | bits for action, bits in flags.items()])
        before = block.cells.get(actor)
        if before is None:
            block.cells[actor] = cells.tobytes()
        elif again:
            block.cells[actor] = _joined(array(_CELLS, before), cells).tobytes()
        else:
            block.cells[actor] = before + cells.tobytes()

    def of(self, bucket: int, actor: str) -> dict[str, int]:
        """Return the actions of an identity's bucket with their flags."""
        if bucket < self._oldest:
            return {}
        if self._unread.rows:
            self._read(bucket, actor)
        number, place = divmod(bucket, TOGETHER)
        block = self._blocks.get(number)
        return _decoded(block, actor).get(place, {}) if block is not None else {}

    def forget(self, oldest: int) -> None:
        """Forget the buckets before `oldest`."""
        self._oldest = oldest
        for number in [number for number in self._blocks if (number + 1) * TOGETHER <= oldest]:
            del self._blocks[number]

    def dump(self) -> Iterator[Json]:
        """Yield a row for each identity and bucket, in a stable order; reads at once what was to be read later."""
        finish(self.restore_steps())
        for number, block in sorted(self._blocks.items()):
            first = max(0, self._oldest - number * TOGETHER)
            for actor in sorted(block.cells):
                for place, actions in sorted(_decoded(block, actor).items()):
                    if place >= first:
                        bucket = number * TOGETHER + place
                        yield {"bucket": bucket, "actor": actor, "actions": dict[str, Json](sorted(actions.items()))}

    def take(self, row: Any) -> None:
        """Take in a row that `dump` gave, or a block of them, which is then read when it is asked for."""
        if type(row) is RowsLater:
            numbers = [bucket // TOGETHER for bucket in row.column("bucket")]
            self._unread.add(list(zip(numbers, row.column("actor"), strict=True)), row)
        else:
            self._restore(row)

    def restore_steps(self) -> Steps[None]:
        """Read what has not been asked for yet, a block a step."""
        for block in self._unread.all():
            self.lost += restore_block(block, self._restore)
            yield

    def _read(self, bucket: int, actor: str) -> None:
        key = bucket // TOGETHER, actor
        for block in self._unread.between(key, key):
            self.lost += restore_block(block, self._restore)

    def _restore(self, row: Any) -> None:
        bucket, actor, actions = fields("closed", row, "bucket", "actor", "actions")
        if bucket >= self._oldest:
            self._add(bucket, intern(actor), {intern(name): flags for name, flags in actions.items()}, again=False)


def _joined(before: "array[int]", cells: "array[int]") -> "array[int]":
    """Return cells with others: flags of the same one are joined."""
    known = {cell & ~_FLAGS: cell & _FLAGS for cell in before}
    for cell in cells:
        known[cell & ~_FLAGS] = known.get(cell & ~_FLAGS, 0) | (cell & _FLAGS)
    return array(_CELLS, [key | flags for key, flags in known.items()])


def _decoded(block: _Block, actor: str) -> dict[int, dict[str, int]]:
    """Return an identity's actions with their flags, by the place of their bucket in the block."""
    found: dict[int, dict[str, int]] = {}
    for cell in array(_CELLS, block.cells.get(actor, b"")):
        action = block.actions[(cell & ((1 << _PLACE_SHIFT) - 1)) >> _ACTION_SHIFT]
        found.setdefault(cell >> _PLACE_SHIFT, {})[action] = cell & _FLAGS
    return found
