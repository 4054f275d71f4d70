"""The laws of open buckets: order, repetition and interruption change nothing, and memory has an end."""

import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.stream.buckets import Limits, OpenBuckets
from models.stream.cells import ActorBucket, Cell, Crowd
from models.stream.events import ActivityEvent, Actor, ActorKind, Outcome
from models.stream.operations import RecordResult

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
ANN = Actor("t/ann", "ann@example.com", ActorKind.HUMAN)
BOB = Actor("t/bob", "bob@example.com", ActorKind.HUMAN)
NARROW = Limits(actions=3, operations=2)
few = settings(max_examples=25, deadline=None)

Closed = list[tuple[list[ActorBucket], Crowd]]


def event(
    minute: float,
    outcome: Outcome = Outcome.STARTED,
    operation: str = "1",
    *,
    action: str = "a/write",
    actor: Actor = ANN,
    address: str = "",
    name: str = "",
) -> ActivityEvent:
    time = START + timedelta(minutes=minute)
    return ActivityEvent(time, actor, action, name or action.upper(), outcome, operation, address=address)


def opened(limits: Limits = Limits(), horizon: timedelta = DAY) -> OpenBuckets:  # noqa: B008 - immutable
    return OpenBuckets(HOUR, horizon, limits)


def fed(events: Sequence[ActivityEvent], limits: Limits = Limits()) -> OpenBuckets:  # noqa: B008 - immutable
    buckets = opened(limits)
    for one in events:
        buckets.observe(one)
    return buckets


def closed(buckets: OpenBuckets, until: datetime = START + DAY) -> Closed:
    return list(buckets.close(until))


def cells(found: Closed) -> list[Cell]:
    return [cell for group, _ in found for seen in group for cell in seen.cells]


def through_json(buckets: OpenBuckets, limits: Limits = Limits(), horizon: timedelta = DAY) -> OpenBuckets:  # noqa: B008 - immutable
    restored = opened(limits, horizon)
    restored.load((table, row) for table, row in json.loads(json.dumps(list(buckets.dump()))))
    return restored


@st.composite
def operations(
    draw: st.DrawFn, *, longest: int, most: int = 10, actions: int = 3, ends: int = 3
) -> list[ActivityEvent]:
    """Records of some operations: begun or ended, with up to `ends` ways of ending; `longest` in minutes."""
    found = []
    for number in range(draw(st.integers(1, most))):
        hour = draw(st.integers(0, 2))
        begins = hour * 60 + draw(st.integers(0, 59 - longest if longest < 60 else 59))
        actor, action = draw(st.sampled_from([ANN, BOB])), f"a/{draw(st.integers(1, actions))}"
        possible = [Outcome.STARTED, *draw(st.permutations(list(Outcome)[1:]))[:ends]]
        for outcome in draw(st.lists(st.sampled_from(possible), min_size=1, max_size=3)):
            minute = begins + draw(st.integers(0, longest))
            address = draw(st.sampled_from(["", "192.0.2.1", "192.0.2.2"]))
            name = draw(st.sampled_from([action.upper(), action.title(), action]))
            found.append(event(minute, outcome, f"op{number}", action=action, actor=actor, address=address, name=name))
    return found


@few
@given(operations(longest=90), st.randoms(use_true_random=False), st.data())
def test_neither_order_nor_repetition_changes_what_comes_out(
    events: list[ActivityEvent], random: Any, data: st.DataObject
) -> None:
    again = events + data.draw(st.lists(st.sampled_from(events), max_size=5))
    random.shuffle(again)
    assert closed(fed(events)) == closed(fed(again))


@pytest.mark.parametrize("names", list(itertools.permutations(["A/WRITE", "A/Write", "a/write"])))
def test_a_cell_is_shown_in_the_casing_that_tells_words_apart(names: tuple[str, ...]) -> None:
    events = [event(minute, operation=f"op{minute}", name=name) for minute, name in enumerate(names)]

    assert [cell.action_name for cell in cells(closed(fed(events)))] == ["A/Write"]


