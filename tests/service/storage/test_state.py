"""Who changes the engine under the keeper's lock lets others run, and leaves nothing half done."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from models.stream.steps import Steps
from service.clock import SystemClock
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.outbox import Outbox
from service.core.ports import Generation
from service.storage.state import State
from tests.fakes.clock import FakeClock
from tests.fakes.store import FakeStore


@pytest.fixture
def state() -> State:
    clock = SystemClock()
    return State(Engine(Options(), []), Outbox(), FakeStore(clock), clock, lambda saved: None)


def work(done: list[str]) -> Steps[int]:
    for number in range(3):
        done.append(f"step {number}")
        yield
    done.append("end")
    return 42


async def test_others_run_between_the_steps_of_a_long_change(state: State) -> None:
    done: list[str] = []
    taking = asyncio.ensure_future(state.take(work(done)))
    while not taking.done():
        await SystemClock().sleep(0.0)
        done.append("other")
    assert taking.result() == 42
    assert done.index("step 0") < done.index("other") < done.index("end")


async def test_whoever_is_cancelled_finishes_the_change_first(state: State) -> None:
    done: list[str] = []
    taking = asyncio.ensure_future(state.take(work(done)))
    await SystemClock().sleep(0.0)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert done == ["step 0", "step 1", "step 2", "end"]


async def test_a_store_that_does_not_answer_at_the_start_is_said_to_be_the_reason() -> None:
    clock = FakeClock()

    class Silent(FakeStore):
        async def load(self) -> AsyncIterator[Generation]:
            await asyncio.get_running_loop().create_future()
            yield Generation("never", b"")

    state = State(Engine(Options(), []), Outbox(), Silent(clock), clock, lambda saved: None, timeout=30.0)
    restoring = asyncio.ensure_future(state.restore())
    await clock.advance(30.0)
    with pytest.raises(OSError, match="cannot be read: no answer within 30 s"):
        await restoring
