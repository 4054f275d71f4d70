"""Which moments a batch has: messages in the order in which the hub took them, and evaluations where they are due.

Everything follows from the batch and from what was before it, so that one that is run again has the same moments.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import merge
from itertools import groupby
from typing import NamedTuple

from service.core.schedule import next_tick
from service.shards import End, EvaluateAt, Head, Moment

MARGIN = timedelta(minutes=1)
"""How much the hub's clock may be ahead of Spark's heartbeat."""
MOST_TICKS = 10_000
"""Evaluations of one batch: beyond a gap of so many the calendar goes on after it."""


class Calendar(NamedTuple):
    """When the next evaluation is due; None before the first message."""

    due: datetime | None = None


def moments_of(
    heads: Sequence[Head],
    calendar: Calendar,
    every: timedelta,
    *,
    positions: Mapping[str, int],
    heartbeat: datetime | None,
    caught_up: bool,
) -> tuple[list[Moment], Calendar]:
    """Return the moments of a batch, and the calendar after it.

    Parameters
    ----------
    heads
        Of its messages, in any order.
    calendar
        The one before it.
    every
        Time between two evaluations.
    positions
        Last message of each partition before the batch.
    heartbeat
        Until when the source has been read, if it knows that without messages.
    caught_up
        Whether it has all messages that were there: partitions are then known to hold nothing older.
    """
    moments: list[Moment] = []
    read = dict(positions)
    due = calendar.due

    def evaluate_until(moment: datetime) -> None:
        nonlocal due
        ticks = 0
        while due is not None and due <= moment:
            if caught_up:
                moments.extend(End(partition, last, due) for partition, last in sorted(read.items()))
            moments.append(EvaluateAt(due))
            ticks += 1
            due = next_tick(due if ticks < MOST_TICKS else moment, every)

    for enqueued, head in _in_order(heads):
        due = due or next_tick(enqueued, every)
        evaluate_until(enqueued)
        moments.append(head)
        read[head.message.partition] = head.message.sequence_number
    if heartbeat is not None:
        evaluate_until(heartbeat - MARGIN)
    return moments, Calendar(due)


def _in_order(heads: Sequence[Head]) -> Iterator[tuple[datetime, Head]]:
    """Yield messages by when the hub took them, those of a partition always in their order."""

    def by_position(head: Head) -> tuple[str, int]:
        return head.message.partition, head.message.sequence_number

    partitions = []
    for _, several in groupby(sorted(heads, key=by_position), lambda head: head.message.partition):
        reached, timed = None, []
        for head in several:
            reached = max(reached or head.message.enqueued_time, head.message.enqueued_time)
            timed.append((reached, *by_position(head), head))
        partitions.append(timed)
    yield from ((enqueued, head) for enqueued, _, _, head in merge(*partitions, key=lambda one: one[:3]))
