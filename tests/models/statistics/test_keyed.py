import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.statistics.keyed import Keyed
from models.statistics.lessons import Lessons
from models.statistics.user_days import UserDayState
from models.stream.rows import UnexpectedRow, fields
from models.stream.unread import RowsLater


def block(keys: Sequence[Any], states: Sequence[Any]) -> RowsLater:
    """Return what stands for rows in a snapshot; it is damaged where there are not as many states."""

    def column(name: str) -> Sequence[Any]:
        if name == "state" and len(states) != len(keys):
            raise ValueError("damaged")
        return {"id": keys, "state": states}[name]

    return RowsLater(
        len(keys), column, lambda: [{"id": key, "state": state} for key, state in zip(keys, states, strict=True)]
    )


@given(keys=st.lists(st.text(max_size=2), max_size=200), limit=st.integers(1, 20))
def test_never_holds_more_than_its_limit_and_says_whom_it_forgot(keys: list[str], limit: int) -> None:
    store, lessons = Keyed(limit, UserDayState), Lessons(0.0)
    forgotten = made = 0
    for hour, key in enumerate(keys):
        made += store.get(key) is None
        evicted = store.make_room(key, lessons)
        assert all(store.get(gone) is None for gone, _ in evicted)
        forgotten += len(evicted)
        store.touch(key, lessons).last_hours = hour
        assert store.get(key) is not None
        assert len(store) <= limit
    assert store.evicted == forgotten == made - len(store)
    assert lessons.identities == len(store)


def test_room_is_made_also_for_who_does_not_ask_whom_it_costs() -> None:
    store, lessons = Keyed(4, UserDayState), Lessons(0.0)
    for number in range(50):
        store.touch(str(number), lessons).last_hours = number
    assert len(store) == lessons.identities == 4


def test_what_was_saved_under_a_higher_limit_is_kept_until_somebody_new_comes() -> None:
    large, small = Keyed(40, UserDayState), Keyed(8, UserDayState)
    for hour in range(40):
        large.touch(f"k{hour:02}").last_hours = hour
    small.load(json.loads(json.dumps(list(large.dump()))))
    assert len(small) == 40
    assert small.make_room("k39") == ()
    evicted = small.make_room("new")
    assert [key for key, _ in evicted] == [f"k{hour:02}" for hour in range(33)]
    assert len(small) == 7


def test_forgets_whoever_has_been_silent_longest() -> None:
    store = Keyed(16, UserDayState)
    for hour in range(16):
        store.touch(f"k{hour:02}").last_hours = hour
    store.touch("k00").last_hours = 99.0
    store.touch("new")
    assert store.get("k00") is not None
    assert store.get("k01") is None
    assert store.get("k02") is None
    assert store.get("k03") is not None


def test_lists_its_keys_in_order_and_is_emptied_by_no_rows() -> None:
    store = Keyed(5, UserDayState)
    for key in "cab":
        store.touch(key)
    assert [key for key, _ in store.sorted_items()] == ["a", "b", "c"]
    store.load([])
    assert list(store.keys()) == []


@given(
    asked=st.lists(st.tuples(st.sampled_from(["get", "touch", "make_room"]), st.integers(0, 15)), max_size=30),
    limit=st.integers(1, 20),
    together=st.integers(1, 6),
    in_order=st.booleans(),
)
def test_states_that_are_restored_when_they_are_asked_for_are_no_others(
    asked: list[tuple[str, int]], limit: int, together: int, in_order: bool
) -> None:
    before = Keyed(40, UserDayState)
    for hour in range(12):
        before.touch(f"k{hour:02}").last_hours = hour % 5
    head, *rows = before.dump()
    at_once, later = Keyed(limit, UserDayState), Keyed(limit, UserDayState)
    at_once.load([head, *rows])
    later.load([head, rows[0], *blocks(rows[1:] if in_order else rows[:0:-1], together)])
    for hour, (what, number) in enumerate(asked):
        found = [getattr(store, what)(f"k{number:02}") for store in (at_once, later)]
        assert len(at_once) == len(later)
        if what == "make_room":
            assert [key for key, _ in found[0]] == [key for key, _ in found[1]]
        elif what == "touch":
            for state in found:
                state.last_hours = 20.0 + hour
        else:
            assert (found[0] is None) == (found[1] is None)
    assert sorted(at_once.keys()) == sorted(later.keys())
    assert list(at_once.dump()) == list(later.dump())


def blocks(rows: Sequence[Any], together: int) -> Iterator[RowsLater]:
    """Yield blocks of so many rows."""
    for begin in range(0, len(rows), together):
        some = [fields("identity", row, "id", "state") for row in rows[begin : begin + together]]
        yield block([key for key, _ in some], [state for _, state in some])


HEAD = {"evicted": 3, "evicted_values": 0}


def test_a_block_is_unpacked_when_one_of_its_identities_is_asked_for() -> None:
    store, unpacked = Keyed(9, UserDayState), list[str]()

    def of(*keys: str) -> RowsLater:
        whole = block(keys, [UserDayState().row()] * len(keys))

        def column(name: str) -> Sequence[Any]:
            unpacked.extend(keys if name == "state" else ())
            return whole.column(name)

        return whole._replace(column=column)

    store.load([HEAD, of("ann", "bob"), of("eve", "fay"), of("gil", "hal")])
    assert (len(store), sorted(store.keys())) == (6, ["ann", "bob", "eve", "fay", "gil", "hal"])
    assert store.get("bob") is not None
    assert store.get("bill") is None
    assert unpacked == ["ann", "bob"]
    assert store.get("gil") is not None
    assert "hal" in unpacked


def test_states_that_cannot_be_restored_make_room_enough() -> None:
    store, row = Keyed(8, UserDayState), UserDayState().row()
    keys = [f"k{number}" for number in range(8)]
    store.load([HEAD, block(keys, [row if number % 2 else {} for number in range(8)])])
    assert store.make_room("new") == ()
    assert sorted(store.keys()) == ["k1", "k3", "k5", "k7"]
    assert store.evicted == 7


def test_a_state_that_cannot_be_restored_when_it_is_asked_for_is_forgotten_and_counted() -> None:
    store = Keyed(5, UserDayState)
    store.load([HEAD, block(["ann", "bob"], [{}, UserDayState().row()])])
    assert len(store) == 2
    assert store.get("ann") is None
    assert store.get("bob") is not None
    assert (len(store), store.evicted) == (1, 4)
    assert list(store.keys()) == ["bob"]


def test_of_a_block_that_cannot_be_unpacked_all_are_forgotten_and_counted() -> None:
    store = Keyed(5, UserDayState)
    store.load([HEAD, block(["ann", "bob"], []), block(["eve"], [UserDayState().row()])])
    assert store.get("ann") is None
    assert (len(store), store.evicted) == (1, 5)
    assert [key for key, _ in store.sorted_items()] == ["eve"]


def test_who_is_in_a_snapshot_twice_is_held_once() -> None:
    store, row = Keyed(5, UserDayState), UserDayState().row()
    store.load([HEAD, {"id": "ann", "state": row}, block(["ann", "ann", "bob"], [row] * 3)])
    assert [key for key, _ in store.sorted_items()] == ["ann", "bob"]
    assert len(store) == 2


def test_ids_that_are_no_text_are_refused_at_once() -> None:
    with pytest.raises(UnexpectedRow, match="an id should be a text"):
        Keyed(5, UserDayState).load([HEAD, block([1, 2], [{}, {}])])
