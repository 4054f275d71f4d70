"""The real source against the embedded hub: what breaks, what heals, and what is said about it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from azure.eventhub.aio import EventHubConsumerClient
from azure.identity.aio import ManagedIdentityCredential

from demo.hub import EmbeddedHub, Refusal, hs256_token, hs256_verifier
from demo.hub.store import Partition
from service.clock import SystemClock
from service.core.ports import Clock, HubRecreated, SourceError
from service.source.connection import close
from service.source.consumer import EventHubSource
from service.source.options import Closed, EndOffsets, Expired, Opened, Recovered, Silent, SourceOptions, SourceTrouble
from service.source.watchdog import Silence
from tests.fakes.clock import FakeClock
from tests.service.source.harness import Recorder

pytestmark = [
    pytest.mark.integration,
    # After a reset the SDK leaves sockets to the garbage collector, which complains.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

KEY = "cGxhbnRlZC1zZWNyZXQ="


def source_of(server: EmbeddedHub, recorder: Recorder, clock: Clock | None = None, /, **options: Any) -> EventHubSource:
    chosen = {"connection_string": server.connection_string, "max_wait": 3.0, "balancing_every": 0.5, **options}
    return EventHubSource(
        options=SourceOptions(**chosen),
        positions=lambda: recorder.positions,
        clock=clock or SystemClock(),
        observer=recorder.observe,
    )


@asynccontextmanager
async def running(source: EventHubSource, recorder: Recorder) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(source.run(recorder.handle))
    recorder.follow(task)
    try:
        yield task
        await source.stop()
        await task
    finally:
        task.cancel()
        await asyncio.wait([task])


def fill(hub: EmbeddedHub, partition: str, count: int, size: int = 20) -> None:
    for number in range(count):
        hub.append(partition, b"%d" % number + b"." * size)


async def test_resets_in_a_row_closings_detachings_and_torn_frames_lose_nothing() -> None:
    async with EmbeddedHub(partitions=1) as hub:
        recorder = Recorder()
        fill(hub, "0", 10)
        async with running(source_of(hub, recorder, max_batch=20), recorder):
            await recorder.until(10)
            for count in range(20, 60, 10):  # more resets than the SDK forgives in a consumer's life
                await hub.drop_connections()
                fill(hub, "0", 10)
                await recorder.until(count)
            hub.close_connections()
            fill(hub, "0", 10)
            await recorder.until(60)
            hub.detach("amqp:link:detach-forced", "maintenance")
            fill(hub, "0", 10)
            await recorder.until(70)
            hub.faults.cut_after = 30_000
            fill(hub, "0", 40, size=1_500)
            await recorder.until(110)
            hub.faults.dribble = (700, 0.01)
            fill(hub, "0", 10, size=1_500)
            await recorder.until(120)


async def test_a_slow_handler_meets_resets_without_gaps_and_is_never_interrupted() -> None:
    async with EmbeddedHub(partitions=1, offset_prefix="0:") as hub:
        recorder = Recorder()
        fill(hub, "0", 100)
        task = asyncio.create_task(source_of(hub, recorder, max_batch=20).run(recorder.handle))
        await recorder.until(20)
        recorder.entered.clear()
        recorder.hold.clear()
        fill(hub, "0", 20)
        await recorder.entered.wait()
        await hub.drop_connections()
        recorder.hold.set()
        await recorder.until(120)
        recorder.entered.clear()
        recorder.hold.clear()
        fill(hub, "0", 1)
        await recorder.entered.wait()
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=0.1)
        assert not done
        recorder.hold.set()
        await asyncio.wait([task])
        assert task.cancelled()
        assert not recorder.cancelled
        assert recorder.count == 121


async def test_a_connection_that_stays_open_but_delivers_nothing_is_replaced() -> None:
    async with EmbeddedHub(partitions=1) as hub:
        recorder, clock = Recorder(), FakeClock()
        fill(hub, "0", 5)
        async with running(source_of(hub, recorder, clock, idle_timeout=1.0, max_wait=1.0), recorder):
            await recorder.until(5)
            hub.faults.silent = True  # longer than the idle time-out: the SDK closes, and waits for an answer for ever
            await SystemClock().sleep(2.0)
            hub.faults.silent = False
            fill(hub, "0", 5)
            recorder.events.clear()
            await clock.advance(60.0)
            await recorder.until_told(EndOffsets)
            while not (told := recorder.told(Silent, partition="0")):
                await clock.advance(10.0)
                await SystemClock().sleep(0.5)
            silent = told[-1]
            assert "the SDK delivers nothing" in silent.reason
            await recorder.until_told(Recovered, partition="0")
            await recorder.until(10)


async def test_a_partition_that_speaks_again_while_the_hub_is_asked_why_it_was_silent_is_not_told_as_silent() -> None:
    async with EmbeddedHub(partitions=1) as hub:
        recorder = Recorder()
        fill(hub, "0", 5)
        source = source_of(hub, recorder)
        async with running(source, recorder):
            await recorder.until(5)
            await source._renew_silent([Silence("0", 65.0, news=True)])
            assert not recorder.told(Silent)
            assert not recorder.told(Closed)


async def test_a_hub_that_was_away_for_long_is_waited_for_and_read_on_where_it_was_left() -> None:
    async with EmbeddedHub(partitions=1) as hub:
        recorder, clock = Recorder(), FakeClock()
        fill(hub, "0", 5)
        source = source_of(hub, recorder, clock, probe_every=1e9, give_up_after=60.0, start_deadline=4.0)
        async with running(source, recorder):
            await recorder.until(5)
            await hub.go_offline()
            fill(hub, "0", 5)
            await clock.advance(120.0)
            silent = await recorder.until_told(Silent, partition="0")
            assert "cannot be reached" in silent.reason
            await hub.go_online()
            await recorder.until(10)
        assert recorder.repeated == 0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"hub": "no-such-hub"}, "has no Event Hub named 'no-such-hub'"),
        ({"consumer_group": "no-such-group"}, "refuses the consumer group 'no-such-group'"),
        ({"key": True}, "refuses our credential"),
        ({"host": "127.0.0.1:1", "start_deadline": 2.5}, "namespace at 127.0.0.1:1 cannot be reached"),
        (
            {"host": "no-such-namespace.invalid", "start_deadline": 2.5},
            "namespace at no-such-namespace.invalid cannot be reached",
        ),
    ],
    ids=["hub", "consumer group", "key", "port", "namespace"],
)
async def test_what_is_configured_wrongly_is_said_in_one_paragraph_without_the_key(
    wrong: dict[str, Any], says: str
) -> None:
    async with EmbeddedHub(partitions=1, key=KEY) as hub:
        text = hub.connection_string
        if wrong.pop("key", False):
            text = text.replace(KEY, "x" + KEY)
        if host := wrong.pop("host", None):
            text = text.replace(f"127.0.0.1:{hub.port}", host)
        recorder = Recorder()
        source = source_of(hub, recorder, connection_string=text, **wrong)
        with pytest.raises(SourceError) as caught:
            await source.prepare()
        await source.stop()
    said = str(caught.value)
    assert says in said
    assert "\n" not in said
    assert KEY not in said
    assert not any(KEY in repr(event) for event in recorder.events)


async def test_looking_disturbs_no_reader_but_reading_takes_over_and_whoever_loses_ends_saying_so() -> None:
    async with EmbeddedHub(partitions=2) as hub:
        first, second, third = Recorder(), Recorder(), Recorder()
        fill(hub, "0", 3)
        older = asyncio.create_task(source_of(hub, first).run(first.handle))
        await first.until(3)
        second.positions = dict(first.positions)
        newer = source_of(hub, second)
        await newer.prepare()
        assert [(reader.partition, reader.epoch) for reader in hub.readers] == [("0", 1), ("1", 1)]
        fill(hub, "0", 1)
        await first.until(4)
        async with running(newer, second):
            with pytest.raises(SourceError, match="Another receiver has taken over"):
                await older
            fill(hub, "0", 2)
            fill(hub, "1", 3)
            await second.until(6)
            with pytest.raises(SourceError, match="Another receiver has taken over"):
                await source_of(hub, third, epoch=0).run(third.handle)
            fill(hub, "1", 1)
            await second.until(7)
        assert first.told(Closed, reason="stolen")
        assert [event.partition for event in first.told(SourceTrouble) if event.kind == "stolen"]
        assert second.repeated == third.count == 0


async def test_latest_is_what_was_newest_at_the_first_start_and_later_nothing_is_skipped() -> None:
    async with EmbeddedHub(partitions=2) as hub:
        recorder, clock = Recorder(), FakeClock()
        fill(hub, "0", 3)
        never = {"silent_after": 1e9, "probe_every": 1e9}
        async with running(source_of(hub, recorder, clock, start="latest", **never), recorder):
            await recorder.until_told(Opened, partition="0")
            await clock.advance(100_000.0)  # the connections are recycled before anything has come
            await recorder.until_told(Closed, partition="0", reason="recycle")
            fill(hub, "0", 2)
            await recorder.until(2)
        assert recorder.positions.keys() == {"0"}
        assert recorder.positions["0"].sequence_number == 4
        fill(hub, "1", 2)
        async with running(source_of(hub, recorder, clock, start="latest", **never), recorder):
            await recorder.until(4)


async def test_connections_are_recycled_after_so_many_messages_without_loss() -> None:
    async with EmbeddedHub(partitions=1) as hub:
        recorder, clock = Recorder(), FakeClock()
        fill(hub, "0", 100)
        source = source_of(
            hub, recorder, clock, recycle_after_messages=60, max_batch=50, silent_after=1e9, probe_every=1e9
        )
        async with running(source, recorder):
            await recorder.until(100)
            await recorder.until_told(Closed, reason="recycle")
            fill(hub, "0", 10)
            await recorder.until(110)


async def test_a_link_that_cannot_be_opened_any_more_is_noticed_explained_and_recovered_from() -> None:
    async with EmbeddedHub(partitions=1) as hub:
        recorder, clock = Recorder(), FakeClock()
        fill(hub, "0", 1)
        source = source_of(hub, recorder, clock, probe_every=1e9, start_deadline=3.0)
        async with running(source, recorder):
            await recorder.until(1)
            assert source.ready
            hub.faults.refuse_links = Refusal("amqp:internal-error", "The broker is on fire.")
            await hub.drop_connections()
            fill(hub, "0", 1)
            await clock.advance(61.0)
            silent = await recorder.until_told(Silent, partition="0")
            assert "The broker is on fire" in silent.reason
            assert not source.ready
            hub.faults.refuse_links = None
            await recorder.until_told(Recovered, partition="0")
            await recorder.until(2)
            assert source.ready


async def test_a_silence_that_lasts_ends_the_run_with_the_reason() -> None:
    async with EmbeddedHub(partitions=1) as hub:
        recorder, clock = Recorder(), FakeClock()
        fill(hub, "0", 1)
        source = source_of(hub, recorder, clock, probe_every=1e9, give_up_after=60.0)
        task = asyncio.create_task(source.run(recorder.handle))
        await recorder.until(1)
        hub.refuse_tokens(401, "The role was taken away.")
        await clock.advance(70.0)
        with pytest.raises(SourceError, match=r"no sign of life for .* refuses our credential"):
            await task


async def test_a_hub_that_is_created_again_while_we_read_ends_the_run() -> None:
    async with EmbeddedHub(partitions=1) as hub:
        recorder, clock = Recorder(), FakeClock()
        fill(hub, "0", 3)
        task = asyncio.create_task(source_of(hub, recorder, clock, probe_every=60.0).run(recorder.handle))
        await recorder.until(3)
        hub.recreate()
        fill(hub, "0", 1)
        await clock.advance(61.0)
        with pytest.raises(HubRecreated, match="deleted and created again"):
            await task


async def test_tips_are_polled_new_partitions_read_and_what_retention_took_is_reported() -> None:
    async with EmbeddedHub(partitions=2, retain=5) as hub:
        recorder, clock = Recorder(), FakeClock()
        fill(hub, "0", 3)
        source = source_of(hub, recorder, clock)
        async with running(source, recorder):
            await recorder.until(3)
            recorder.events.clear()
            fill(hub, "1", 2)
            await recorder.until(5)
            await clock.advance(60.0)
            end_offsets = await recorder.until_told(EndOffsets)
            assert [(end_offset.partition, end_offset.sequence_number) for end_offset in end_offsets.end_offsets] == [
                ("0", 2),
                ("1", 1),
            ]
            assert {end_offset.known_at for end_offset in end_offsets.end_offsets} == {clock.now()}
            hub._broker.store.partitions["2"] = Partition(2)
            fill(hub, "2", 2)
            await clock.advance(60.0)
            await recorder.until(7)
        fill(hub, "0", 12)
        later = source_of(hub, recorder, clock)
        await later.prepare()
        await later.stop()
        assert recorder.told(Expired) == [Expired("0", messages=7)]


async def test_a_managed_identity_reads_with_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    secret, asked = b"signing-key", []

    async def token(request: web.Request) -> web.Response:
        asked.append(request.query["resource"])
        expires = int(SystemClock().now().timestamp()) + 3600
        claims = {"aud": "https://eventhubs.azure.net/", "exp": expires, "nbf": expires - 7200}
        return web.json_response(
            {
                "access_token": hs256_token(claims, secret),
                "expires_on": str(expires),
                "resource": request.query["resource"],
                "token_type": "Bearer",
            }
        )

    app = web.Application()
    app.router.add_get("/msi/token", token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{port}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "x")
    async with EmbeddedHub(partitions=1, jwt_verifier=hs256_verifier(secret)) as hub:
        recorder = Recorder()
        fill(hub, "0", 3)
        source = EventHubSource(
            options=SourceOptions(namespace=f"127.0.0.1:{hub.port}", hub=hub.name, tls=False, max_wait=3.0),
            positions=lambda: recorder.positions,
            clock=SystemClock(),
            observer=recorder.observe,
            credential_factory=ManagedIdentityCredential,
        )
        async with running(source, recorder):
            await recorder.until(3)
    assert {resource.rstrip("/") for resource in asked} == {"https://eventhubs.azure.net"}

    await runner.cleanup()
    refused = EventHubSource(
        options=SourceOptions(namespace="127.0.0.1:1", hub="logs", tls=False),
        positions=dict,
        clock=SystemClock(),
        observer=Recorder().observe,
        credential_factory=lambda: ManagedIdentityCredential(retry_total=0),
    )
    with pytest.raises(SourceError, match="No Microsoft Entra token"):
        await refused.prepare()
    await refused.stop()


@pytest.mark.xfail(raises=TimeoutError, reason="azure-eventhub 5.15.1; when this passes, the watchdog has less to do")
async def test_the_sdk_reports_an_error_when_a_link_cannot_be_opened() -> None:
    async with EmbeddedHub(partitions=1) as hub:
        hub.faults.refuse_links = Refusal("amqp:internal-error", "The broker is on fire.")
        told = asyncio.Event()

        async def on_error(*_: object) -> None:
            told.set()

        client = EventHubConsumerClient.from_connection_string(hub.connection_string, "$Default", retry_total=0)
        receiving = asyncio.create_task(client.receive_batch(on_error, partition_id="0", on_error=on_error))
        try:
            async with asyncio.timeout(4.0):
                await told.wait()
        finally:
            await close(client, receiving)
