"""Open buckets out of a snapshot: operations and cells, of which those of an identity are read when it is touched.

Of very many identities that are active in every hour, they are most of what a restart would have to read. What is done
with them is left to `buckets`.
"""

from sys import intern
from typing import Any

from models.stream.drafts import ActorDraft, CellDraft
from models.stream.operations import Operation
from models.stream.rows import fields
from models.stream.steps import Steps
from models.stream.unread import RowsLater, UnreadRows, restore_block


class Restoring:
    """Rows of operations and cells, on their way into what is held open.

    Parameters
    ----------
    operations
        By key, to be filled.
    opened
        Cells by bucket and identity, to be filled.
    most_actions, most_operations
        Bounds on one identity's bucket, and on one cell.

    Attributes
    ----------
    lost
        Rows that could not be read when they were asked for; it is too late for an older snapshot then.
    """

    def __init__(
        self,
        operations: dict[str, Operation],
        opened: dict[int, dict[str, ActorDraft]],
        most_actions: int,
        most_operations: int,
    ) -> None:
        self.lost = 0
        self._held = operations
        self._open = opened
        self._most_actions = most_actions
        self._most_operations = most_operations
        self._operations = UnreadRows[str]()
        self._cells = UnreadRows[tuple[int, str]]()
        self._numbers: set[int] = set()

    @property
    def pending(self) -> bool:
        """Whether anything has yet to be read."""
        return bool(self._operations.rows or self._cells.rows)

    @property
    def in_order(self) -> bool:
        """Whether an identity can be found among what has yet to be read; else all has to be read first."""
        return self._operations.in_order and self._cells.in_order

    @property
    def operations(self) -> int:
        """How many operations have yet to be read."""
        return self._operations.rows

    @property
    def numbers(self) -> set[int]:
        """Buckets of which cells may have yet to be read."""
        return self._numbers if self._cells.rows else set()

    def take_operations(self, row: Any) -> None:
        """Take in the row of an operation, or a block of them."""
        if type(row) is RowsLater:
            self._operations.add(row.column("key"), row)
        else:
            self._restore_operation(row)

    def take_cells(self, row: Any) -> None:
        """Take in the row of a cell, or a block of them; all operations have come before."""
        if type(row) is RowsLater:
            numbers = row.column("bucket")
            self._cells.add(list(zip(numbers, row.column("actor"), strict=True)), row)
            self._numbers.update(numbers)
        else:
            self._restore_cell(row)

    def read(self, actor: str) -> None:
        """Restore whatever there is of an identity."""
        self._read_operations(actor)
        for number in self.numbers:
            for block in self._cells.between((number, actor), (number, actor)):
                self.lost += restore_block(block, self._restore_cell)

    def read_steps(self) -> Steps[None]:
        """Restore all that is left, a block a step."""
        for block in self._operations.all():
            self.lost += restore_block(block, self._restore_operation)
            yield
        for block in self._cells.all():
            self.lost += restore_block(block, self._restore_cell)
            yield

    def _read_operations(self, actor: str) -> None:
        if self._operations.rows:
            # A key is the identity's, a separator and more; what follows the separator ends them all.
            for block in self._operations.between(f"{actor}\x1f", f"{actor}\x20"):
                self.lost += restore_block(block, self._restore_operation)

    def _restore_operation(self, row: Any) -> None:
        operation = Operation.from_row(row)
        self._held[operation.key] = operation

    def _restore_cell(self, row: Any) -> None:
        number, actor, threshold, action, draft = fields("cell", row, "bucket", "actor", "threshold", "action", "draft")
        self._read_operations(actor)
        cell = CellDraft.from_row(draft, self._most_operations, self._held)
        actors = self._open.setdefault(number, {})
        cells = actors.get(actor)
        if cells is None:
            cells = actors[intern(actor)] = ActorDraft(self._most_actions)
        cells.threshold = threshold
        cells.entries[action] = cell
