"""Aligned ticks: at every multiple of a period on the calendar, once, however long the last one took.

Ticks missed while the process was down or busy collapse into one; how far back that one looks is the engine's
business, what it does is the caller's. When the calendar is set, the stopwatch keeps the pace until the next tick,
which is the one that the calendar then says is the latest.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from models.stream import Bucket
from service.core.ports import Clock


def next_tick(after: datetime, every: timedelta) -> datetime:
    """Return the first aligned instant later than `after`.

    >>> from datetime import UTC, datetime, timedelta
    >>> next_tick(datetime(2026, 3, 1, 10, 15, tzinfo=UTC), timedelta(minutes=15)).isoformat()
    '2026-03-01T10:30:00+00:00'
    """
    return Bucket.of(after, every).end


def missed_ticks(planned: datetime, now: datetime, every: timedelta) -> int:
    """Return how many aligned instants after `planned` have gone by at `now`."""
    return max(0, (now - planned) // every)


async def run_ticks(
    clock: Clock, every: timedelta, tick: Callable[[datetime], Awaitable[None]], missed: Callable[[int], None]
) -> None:
    """Call `tick` with the aligned instant, for ever.

    Parameters
    ----------
    clock
        Tells and passes the time.
    every
        Period; divides a day.
    tick
        What to do; the next tick waits for it.
    missed
        Told how many ticks were skipped because the last one, or the machine, took too long.
    """
    planned, jumped = next_tick(clock.now(), every), clock.jumped()
    while True:
        # No later than the next one by a calendar that may have been set back during the last.
        await clock.sleep_until(min(planned, next_tick(clock.now(), every)))
        now = clock.now()
        if clock.jumped() != jumped:
            planned, jumped = Bucket.of(now, every).start, clock.jumped()
        elif skipped := missed_ticks(planned, now, every):
            missed(skipped)
            planned += skipped * every
        await tick(planned)
        planned = next_tick(planned, every)
