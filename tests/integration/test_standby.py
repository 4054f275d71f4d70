"""Two instances on one hub: whichever works is killed, again and again, and the other takes over within half a minute.

In the end everything has been learnt once and told, as by an instance that was never disturbed. How often is
`--kills`; how long it took each time is in the report (`--junit-xml`), and on the terminal with `-s`.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from service.storage.leases import LOCK
from tests.fakes.azurite import Account
from tests.integration.service_process import Office, ServiceProcess, clock
from tests.integration.test_kill import Scene, scene

pytestmark = [pytest.mark.integration, pytest.mark.timeout(0)]


class Pair:
    """Two instances with one configuration; `working` has the lease, `waiting` has not."""

    def __init__(self, folder: Path, it: Scene, other: ServiceProcess) -> None:
        self.it = it
        self.working = it.service
        self.waiting = other
        self.took: list[float] = []

    async def kill_the_working_one(self) -> None:
        """Kill it, wait until the other works, and start it again as the one that waits."""
        await self.waiting.until_said("standby_waiting")
        began = clock.elapsed()
        await self.working.kill()
        await self.waiting.until_said("started")
        self.took.append(clock.elapsed() - began)
        self.working, self.waiting = self.waiting, self.working
        await self.waiting.start()
        self.it.service = self.working


async def pair(stack: AsyncExitStack, folder: Path, storage: Account | None) -> Pair:
    (folder / "one").mkdir()
    (folder / "two").mkdir()
    it = await scene(stack, folder / "one", storage, standby={"enabled": True})
    await it.service.until_said("started")
    other = ServiceProcess(folder / "two", it.config)
    await stack.enter_async_context(other)
    return Pair(folder, it, other)


async def answer(service: ServiceProcess, path: str) -> tuple[int, Any]:
    port = (await service.until_said("standby_waiting"))["http_port"]
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as response:
        return response.status, await response.text()


@pytest.mark.parametrize("place", ["file", "blob"])
async def test_whoever_is_killed_the_other_goes_on_and_everything_is_learnt_once_and_told(
    tmp_path: Path, place: str, request: pytest.FixtureRequest, record_property: Any
) -> None:
    rng = Random(20261127)
    async with AsyncExitStack() as stack:
        storage = request.getfixturevalue("storage") if place == "blob" else None
        two = await pair(stack, tmp_path, storage)
        stop = asyncio.Event()
        working = asyncio.ensure_future(Office(two.it.hub, seed=8).work(stop))
        for _ in range(request.config.getoption("--kills")):
            await clock.sleep(rng.uniform(0.0, 3.0))
            await two.kill_the_working_one()
        stop.set()
        await working
        await two.waiting.until_said("standby_waiting")
        assert not two.waiting.said("state_restored"), "who waits has read nothing"
        assert not two.waiting.said("ended")
        for path in ("/healthz/startup", "/healthz/ready", "/healthz/live"):
            assert (await answer(two.waiting, path))[0] == 200
        assert "unwonted_standby 1.0" in (await answer(two.waiting, "/metrics"))[1]
        record_property("seconds", [round(seconds, 1) for seconds in two.took])
        sys.stdout.write(f"{place}: taken over after {sorted(round(seconds, 1) for seconds in two.took)} s\n")
        assert await two.waiting.terminate() == 0
        two.it.check(await two.it.finish())


@pytest.mark.timeout(400)
async def test_who_stops_in_order_is_followed_without_waiting_for_the_lease_to_end(
    tmp_path: Path, storage: Account
) -> None:
    async with AsyncExitStack() as stack:
        two = await pair(stack, tmp_path, storage)
        stop = asyncio.Event()
        working = asyncio.ensure_future(Office(two.it.hub, seed=9).work(stop))
        await two.waiting.until_said("standby_waiting")
        assert await two.working.terminate() == 0
        await two.waiting.until_said("started")
        two.it.service = two.waiting
        await clock.sleep(3.0)
        stop.set()
        await working
        two.it.check(await two.it.finish())


@pytest.mark.timeout(400)
async def test_a_holder_that_has_lost_its_lease_ends_by_itself_and_the_other_goes_on(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        two = await pair(stack, tmp_path, None)
        stop = asyncio.Event()
        working = asyncio.ensure_future(Office(two.it.hub, seed=10).work(stop))
        await two.waiting.until_said("standby_waiting")
        # As if the volume had given the lock to somebody else, who is gone again.
        (tmp_path / "one" / "state" / LOCK).write_bytes(b"somebody else")
        assert await two.working.wait() == 1
        [ended] = two.working.said("ended")
        assert ended["error"] in {"LeaseLost", "SnapshotFenced"}
        await two.waiting.until_said("started")
        two.it.service = two.waiting
        stop.set()
        await working
        two.it.check(await two.it.finish())
