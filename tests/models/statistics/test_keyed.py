import json

from hypothesis import given
from hypothesis import strategies as st

from models.statistics.keyed import Keyed
from models.statistics.lessons import Lessons
from models.statistics.user_days import UserDayState


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
