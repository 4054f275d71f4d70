"""The real source in front of a hub that was deleted and created again, or is another one."""

import asyncio
from datetime import datetime, timedelta

import pytest
from azure.eventhub.aio import EventHubConsumerClient

from demo.hub import EmbeddedHub
from service.clock import SystemClock
from service.core.messages import Position
from service.core.ports import HubRecreated, SourceError
from service.source import preflight
from tests.service.source.harness import Recorder
from tests.service.source.test_event_hub import fill, running, source_of

pytestmark = [
    pytest.mark.integration,
    # After a reset the SDK leaves sockets to the garbage collector, which complains.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


async def test_a_hub_that_was_created_again_is_told_by_its_age_however_many_messages_it_has() -> None:
    async with EmbeddedHub(partitions=2) as hub:
        recorder = Recorder()
        began = SystemClock().now()
        for number in range(3):
            hub.append("0", b"%d" % number, enqueued_time=began - timedelta(minutes=5 - number))
        async with running(source_of(hub, recorder), recorder):
            await recorder.until(3)
        await source_of(hub, recorder).prepare()
        hub.recreate()
        fill(hub, "0", 7)
        later = source_of(hub, recorder, start="latest")
        with pytest.raises(HubRecreated) as caught:
            await later.prepare()
        assert caught.value.partitions == ("0", "1")
        assert caught.value.created_at >= began.replace(microsecond=0)
        recorder.positions.clear()
        recorder.bodies.clear()
        async with running(later, recorder):
            await recorder.until(7)
        assert recorder.repeated == 0


async def test_a_hub_that_grows_past_us_while_we_read_is_noticed_when_we_ask_even_if_the_sdk_has_read_on() -> None:
    async with EmbeddedHub(partitions=1) as hub:
        recorder = Recorder()
        began = SystemClock().now()
        for number in range(2):
            hub.append("0", b"%d" % number, enqueued_time=began - timedelta(minutes=5 - number))
        task = asyncio.create_task(source_of(hub, recorder, probe_every=1.0).run(recorder.handle))
        recorder.follow(task)
        await recorder.until(2)
        hub.recreate()
        fill(hub, "0", 5)
        with pytest.raises(HubRecreated):
            await task


async def test_a_hub_that_is_created_again_between_two_questions_to_it_is_not_taken_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with EmbeddedHub(partitions=1) as hub:
        recorder = Recorder()
        for _ in range(2):
            hub.append("0", b"old", enqueued_time=SystemClock().now() - timedelta(minutes=5))
        source = source_of(hub, recorder)
        async with running(source, recorder):
            await recorder.until(2)
        describe = preflight._describe
        asked = 0

        async def describe_and_recreate(client: EventHubConsumerClient) -> tuple[datetime, list[str]]:
            nonlocal asked
            asked += 1
            answer = await describe(client)
            if asked == 1:
                hub.recreate()
                fill(hub, "0", 1)
            return answer

        # The hub is old enough for its new creation time, in whole seconds, to be another.
        hub._broker.store.created_at -= timedelta(minutes=10)
        monkeypatch.setattr(preflight, "_describe", describe_and_recreate)
        later = source_of(hub, recorder)
        with pytest.raises(HubRecreated):
            await later.prepare()
        await later.stop()


async def test_another_hub_that_is_no_younger_and_ends_before_us_is_refused_with_what_to_do() -> None:
    async with EmbeddedHub(partitions=1) as hub:
        fill(hub, "0", 2)
        recorder = Recorder()
        recorder.positions["0"] = Position(9, "900", SystemClock().now() + timedelta(seconds=5))
        with pytest.raises(SourceError, match=r"names another hub.*unwonted state forget-positions") as caught:
            await source_of(hub, recorder).prepare()
        assert not isinstance(caught.value, HubRecreated)


async def test_a_creation_time_that_cannot_be_true_is_no_sign_of_anything() -> None:
    async with EmbeddedHub(partitions=1) as hub:
        old = SystemClock().now() - timedelta(hours=1)
        hub.append("0", b"old", enqueued_time=old)
        recorder = Recorder()
        recorder.positions["0"] = Position(0, "0", old)
        hub._broker.store.created_at = SystemClock().now()
        await source_of(hub, recorder).prepare()
