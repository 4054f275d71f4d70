"""Records of one operation joined to one: a merge that does not care for order or repetition.

Azure sends two or three records an operation (begun, accepted, ended), on any partition, in any order, sometimes
twice. What an operation is known to be is therefore a maximum and a minimum over its records, nothing else.
"""

from enum import StrEnum
from typing import Any

from models.stream.events import ActivityEvent, Outcome
from models.stream.json_value import Json
from models.stream.rows import fields

ATTEMPTED, SUCCEEDED, FAILED, DENIED = 1, 2, 4, 8
_OPERATION, _CORRELATION = map(ActivityEvent._fields.index, ("operation", "correlation"))
_BIT = {Outcome.STARTED: ATTEMPTED, Outcome.SUCCESS: SUCCEEDED, Outcome.FAILURE: FAILED, Outcome.DENIED: DENIED}


class RecordResult(StrEnum):
    """What became of one record."""

    OPERATION = "operation"  # the first record of an operation
    RECORD = "record"  # a further record of one
    DUPLICATE = "duplicate"  # told nothing new
    LATE = "late"  # its bucket was closed; judged on its own
    TOO_LATE = "too_late"  # older than anything that is remembered
    SATURATED = "saturated"  # beyond the bound on one cell's operations or one identity's actions


def bit(outcome: Outcome) -> int:
    """Return the flag that stands for `outcome` in a cell's summary."""
    return _BIT[outcome]


class Operation:
    """One operation of one identity, as far as its records have arrived.

    Attributes
    ----------
    key
        Identity of the operation, unique over all identities.
    first
        Its earliest record; the bucket of its time is where the attempt counts.
    end
        The record that says how it ended, or None while it runs; the bucket of its time is where the end counts.
    begun_at, ended_at
        Bucket numbers of the two; `ended_at` is None while it runs.
    attempt_learnt, end_learnt
        Whether those buckets have been closed with it: what has been learnt no longer moves.
    """

    __slots__ = ("attempt_learnt", "begun_at", "end", "end_learnt", "ended_at", "first", "key")

    def __init__(self, key: str, event: ActivityEvent, number: int) -> None:
        self.key = key
        self.first = event
        self.begun_at = number
        self.end: ActivityEvent | None = None
        self.ended_at: int | None = None
        self.attempt_learnt = False
        self.end_learnt = False
        if event.outcome is not Outcome.STARTED:
            self.end, self.ended_at = event, number

    def merge(self, event: ActivityEvent, number: int) -> bool:
        """Take in another record, of bucket `number`; returns whether it told anything new."""
        earlier = event < self.first and not self.attempt_learnt
        ends = event.outcome is not Outcome.STARTED and not self.end_learnt and self._overrules(event)
        if earlier or ends:
            event = _sharing(event, self.first)
        if earlier:
            self.first, self.begun_at = event, number
        if ends:
            self.end, self.ended_at = event, number
        return earlier or ends

    def _overrules(self, event: ActivityEvent) -> bool:
        if self.end is None or event.outcome != self.end.outcome:
            return self.end is None or event.outcome > self.end.outcome
        return event < self.end

    def buckets(self) -> set[int]:
        """Return the numbers of the buckets that it still has to be learnt in."""
        numbers = set() if self.attempt_learnt else {self.begun_at}
        if self.ended_at is not None and not self.end_learnt:
            numbers.add(self.ended_at)
        return numbers

    def row(self) -> dict[str, Json]:
        """Plain data for a snapshot."""
        return {
            "key": self.key,
            "first": self.first.row(),
            "begun_at": self.begun_at,
            "end": None if self.end is None else self.end.row(),
            "ended_at": self.ended_at,
            "attempt_learnt": self.attempt_learnt,
            "end_learnt": self.end_learnt,
        }

    @classmethod
    def from_row(cls, row: Any) -> "Operation":
        """Restore what `row` gave."""
        names = ("key", "first", "begun_at", "end", "ended_at", "attempt_learnt", "end_learnt")
        key, first, begun_at, end, ended_at, attempt_learnt, end_learnt = fields("operation", row, *names)
        operation = cls(key, ActivityEvent.from_row(first), begun_at)
        if end is not None:
            # One record that tells both is one object, as it was.
            same = end == first
            operation.end = operation.first if same else _sharing(ActivityEvent.from_row(end), operation.first)
        operation.ended_at = ended_at
        operation.attempt_learnt, operation.end_learnt = bool(attempt_learnt), bool(end_learnt)
        return operation


def _sharing(event: ActivityEvent, other: ActivityEvent) -> ActivityEvent:
    """Return a record of the same operation, with the texts that are long and in no other operation held once."""
    correlation = other.correlation if other.correlation == event.correlation else event.correlation
    shared = (*event[:_OPERATION], other.operation, *event[_OPERATION + 1 : _CORRELATION], correlation)
    return tuple.__new__(ActivityEvent, shared)