@few
@given(operations(longest=20, most=24, actions=9, ends=1), st.randoms(use_true_random=False), st.data())
def test_nor_does_it_beyond_the_bounds(events: list[ActivityEvent], random: Any, data: st.DataObject) -> None:
    again = events + data.draw(st.lists(st.sampled_from(events), max_size=5))
    random.shuffle(again)
    assert closed(fed(events, NARROW)) == closed(fed(again, NARROW))


@few
@given(operations(longest=90), st.integers(0, 30), st.sampled_from([Limits(), NARROW]))
def test_dump_load_continue_equals_continue(events: list[ActivityEvent], cut: int, limits: Limits) -> None:
    steady = fed(events[:cut], limits)
    resumed = through_json(steady, limits)
    between = START + timedelta(minutes=70)
    assert closed(resumed, between) == closed(steady, between)
    for one in events[cut:]:
        assert resumed.observe(one) is steady.observe(one)
    resumed = through_json(resumed, limits)
    assert closed(resumed) == closed(steady)
    assert list(resumed.dump()) == list(steady.dump())


@few
@given(operations(longest=90, most=16, actions=6), st.sampled_from([Limits(), NARROW]))
def test_peeking_sees_what_closing_would_give_and_changes_nothing(events: list[ActivityEvent], limits: Limits) -> None:
    buckets = fed(events, limits)
    before = json.dumps(list(buckets.dump()))
    seen = list(buckets.peek(START))
    assert json.dumps(list(buckets.dump())) == before
    assert list(buckets.peek(START)) == seen
    # An operation that ends in a later bucket is counted in both, so what is peeked at once is what closes in turn.
    assert seen == closed(buckets)


@few
@given(
    operations(longest=90, most=16, actions=6),
    st.sets(st.integers(0, 47)),
    st.sets(st.integers(0, 47), max_size=2),
    st.sampled_from([Limits(), NARROW]),
)
def test_who_has_peeked_before_sees_what_who_looks_for_the_first_time_does(
    events: list[ActivityEvent], peeks: set[int], closes: set[int], limits: Limits
) -> None:
    buckets = opened(limits)
    for at, one in enumerate(events):
        buckets.observe(one)
        if at in peeks:
            assert list(buckets.peek(START - DAY)) == list(through_json(buckets, limits).peek(START - DAY))
        if at in closes:
            until = START + timedelta(minutes=60 + at)
            newcomer = through_json(buckets, limits)
            assert closed(buckets, until) == closed(newcomer, until)
    assert closed(through_json(buckets, limits)) == closed(buckets)


def test_what_has_not_changed_is_the_same_object() -> None:
    buckets = fed([event(0), event(1, actor=BOB, operation="2")])
    [(before, crowd)] = buckets.peek(START)
    assert next(buckets.peek(START))[1] is crowd
    buckets.observe(event(2, Outcome.SUCCESS, "2", actor=BOB))
    [(after, _)] = buckets.peek(START)
    assert [new is old for new, old in zip(after, before, strict=True)] == [True, False]


@few
@given(operations(longest=90, most=24, actions=9), st.sampled_from([Limits(), NARROW]))
def test_nothing_is_held_for_ever(events: list[ActivityEvent], limits: Limits) -> None:
    buckets = fed(events, limits)
    closed(buckets)
    closed(buckets, START + 3 * DAY)
    assert buckets.held() == 0
    assert [table for table, _ in buckets.dump()] == ["head"]


def test_an_operation_that_both_of_its_buckets_had_no_room_for_is_forgotten() -> None:
    names = sorted((f"a/{number}" for number in range(7)), key=lambda name: crc32(name.encode()))
    spanning = [event(0, operation="long", action=names[-1]), event(60, Outcome.SUCCESS, "long", action=names[-1])]
    crowding = [event(minute, operation=f"{name} {minute}", action=name) for minute in (61, 1) for name in names[:-1]]
    buckets = fed(spanning + crowding, NARROW)
    held = {row["key"] for table, row in buckets.dump() if table == "operation" and isinstance(row, dict)}
    assert held
    assert f"{ANN.id}\x1flong" not in held


