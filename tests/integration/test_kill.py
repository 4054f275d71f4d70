"""Killed at any moment, again and again: each operation is learnt once, each alert delivered, nothing doubled.

Real hub protocol, real Blob storage protocol, real HTTP receiver, real processes; what the killed service knows in
the end is compared with an engine that read the same messages in peace.
"""

import asyncio
import gzip
import json
from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from azure.storage.blob.aio import ContainerClient

from demo.hub import EmbeddedHub
from demo.receiver import Receiver
from models.detectors.anomalies import Anomaly
from service.core.alerting.alerts import Alert
from service.core.engine.engine import Engine
from service.core.messages import Message
from service.core.parsing.parser import ActivityLogParser
from service.core.ports import SnapshotStore
from service.core.snapshot.codec import decode
from service.settings.reading import load
from service.storage.snapshots import CURRENT, BlobSnapshotStore, FileSnapshotStore
from service.wiring import build_engine
from tests.fakes.azurite import Account
from tests.fakes.store import kept_in
from tests.integration.service_process import LATENESS, Office, ServiceProcess, clock, configuration

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

SIGNING = "whsec_" + b64encode(b"kill me and I come back, I promise").decode()
Rows = list[tuple[str, Any]]


async def newest(store: SnapshotStore) -> Rows:
    """Return the rows of the newest snapshot, which is there."""
    return decode((await kept_in(store))[0])


def restored(settings: Path, rows: Rows) -> Engine:
    engine = build_engine(load(settings, {}))
    engine.load(rows)
    return engine


def in_peace(settings: Path, hub: EmbeddedHub, alert_from: datetime) -> tuple[Engine, set[str]]:
    """Read everything that the hub holds, undisturbed; returns the engine and the ids of what was unusual, and is news.

    On a busy machine the first life begins long after the office: what is older than `alert_from` only teaches.
    """
    engine, parser = build_engine(load(settings, {})), ActivityLogParser()
    partitions = ("0", "1")
    engine.expect(partitions)
    engine.begin(alert_from)
    scored: list[Anomaly] = []
    for partition in partitions:
        for one in hub.messages(partition):
            message = Message(partition, one.sequence_number, one.offset, one.enqueued_time, one.body)
            scored += engine.apply(message, parser.parse(one.body).events).scored
    for partition in partitions:
        scored += engine.idle(partition, hub.messages(partition)[-1].sequence_number, clock.now() + timedelta(hours=1))
    return engine, {one.id for one in scored if engine.unusual(one) and one.bucket.end > alert_from}


def learnt(rows: Rows) -> list[str]:
    known = ("population ", "identities ")
    return [json.dumps([section, row], sort_keys=True) for section, row in rows if section.startswith(known)]


class Scene:
    """Hub, storage, receiver and the service's configuration."""

    def __init__(
        self,
        folder: Path,
        hub: EmbeddedHub,
        receiver: Receiver,
        place: Mapping[str, str],
        store: SnapshotStore,
        **sections: Any,
    ) -> None:
        self.hub = hub
        self.receiver = receiver
        self.store = store
        hook = {"kind": "webhook", "url": receiver.webhook_url, "allow_private": True, "secrets": [SIGNING]}
        self.config = configuration(hub, snapshots={**place, "every": "1s"}, sinks={"hook": hook}, **sections)
        self.service = ServiceProcess(folder, self.config)
        self.settings = folder / "unwonted.yaml"

    async def finish(self) -> Rows:
        """Wait until everything has been read and every bucket has closed, end the service; returns its state."""
        await self.service.until_said("started")
        ends = max(message.enqueued_time for partition in ("0", "1") for message in self.hub.messages(partition))
        async with asyncio.timeout(60):
            while True:
                await clock.sleep(0.5)
                engine = restored(self.settings, await newest(self.store))
                if engine.watermark.time > ends + timedelta(seconds=LATENESS):
                    break
        assert await self.service.terminate() == 0
        return await newest(self.store)

    def delivered(self) -> Mapping[str, list[object]]:
        """Return what the receiver took, by id."""
        found: dict[str, list[object]] = defaultdict(list)
        for entry in self.receiver.of("webhook"):
            assert isinstance(entry.payload, dict)
            found[entry.payload["id"]].append(entry.payload)
        return found

    def check(self, rows: Rows) -> None:
        """Compare the state with that of an engine that read in peace, and the receiver with the state."""
        engine = restored(self.settings, rows)
        assert engine.alert_from is not None
        peaceful, unusual = in_peace(self.settings, self.hub, engine.alert_from)
        assert engine.records == peaceful.records
        assert learnt(rows) == learnt(json.loads(json.dumps(list(peaceful.dump()))))
        told = [Alert.model_validate(row["alert"]) for section, row in rows if section == "alert"]
        delivered = self.delivered()
        assert {f"{alert.id}.{alert.revision}" for alert in told} <= delivered.keys()
        # How many there are, and in how many alerts, is up to how the office's work fell into hours.
        assert unusual
        assert unusual <= {finding.id for alert in told for finding in alert.findings}
        for copies in delivered.values():
            assert all(copy == copies[0] for copy in copies)
        assert not self.receiver_complains()
        [outbox] = [row for section, row in rows if section == "outbox"]
        assert all(not queue["rows"] for queue in outbox["queues"].values())

    def receiver_complains(self) -> list[str]:
        return [problem for entry in self.receiver.received for problem in entry.problems]


