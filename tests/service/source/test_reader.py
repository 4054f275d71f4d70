"""One partition's reader over a client that hands over what the test says: how batches fill while we are behind."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

import pytest
from azure.eventhub.aio import EventHubConsumerClient
from azure.eventhub.amqp import AmqpMessageBodyType

from service.source.options import SourceOptions
from service.source.reader import BEHIND, LINGER, PartitionReader
from service.source.watchdog import Watchdog
from tests.fakes.clock import FakeClock, settle
from tests.service.source.harness import Recorder

HUB = "Endpoint=sb://x.example;SharedAccessKeyName=a;SharedAccessKey=cGxhbnRlZA==;EntityPath=h"
FULL = 4
OnBatch = Callable[[object, Sequence[Any]], Awaitable[None]]


class Event(NamedTuple):
    """As much of an event of the SDK as is read."""

    sequence_number: int
    enqueued_time: datetime
    offset: str = "0"
    body: Sequence[bytes] = (b"{}",)
    body_type: AmqpMessageBodyType = AmqpMessageBodyType.DATA


class Client:
    """Stands in for the SDK's client: hands over one batch after another, each when the last has been taken."""

    def __init__(self, *batches: Sequence[Event]) -> None:
        self._batches = batches
        self.handed_over = 0

    async def receive_batch(self, on_batch: OnBatch, **_: Any) -> None:
        for batch in self._batches:
            self.handed_over += 1
            await on_batch(None, batch)
        self.handed_over += 1
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Close nothing."""


async def taken_at_once(*batches: Sequence[Event], clock: FakeClock) -> int:
    """Return how many batches are taken before any time passes."""
    client, recorder, watchdog = Client(*batches), Recorder(), Watchdog(60.0)
    watchdog.watch("0", clock.elapsed())
    reader = PartitionReader(
        "0",
        options=SourceOptions(connection_string=HUB, max_batch=FULL),
        connect=lambda: cast("EventHubConsumerClient", client),
        position=lambda: recorder.positions.get("0"),
        handle=recorder.handle,
        beginning="-1",
        watchdog=watchdog,
        clock=clock,
        observe=recorder.observe,
        lifetime=3_600.0,
        before_retry=settle,
    )
    running = asyncio.create_task(reader.run())
    await settle()
    taken = client.handed_over - 1
    await clock.advance(LINGER * len(batches))
    assert client.handed_over - 1 == len(batches)
    assert recorder.count == sum(map(len, batches))
    reader.stop()
    await running
    return taken


def batch(first: int, size: int, enqueued: datetime) -> list[Event]:
    return [Event(number, enqueued) for number in range(first, first + size)]


@pytest.mark.parametrize(
    ("age", "size", "taken"),
    [
        (timedelta(0), 1, 3),
        (BEHIND, 1, 3),
        (2 * BEHIND, 1, 0),
        (2 * BEHIND, FULL - 1, 0),
        (2 * BEHIND, FULL, 3),
        (-BEHIND, 1, 3),
    ],
    ids=["live", "not yet behind", "behind", "nearly full", "full", "by a clock that is ahead"],
)
async def test_while_we_are_behind_batches_that_are_not_full_are_taken_one_in_a_while(
    age: timedelta, size: int, taken: int
) -> None:
    clock = FakeClock()
    enqueued = clock.now() - age
    batches = [batch(number * size, size, enqueued) for number in range(3)]
    assert await taken_at_once(*batches, clock=clock) == taken


async def test_who_has_caught_up_waits_no_longer() -> None:
    clock = FakeClock()
    behind, live = clock.now() - 2 * BEHIND, clock.now()
    assert await taken_at_once(batch(0, FULL, behind), batch(FULL, 1, live), [], clock=clock) == 3
