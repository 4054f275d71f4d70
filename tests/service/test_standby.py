"""An instance that waits for another: well, silent, and at once at work when the other is gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from service.core.ports import LeaseLost
from service.standby import Standby
from tests.fakes.clock import settle
from tests.fakes.lease import FakeLease
from tests.service.lives import QUARTER, Life, World


async def ended(running: asyncio.Task[None], life: Life) -> None:
    """Let time pass until it has ended, and raise what it raised."""
    await settle()
    while not running.done():
        await life.world.clock.advance(1.0)
    await running


@asynccontextmanager
async def standing_by(life: Life, lease: FakeLease) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    running = asyncio.ensure_future(Standby(life.app._components, lease).run(stop))
    await settle()
    try:
        yield stop
    finally:
        stop.set()
        await ended(running, life)


async def test_while_it_waits_it_is_well_and_does_nothing() -> None:
    world = World()
    life, lease = Life(world), FakeLease()
    async with standing_by(life, lease):
        life.feed("Microsoft.Web/sites/read")
        await world.clock.advance(10 * QUARTER)
        for probe in ("startup", "ready", "live"):
            result = life.health.result(probe)
            assert (result.ok, result.notes) == (True, {"standby": "waits for the lease of another instance"})
        assert (world.store.saves, world.sink.tried, life.engine.records) == (0, [], 0)
    assert lease.trail == ["asked", "released"]


async def test_what_it_takes_over_it_restores_then_and_not_before() -> None:
    world = World()
    first, second, lease = Life(world), Life(world), FakeLease()
    async with standing_by(second, lease):
        taken = FakeLease()
        taken.free.set()
        async with standing_by(first, taken):
            first.feed("Microsoft.Web/sites/read")
            await first.pass_time(QUARTER)
        second.source.feed(*world.bodies[0])
        second.feed("Microsoft.Web/sites/write")
        lease.free.set()
        await settle()
        assert second.health.result("startup").notes == {}
        await second.pass_time(2 * QUARTER)
        assert second.engine.records == 2
    assert world.actions() == ["microsoft.web/sites/read", "microsoft.web/sites/write"]
    assert world.trail[-1] == "sink closed"
    assert lease.trail == ["asked", "acquired", "released"]


async def test_who_loses_the_lease_stops_at_once_and_neither_tells_nor_saves_any_more() -> None:
    world = World()
    life, lease = Life(world), FakeLease()
    lease.free.set()
    running = asyncio.ensure_future(Standby(life.app._components, lease).run(asyncio.Event()))
    await settle()
    life.feed("Microsoft.Web/sites/read")
    await settle()
    saves = world.store.saves
    lease.lost.set()
    with pytest.raises(LeaseLost, match="taken away"):
        await ended(running, life)
    assert (world.store.saves, world.sink.tried) == (saves, [])
    assert world.sink.closed
    assert lease.trail[-1] == "released"


@pytest.mark.integration
async def test_its_metrics_stand_beside_nobody_elses() -> None:
    life, lease = Life(World()), FakeLease()
    async with standing_by(life, lease):
        port = await life.app._components.server.start()

        async def names() -> set[str]:
            address = f"http://127.0.0.1:{port}/metrics"
            async with aiohttp.ClientSession() as session, session.get(address) as answer:
                text = await answer.text()
            return {line.partition("{")[0].partition(" ")[0] for line in text.splitlines() if line[0] != "#"}

        shown = {name for name in await names() if name.startswith("unwonted_")}
        assert shown == {"unwonted_standby"}
        lease.free.set()
        await settle()
        assert {"unwonted_standby", "unwonted_records_total", "unwonted_sink_broken"} <= await names()
