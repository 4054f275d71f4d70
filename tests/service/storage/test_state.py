"""Who changes the engine under the keeper's lock lets others run, and leaves nothing half done."""

import asyncio

import pytest

from models.stream.steps import Steps
from service.clock import SystemClock
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.outbox import Outbox
from service.storage.state import State
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
