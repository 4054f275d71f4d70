"""A source ends when it is asked to, whatever the library under it makes of being cancelled."""

import asyncio
from collections.abc import Sequence

import pytest

from service.core.messages import Message
from service.source.consumer import EventHubSource
from service.source.hub_extent import HubExtent
from service.source.options import SourceOptions
from service.source.preflight import Preflight
from tests.fakes.clock import MONDAY_MORNING, FakeClock, settle

HUB = "Endpoint=sb://127.0.0.1:9;SharedAccessKeyName=a;SharedAccessKey=b;EntityPath=hub"
OPTIONS = SourceOptions(connection_string=HUB)
EMPTY = HubExtent(MONDAY_MORNING, [])


class LosingPreflight(Preflight):
    """A hub that answers at the very moment at which whoever asks is cancelled, and loses the cancellation.

    It is what `asyncio.wait_for`, which the SDK uses, does before Python 3.12.
    """

    def __init__(self, asked: asyncio.Event) -> None:
        super().__init__(OPTIONS, None, dict, FakeClock())
        self._asked = asked

    async def check(self) -> HubExtent:
        return EMPTY

    async def look(self) -> HubExtent:
        self._asked.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            return EMPTY
        raise AssertionError("nobody answers that")


class LosingSource(EventHubSource):
    def __init__(self, clock: FakeClock) -> None:
        super().__init__(options=OPTIONS, positions=dict, clock=clock, observer=lambda event: None)
        self.asked = asyncio.Event()

    def _preflight(self) -> Preflight:
        return LosingPreflight(self.asked)


async def ignore(messages: Sequence[Message]) -> None:
    """Take no notice."""


async def test_a_probe_that_loses_its_cancellation_does_not_go_on() -> None:
    clock = FakeClock()
    source = LosingSource(clock)
    running = asyncio.ensure_future(source.run(ignore))
    await clock.advance(OPTIONS.probe_every)
    assert source.asked.is_set()
    stopping = asyncio.ensure_future(source.stop())
    await settle()
    ended = running.done() and stopping.done()
    running.cancel()
    stopping.cancel()
    assert ended


async def test_a_credential_that_does_not_close_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.source.consumer.CLOSE_WITHIN", 0.01)

    class Hanging:
        async def close(self) -> None:
            await asyncio.get_running_loop().create_future()

    source = LosingSource(FakeClock())
    source._credential = Hanging()  # type: ignore[assignment]  # it has what is used of it
    async with asyncio.timeout(90):
        await source.stop()
