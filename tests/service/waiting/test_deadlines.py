"""Nothing is waited for beyond a deadline, and no task goes on after its end was asked for."""

import asyncio
import gc
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from service.clock import SystemClock
from service.waiting.deadlines import end, finished, unless, until_ended, within
from tests.fakes.clock import FakeClock, settle

ROOT = Path(__file__).parents[3]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")

# Stands for what libraries do: before Python 3.12, a cancellation that comes in the very turn in which what is waited
# for is done is lost in `asyncio.wait_for`, and whoever awaits that goes on.
COINCIDENCE = """
import asyncio
from service.waiting.deadlines import end

async def main():
    rounds = 0
    inner = asyncio.get_running_loop().create_future()

    async def poll_for_ever():
        nonlocal rounds, inner
        while True:
            await asyncio.wait_for(inner, 60)
            rounds += 1
            inner = asyncio.get_running_loop().create_future()

    polling = asyncio.ensure_future(poll_for_ever())
    for _ in range(3):
        await asyncio.sleep(0)
    inner.set_result(None)
    polling.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    survived = not polling.done()
    assert await end([polling]), "it goes on"
    assert polling.cancelled()
    return survived

print(asyncio.run(main()))
"""


class Stubborn:
    """Takes so many cancellations for something else, as a library does that loses them."""

    def __init__(self, times: int) -> None:
        self.lost = 0
        self._times = times

    async def go_on(self) -> None:
        while True:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                if self.lost == self._times:
                    raise
                self.lost += 1


async def test_what_is_done_in_time_is_returned_or_raised() -> None:
    clock = FakeClock()

    async def work(seconds: float) -> str:
        await clock.sleep(seconds)
        if seconds == 2.0:
            raise ZeroDivisionError
        return "done"

    quick, broken = (asyncio.ensure_future(within(clock, 3.0, work(seconds))) for seconds in (1.0, 2.0))
    await clock.advance(2.0)
    assert await quick == "done"
    with pytest.raises(ZeroDivisionError):
        await broken
    assert clock.sleepers == 0


async def test_what_is_late_is_given_up_and_said_to_be() -> None:
    clock = FakeClock()
    hanging = asyncio.get_running_loop().create_future()
    waiting = asyncio.ensure_future(within(clock, 3.0, hanging))
    await clock.advance(3.0)
    with pytest.raises(TimeoutError, match="no answer within 3 s"):
        await waiting
    assert hanging.cancelled()


async def test_the_cancellation_of_who_waits_is_never_lost_in_what_it_waits_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.waiting.deadlines._IN_ORDER", 0.1)
    clock, stubborn = FakeClock(), Stubborn(2)
    waiting = asyncio.ensure_future(within(clock, 60.0, stubborn.go_on()))
    await settle()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert stubborn.lost == 2


async def test_waiting_for_several_cancels_none() -> None:
    clock = FakeClock()
    quick, hanging = (asyncio.get_running_loop().create_future() for _ in range(2))
    waiting = asyncio.ensure_future(finished(clock, 5.0, quick, hanging))
    quick.set_result(1)
    await clock.advance(4.0)
    assert not waiting.done()
    await clock.advance(1.0)
    assert not await waiting
    assert not hanging.done()
    hanging.set_result(2)
    assert await finished(clock, 0.0, quick, hanging)


async def test_without_a_clock_the_event_loops_own_counts() -> None:
    quick, hanging = (asyncio.get_running_loop().create_future() for _ in range(2))
    quick.set_result(1)
    assert await finished(None, 30.0, quick)
    assert not await finished(None, 0.001, quick, hanging)
    hanging.cancel()


async def test_work_ends_with_its_result_or_when_the_stop_is_asked_for() -> None:
    stop, hanging = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def work() -> int:
        return 7

    assert await unless(stop, work()) == 7
    waiting = asyncio.ensure_future(unless(stop, hanging))
    await settle()
    stop.set()
    assert await waiting is None
    assert hanging.cancelled()


