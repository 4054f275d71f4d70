import json
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from models.statistics.keyed import Keyed
from models.statistics.lessons import Lessons
from models.statistics.user_days import UserDayState
from models.stream.rows import fields


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
)
def test_states_that_are_restored_when_they_are_asked_for_are_no_others(
    asked: list[tuple[str, int]], limit: int
) -> None:
    before = Keyed(40, UserDayState)
    for hour in range(12):
        before.touch(f"k{hour:02}").last_hours = hour % 5
    head, *rows = before.dump()
    at_once, later = Keyed(limit, UserDayState), Keyed(limit, UserDayState)
    at_once.load([head, *rows])
    states = [fields("identity", row, "id", "state") for row in rows]
    later.load(
        [head, rows[0], {"id": [key for key, _ in states[1:]], "state": [partial(dict, one) for _, one in states[1:]]}]
    )
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


def test_states_that_cannot_be_restored_make_room_enough() -> None:
    store, row = Keyed(8, UserDayState), UserDayState().row
    states = [row if number % 2 else dict for number in range(8)]
    store.load([{"evicted": 0, "evicted_values": 0}, {"id": [f"k{number}" for number in range(8)], "state": states}])
    assert store.make_room("new") == ()
    assert sorted(store.keys()) == ["k1", "k3", "k5", "k7"]
    assert store.evicted == 4


def test_a_state_that_cannot_be_restored_when_it_is_asked_for_is_forgotten_and_counted() -> None:
    store = Keyed(5, UserDayState)
    store.load([{"evicted": 3, "evicted_values": 0}, {"id": ["ann", "bob"], "state": [dict, UserDayState().row]}])
    assert len(store) == 2
    assert store.get("ann") is None
    assert store.get("bob") is not None
    assert (len(store), store.evicted) == (1, 4)
    assert list(store.keys()) == ["bob"]
