"""Lessons are sums: the same in whatever parts and order they are added up, and after a journey as JSON."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.statistics.lessons import Lessons
from models.stream.rows import UnexpectedRow

ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["by_name", "by_number", "marks", "identities"]),
        st.sampled_from(["backoff", "novelty"]),
        st.sampled_from(["human", "guest"]),
        st.integers(0, 3),
        st.integers(-2, 2),
    ),
    max_size=40,
)
Entry = tuple[str, str, str, int, int]


def collected(entries: list[Entry]) -> Lessons:
    lessons = Lessons(7.0)
    for table, part, group, key, count in entries:
        match table:
            case "by_name":
                lessons.by_name[part][group][f"a/{key}"] += count
            case "by_number":
                lessons.by_number[part][group][key] += count
            case "marks":
                lessons.marks[part][group][f"a/{key}"] |= 1 << 20 * key + count + 2
            case _:
                lessons.identities += count
    return lessons


@given(entries=ENTRIES, seed=st.integers(), parts=st.integers(1, 4))
def test_parts_add_up_to_the_whole_in_any_order(entries: list[Entry], seed: int, parts: int) -> None:
    rng, shares = random.Random(seed), [list[Entry]() for _ in range(parts)]
    for entry in entries:
        rng.choice(shares).append(entry)
    rng.shuffle(shares)
    whole = Lessons(7.0)
    for share in shares:
        whole.merge(Lessons.load(json.loads(json.dumps(collected(share).dump()))))
    assert json.dumps(whole.dump()) == json.dumps(collected(entries).dump())


def test_those_of_another_bucket_are_not_added() -> None:
    with pytest.raises(ValueError, match=r"hour 8\.0 cannot be added to those of hour 7\.0"):
        Lessons(7.0).merge(Lessons(8.0))


def test_a_field_that_nobody_would_read_is_refused() -> None:
    with pytest.raises(UnexpectedRow, match="lessons: unknown field 'floats'"):
        Lessons.load({**Lessons(7.0).dump(), "floats": {}})
