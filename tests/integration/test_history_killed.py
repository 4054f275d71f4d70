"""Killed at any moment, again and again, the service leaves a history with every hour in it, and each of them once."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest

from demo.hub import EmbeddedHub
from models.stream.cells import ActorBucket
from service.core.messages import Message
from service.core.parsing.parser import ActivityLogParser
from service.history.reading import History
from service.history.schema import NoHistory
from service.settings.reading import load
from service.wiring import build_engine
from tests.integration.service_process import Office, ServiceProcess, clock, configuration

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

PARTITIONS = ("0", "1")


def without_records(seen: ActorBucket) -> ActorBucket:
    """Leave out what the history keeps of unusual hours alone."""
    return seen._replace(cells=tuple(cell._replace(sample=()) for cell in seen.cells))


def in_peace(settings: Path, hub: EmbeddedHub) -> list[ActorBucket]:
    """What is closed when everything that the hub holds is read undisturbed."""
    engine, parser = build_engine(load(settings, {})), ActivityLogParser()
    engine.keeps_closed = True
    engine.expect(PARTITIONS)
    for partition in PARTITIONS:
        for one in hub.messages(partition):
            message = Message(partition, one.sequence_number, one.offset, one.enqueued_time, one.body)
            engine.apply(message, parser.parse(one.body).events)
    for partition in PARTITIONS:
        engine.idle(partition, hub.messages(partition)[-1].sequence_number, clock.now().replace(year=2100))
    return sorted(without_records(judgement.seen) for closed in engine.take_closed() for judgement in closed.judgements)


def recorded(path: Path) -> list[ActorBucket]:
    try:
        with History(path) as history:
            return sorted(without_records(hour.seen) for hours in history.closed() for hour in hours)
    except NoHistory:
        return []


async def test_killed_at_any_moment_its_history_has_every_hour_once(tmp_path: Path) -> None:
    rng, path = Random(11), tmp_path / "state" / "history.sqlite"
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(EmbeddedHub(partitions=2))
        place = {"kind": "file", "path": str(tmp_path / "state"), "every": "1s"}
        service = ServiceProcess(tmp_path, configuration(hub, snapshots=place))
        await stack.enter_async_context(service)
        stop = asyncio.Event()
        working = asyncio.ensure_future(Office(hub, seed=5).work(stop))
        for _ in range(3):
            await service.until_said("started")
            await clock.sleep(rng.uniform(1.0, 4.0))
            await service.kill()
            await service.start()
        stop.set()
        await working
        expected = in_peace(tmp_path / "unwonted.yaml", hub)
        async with asyncio.timeout(90):
            while await asyncio.to_thread(recorded, path) != expected:
                await clock.sleep(0.5)
        assert await service.terminate() == 0
        assert recorded(path) == expected
        assert expected
