"""One identity's cells while their bucket is open: operations so far, and their sum until something is added.

Knows one identity in one bucket. Which bucket an operation belongs to is decided outside.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from models.stream.bottom_k import HASHES, BottomKSample
from models.stream.cells import ActorBucket, Cell
from models.stream.events import ActivityEvent, Actor, ActorKind, Outcome, display_name
from models.stream.json_value import Json
from models.stream.operations import ATTEMPTED, DENIED, FAILED, SUCCEEDED, Operation, bit
from models.stream.rows import fields
from models.stream.windows import Bucket

SAMPLE = 3
_FLAGS = (ATTEMPTED, SUCCEEDED, FAILED, DENIED)  # in the order of a cell's counts
_TIME_THEN_ACTION = itemgetter(Cell._fields.index("first_time"), Cell._fields.index("action"))
DISTINCT = 16
NO_WITNESSES: Mapping[Outcome, ActivityEvent] = {}


class CellDraft(BottomKSample[Operation]):
    """Operations that begin or end in this cell, by their key; beyond the bound a sample, with one witness an outcome.

    Parameters
    ----------
    limit
        Operations kept.

    Attributes
    ----------
    witnesses
        Of operations beyond the bound, the earliest record of each outcome.
    summed
        What `cell` gave last; None once the draft, or an operation in it, has changed.
    """

    __slots__ = ("summed", "witnesses")

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.witnesses: Mapping[Outcome, ActivityEvent] = NO_WITNESSES
        self.summed: Cell | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is left in it."""
        return not self.entries and not self.witnesses

    def add(self, operation: Operation, number: int) -> list[Operation]:
        """Add an operation; returns those that are no longer held because there are too many."""
        self.summed = None
        if not self.admits(operation.key):
            self.fold(operation, number)
            return []
        pruned = self.put(operation.key, operation)
        for one in pruned:
            self.fold(one, number)
        return pruned

    def fold(self, operation: Operation, number: int) -> None:
        """Remember of an operation beyond the bound only what must not be lost: that there was such an outcome."""
        if operation.begun_at == number:
            self._witness(Outcome.STARTED, operation.first)
        if operation.end is not None and operation.ended_at == number:
            self._witness(operation.end.outcome, operation.end)

    def _witness(self, outcome: Outcome, event: ActivityEvent) -> None:
        known = self.witnesses.get(outcome)
        self.witnesses = {**self.witnesses, outcome: event if known is None else min(known, event)}

    def flags(self, number: int) -> int:
        """Return what has been seen in bucket `number`, as the flags of `models.stream.operations`."""
        flags = 0
        for operation in self.entries.values():
            if operation.begun_at == number:
                flags |= ATTEMPTED
            if operation.end is not None and operation.ended_at == number:
                flags |= bit(operation.end.outcome)
        for outcome in self.witnesses:
            flags |= bit(outcome)
        return flags

    def _view(self, number: int) -> tuple[Collection[Operation], Mapping[Outcome, ActivityEvent]]:
        """Return the operations to count and the witnesses of all others, the same whatever the order of arrival."""
        kept = self.sample()
        if len(kept) == len(self.entries):
            return kept.values(), self.witnesses
        rest = CellDraft(self.limit)
        rest.witnesses = self.witnesses
        for key, operation in self.entries.items():
            if key not in kept:
                rest.fold(operation, number)
        return kept.values(), rest.witnesses

    def cell(self, action: str, number: int, *, late: bool, known: int) -> Cell:
        """Sum up bucket `number`; `known` are flags already learnt, which are left out of the counts."""
        operations, witnesses = self._view(number)
        counts, events = _unlearnt(operations, number)
        if witnesses or self.threshold != HASHES:
            counts = self._estimated(witnesses, counts)
            events = list({*events, *witnesses.values()})
        if known:
            counts = [0 if known & flag else count for flag, count in zip(_FLAGS, counts, strict=True)]
        first = events[0]
        name = first.action_name
        if len(events) > 1:
            first = min(events)
            events.sort(key=_most_telling_first)
            names = {event.action_name for event in events}
            if len(names) > 1:
                name = display_name(*names)
        addresses = _distinct({event.address for event in events})
        scopes = _distinct({event.scope for event in events})
        attempts, successes, failures, denials = counts
        return Cell(
            action,
            name,
            first.time,
            attempts,
            successes,
            failures,
            denials,
            addresses,
            scopes,
            tuple(events[:SAMPLE]),
            late,
        )

    def _estimated(self, witnesses: Mapping[Outcome, ActivityEvent], counts: Sequence[int]) -> list[int]:
        """Extrapolate counts of the sampled operations to all of them; what was witnessed happened at least once."""
        estimate = self.estimate
        return [max(estimate(kept), int(outcome in witnesses)) for outcome, kept in zip(Outcome, counts, strict=True)]

    def row(self) -> dict[str, Json]:
        """Plain data for a snapshot."""
        return {
            "threshold": self.threshold,
            "operations": list[Json](self.entries),
            "witnesses": {str(int(outcome)): event.row() for outcome, event in sorted(self.witnesses.items())},
        }

    @classmethod
    def from_row(cls, row: Any, limit: int, operations: Mapping[str, Operation]) -> "CellDraft":
        """Restore what `row` gave, with the operations restored before it."""
        threshold, kept, witnesses = fields("draft", row, "threshold", "operations", "witnesses")
        draft = cls(limit)
        draft.threshold = threshold
        draft.entries = {key: operations[key] for key in kept}
        if witnesses:
            draft.witnesses = {Outcome(int(key)): ActivityEvent.from_row(event) for key, event in witnesses.items()}
        return draft


