"""Open buckets whose rows are read when they are touched do what those do that were read at once."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stream.buckets import Limits, OpenBuckets
from models.stream.events import ActivityEvent, Actor, ActorKind, Outcome
from models.stream.rows import UnexpectedRow
from models.stream.unread import RowsLater

BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
ACTORS = [Actor(f"t/{name}", f"{name}@example.com", ActorKind.HUMAN) for name in ("ann", "an", "ann b", "bob", "eve")]
Row = tuple[str, Any]

ACTIONS = ["a/read", "a/write", "b/delete"]
events = st.builds(
    lambda actor, minute, outcome, operation: ActivityEvent(
        *(BEGIN + minute * MINUTE, actor, ACTIONS[operation % 3], ACTIONS[operation % 3], outcome, f"op{operation}")
    ),
    *(st.sampled_from(ACTORS), st.integers(0, 300), st.sampled_from(list(Outcome)), st.integers(0, 12)),
)
moments = st.integers(0, 360).map(lambda minute: BEGIN + minute * MINUTE)
touches = st.one_of(
    st.tuples(st.just("observe"), events),
    st.tuples(st.just("observe"), events),
    st.tuples(st.just("close"), moments),
    st.tuples(st.just("peek"), moments),
    st.tuples(st.just("ripe"), moments),
    st.tuples(st.sampled_from(["held", "dump", "some"]), st.none()),
)


def empty() -> OpenBuckets:
    return OpenBuckets(HOUR, 3 * HOUR, Limits(actions=2, operations=2, unfinished=4))


def later(rows: Iterator[Row], together: int) -> Iterator[Row]:
    """Yield blocks of rows in their stead."""
    for table, tagged in groupby(rows, itemgetter(0)):
        found = [row for _, row in tagged]
        for start in range(0, len(found), together):
            block = found[start : start + together]
            yield table, RowsLater(len(block), partial(column, block), block.copy)


def column(rows: list[Any], name: str) -> list[Any]:
    return [row[name] for row in rows]


def do(buckets: OpenBuckets, touch: tuple[str, Any]) -> Any:
    kind, given = touch
    does: dict[str, Callable[[], Any]] = {
        "observe": lambda: buckets.observe(given),
        "close": lambda: list(buckets.close(given)),
        "peek": lambda: list(buckets.peek(given)),
        "ripe": lambda: buckets.ripe(given),
        "held": buckets.held,
        "dump": lambda: list(buckets.dump()),
        "some": lambda: next(buckets.restore_steps(), None),  # and the rest is left for later
    }
    return does[kind]()


@given(st.lists(touches, max_size=40), st.lists(touches, max_size=15), st.integers(1, 4))
def test_what_is_read_later_changes_nothing(before: list[Any], after: list[Any], together: int) -> None:
    first, at_once, by_and_by = empty(), empty(), empty()
    for touch in before:
        do(first, touch)
    rows = list(first.dump())
    at_once.load(rows)
    by_and_by.load(later(iter(rows), together))
    for touch in after:
        assert do(by_and_by, touch) == do(at_once, touch)
    assert list(by_and_by.dump()) == list(at_once.dump())
    assert by_and_by.evicted == at_once.evicted


def busy() -> list[Row]:
    buckets = empty()
    for number, actor in enumerate(ACTORS):
        for hour in range(2):
            time = BEGIN + hour * HOUR + number * MINUTE
            buckets.observe(ActivityEvent(time, actor, "a/read", "a/read", Outcome.STARTED, f"op{hour}"))
    list(buckets.close(BEGIN + HOUR))
    return list(buckets.dump())


def test_of_who_is_active_again_all_is_read_and_no_more_than_its_blocks() -> None:
    at_once, by_and_by = empty(), empty()
    at_once.load(busy())
    by_and_by.load(later(iter(busy()), 1))
    for hour in range(2):
        time = BEGIN + hour * HOUR + 30 * MINUTE
        event = ActivityEvent(time, ACTORS[0], "a/read", "a/read", Outcome.SUCCESS, f"op{hour}")
        assert by_and_by.observe(event) == at_once.observe(event)
    assert next(by_and_by.restore_steps(), "nothing left") is None
    assert list(by_and_by.dump()) == list(at_once.dump())


def test_rows_that_are_in_no_order_are_read_at_once() -> None:
    rows, found = busy(), empty()
    order = ["head", "operation", "cell", "unfinished", "closed"]
    shuffled = rows[::-1]
    shuffled.sort(key=lambda row: order.index(row[0]))
    found.load(later(iter(shuffled), 2))
    assert next(found.restore_steps(), "nothing left") == "nothing left"
    assert list(found.dump()) == rows


def test_a_block_that_is_damaged_is_counted_when_it_is_asked_for_and_the_others_serve() -> None:
    def fail() -> Any:
        raise ValueError("damaged")

    rows, found = list(later(iter(busy()), 1)), empty()
    for table in ("operation", "closed"):
        place = next(place for place, row in enumerate(rows) if row[0] == table)
        rows[place] = (table, rows[place][1]._replace(read=fail))
    found.load(rows)
    before = found.evicted
    kept = list(found.dump())
    assert 0 < len(kept) < len(busy())
    # The operation, the cell that holds it, and what was closed.
    assert found.evicted - before == 3


def test_a_table_that_nobody_knows_is_refused_also_as_a_block() -> None:
    with pytest.raises(UnexpectedRow, match="unknown table 'spell'"):
        empty().load([("spell", RowsLater(1, lambda name: [], lambda: [{}]))])