def test_records_of_one_operation_are_one_attempt_with_its_end() -> None:
    buckets = opened()
    assert buckets.observe(event(1, Outcome.SUCCESS)) is RecordResult.OPERATION
    assert buckets.observe(event(0)) is RecordResult.RECORD
    assert buckets.observe(event(0)) is RecordResult.DUPLICATE
    [cell] = cells(closed(buckets))
    assert (cell.attempts, cell.successes, cell.failures, cell.denials) == (1, 1, 0, 0)
    assert cell.first_time == START


def test_an_operation_moves_to_the_bucket_of_its_earliest_record() -> None:
    buckets = fed([event(65, Outcome.SUCCESS), event(59)])
    first, second = cells(closed(buckets))
    assert (first.first_time, first.attempts, first.successes) == (START + timedelta(minutes=59), 1, 0)
    assert (second.first_time, second.attempts, second.successes) == (START + timedelta(minutes=65), 0, 1)


def test_an_end_is_counted_where_it_falls_when_the_attempt_is_long_learnt() -> None:
    buckets = fed([event(0)])
    [attempt] = cells(closed(buckets, START + HOUR))
    assert (attempt.attempts, attempt.denials) == (1, 0)
    assert buckets.observe(event(125, Outcome.DENIED)) is RecordResult.RECORD
    [end] = cells(closed(buckets))
    assert (end.attempts, end.denials) == (0, 1)


def test_an_end_after_a_whole_day_survives_the_forgetting_of_its_beginning() -> None:
    buckets = opened(horizon=2 * HOUR)
    buckets.observe(event(0))
    closed(buckets, START + HOUR)
    buckets.observe(event(185, Outcome.SUCCESS))
    closed(buckets, START + 3 * HOUR)
    buckets = through_json(buckets, horizon=2 * HOUR)
    closed(buckets, START + 3 * HOUR + timedelta(minutes=1))
    buckets = through_json(buckets, horizon=2 * HOUR)
    [end] = cells(closed(buckets))
    assert (end.attempts, end.successes) == (0, 1)
    assert buckets.held() == 0


def test_an_end_outlives_the_bound_on_unfinished_operations() -> None:
    limits = Limits(unfinished=1)
    buckets = fed([event(0, operation="long")], limits)
    closed(buckets, START + HOUR)
    buckets.observe(event(130, Outcome.SUCCESS, "long"))
    buckets.observe(event(61, operation="x"))
    buckets.observe(event(62, operation="y", action="b/write"))
    closed(buckets, START + 2 * HOUR)
    assert buckets.evicted
    [end] = cells(closed(through_json(buckets, limits)))
    assert end.successes == 1


def test_what_comes_late_is_told_apart_from_what_comes_twice() -> None:
    buckets = fed([event(0), event(1, Outcome.SUCCESS)])
    closed(buckets, START + HOUR)
    assert buckets.observe(event(0)) is RecordResult.DUPLICATE
    assert buckets.observe(event(1, Outcome.SUCCESS)) is RecordResult.DUPLICATE
    assert buckets.observe(event(2, Outcome.DENIED, "2")) is RecordResult.LATE
    assert buckets.observe(event(2, Outcome.DENIED, "2")) is RecordResult.DUPLICATE
    assert buckets.observe(event(3, operation="3", action="b/write")) is RecordResult.LATE
    denied, other = sorted(cells(closed(buckets, START + HOUR)))
    assert denied.late
    assert other.late
    assert (denied.attempts, denied.successes, denied.denials) == (0, 0, 1)
    assert (other.action, other.attempts) == ("b/write", 1)
    assert buckets.observe(event(2, Outcome.DENIED, "2")) is RecordResult.DUPLICATE


def test_beyond_the_horizon_it_is_only_counted() -> None:
    buckets = opened(horizon=2 * HOUR)
    closed(buckets, START + 5 * HOUR)
    assert buckets.observe(event(179)) is RecordResult.TOO_LATE
    assert buckets.observe(event(180)) is RecordResult.LATE


