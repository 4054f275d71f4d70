"""The watermark is the slowest partition's, and never goes back."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from models.stream.windows import EPOCH, Bucket, Watermark

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
LATENESS = timedelta(minutes=30)
PARTITIONS = ("0", "1", "2")
few = settings(max_examples=25, deadline=None)

moments = st.integers(0, 600).map(lambda minutes: START + timedelta(minutes=minutes))
moves = st.lists(st.tuples(st.sampled_from(PARTITIONS), st.sampled_from(["advance", "idle"]), moments), max_size=30)


def moved(steps: list[tuple[str, str, datetime]]) -> Watermark:
    mark = Watermark(LATENESS)
    for partition in PARTITIONS:
        mark.expect(partition)
    for partition, how, moment in steps:
        (mark.advance if how == "advance" else mark.idle)(partition, moment)
    return mark


@few
@given(moves)
def test_it_never_goes_back_and_never_passes_the_slowest_partition(steps: list[tuple[str, str, datetime]]) -> None:
    mark, before = moved([]), EPOCH
    reached = dict.fromkeys(PARTITIONS, EPOCH)
    for partition, how, moment in steps:
        (mark.advance if how == "advance" else mark.idle)(partition, moment)
        reached[partition] = max(reached[partition], moment - LATENESS if how == "advance" else moment)
        assert before <= mark.time == min(reached.values())
        before = mark.time


@few
@given(moves, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_of_events_matters(steps: list[tuple[str, str, datetime]], random: Any) -> None:
    again = steps + steps[:5]
    random.shuffle(again)
    assert moved(steps).dump() == moved(again).dump()


@few
@given(moves, st.integers(0, 30))
def test_it_comes_back_from_a_snapshot_as_it_was(steps: list[tuple[str, str, datetime]], cut: int) -> None:
    restored = Watermark(LATENESS)
    restored.load(json.loads(json.dumps(moved(steps[:cut]).dump())))
    for partition, how, moment in steps[cut:]:
        (restored.advance if how == "advance" else restored.idle)(partition, moment)
    assert restored.dump() == moved(steps).dump()


def test_a_partition_that_was_never_heard_holds_it_back() -> None:
    mark = moved([("0", "advance", START), ("1", "advance", START)])
    assert mark.time == EPOCH
    mark.idle("2", START)
    assert mark.time == START - LATENESS


def test_a_partition_that_joins_later_does_not_take_it_back() -> None:
    mark = moved([(partition, "idle", START) for partition in PARTITIONS])
    mark.expect("3")
    mark.advance("3", START - timedelta(days=1))
    assert mark.time == START


@few
@given(moments, st.sampled_from([timedelta(minutes=15), timedelta(hours=1), timedelta(hours=24)]))
def test_a_bucket_holds_the_time_that_it_was_made_of(moment: datetime, width: timedelta) -> None:
    bucket = Bucket.of(moment, width)
    assert bucket.start <= moment < bucket.end
    assert Bucket.of(bucket.start, width) == bucket
    assert Bucket.of(bucket.end, width).start == bucket.end
