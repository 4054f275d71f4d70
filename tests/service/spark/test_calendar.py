"""The moments of a batch: messages in order, evaluations where they are due, whatever comes after gaps."""

from datetime import UTC, datetime, timedelta

from service.core.messages import Message
from service.shards.driver import End, EvaluateAt
from service.shards.routing import Head
from service.spark import calendar as module
from service.spark.calendar import MARGIN, Calendar, moments_of

TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def head(partition: str, number: int, hours: float) -> Head:
    time = TEN + hours * HOUR
    return Head(Message(partition, number, str(number), time, b""), 1, time, 0, 0)


def test_messages_are_taken_as_the_hub_took_them_and_evaluations_come_in_between() -> None:
    heads = [head("1", 0, 0.2), head("0", 1, 1.5), head("0", 0, 0.1), head("1", 1, 0.9)]
    moments, calendar = moments_of(heads, Calendar(), HOUR, positions={"2": 7}, heartbeat=None, caught_up=True)
    assert moments == [
        heads[2],
        heads[0],
        heads[3],
        *(End(partition, last, TEN + HOUR) for partition, last in (("0", 0), ("1", 1), ("2", 7))),
        EvaluateAt(TEN + HOUR),
        heads[1],
    ]
    assert calendar.due == TEN + 2 * HOUR


def test_a_partition_keeps_its_order_whatever_its_times_say() -> None:
    heads = [head("0", 0, 0.5), head("0", 1, 0.1), head("1", 0, 0.2), head("1", 1, 0.6)]
    moments, _ = moments_of(heads[::-1], Calendar(), HOUR, positions={}, heartbeat=None, caught_up=True)
    assert moments == [heads[2], heads[0], heads[1], heads[3]]


def test_without_messages_the_heartbeat_says_what_is_due() -> None:
    due = Calendar(TEN + HOUR)
    early = moments_of([], due, HOUR, positions={"0": 3}, heartbeat=TEN + HOUR, caught_up=True)
    assert early == ([], due)
    moments, calendar = moments_of([], due, HOUR, positions={"0": 3}, heartbeat=TEN + HOUR + MARGIN, caught_up=True)
    assert moments == [End("0", 3, TEN + HOUR), EvaluateAt(TEN + HOUR)]
    assert calendar.due == TEN + 2 * HOUR


def test_of_a_source_that_has_more_no_end_is_known() -> None:
    moments, _ = moments_of([head("0", 0, 2.5)], Calendar(TEN), HOUR, positions={}, heartbeat=None, caught_up=False)
    assert [type(one) for one in moments] == [EvaluateAt] * 3 + [Head]


def test_a_gap_of_years_does_not_fill_a_batch() -> None:
    heads = [head("0", 0, 0.0), head("0", 1, 24.0 * 3650)]
    moments, calendar = moments_of(heads, Calendar(), HOUR, positions={}, heartbeat=None, caught_up=True)
    assert sum(isinstance(one, EvaluateAt) for one in moments) == module.MOST_TICKS
    assert calendar.due == heads[1].message.enqueued_time + HOUR