def test_a_late_end_of_an_unfinished_operation_is_learnt_once() -> None:
    buckets = fed([event(0)])
    closed(buckets, START + 2 * HOUR)
    assert buckets.observe(event(70, Outcome.FAILURE)) is RecordResult.LATE
    [end] = cells(closed(buckets, START + 2 * HOUR))
    assert (end.late, end.attempts, end.failures) == (True, 0, 1)
    assert buckets.observe(event(70, Outcome.FAILURE)) is RecordResult.DUPLICATE
    assert cells(closed(buckets, START + 2 * HOUR)) == []


def test_a_late_record_that_tells_nothing_is_a_duplicate() -> None:
    buckets = fed([event(50)])
    closed(buckets, START + 2 * HOUR)
    assert buckets.observe(event(61)) is RecordResult.DUPLICATE
    assert cells(closed(buckets, START + 2 * HOUR)) == []


def test_who_acted_does_not_depend_on_which_record_came_first() -> None:
    nameless = Actor(ANN.id, "00000000-0000-4000-8000-00000000a001", ActorKind.UNKNOWN)
    records = [event(0, actor=nameless), event(1, Outcome.SUCCESS), event(2, operation="2", actor=nameless)]
    forth, back = closed(fed(records)), closed(fed(records[::-1]))
    assert forth == back
    assert [seen.actor for group, _ in forth for seen in group] == [ANN]


def test_the_crowd_counts_identities_and_those_who_failed() -> None:
    records = [
        event(0, Outcome.SUCCESS, "1"),
        event(1, Outcome.FAILURE, "2"),
        event(2, Outcome.DENIED, "3"),
        event(3, Outcome.SUCCESS, "4", actor=BOB),
    ]
    [(group, crowd)] = closed(fed(records))
    assert len(group) == crowd.actors == 2
    assert crowd.tally("a/write") == (2, 1)


def test_endless_different_actions_of_one_identity_are_bounded_and_counted() -> None:
    endless_actions(3_000)


def endless_actions(many: int) -> None:
    """Let one identity do so many different things within an hour, and see that few are kept and all are counted."""
    limits = Limits(actions=50, operations=4)
    buckets = opened(limits)
    saturated = 0
    for number in range(many):
        seen = buckets.observe(event(number * 60 / many, Outcome.SUCCESS, str(number), action=f"made-up/{number}"))
        saturated += seen is RecordResult.SATURATED
    assert buckets.held() < 2 * limits.actions
    assert len(json.dumps(list(buckets.dump()))) < 100_000
    assert saturated > 0.8 * many
    assert buckets.evicted >= saturated
    assert len(cells(closed(buckets))) == limits.actions
    assert buckets.held() == 0


def test_endless_operations_of_one_action_are_bounded_and_estimated() -> None:
    limits = Limits(operations=64)
    buckets = opened(limits)
    for number in range(4_000):
        outcome = Outcome.DENIED if number % 4 == 0 else Outcome.SUCCESS
        buckets.observe(event(number / 100, outcome, str(number)))
    assert buckets.held() <= 2 * limits.operations
    [cell] = cells(closed(buckets))
    assert 2_500 < cell.attempts < 6_000
    assert 400 < cell.denials < 2_000
    assert buckets.held() == 0


def test_one_failure_among_thousands_is_never_sampled_away() -> None:
    buckets = opened(Limits(operations=8))
    for number in range(500):
        buckets.observe(event(number / 10, Outcome.SUCCESS, str(number)))
    buckets.observe(event(55, Outcome.DENIED, "the one"))
    for number in range(500):
        buckets.observe(event(56, Outcome.SUCCESS, f"after {number}"))
    [cell] = cells(closed(buckets))
    assert cell.denials >= 1
    assert cell.sample[0].outcome is Outcome.DENIED


@few
@given(st.lists(st.integers(0, 200), min_size=1, max_size=40))
def test_closing_twice_at_one_watermark_gives_nothing_new(minutes: list[int]) -> None:
    buckets = fed([event(minute, operation=str(at)) for at, minute in enumerate(minutes)])
    until = START + 2 * HOUR
    first = closed(buckets, until)
    assert all(seen.bucket.end <= until for group, _ in first for seen in group)
    assert closed(buckets, until) == []
    assert not buckets.ripe(until)
