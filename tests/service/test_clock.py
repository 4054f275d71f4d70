"""The system clock: aware, monotonic, and patient only as long as it is asked to be."""

from datetime import UTC, timedelta

from service.clock import SystemClock
from service.core.ports import Clock


async def test_it_is_a_clock_that_tells_utc_and_never_goes_back() -> None:
    clock: Clock = SystemClock()
    before, now = clock.elapsed(), clock.now()
    await clock.sleep(0.001)
    assert now.tzinfo is UTC
    assert clock.elapsed() > before


async def test_it_does_not_wait_for_what_is_past() -> None:
    clock = SystemClock()
    await clock.sleep(-1.0)
    await clock.sleep_until(clock.now() - timedelta(days=1))
    soon = clock.now() + timedelta(milliseconds=5)
    await clock.sleep_until(soon)
    assert clock.now() >= soon
