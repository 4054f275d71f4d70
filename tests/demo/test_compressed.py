"""Compressed time: a calendar that runs at any pace over a stopwatch that does not."""

import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from demo.compressed import CompressedClock, Stretch
from service.core.ports import Clock
from tests.fakes.clock import FakeClock, settle

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


async def test_the_calendar_stands_still_until_it_is_told_to_run() -> None:
    stopwatch = FakeClock()
    clock: Clock = CompressedClock(MONDAY, stopwatch)
    await stopwatch.advance(3600.0)
    assert clock.now() == MONDAY
    assert clock.elapsed() == 3600.0


async def test_the_calendar_runs_at_its_rate_and_the_stopwatch_does_not() -> None:
    stopwatch = FakeClock()
    clock = CompressedClock(MONDAY, stopwatch)
    clock.run(900.0)
    await stopwatch.advance(2.0)
    assert clock.now() == MONDAY + timedelta(minutes=30)
    assert clock.elapsed() == 2.0


async def test_another_clock_that_follows_says_the_same() -> None:
    stopwatch = FakeClock()
    ours, theirs = CompressedClock(MONDAY, stopwatch), CompressedClock(MONDAY - timedelta(days=1), stopwatch)
    line = ours.run(900.0).line()
    await stopwatch.advance(1.5)
    theirs.follow(Stretch.parse(line))
    assert theirs.now() == ours.now()


async def test_a_change_of_pace_never_sets_the_calendar_back() -> None:
    stopwatch = FakeClock()
    clock = CompressedClock(MONDAY, stopwatch)
    clock.run(900.0)
    await stopwatch.advance(4.0)
    before = clock.now()
    clock.run(1.0)
    assert clock.now() == before
    await stopwatch.advance(4.0)
    assert clock.now() == before + timedelta(seconds=4)


async def test_who_sleeps_until_a_moment_wakes_at_it_although_the_pace_has_changed() -> None:
    stopwatch = FakeClock()
    clock = CompressedClock(MONDAY, stopwatch)
    sleeping = asyncio.create_task(clock.sleep_until(MONDAY + timedelta(hours=1)))
    await settle()
    clock.run(60.0)
    await stopwatch.advance(30.0)
    assert not sleeping.done()
    clock.run(1800.0)
    await stopwatch.advance(0.9)
    assert not sleeping.done()
    await stopwatch.advance(0.2)
    assert sleeping.done()


async def test_sleeping_by_the_stopwatch_takes_no_notice_of_the_calendar() -> None:
    stopwatch = FakeClock()
    clock = CompressedClock(MONDAY, stopwatch)
    clock.run(900.0)
    sleeping = asyncio.create_task(clock.sleep(1.0))
    await stopwatch.advance(0.99)
    assert not sleeping.done()
    await stopwatch.advance(0.02)
    assert sleeping.done()


async def test_a_cancelled_sleeper_leaves_nothing_behind() -> None:
    clock = CompressedClock(MONDAY, FakeClock())
    clock.run(900.0)
    sleeping = asyncio.create_task(clock.sleep_until(MONDAY + timedelta(days=1)))
    await settle()
    sleeping.cancel()
    await settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@given(
    st.floats(0, 1e5),
    st.floats(0, 1e7),
    st.datetimes(timezones=st.just(UTC)),
)
def test_a_stretch_survives_being_written_down(rate: float, since: float, moment: datetime) -> None:
    stretch = Stretch(rate, since, moment)
    assert Stretch.parse(stretch.line()) == stretch
