"""Who changes the engine under the keeper's lock lets others run, and leaves nothing half done."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from models.stream.events import ActivityEvent, Actor, ActorKind, Outcome
from models.stream.json_value import Json
from models.stream.steps import Steps
from service.clock import SystemClock
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.messages import Message
from service.core.outbox import Outbox
from service.core.ports import Generation
from service.storage.state import State
from tests.fakes.clock import FakeClock
from tests.fakes.detector import FirstTime
from tests.fakes.store import FakeStore

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


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


class Counting(FirstTime):
    """Counts how often all that it knows of identities was asked for."""

    dumps = 0

    def dump_identities(self) -> Iterator[Json]:
        self.dumps += 1
        return super().dump_identities()


async def test_what_was_learnt_is_encoded_when_hours_have_been_closed_and_not_before() -> None:
    clock, detector = SystemClock(), Counting()
    store = FakeStore(clock)
    state = State(Engine(Options(), [detector]), Outbox(), store, clock, lambda saved: None)
    state.engine.expect(["0"])
    ann = Actor("t/ann", "ann@example.com", ActorKind.HUMAN)

    async def send(number: int, at: datetime, action: str = "a/write") -> None:
        event = ActivityEvent(at, ann, action, action, Outcome.SUCCESS, str(number))
        state.engine.apply(Message("0", number, str(number), at, b""), [event])
        await state.save()
        restored = State(Engine(Options(), [FirstTime()]), Outbox(), store, clock, lambda saved: None)
        assert await restored.restore()
        before = detector.dumps
        assert list(restored.engine.dump()) == list(state.engine.dump())
        detector.dumps = before

    await send(0, NOON)
    await send(1, NOON + timedelta(minutes=1))
    assert detector.dumps == 1
    await send(2, NOON + timedelta(hours=2))
    assert detector.dumps == 2
    await send(3, NOON + timedelta(hours=2, minutes=1))
    assert detector.dumps == 2
    # News that comes after its hour was closed closes it once more.
    await send(4, NOON + timedelta(minutes=2), "a/delete")
    assert detector.dumps == 3
    await state.restore()
    await state.save()
    assert detector.dumps == 4
