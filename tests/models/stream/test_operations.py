"""Joining the records of an operation is commutative, associative and idempotent."""

import itertools
import json
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from models.stream.events import ActivityEvent, Actor, ActorKind, Outcome
from models.stream.operations import Operation

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
ANN = Actor("t/ann", "ann@example.com", ActorKind.HUMAN)
few = settings(max_examples=25, deadline=None)


def record(minute: int, outcome: Outcome) -> tuple[ActivityEvent, int]:
    event = ActivityEvent(START + timedelta(minutes=minute), ANN, "a/write", "A/Write", outcome, "1")
    return event, minute // 10


records = st.lists(st.builds(record, st.integers(0, 40), st.sampled_from(Outcome)), min_size=1, max_size=4)


def joined(found: list[tuple[ActivityEvent, int]]) -> Operation:
    operation = Operation("key", *found[0])
    for event, number in found[1:]:
        operation.merge(event, number)
    return operation


@few
@given(records)
def test_any_order_gives_the_same_operation(found: list[tuple[ActivityEvent, int]]) -> None:
    rows = [joined(list(order)).row() for order in itertools.permutations(found)]
    assert all(row == rows[0] for row in rows)


@few
@given(records, st.data())
def test_a_repetition_tells_nothing_new(found: list[tuple[ActivityEvent, int]], data: st.DataObject) -> None:
    operation = joined(found)
    before = operation.row()
    assert not operation.merge(*data.draw(st.sampled_from(found)))
    assert operation.row() == before


@few
@given(records)
def test_it_is_where_its_first_record_and_its_gravest_end_are(found: list[tuple[ActivityEvent, int]]) -> None:
    operation = joined(found)
    assert operation.first == min(event for event, _ in found)
    ends = [event for event, _ in found if event.outcome is not Outcome.STARTED]
    assert operation.end == (min(ends, key=lambda end: (-end.outcome, end)) if ends else None)
    expected = {operation.begun_at} | ({operation.ended_at} if operation.ended_at is not None else set())
    assert operation.buckets() == expected


@few
@given(records, st.booleans(), st.booleans())
def test_what_has_been_learnt_no_longer_moves(found: list[tuple[ActivityEvent, int]], attempt: bool, end: bool) -> None:
    operation = joined(found)
    operation.attempt_learnt, operation.end_learnt = attempt, end and operation.end is not None
    first, last = operation.first, operation.end
    operation.merge(*record(-5, Outcome.DENIED))
    assert (operation.first == first) == attempt
    assert (operation.end == last) == (operation.end_learnt or last == operation.end)


@few
@given(records)
def test_it_comes_back_from_a_snapshot_as_it_was(found: list[tuple[ActivityEvent, int]]) -> None:
    operation = joined(found)
    restored = Operation.from_row(json.loads(json.dumps(operation.row())))
    assert restored.row() == operation.row()
    assert (restored.end is restored.first) == (operation.end is operation.first)


def test_the_records_of_an_operation_hold_once_what_is_long_and_theirs_alone() -> None:
    def text(*parts: str) -> str:
        return "-".join(parts)  # a new object each time, as a parser makes it

    (begun, number), (ended, _) = (
        (event._replace(operation=text("a", "1"), correlation=text("c", "1")), number)
        for event, number in (record(0, Outcome.STARTED), record(1, Outcome.SUCCESS))
    )
    assert begun.operation is not ended.operation
    operation = Operation("key", begun, number)
    assert operation.merge(ended, number)
    assert operation.end == ended
    assert operation.end is not None
    assert operation.end.operation is begun.operation
    assert operation.end.correlation is begun.correlation
