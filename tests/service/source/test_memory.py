"""What is left in memory of messages that have passed through the SDK: found among all objects that there are."""

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from azure.eventhub._pyamqp.aio._receiver_async import ReceiverLink
from azure.eventhub.aio._consumer_async import EventHubConsumer

from demo.hub import EmbeddedHub
from service.clock import SystemClock
from service.source.connection import close, open_client
from service.source.consumer import EventHubSource
from service.source.options import SourceOptions
from tests.service.source.harness import Recorder

pytestmark = pytest.mark.integration

BATCH = 50


@pytest.fixture
def no_others() -> Iterator[None]:
    """Leave out what other tests have left, and let the test collect nothing that should be freed without that."""
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


def alive(kind: type[Any]) -> list[Any]:
    return [one for one in gc.get_objects() if isinstance(one, kind)]


def buffered() -> list[int]:
    return [len(consumer._message_buffer) for consumer in alive(EventHubConsumer)]


@pytest.mark.usefixtures("no_others")
async def test_a_connection_holds_nothing_of_messages_that_were_handled() -> None:
    async with EmbeddedHub(partitions=1) as hub:
        recorder = Recorder()
        source = EventHubSource(
            options=SourceOptions(connection_string=hub.connection_string, max_batch=BATCH),
            positions=lambda: recorder.positions,
            clock=SystemClock(),
            observer=recorder.observe,
        )
        running = asyncio.create_task(source.run(recorder.handle))
        recorder.follow(running)
        for number in range(1, 11):
            for _ in range(100):
                hub.append("0", b"{}")
            await recorder.until(100 * number)
        # Tags of the last batch are forgotten with the next.
        assert sum(len(link._received_delivery_tags) for link in alive(ReceiverLink)) <= BATCH
        await source.stop()
        await running


@pytest.mark.usefixtures("no_others")
async def test_a_closed_connection_holds_no_messages_however_late_it_is_collected() -> None:
    async with EmbeddedHub(partitions=1) as hub:
        for _ in range(200):
            hub.append("0", b"{}")
        client = open_client(SourceOptions(connection_string=hub.connection_string), None, partition="0")

        async def never_done(_: object, events: object) -> None:
            await asyncio.Event().wait()

        receiving = asyncio.create_task(
            client.receive_batch(never_done, partition_id="0", starting_position="-1", max_batch_size=BATCH)
        )
        while max(buffered(), default=0) < 100:
            await SystemClock().sleep(0.01)
        await close(client, receiving)
        assert max(buffered()) == 0