async def test_one_failure_ends_the_wait_and_so_does_the_stop_or_the_first() -> None:
    loop = asyncio.get_running_loop()
    stop, stopped = asyncio.Event(), asyncio.Event()
    stopped.set()

    async def wait_for(future: asyncio.Future[None]) -> None:
        await future

    first, other = (asyncio.ensure_future(wait_for(loop.create_future())) for _ in range(2))
    await until_ended(stopped, first, {first, other})
    harmless = asyncio.ensure_future(asyncio.Event().wait())
    harmless.cancel()
    waiting = asyncio.ensure_future(until_ended(stop, first, {first, other, harmless}))
    await settle()
    assert not waiting.done(), "that a task was cancelled or ended in peace is no failure"
    failing = loop.create_future()
    failing.set_exception(ZeroDivisionError())
    broken = asyncio.ensure_future(wait_for(failing))
    with pytest.raises(ZeroDivisionError):
        await until_ended(stop, first, {first, other, broken})
    first.cancel()
    await waiting
    other.cancel()


async def test_what_a_task_that_was_given_up_fails_with_is_looked_at() -> None:
    async def fail_when_cancelled() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            raise ZeroDivisionError from None

    clock = FakeClock()
    waiting = asyncio.ensure_future(within(clock, 1.0, fail_when_cancelled()))
    await clock.advance(1.0)
    with pytest.raises(TimeoutError):
        await waiting


async def test_a_task_that_loses_its_cancellations_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.waiting.deadlines._IN_ORDER", 0.1)
    stubborn = [asyncio.ensure_future(Stubborn(times).go_on()) for times in (0, 1, 3)]
    await settle()
    assert await end(stubborn)
    assert all(task.cancelled() for task in stubborn)


async def test_a_task_that_ends_may_clean_up_in_order() -> None:
    async def clean_up() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await SystemClock().sleep(0.15)  # longer than it takes until who does not end is asked again
            cleaned.append(True)

    cleaned: list[bool] = []
    ending = asyncio.ensure_future(clean_up())
    await settle()
    assert await end([ending])
    assert cleaned == [True]


@pytest.mark.integration
@pytest.mark.parametrize("version", PYTHONS)
def test_every_python_ends_a_task_whose_cancellation_coincides_with_what_it_waits_for(version: str) -> None:
    python = sys.executable if version == f"{sys.version_info[0]}.{sys.version_info[1]}" else interpreter(version)
    done = subprocess.run(
        [python, "-c", COINCIDENCE], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(version == "3.11"), "whether Python itself loses the cancellation has changed"


def interpreter(version: str) -> str:
    """Return another Python of this machine that runs."""
    versions = Path.home() / ".pyenv" / "versions"
    for found in (shutil.which(f"python{version}"), *map(str, versions.glob(f"{version}.*/bin/python"))):
        if found and subprocess.run([found, "--version"], capture_output=True, check=False, timeout=60).returncode == 0:
            return found
    pytest.skip(f"PYTHON {version} IS ABSENT: whether it ends every task was not tried")


async def _within(work: Awaitable[None]) -> None:
    await within(None, 60.0, work)


async def _unless(work: Awaitable[None]) -> None:
    await unless(asyncio.Event(), work)


@pytest.mark.parametrize("wait", [_within, _unless])
async def test_of_work_that_fails_just_as_its_caller_is_given_up_nobody_complains(
    wait: Callable[[Awaitable[None]], Awaitable[None]],
) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    away = asyncio.Event()

    async def work() -> None:
        await away.wait()
        callers[0].cancel()
        raise OSError("away")

    async def call() -> None:
        await wait(work())

    callers = [asyncio.ensure_future(call())]
    await settle()
    away.set()
    await settle()
    assert callers.pop().cancelled()
    gc.collect()
    assert not complaints
