"""Delivery goes by the time that passes: whoever sets the clock, and however long a sink takes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from service.core.outbox import Outbox
from service.core.ports import Receipt, Rendered
from service.delivery.dispatcher import SEND_WITHIN, Delivery, Dispatcher, Route
from tests.fakes.alerts import alert
from tests.fakes.clock import FakeClock, settle
from tests.fakes.sink import FakeSink


class TimedSink(FakeSink):
    """Takes `seconds` for each attempt; remembers when each began."""

    def __init__(self, name: str, clock: FakeClock, seconds: float = 0.0) -> None:
        super().__init__(name)
        self.times: list[float] = []
        self._clock = clock
        self._seconds = seconds

    async def send(self, message: Rendered) -> Receipt:
        self.times.append(self._clock.elapsed())
        await self._clock.sleep(self._seconds)
        return await super().send(message)


@asynccontextmanager
async def told(clock: FakeClock, *sinks: TimedSink) -> AsyncIterator[list[Delivery]]:
    """Tell an alert to these sinks; gives what became of it so far."""

    async def settled() -> None:
        """Save nothing."""

    seen: list[Delivery] = []
    routes = [Route(sink) for sink in sinks]
    dispatcher = Dispatcher(Outbox(), routes, clock=clock, jitter=lambda: 1.0, on_settled=settled, observer=seen.append)
    task = asyncio.create_task(dispatcher.run())
    dispatcher.submit([alert()])
    dispatcher.wake()
    await settle()
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.parametrize("hours", [25, -6])
async def test_a_clock_that_is_set_lets_nothing_expire_and_makes_no_retry_wait(hours: int) -> None:
    clock = FakeClock()
    team = TimedSink("team", clock)
    team.answer = Receipt("retry", "http_503")
    async with told(clock, team) as seen:
        await clock.advance(3.0)
        clock.set(clock.now() + timedelta(hours=hours))
        await clock.advance(7.0)
        team.answer = Receipt("sent", "http_200")
        await clock.advance(60.0)
    assert team.times == [0.0, 2.0, 6.0, 14.0]
    assert seen[-1].outcome == "sent"


async def test_a_sink_that_never_answers_is_tried_again_and_holds_nobody_else_up() -> None:
    clock = FakeClock()
    hanging, team = TimedSink("hanging", clock, seconds=1e9), TimedSink("team", clock)
    async with told(clock, hanging, team) as seen:
        await clock.advance(SEND_WITHIN + 3.0)
        assert [(one.sink, one.outcome, one.reason) for one in seen] == [
            ("team", "sent", "http_200"),
            ("hanging", "retry", "timeout"),
        ]
        assert len(hanging.times) == 2
