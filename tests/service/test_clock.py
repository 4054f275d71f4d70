"""The system clock: aware, monotonic, and patient only as long as it is asked to be."""

from datetime import UTC, timedelta

import pytest

from service.clock import SystemClock
from service.core.ports import Clock


class Hands:
    """What a machine's two clocks say, and how long one takes to be read after the other."""

    def __init__(self) -> None:
        self.unix, self.stopwatch, self.busy = 1_800_000_000.0, 1_000.0, 0.0

    def calendar(self) -> float:
        self.go(self.busy)
        return self.unix

    def go(self, seconds: float) -> None:
        self.unix += seconds
        self.stopwatch += seconds


class HandedClock(SystemClock):
    """A system clock of these hands, which sleeping moves on; `set_by` is done to it in its first sleep."""

    def __init__(self, hands: Hands, set_by: float = 0.0) -> None:
        super().__init__(hands.calendar, lambda: hands.stopwatch)
        self._hands = hands
        self._set_by = set_by

    async def sleep(self, seconds: float) -> None:
        self._hands.go(seconds)
        self._hands.unix += self._set_by
        self._set_by = 0.0


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


@pytest.mark.parametrize("by", [-6 * 3600.0, 25 * 3600.0, -1.5])
def test_it_notices_by_how_much_it_was_set(by: float) -> None:
    hands = Hands()
    clock = HandedClock(hands)
    assert clock.jumped() == timedelta(0)
    hands.go(30.0)
    hands.unix += by
    hands.go(30.0)
    before = clock.jumped()
    clock.now()
    assert (before, clock.jumped()) == (timedelta(0), timedelta(seconds=by))
    hands.unix -= by
    clock.now()
    assert clock.jumped() == timedelta(0)


def test_a_clock_that_is_disciplined_little_by_little_has_not_been_set() -> None:
    hands = Hands()
    clock = HandedClock(hands)
    for _ in range(100):
        hands.go(60.0)
        hands.unix += 0.5
        clock.now()
    assert clock.jumped() == timedelta(0)


def test_a_process_that_is_held_up_between_its_two_clocks_takes_neither_for_set() -> None:
    hands = Hands()
    clock = HandedClock(hands)
    hands.busy = 20.0
    clock.now()
    assert clock.jumped() == timedelta(0)


@pytest.mark.parametrize(("set_by", "slept"), [(0.0, 900.0), (-6 * 3600.0, 901.0), (25 * 3600.0, 60.0), (-0.5, 900.5)])
async def test_it_sleeps_no_longer_than_the_moment_was_away_whoever_sets_it(set_by: float, slept: float) -> None:
    hands = Hands()
    clock = HandedClock(hands, set_by)
    began = clock.elapsed()
    await clock.sleep_until(clock.now() + timedelta(minutes=15))
    assert clock.elapsed() - began == pytest.approx(slept)
