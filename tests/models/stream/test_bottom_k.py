"""What a bounded table keeps does not depend on the order of arrival, and tells how much there was."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.stream.bottom_k import BottomKSample

few = settings(max_examples=25, deadline=None)


def filled(keys: list[str], limit: int) -> BottomKSample[int]:
    table = BottomKSample[int](limit)
    for key in keys:
        if table.admits(key):
            table.put(key, len(key))
    return table


@few
@given(st.lists(st.text(max_size=6), max_size=40), st.integers(1, 6), st.randoms(use_true_random=False))
def test_the_sample_and_the_estimate_do_not_depend_on_order(keys: list[str], limit: int, random: Any) -> None:
    shuffled = keys[:]
    random.shuffle(shuffled)
    forth, back = filled(keys, limit), filled(shuffled, limit)
    assert forth.sample() == back.sample()
    assert forth.estimate(limit) == back.estimate(limit)
    assert sorted(forth.prune().entries) == sorted(back.prune().entries)


@few
@given(st.sets(st.text(max_size=6), max_size=40), st.integers(1, 6))
def test_every_key_is_kept_or_handed_back(keys: set[str], limit: int) -> None:
    table, gone = BottomKSample[str](limit), []
    for key in sorted(keys):
        gone += table.put(key, key) if table.admits(key) else [key]
        assert len(table.entries) < 2 * limit
    assert sorted([*gone, *table.entries]) == sorted(keys)


@few
@given(st.sets(st.text(max_size=6), max_size=10))
def test_below_the_limit_everything_is_exact(keys: set[str]) -> None:
    table = filled(sorted(keys), 10)
    assert table.sample().keys() == keys
    assert table.estimate(len(keys)) == len(keys)


@pytest.mark.parametrize("many", [1_000, 20_000])
def test_the_estimate_is_near_the_truth(many: int) -> None:
    table = filled([f"key {number}" for number in range(many)], 200)
    assert abs(table.estimate(len(table.sample())) - many) < 0.3 * many