class ActorDraft(BottomKSample[CellDraft]):
    """All cells of one identity in one bucket, by action.

    Attributes
    ----------
    assembled
        What they came to last; None once a cell has changed.
    """

    __slots__ = ("assembled",)

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.assembled: ActorBucket | None = None

    def changed(self, action: str) -> None:
        """Note that the cell of `action` is about to change, or an operation in it."""
        self.assembled = None
        draft = self.entries.get(action)
        if draft is not None:
            draft.summed = None

    def assemble(self, bucket: Bucket, number: int, learnt: Mapping[str, int] | None) -> ActorBucket | None:
        """Sum up, or return None when there is nothing to say; remembered until something changes.

        `learnt` are the flags of a closed bucket by action, None while it is open.
        """
        cells = []
        for action, draft in self.sample().items():
            cell = draft.summed
            if cell is None:
                known = learnt.get(action, 0) if learnt else 0
                cell = draft.summed = draft.cell(action, number, late=learnt is not None, known=known)
            if cell.attempts or cell.successes or cell.failures or cell.denials:
                cells.append(cell)
        cells.sort(key=_TIME_THEN_ACTION)
        seen = self.assembled = ActorBucket(_whose(cells), bucket, tuple(cells)) if cells else None
        return seen


def _unlearnt(operations: Iterable[Operation], number: int) -> tuple[list[int], list[ActivityEvent]]:
    """Return what bucket `number` has yet to teach: counts by outcome (attempts as STARTED), and the records of it."""
    counts = [0, 0, 0, 0]
    events = []
    for operation in operations:
        first, end = operation.first, operation.end
        if operation.begun_at == number and not operation.attempt_learnt:
            counts[Outcome.STARTED] += 1
            events.append(first)
            if end is first and not operation.end_learnt:
                end = None  # one record that tells both is one piece of evidence
                counts[first.outcome] += 1
        if end is not None and operation.ended_at == number and not operation.end_learnt:
            counts[end.outcome] += 1
            events.append(end)
    return counts, events


def _most_telling_first(event: ActivityEvent) -> tuple[int, ActivityEvent]:
    return -event.outcome, event


def _distinct(values: set[str]) -> tuple[str, ...]:
    """Sort what is not empty, bounded; mostly there is one."""
    values.discard("")
    return _one(*values) if len(values) < 2 else tuple(sorted(values)[:DISTINCT])


@lru_cache(maxsize=4_096)
def _one(*value: str) -> tuple[str, ...]:
    """Return the very same tuple for whoever acts from one place."""
    return value


def _whose(cells: Sequence[Cell]) -> Actor:
    """Return the most telling form of their one identity: some records have its name and kind, some only its id."""
    actor = cells[0].sample[0].actor
    for cell in cells:
        for event in cell.sample:
            if event.actor is not actor:
                return max({event.actor for cell in cells for event in cell.sample}, key=_how_telling)
    return actor


def _how_telling(actor: Actor) -> tuple[bool, bool, str]:
    return actor.kind is not ActorKind.UNKNOWN, actor.name not in actor.id, actor.name
