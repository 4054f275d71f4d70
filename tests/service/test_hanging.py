"""A life of the service among things that never answer: what it tells, and how it ends."""

import asyncio

from tests.service.lives import QUARTER, RHYTHM, Life, World, living


async def test_a_store_that_never_answers_delays_no_alert_and_is_said_to_be_the_reason_for_not_being_ready() -> None:
    world = World()
    life = Life(world)
    async with living(life):
        await life.pass_time(60.0)
        world.store._seconds = 1e9
        for number in range(4):
            life.feed(f"Microsoft.Web/sites/{number}")
            await life.pass_time(QUARTER)
            assert len(world.actions()) == number + 1
        assert life.metric("unwonted_evaluations_missed_total") == 0
        reasons = life.health.result("ready").reasons
        assert "no answer within 60 s" in reasons["snapshots"]
        began = world.clock.elapsed()
    assert world.clock.elapsed() - began <= RHYTHM.grace.total_seconds()
    assert world.trail[-1] == "sink closed"

    world.store._seconds = 0.0
    again = Life(world)
    async with living(again):
        assert "snapshots" not in again.health.result("ready").reasons
        await again.pass_time(QUARTER)
    assert len(world.actions()) == 4


async def test_a_source_that_does_not_stop_is_left_behind() -> None:
    world = World()
    life = Life(world)

    async def stop_for_ever() -> None:
        await asyncio.get_running_loop().create_future()

    life.source.stop = stop_for_ever  # type: ignore[method-assign]  # as a hub that is gone would
    async with living(life):
        life.feed("Microsoft.Web/sites/write")
        await life.pass_time(60.0)
        began = world.clock.elapsed()
    assert world.clock.elapsed() - began <= RHYTHM.grace.total_seconds()
    assert world.actions() == []
    assert world.trail[-2:] == ["saved with 0 waiting", "sink closed"]
