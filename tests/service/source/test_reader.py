"""Readers over clients that hand over what the test says: how batches fill, and who waits, while we are behind."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

import pytest
from azure.eventhub.aio import EventHubConsumerClient
from azure.eventhub.amqp import AmqpMessageBodyType

from service.source.catching_up import CatchUp
from service.source.options import SourceOptions
from service.source.reader import BEHIND, FAR_BEHIND, LINGER, LONGEST_HOLD, SIDE_BY_SIDE, PartitionReader
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


def reader_of(
    partition: str, client: Client, recorder: Recorder, clock: FakeClock, catch_up: CatchUp, watchdog: Watchdog
) -> PartitionReader:
    watchdog.watch(partition, clock.elapsed())
    return PartitionReader(
        partition,
        options=SourceOptions(connection_string=HUB, max_batch=FULL),
        connect=lambda: cast("EventHubConsumerClient", client),
        position=lambda: recorder.positions.get(partition),
        handle=recorder.handle,
        beginning="-1",
        watchdog=watchdog,
        catch_up=catch_up,
        clock=clock,
        observe=recorder.observe,
        lifetime=3_600.0,
        before_retry=settle,
    )


async def taken_at_once(*batches: Sequence[Event], clock: FakeClock) -> int:
    """Return how many batches are taken before any time passes."""
    client, recorder = Client(*batches), Recorder()
    reader = reader_of("0", client, recorder, clock, CatchUp(SIDE_BY_SIDE), Watchdog(60.0))
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


STEP = SIDE_BY_SIDE * 0.9
QUICK = 5  # batches, a step of the log apart


async def taken_beside(*slow: timedelta | None, age: timedelta, seconds: float = 0.0) -> int:
    """Return how many batches of a partition are taken in so many seconds, beside another one.

    Parameters
    ----------
    slow
        How much later than the quick one's first its messages are, a batch each; None for a batch without any.
    age
        Of the quick partition's first message.
    """
    clock, catch_up, watchdog = FakeClock(), CatchUp(SIDE_BY_SIDE), Watchdog(60.0)
    first = clock.now() - age
    others = Client(
        *([] if later is None else batch(number * FULL, FULL, first + later) for number, later in enumerate(slow))
    )
    client = Client(*(batch(number * FULL, FULL, first + number * STEP) for number in range(QUICK)))
    readers = [reader_of("slow", others, Recorder(), clock, catch_up, watchdog)]
    readers.append(reader_of("quick", client, Recorder(), clock, catch_up, watchdog))
    running = []
    for reader in readers:
        running.append(asyncio.create_task(reader.run()))
        await settle()
    await clock.advance(seconds)
    taken = client.handed_over - 1
    for reader in readers:
        reader.stop()
    await asyncio.gather(*running)
    return taken


NOW = timedelta(0)
"""The slow partition's messages are as old as the quick one's first."""


async def test_a_partition_that_is_far_ahead_of_another_waits_for_it_while_both_catch_up() -> None:
    assert await taken_beside(NOW, age=2 * FAR_BEHIND) == 2


async def test_a_partition_goes_on_when_the_other_has_come_nearer() -> None:
    assert await taken_beside(NOW, 2 * STEP, age=2 * FAR_BEHIND) == 4


async def test_a_partition_does_not_wait_for_ever() -> None:
    assert await taken_beside(NOW, age=2 * FAR_BEHIND, seconds=LONGEST_HOLD + 1.0) == 3


async def test_what_is_nearly_live_waits_for_nobody() -> None:
    assert await taken_beside(NOW, age=FAR_BEHIND) == QUICK


async def test_nobody_waits_for_a_partition_that_has_nothing_left() -> None:
    assert await taken_beside(NOW, None, age=2 * FAR_BEHIND) == QUICK
