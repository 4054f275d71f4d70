"""Killed at any moment, again and again: each operation is learnt once, each verdict applied, each alert delivered.

Real hub protocol, real Blob storage protocol, real HTTP receiver, real processes; what the killed service knows in
the end is compared with an engine that read the same messages in peace.
"""

import asyncio
import gzip
from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from azure.storage.blob.aio import ContainerClient

from demo.hub import EmbeddedHub
from demo.receiver import Receiver
from models.stream.windows import Bucket
from service.core.alerting.alerts import Alert
from service.core.ports import SnapshotStore, VerdictStore
from service.core.snapshot.codec import decode
from service.core.verdicts.collection import Verdicts
from service.core.verdicts.journal import line_of, name_of
from service.core.verdicts.verdict import Verdict, VerdictKind, verdict_on
from service.storage.snapshots import CURRENT, BlobSnapshotStore, FileSnapshotStore
from service.verdicts.stores import BlobVerdictStore, FileVerdictStore
from tests.fakes.azurite import Account
from tests.fakes.store import kept_in
from tests.integration.service_process import LATENESS, Office, ServiceProcess, clock, configuration
from tests.integration.undisturbed import Rows, Undisturbed, as_saved, learnt, restored

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

SIGNING = "whsec_" + b64encode(b"kill me and I come back, I promise").decode()


async def newest(store: SnapshotStore) -> Rows:
    """Return the rows of the newest snapshot, which is there."""
    return decode((await kept_in(store))[0])


def findings(payload: Any) -> frozenset[str]:
    """Return which findings a message tells of; a notice tells of none."""
    return frozenset(one["uid"] for one in payload["data"].get("evidences", ()))


class Scene:
    """Hub, storage, receiver and the service's configuration."""

    def __init__(
        self,
        folder: Path,
        hub: EmbeddedHub,
        receiver: Receiver,
        place: Mapping[str, str],
        store: SnapshotStore,
        journal: VerdictStore,
        **sections: Any,
    ) -> None:
        self.hub = hub
        self.receiver = receiver
        self.store = store
        self.journal = journal
        self.given: list[Verdict] = []
        hook = {"kind": "webhook", "url": receiver.webhook_url, "allow_private": True, "secrets": [SIGNING]}
        own = {"snapshots": {**place, "every": "1s"}, "sinks": {"hook": hook}, "verdicts": {"look_every": "1s"}}
        self.config = configuration(hub, **own, **sections)
        self.service = ServiceProcess(folder, self.config)
        self.settings = folder / "unwonted.yaml"

    async def judge(self, kind: VerdictKind) -> None:
        """Say of the newest alert in the state, if there is one, what it was found to be."""
        kept = await kept_in(self.store)
        engine = restored(self.settings, decode(kept[0])) if kept else None
        if engine is None or not (alerts := engine.alerts.alerts):
            return
        now = clock.now()
        given = verdict_on(
            alerts[-1],
            kind,
            by="eve",
            at=now,
            why="an exercise",
            # That bucket closes no sooner than in LATENESS seconds; the service looks every second.
            takes_effect=Bucket.of(now, engine.options.bucket).start,
            until=now + timedelta(seconds=10) if kind is VerdictKind.MALICIOUS else None,
        )
        self.given.append(given)
        await self.journal.append(name_of(given), line_of(given))

    async def finish(self) -> Rows:
        """Wait until everything has been read and every bucket has closed, end the service; returns its state."""
        await self.service.until_said("started")
        ends = max(message.enqueued_time for partition in ("0", "1") for message in self.hub.messages(partition))
        async with asyncio.timeout(150):
            while True:
                await clock.sleep(0.5)
                engine = restored(self.settings, await newest(self.store))
                if engine.watermark.time > ends + timedelta(seconds=LATENESS):
                    break
        assert await self.service.terminate() == 0
        return await newest(self.store)

    def delivered(self) -> Mapping[str, list[Any]]:
        """Return what the receiver took, by id."""
        found: dict[str, list[Any]] = defaultdict(list)
        for entry in self.receiver.of("webhook"):
            assert isinstance(entry.payload, dict)
            found[entry.payload["id"]].append(entry.payload)
        return found

    def check(self, rows: Rows, *, decided_again: bool = False) -> None:
        """Compare the state with that of an engine that read in peace, and the receiver with the state.

        What was saved in a snapshot that was damaged is `decided_again`: then a copy may tell of more, never of less.
        """
        engine = restored(self.settings, rows)
        peaceful = Undisturbed(self.settings, engine, Verdicts(self.given))
        peaceful.read(self.hub, {partition: len(self.hub.messages(partition)) for partition in ("0", "1")})
        peaceful.close()
        assert engine.records == peaceful.engine.records
        assert learnt(rows) == learnt(as_saved(peaceful.engine))
        told = [Alert.model_validate(row["alert"]) for section, row in rows if section == "alert"]
        delivered = self.delivered()
        assert {f"{alert.id}.{alert.revision}" for alert in told} <= delivered.keys()
        # How many there are, and in how many alerts, is up to how the office's work fell into hours.
        assert peaceful.unusual
        assert peaceful.unusual_operations <= {
            (finding.detector, finding.actor_id or alert.actor_id, finding.action)
            for alert in told
            for finding in alert.findings
        }
        for copies in delivered.values():
            if decided_again:
                assert all(findings(before) <= findings(after) for before, after in pairwise(copies))
            else:
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
    journal: VerdictStore = FileVerdictStore(folder / "state" / "verdicts.ndjson")
    if storage is not None:
        text, name = storage.connection_string, f"c{uuid4().hex}"
        place = {"kind": "blob", "connection_string": text, "container": name}
        container = await stack.enter_async_context(ContainerClient.from_connection_string(text, name))
        store, journal = BlobSnapshotStore(container, "snapshot"), BlobVerdictStore(container, "snapshot.verdicts")
    found = Scene(folder, hub, receiver, place, store, journal, **sections)
    await stack.enter_async_context(found.service)
    return found


async def test_killed_nine_times_it_has_learnt_everything_once_applied_every_verdict_and_told_everything(
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
            kind = tuple(VerdictKind)[life % 4]
            if life % 2:
                await it.judge(kind)
            await it.service.kill()
            if not life % 2:
                await it.judge(kind)
            await it.service.start()
        stop.set()
        await working
        rows = await it.finish()
        it.check(rows)
        applied = {row["id"] for section, row in rows if section == "verdict"}
        assert applied == {one.id for one in Verdicts(it.given).due(clock.now(), {})}
        assert {one.kind for one in it.given} == set(VerdictKind)


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
        it.check(await it.finish(), decided_again=True)
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