async def scene(stack: AsyncExitStack, folder: Path, storage: Account | None = None, **sections: Any) -> Scene:
    """Set everything up and start the service; its snapshots go to a blob, or without `storage` to a folder."""
    hub = await stack.enter_async_context(EmbeddedHub(partitions=2))
    receiver = await stack.enter_async_context(Receiver(secret=SIGNING))
    place = {"kind": "file", "path": str(folder / "state")}
    store: SnapshotStore = FileSnapshotStore(folder / "state")
    if storage is not None:
        text, name = storage.connection_string, f"c{uuid4().hex}"
        place = {"kind": "blob", "connection_string": text, "container": name}
        container = await stack.enter_async_context(ContainerClient.from_connection_string(text, name))
        store = BlobSnapshotStore(container, "snapshot")
    found = Scene(folder, hub, receiver, place, store, **sections)
    await stack.enter_async_context(found.service)
    return found


async def test_killed_nine_times_it_has_learnt_everything_once_and_told_everything(
    tmp_path: Path, storage: Account
) -> None:
    rng = Random(20261122)
    async with AsyncExitStack() as stack:
        it = await scene(stack, tmp_path, storage)
        stop = asyncio.Event()
        working = asyncio.ensure_future(Office(it.hub, seed=1).work(stop))
        for life in range(9):
            # Some die while they start, some in the middle of a snapshot or a delivery.
            if life % 4 != 3:
                await it.service.until_said("started")
            await clock.sleep(rng.uniform(0.0, 2.5))
            await it.service.kill()
            await it.service.start()
        stop.set()
        await working
        it.check(await it.finish())


async def test_with_its_newest_snapshots_damaged_it_goes_back_and_has_learnt_everything_once_all_the_same(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack:
        it = await scene(stack, tmp_path)
        stop = asyncio.Event()
        working = asyncio.ensure_future(Office(it.hub, seed=4).work(stop))
        for bad in (b"person0@contoso.example", gzip.compress(b"\0" * 100_000_000)):
            await it.service.until_said("started")
            await clock.sleep(3.0)
            await it.service.kill()
            (tmp_path / "state" / CURRENT).write_bytes(bad)
            await it.service.start()
            told = await it.service.until_said("snapshot_unreadable")
            assert told["reason"].startswith(f"{CURRENT}: ")
            await it.service.until_said("state_restored")
        stop.set()
        await working
        it.check(await it.finish())
        assert len(list((tmp_path / "state").glob("*.set-aside-*"))) == 2
        assert b"person0@" not in it.service.log.read_bytes()


async def test_stopped_at_any_moment_it_delivers_nothing_twice(tmp_path: Path) -> None:
    rng = Random(7)
    async with AsyncExitStack() as stack:
        it = await scene(stack, tmp_path)
        stop = asyncio.Event()
        working = asyncio.ensure_future(Office(it.hub, seed=2).work(stop))
        for _ in range(2):
            await it.service.until_said("started")
            await clock.sleep(rng.uniform(0.0, 3.0))
            assert await it.service.terminate() == 0
            assert it.service.said("stopped")
            await it.service.start()
        await clock.sleep(3.0)
        stop.set()
        await working
        it.check(await it.finish())
        assert all(len(copies) == 1 for copies in it.delivered().values())


async def test_while_hub_and_receiver_are_away_nothing_is_lost(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        it = await scene(stack, tmp_path)
        stop = asyncio.Event()
        working = asyncio.ensure_future(Office(it.hub, seed=3).work(stop))
        await it.service.until_said("started")
        await clock.sleep(2.0)
        await it.receiver.stop()
        await it.service.until_said("delivery_retried")
        await it.hub.go_offline()
        await it.service.until_said("source_trouble")
        await clock.sleep(2.0)
        await it.hub.go_online()
        await it.receiver.start()
        await clock.sleep(6.0)
        stop.set()
        await working
        it.check(await it.finish())
        assert it.service.said("delivery_retried")
