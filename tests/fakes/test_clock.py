import asyncio
from datetime import timedelta

from service.core.ports import Clock
from tests.fakes.clock import MONDAY_MORNING, FakeClock, settle


async def test_time_stands_until_advanced() -> None:
    clock: Clock = FakeClock()
    assert clock.now() == clock.now() == MONDAY_MORNING
    assert clock.elapsed() == 0.0


async def test_advance_wakes_each_sleeper_at_its_own_deadline_in_order() -> None:
    clock = FakeClock()
    seen: list[tuple[str, float]] = []

    async def nap(name: str, seconds: float, times: int) -> None:
        for _ in range(times):
            await clock.sleep(seconds)
            seen.append((name, clock.elapsed()))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(nap("slow", 25.0, 1))
        tasks.create_task(nap("quick", 10.0, 3))
        await clock.advance(20.0)
        assert seen == [("quick", 10.0), ("quick", 20.0)]
        await clock.advance(100.0)
    assert seen[2:] == [("slow", 25.0), ("quick", 30.0)]
    assert clock.elapsed() == 120.0
    assert clock.now() == MONDAY_MORNING + timedelta(seconds=120)


async def test_autojump_lets_a_week_pass_at_once() -> None:
    clock = FakeClock(autojump=0)
    for _ in range(7 * 24):
        await clock.sleep(3600.0)
    assert clock.elapsed() == 7 * 24 * 3600.0


async def test_autojump_waits_for_whoever_is_still_busy() -> None:
    clock = FakeClock(autojump=0)
    busy = 0

    async def work() -> None:
        nonlocal busy
        for _ in range(200):
            await clock.sleep(0)
            busy += 1

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work())
        await clock.sleep(1.0)
        assert busy == 200


async def test_a_cancelled_sleeper_does_not_move_time() -> None:
    clock = FakeClock()
    task = asyncio.ensure_future(clock.sleep(5.0))
    await settle()
    assert clock.sleepers == 1
    task.cancel()
    await settle()
    assert clock.sleepers == 0
    await clock.advance(1.0)
    assert clock.elapsed() == 1.0


async def test_stepping_the_wall_clock_leaves_durations_alone() -> None:
    clock = FakeClock()
    await clock.advance(10.0)
    clock.set(MONDAY_MORNING)
    assert clock.now() == MONDAY_MORNING
    assert clock.elapsed() == 10.0
