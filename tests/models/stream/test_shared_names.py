"""Records with the name of one operation and several actions: Azure sends none, a collision of hashes would."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from models.stream.buckets import Limits
from models.stream.events import ActivityEvent, Actor
from tests.models.stream.test_buckets import (
    DAY,
    NARROW,
    START,
    cells,
    closed,
    fed,
    few,
    opened,
    operations,
    through_json,
)


@st.composite
def renamed(draw: st.DrawFn) -> list[ActivityEvent]:
    """Records that share the name of an operation, and not its action, as no records of Azure do."""
    return [
        one._replace(action=(action := f"a/{draw(st.integers(1, 3))}"), action_name=action.upper())
        for one in draw(operations(longest=90))
    ]


@few
@given(renamed(), st.randoms(use_true_random=False), st.integers(0, 30))
def test_records_of_one_name_and_several_actions_are_an_operation_of_the_earliest_ones(
    events: list[ActivityEvent], random: Any, cut: int
) -> None:
    again = events + events[:cut]
    random.shuffle(again)
    found = closed(fed(events))
    assert found == closed(fed(again))
    buckets = fed(again[:cut])
    list(buckets.peek(START))
    buckets = through_json(buckets)
    for one in again[cut:]:
        buckets.observe(one)
    assert list(buckets.peek(START)) == found
    assert closed(buckets) == found
    first: dict[tuple[Actor, str], ActivityEvent] = {}
    for one in sorted(events, reverse=True):
        first[one.actor, one.operation] = one
    assert {cell.action for cell in cells(found)} == {one.action for one in first.values()}


@few
@given(renamed(), st.lists(st.integers(0, 180), max_size=3), st.sampled_from([Limits(), NARROW]))
def test_nor_do_they_end_what_judges_them_when_buckets_close_in_between(
    events: list[ActivityEvent], closes: list[int], limits: Limits
) -> None:
    buckets = opened(limits)
    for at, one in enumerate(events):
        buckets.observe(one)
        list(buckets.peek(START))
        if at < len(closes):
            closed(buckets, START + timedelta(minutes=closes[at]))
    closed(buckets)
    closed(buckets, START + 3 * DAY)
    assert buckets.held() == 0
