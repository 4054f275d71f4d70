"""The service and all that surrounds it, each of which can fail: hub, storage, receiver, clock, disk.

What fails when is drawn elsewhere, and what must hold all the same is checked elsewhere.
"""

import asyncio
import re
import resource
import signal
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
from azure.storage.blob.aio import ContainerClient

from demo.hub import EmbeddedHub
from demo.receiver import Receiver
from service.core.ports import Generation, SnapshotStore
from service.core.snapshot import UnreadableSnapshot, decode
from service.storage.snapshots import NEW, BlobSnapshotStore, FileSnapshotStore
from tests.fakes.azurite import Account
from tests.fakes.wire import Wire, wired
from tests.integration.service_process import ServiceProcess, clock, configuration
from tests.integration.test_clock import faketime, turn
from tests.integration.undisturbed import Rows
from tests.soak.feed import PARTITIONS, Feed

SIGNING = "whsec_" + b64encode(b"whatever happens, tell me of it").decode()
LATENESS = 8.0
BACK_WITHIN = 180.0
"""Seconds within which the service is ready again after a fault, on the slowest machine."""


class Violation(AssertionError):  # noqa: N818 - it says what is broken
    """Something that must hold whatever happens does not."""


class World:
    """One tenant, one hub, one service.

    Parameters
    ----------
    folder
        Where the service keeps its files.
    storage
        Where it keeps its snapshots; None for files.
    seed
        Of the tenant.
    """

    def __init__(self, folder: Path, storage: Account | None, seed: int) -> None:
        self.folder = folder
        self.settings = folder / "unwonted.yaml"
        self.hub = EmbeddedHub(partitions=len(PARTITIONS))
        # Whoever sets the service's clock sets that of its signatures.
        self.receiver = Receiver(secret=SIGNING, tolerance=timedelta(days=3))
        self.feed = Feed(self.hub, seed)
        self.starts = 0
        self.set_aside: set[tuple[str, int]] = set()
        self.may_have_forgotten = False
        self._storage = storage
        self._file_size: int | None = None
        self._clock_setting = folder / "time"
        self._state = folder / "state"
        self._stack = AsyncExitStack()
        self.store: SnapshotStore
        self.service: ServiceProcess
        self.store_wire: Wire
        self.receiver_wire: Wire
        self.hub_wire: Wire
        self._container: ContainerClient | None = None
        self._http: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        enter = self._stack.enter_async_context
        await enter(self.hub)
        await enter(self.receiver)
        self._http = await enter(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)))
        self.hub_wire = await enter(wired(self.hub.port))
        self.receiver_wire = await enter(wired(self.receiver.port))
        url = self.receiver.webhook_url.replace(f":{self.receiver.port}/", f":{self.receiver_wire.port}/")
        config = configuration(
            self.hub,
            windows={"bucket": "2s", "lateness": f"{LATENESS:.0f}s", "late_horizon": "5m"},
            schedule={"every": "2s", "window": "10s"},
            snapshots={**await self._place(), "every": "2s", "timeout": "10s"},
            sinks={"hook": {"kind": "webhook", "url": url, "allow_private": True, "secrets": [SIGNING]}},
            detectors={"rare_action": {"threshold": 40}, "rare_failure": {"threshold": 40}},
            # So that there is something to tell of on the first day of a tenant, too.
            watch={"entries": [{"operations": ["*/delete"], "reason": "all that is gone is told of"}]},
            notices={"after": "6s"},
            dead_letter={"path": str(self.folder / "letters" / "dead-letter.ndjson")},
            shutdown={"grace": "25s"},
        )
        text = self.hub.connection_string.replace(f":{self.hub.port};", f":{self.hub_wire.port};")
        config["event_hub"] |= {
            "connection_string": text,
            "max_wait": "2s",
            "silent_after": "5s",
            "give_up_after": "1m",
        }
        self.set_clock(0.0)
        environment = {
            "LD_PRELOAD": str(faketime()),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock_setting),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.service = ServiceProcess(self.folder, config, environment, piped=True)
        await self.start()
        self._stack.push_async_callback(self.service.kill)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _place(self) -> Mapping[str, Any]:
        if self._storage is None:
            self.store = FileSnapshotStore(self._state)
            self.store_wire = await self._stack.enter_async_context(wired())
            return {"kind": "file", "path": str(self._state)}
        text, name = self._storage.connection_string, f"c{uuid4().hex}"
        endpoint = re.search(r"BlobEndpoint=([^;]+)", text)
        assert endpoint is not None
        port = urlsplit(endpoint[1]).port
        self.store_wire = await self._stack.enter_async_context(wired(port))
        self._container = await self._stack.enter_async_context(ContainerClient.from_connection_string(text, name))
        self.store = BlobSnapshotStore(self._container, "snapshot")
        wired_text = text.replace(f":{port}/", f":{self.store_wire.port}/")
        return {"kind": "blob", "connection_string": wired_text, "container": name}

    # what can be done to it

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the service, if it lives."""
        if not self.service.ended:
            self.service.send(number)

    async def start(self) -> None:
        """Start the service, on a disk that is as full as before."""
        self.starts += 1
        await self.service.start()
        if self._file_size is not None:
            self.limit_files(self._file_size)

    async def kill(self) -> None:
        """End the service without a word."""
        await self.service.kill()
        self.note_life()

    async def stop(self) -> None:
        """Stop the service as an orchestrator does; it has to end in order, unless it has just ended by itself."""
        by_itself = self.service.ended
        code = await self.service.terminate()
        self.note_life()
        unborn = code == -signal.SIGTERM and not self.service.said("geography")
        # With a store that does not answer, nothing but its grace ends it, as it is to be.
        forced = self.service.said("end_forced") and self.service.said("snapshot_failed")
        if code != 0 and not by_itself and not unborn and not forced and not self.service.said("ended"):
            raise Violation(f"stopped, it ended with {code}")

    def set_clock(self, seconds: float) -> None:
        """Set the service's clock to so many seconds before or after the world's."""
        turn(self._clock_setting, f"{seconds:+.0f}")

    def limit_files(self, size: int | None) -> None:
        """Fail each write beyond that size in a file, as a full disk fails it; None for no limit."""
        self._file_size = size
        if not self.service.ended:
            soft = resource.RLIM_INFINITY if size is None else size
            resource.prlimit(self.service.pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))

    def take_store_away(self) -> None:
        """Make the place of the snapshots one that cannot be used."""
        if self._storage is not None:
            self.store_wire.break_off()
        elif self._state.is_dir():
            self._state.rename(self.folder / "away")
            self._state.write_text("no folder")

    def bring_store_back(self) -> None:
        """Make it usable again, with what was in it."""
        self.store_wire.mend()
        if (self.folder / "away").exists():
            self._state.unlink()
            (self.folder / "away").rename(self._state)

    async def spoil_newest(self, spoil: Callable[[bytes], bytes]) -> None:
        """Change what the newest snapshot holds; nobody else may write to it meanwhile."""
        self.may_have_forgotten = True
        async for newest in self.store.load():
            data = spoil(newest.data)
            if self._container is not None:
                await self._container.upload_blob("snapshot", data, overwrite=True)
            else:
                (self._state / newest.name).write_bytes(data)
            return

    # what can be seen of it

    async def generations(self) -> list[Generation]:
        """Return what is kept, newest first."""
        return [generation async for generation in self.store.load()]

    async def until_two_generations(self) -> None:
        """Wait until losing the newest snapshot loses no more than that."""
        async with asyncio.timeout(BACK_WITHIN):
            while len([one for one in await self.generations() if one.name != NEW]) < 2:
                await self.restart_if_ended()
                await clock.sleep(0.2)

    async def newest(self) -> Rows:
        """Return the rows of the newest snapshot that is not damaged; none while there is none."""
        async for generation in self.store.load():
            with suppress(UnreadableSnapshot):
                return decode(generation.data)
        return []

    def ends(self) -> dict[str, int]:
        """Return the sequence number of the newest message of each partition."""
        return {partition: len(self.hub.messages(partition)) - 1 for partition in PARTITIONS}

    async def restart_if_ended(self) -> None:
        """Start the service again if it has ended by itself, as an orchestrator does."""
        if self.service.ended:
            self.note_life()
            await self.start()

    def note_life(self) -> None:
        """Note what this life has set aside, which was told as lost, and whether it told what it could not save."""
        self.may_have_forgotten = self.may_have_forgotten or bool(self.service.said("snapshot_failed"))
        for one in self.service.said("message_set_aside"):
            self.set_aside.add((one["partition"], one["sequence_number"]))

    async def until_ready(self) -> None:
        """Wait until the service says that all is well."""
        problem: object = "it has not started"
        try:
            async with asyncio.timeout(BACK_WITHIN):
                while True:
                    await self.restart_if_ended()
                    if started := self.service.said("started"):
                        ready, problem = await self._readiness(started[-1]["http_port"])
                        if ready:
                            return
                    await clock.sleep(0.1)
        except TimeoutError:
            raise Violation(f"not ready {BACK_WITHIN:.0f} s after the fault: {problem}") from None

    async def _readiness(self, port: int) -> tuple[bool, object]:
        try:
            async with self._http.get(f"http://127.0.0.1:{port}/healthz/ready") as answer:
                return answer.status == 200, await answer.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            return False, repr(error)
