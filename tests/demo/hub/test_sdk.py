"""The unmodified SDK, consumer and producer, against the hub."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient

from demo.hub import EmbeddedHub

pytestmark = pytest.mark.integration


async def receive(hub: EmbeddedHub, enough: Callable[[list[EventData]], bool], **options: Any) -> list[EventData]:
    """Read with the SDK until `enough`, then close."""
    got: list[EventData] = []
    done = asyncio.Event()

    async def on_batch(context: Any, events: list[EventData]) -> None:
        got.extend(events)
        if enough(got):
            done.set()

    async def on_error(context: Any, error: Exception) -> None:
        pytest.fail(f"{context}: {error!r}")

    client = EventHubConsumerClient.from_connection_string(
        hub.connection_string, options.pop("group", "unwonted"), idle_timeout=options.pop("idle_timeout", None)
    )
    options.setdefault("starting_position", "-1")
    async with client:
        task = asyncio.create_task(client.receive_batch(on_batch, on_error=on_error, max_wait_time=1, **options))
        await asyncio.wait_for(done.wait(), 20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return got


async def test_all_that_was_appended_is_received_in_order_and_with_its_annotations() -> None:
    async with EmbeddedHub(partitions=2) as hub:
        for number in range(20):
            hub.append(None, b"%d" % number, properties={"n": number})
        got = await receive(hub, lambda events: len(events) == 20)
    assert {event.body_as_str() for event in got} == {str(n) for n in range(20)}
    assert sorted(event.sequence_number for event in got if event.sequence_number is not None) == sorted(
        [*range(10)] * 2
    )
    assert {event.properties[b"n"] for event in got} == set(range(20))


async def test_what_the_producer_sends_is_in_the_hub_single_and_batched() -> None:
    async with EmbeddedHub(partitions=2) as hub:
        async with EventHubProducerClient.from_connection_string(hub.connection_string) as producer:
            batch = await producer.create_batch(partition_id="1")
            for number in range(5):
                event = EventData(b"batched %d" % number)
                event.properties = {"number": number}
                batch.add(event)
            await producer.send_batch(batch)
            await producer.send_event(EventData(b"single"), partition_id="0")
            await producer.send_batch([EventData(b"keyed %d" % n) for n in range(3)], partition_key="k")
        assert hub.messages("0")[0].body == b"single"
        assert [m.body for m in hub.messages("1")][:5] == [b"batched %d" % n for n in range(5)]
        keyed = [m for p in "01" for m in hub.messages(p) if m.partition_key == "k"]
        assert [m.body for m in keyed] == [b"keyed 0", b"keyed 1", b"keyed 2"]
        assert hub.messages("1")[2].properties == {"number": 2}
