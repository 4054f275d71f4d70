from hypothesis import given
from hypothesis import strategies as st

from models.statistics.keyed import Keyed


class Seen:
    def __init__(self) -> None:
        self.last_hours = 0.0


@given(keys=st.lists(st.text(max_size=2), max_size=200), limit=st.integers(1, 20))
def test_never_holds_more_than_its_limit_and_counts_what_it_forgot(keys: list[str], limit: int) -> None:
    forgotten: list[str] = []
    store = Keyed(limit, Seen, lambda key, state: forgotten.append(key))
    made = 0
    for hour, key in enumerate(keys):
        made += store.get(key) is None
        store.touch(key).last_hours = hour
        assert store.get(key) is not None
        assert len(store) <= limit
    assert store.evicted == len(forgotten) == made - len(store)


def test_forgets_whoever_has_been_silent_longest() -> None:
    store = Keyed(16, Seen)
    for hour in range(16):
        store.touch(f"k{hour:02}").last_hours = hour
    store.touch("k00").last_hours = 99.0
    store.touch("new")
    assert store.get("k00") is not None
    assert store.get("k01") is None
    assert store.get("k02") is None
    assert store.get("k03") is not None


def test_lists_its_keys_in_order_and_forgets_them_all_when_cleared() -> None:
    store = Keyed(5, Seen)
    for key in "cab":
        store.touch(key)
    assert [key for key, _ in store.sorted_items()] == ["a", "b", "c"]
    store.clear()
    assert list(store.keys()) == []
