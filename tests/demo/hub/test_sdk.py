"""The unmodified SDK, consumer and producer, against the hub over real sockets."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient
from azure.eventhub.exceptions import AuthenticationError, EventDataSendError, EventHubError

from demo.hub import EmbeddedHub, Limits

pytestmark = pytest.mark.integration
# When the SDK connects again it forgets its old socket instead of closing it.
forgetful = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

START = datetime(2026, 3, 1, tzinfo=UTC)


class Reading:
    """What a consumer has got so far, and a way to wait for more."""

    def __init__(self) -> None:
        self.events: list[EventData] = []
        self.errors: list[Exception] = []
        self._changed = asyncio.Event()

    @property
    def texts(self) -> list[str]:
        return [event.body_as_str() for event in self.events]

    async def on_batch(self, context: Any, events: list[EventData]) -> None:
        self.events += events
        self._changed.set()

    async def on_error(self, context: Any, error: Exception) -> None:
        self.errors.append(error)
        self._changed.set()

    async def until(self, enough: Callable[["Reading"], bool]) -> None:
        async with asyncio.timeout(60):
            while not enough(self):
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def reading(
    hub: EmbeddedHub, client_options: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[Reading]:
    """Read with the SDK, from the beginning unless told otherwise."""
    found = Reading()
    options = {"max_wait_time": 1, **options}
    start = options.pop("starting_position", "-1")
    client = EventHubConsumerClient.from_connection_string(hub.connection_string, "unwonted", **client_options or {})
    async with client:
        receiving = client.receive_batch(found.on_batch, on_error=found.on_error, starting_position=start, **options)
        task = asyncio.create_task(receiving)
        yield found
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    gc.collect()  # what the SDK forgot is found here, and not in somebody else's test


def count(number: int) -> Callable[[Reading], bool]:
    return lambda found: len(found.events) >= number


async def test_all_that_was_appended_is_received_in_order_and_with_its_annotations() -> None:
    async with EmbeddedHub(partitions=2) as hub:
        for number in range(20):
            hub.append(None, b"%d" % number, properties={"n": number}, enqueued_time=START)
        hub.append("0", b"keyed", partition_key="k")
        async with reading(hub) as found:
            await found.until(count(21))
        assert {event.properties[b"n"] for event in found.events[:-1] if event.properties} <= set(range(20))
        for partition in "01":
            stored = [(m.sequence_number, m.offset, m.body.decode()) for m in hub.messages(partition)]
            got = [(e.sequence_number, e.offset, e.body_as_str()) for e in found.events]
            assert [one for one in got if one in stored] == stored
    assert [e.partition_key for e in found.events if e.body_as_str() == "keyed"] == [b"k"]
    assert {e.enqueued_time for e in found.events if e.body_as_str() == "7"} == {START}


async def test_every_kind_of_starting_position_is_exact() -> None:
    positions: list[tuple[Any, bool, list[str]]] = [
        ("-1", False, list("0123456789")),
        ("@latest", False, []),
        (6, False, list("789")),
        (6, True, list("6789")),
        ("OFFSET", False, list("789")),
        ("OFFSET", True, list("6789")),
        (START + timedelta(seconds=6), False, list("789")),
        (START + timedelta(seconds=6), True, list("6789")),
    ]
    async with EmbeddedHub(partitions=len(positions), offset_prefix="0:") as hub:
        for partition in range(len(positions)):
            for number in range(10):
                hub.append(str(partition), b"%d" % number, enqueued_time=START + timedelta(seconds=number))
        offset = hub.messages("0")[6].offset
        assert offset.startswith("0:")
        starts = {str(p): offset if start == "OFFSET" else start for p, (start, _, _) in enumerate(positions)}
        inclusive = {str(p): including for p, (_, including, _) in enumerate(positions)}
        async with reading(hub, starting_position=starts, starting_position_inclusive=inclusive) as found:
            wanted = sum(len(expected) for _, _, expected in positions)
            await found.until(count(wanted))
            await found.until(lambda _: len(hub.readers) == len(positions))
            hub.append("1", b"later")
            await found.until(count(wanted + 1))
    assert found.errors == []
    expected = sorted([text for _, _, texts in positions for text in texts] + ["later"])
    assert sorted(found.texts) == expected


async def test_what_the_producer_sends_is_in_the_hub_single_batched_and_keyed() -> None:
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


async def test_a_message_of_nearly_a_mebibyte_goes_both_ways_and_a_larger_one_is_refused() -> None:
    large = os.urandom(1024 * 1024 - 2048)
    async with EmbeddedHub(partitions=1) as hub, reading(hub) as found:
        async with EventHubProducerClient.from_connection_string(hub.connection_string) as producer:
            await producer.send_event(EventData(large))
            with pytest.raises(EventDataSendError):
                await producer.send_event(EventData(large + large))
            batch = await producer.create_batch()
            assert batch.max_size_in_bytes == 1024 * 1024
        await found.until(count(1))
        assert b"".join(found.events[0].body) == large  # type: ignore[arg-type]
        assert len(hub.messages("0")) == 1


async def test_properties_of_hub_and_partitions_are_told() -> None:
    async with EmbeddedHub(hub="events", partitions=3) as hub:
        hub.append("1", b"first", enqueued_time=START)
        hub.append("1", b"second", enqueued_time=START)
        client = EventHubConsumerClient.from_connection_string(hub.connection_string, "$Default", retry_total=0)
        async with client:
            assert (await client.get_eventhub_properties())["partition_ids"] == ["0", "1", "2"]
            empty = await client.get_partition_properties("0")
            full = await client.get_partition_properties("1")
            with pytest.raises(EventHubError, match="Status code: 400"):
                await client.get_partition_properties("9")
        assert (empty["is_empty"], empty["last_enqueued_sequence_number"]) == (True, -1)
        assert (full["is_empty"], full["last_enqueued_sequence_number"]) == (False, 1)
        assert (full["last_enqueued_offset"], full["last_enqueued_time_utc"]) == (hub.messages("1")[1].offset, START)


async def test_a_wrong_key_is_an_authentication_error() -> None:
    async with EmbeddedHub() as hub:
        wrong = hub.connection_string.replace("embedded-hub-key", "another-key")
        client = EventHubConsumerClient.from_connection_string(wrong, "unwonted", retry_total=0)
        async with client:
            with pytest.raises(AuthenticationError):
                await client.get_eventhub_properties()


async def test_the_newest_event_is_told_with_every_event_when_asked_for() -> None:
    async with EmbeddedHub(partitions=1) as hub:
        for number in range(3):
            hub.append("0", b"%d" % number)
        last: list[dict[str, Any]] = []
        enough = asyncio.Event()

        async def on_event(context: Any, event: EventData | None) -> None:
            if event is not None:
                last.append(context.last_enqueued_event_properties)
            if len(last) == 3:
                enough.set()

        client = EventHubConsumerClient.from_connection_string(hub.connection_string, "unwonted")
        async with client:
            receiving = client.receive(on_event, starting_position="-1", track_last_enqueued_event_properties=True)
            task = asyncio.create_task(receiving)
            await asyncio.wait_for(enough.wait(), 60)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert {properties["sequence_number"] for properties in last} == {2}
        assert {properties["offset"] for properties in last} == {hub.messages("0")[2].offset}


async def test_a_higher_owner_level_takes_the_partition_over() -> None:
    async with EmbeddedHub(partitions=1) as hub, reading(hub, partition_id="0", owner_level=1) as first:
        hub.append("0", b"for the first")
        await first.until(count(1))
        async with reading(hub, partition_id="0", owner_level=2, starting_position="@latest") as second:
            await first.until(lambda found: bool(found.errors))
            assert ("unwonted", "0", 2) in hub.readers
            hub.append("0", b"for the second")
            await second.until(count(1))
    assert "New receiver 'nil' with higher epoch of '2' is created" in str(first.errors[0])
    assert (first.texts, second.texts) == (["for the first"], ["for the second"])


@forgetful
async def test_nothing_is_lost_when_connections_are_reset_and_closed_and_links_detached() -> None:
    async with EmbeddedHub(partitions=1) as hub, reading(hub, {"retry_backoff_factor": 0.1}) as found:
        hub.append("0", b"1")
        await found.until(count(1))
        await hub.drop_connections()
        hub.append("0", b"2")
        await found.until(count(2))
        hub.close_connections("amqp:connection:forced", "The gateway is being upgraded.")
        hub.append("0", b"3")
        await found.until(count(3))
        hub.detach("com.microsoft:server-busy", "Later.")
        hub.append("0", b"4")
        await found.until(count(4))
    assert found.texts == ["1", "2", "3", "4"]


@forgetful
async def test_nothing_is_lost_while_the_hub_is_away_dribbles_or_cuts_a_frame_in_two() -> None:
    async with EmbeddedHub(partitions=1) as hub, reading(hub, {"retry_backoff_factor": 0.1}) as found:
        hub.append("0", b"1")
        await found.until(count(1))
        hub.faults.cut_after = 70_000
        hub.append("0", b"2" * 100_000)
        await found.until(count(2))
        assert hub.faults.cut_after is None
        hub.faults.dribble = (700, 0.002)
        hub.append("0", b"3" * 20_000)
        await found.until(count(3))
        hub.faults.dribble = None
        await hub.go_offline()
        hub.append("0", b"4")
        await hub.go_online()
        await found.until(count(4))
    assert [text[0] for text in found.texts] == ["1", "2", "3", "4"]


async def test_a_busy_hub_is_tried_again_until_it_is_not() -> None:
    async with EmbeddedHub(partitions=1) as hub:
        async with EventHubProducerClient.from_connection_string(hub.connection_string, retry_total=0) as producer:
            await producer.send_event(EventData(b"1"))
            hub.faults.server_busy = True
            with pytest.raises(EventHubError, match="50002"):
                await producer.send_event(EventData(b"2"))
            hub.faults.server_busy = False
            await producer.send_event(EventData(b"3"))
        assert [message.body for message in hub.messages("0")] == [b"1", b"3"]


@forgetful
async def test_an_idle_connection_is_kept_by_both_and_a_silent_hub_is_left() -> None:
    async with (
        EmbeddedHub(partitions=1, limits=Limits(idle_timeout=1.0)) as hub,
        reading(hub, {"idle_timeout": 1.0, "retry_backoff_factor": 0.1}, partition_id="0") as found,
    ):
        hub.append("0", b"1")
        await found.until(count(1))
        (connection,) = [one for one in hub._connections if one.sessions]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.gone.wait(), 2.5)
        hub.faults.silent = True
        await asyncio.wait_for(connection.gone.wait(), 60)
        hub.faults.silent = False
        hub.append("0", b"2")
        await found.until(count(2))
    assert found.texts[-1] == "2"


async def test_what_is_withheld_comes_when_it_is_released() -> None:
    async with EmbeddedHub(partitions=2) as hub, reading(hub) as got:
        hub.append("0", b"before")
        await got.until(lambda it: it.texts == ["before"])
        hub.withhold("0")
        hub.append("0", b"withheld")
        hub.append("1", b"of another partition")
        await got.until(lambda it: len(it.texts) == 2)
        assert got.texts == ["before", "of another partition"]
        hub.release()
        await got.until(lambda it: len(it.texts) == 3)
        assert got.texts[2] == "withheld"
