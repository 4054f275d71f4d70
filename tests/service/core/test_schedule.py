"""Ticks at the full quarters of an hour, also when somebody sets the clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from service.core.schedule import run_ticks
from tests.fakes.clock import MONDAY_MORNING, FakeClock, settle

QUARTER = timedelta(minutes=15)


class Ticks:
    """What `run_ticks` called, when by the stopwatch; each tick takes `seconds`."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.seconds = 0.0
        self.planned: list[datetime] = []
        self.times: list[float] = []
        self.missed: list[int] = []

    async def tick(self, planned: datetime) -> None:
        self.planned.append(planned)
        self.times.append(self.clock.elapsed())
        await self.clock.sleep(self.seconds)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.ensure_future(run_ticks(self.clock, QUARTER, self.tick, self.missed.append))
        await settle()
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_each_full_quarter_is_a_tick() -> None:
    ticks = Ticks()
    async with ticks.running():
        await ticks.clock.advance(3600.0)
    assert ticks.planned == [MONDAY_MORNING + n * QUARTER for n in range(1, 5)]
    assert ticks.missed == []


async def test_ticks_missed_by_a_long_one_collapse_into_one_and_are_counted() -> None:
    ticks = Ticks()
    async with ticks.running():
        ticks.seconds = 2_000.0
        await ticks.clock.advance(901.0)
        ticks.seconds = 0.0
        await ticks.clock.advance(3_000.0)
    assert ticks.planned == [MONDAY_MORNING + n * QUARTER for n in (1, 3, 4)]
    assert ticks.missed == [1]


@pytest.mark.parametrize("by", [timedelta(hours=-6), timedelta(hours=25), timedelta(minutes=-20), -QUARTER, QUARTER])
@pytest.mark.parametrize("at", [0.0, 300.0, 890.0])
async def test_a_clock_that_is_set_changes_the_pace_by_less_than_one_tick(by: timedelta, at: float) -> None:
    ticks = Ticks()
    async with ticks.running():
        await ticks.clock.advance(900.0 + at)
        ticks.clock.set(ticks.clock.now() + by)
        await ticks.clock.advance(6 * 3600.0)
    pauses = [later - earlier for earlier, later in zip(ticks.times, ticks.times[1:], strict=False)]
    assert max(pauses) <= 901.0
    assert ticks.missed == []
    assert timedelta(0) <= ticks.clock.now() - ticks.planned[-1] < QUARTER
    assert all((planned - MONDAY_MORNING) % QUARTER == timedelta(0) for planned in ticks.planned)


@pytest.mark.parametrize("by", [timedelta(hours=-6), timedelta(hours=25)])
async def test_a_clock_may_be_set_during_a_tick(by: timedelta) -> None:
    ticks = Ticks()
    async with ticks.running():
        ticks.seconds = 60.0
        await ticks.clock.advance(930.0)
        ticks.clock.set(ticks.clock.now() + by)
        await ticks.clock.advance(3600.0)
    assert ticks.times[1] <= 1_801.0
    assert ticks.missed == []
