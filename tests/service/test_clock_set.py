"""A life of the service on a machine whose clock somebody sets."""

import asyncio
from datetime import timedelta

import pytest

from service.core.ports import Receipt
from tests.fakes.clock import settle
from tests.service.lives import HOUR, QUARTER, Life, World, living


@pytest.mark.parametrize("hours", [-6, 25])
async def test_a_clock_that_is_set_is_noticed_and_stops_nothing(hours: int) -> None:
    world = World()
    life = Life(world)
    world.sink.answer = Receipt("retry", "http_503")
    async with living(life):
        life.feed("Microsoft.Web/sites/write")
        await life.pass_time(QUARTER + 300.0)
        assert world.sink.tried
        before = life.metric("unwonted_evaluations_total", result="success")
        world.clock.set(world.clock.now() + timedelta(hours=hours))
        world.sink.answer = Receipt("sent", "http_200")
        await world.clock.advance(HOUR)
        assert life.metric("unwonted_evaluations_total", result="success") - before >= 4
        assert life.metric("unwonted_evaluations_missed_total") == 0
        assert life.metric("unwonted_clock_jumps_total") == 1
        assert life.metric("unwonted_clock_jump_seconds") == hours * HOUR
    assert world.actions() == ["microsoft.web/sites/write"]
    outbox = life.metric("unwonted_deliveries_total", sink="fake", result="expired")
    assert outbox == 0


@pytest.mark.parametrize("days", [-3, 3])
async def test_a_clock_that_is_wrong_from_the_start_is_said_and_costs_nothing(days: int) -> None:
    world, wrong = World(), timedelta(days=days)
    world.sink.answer = Receipt("retry", "http_503")
    first = Life(world)
    running = asyncio.ensure_future(first.app.run(asyncio.Event()))
    await settle()
    first.feed("Microsoft.Web/sites/write")
    await first.pass_time(QUARTER + 60.0)
    assert world.sink.tried
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    world.clock.begin_wrong(wrong)
    world.sink.answer = Receipt("sent", "http_200")
    life = Life(world)
    life.source.ahead = wrong
    async with living(life):
        await life.pass_time(2 * HOUR)
        life.feed("Microsoft.Web/sites/delete", time=(world.clock.now() - wrong).isoformat())
        await life.pass_time(QUARTER)
        assert life.metric("unwonted_clock_skew_seconds") == pytest.approx(days * 24 * HOUR, abs=2 * QUARTER)
        assert life.health.result("ready").notes["clock"].startswith("this machine's is 2")
        world.clock.set(world.clock.now() - wrong)
        await life.pass_time(HOUR)
        assert life.metric("unwonted_clock_skew_seconds") == 0.0
        assert "clock" not in life.health.result("ready").notes
        assert life.metric("unwonted_late_total", result="judged") == 0
        assert life.metric("unwonted_late_total", result="dropped") == 0
    assert world.actions() == ["microsoft.web/sites/delete", "microsoft.web/sites/write"]
    assert life.metric("unwonted_deliveries_total", sink="fake", result="expired") == 0


async def test_what_waits_is_saved_with_the_times_of_the_clock_as_it_was_set() -> None:
    world = World()
    first = Life(world)
    world.sink.answer = Receipt("retry", "http_503")
    running = asyncio.ensure_future(first.app.run(asyncio.Event()))
    await settle()
    first.feed("Microsoft.Web/sites/write")
    await first.pass_time(QUARTER)
    world.clock.set(world.clock.now() + timedelta(hours=25))
    await first.pass_time(QUARTER)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    world.sink.answer = Receipt("sent", "http_200")
    async with living(Life(world)) as _:
        await world.clock.advance(HOUR)
    assert world.actions() == ["microsoft.web/sites/write"]


async def test_what_happens_after_a_clock_was_set_forward_in_a_quiet_hub_is_not_late() -> None:
    world = World()
    life = Life(world)
    async with living(life):
        life.feed("Microsoft.Web/sites/write")
        await life.pass_time(2 * HOUR)
        right = world.clock.now()
        world.clock.set(right + timedelta(hours=25))
        await life.pass_time(QUARTER)
        life.feed("Microsoft.Web/sites/delete", time=(right + timedelta(minutes=10)).isoformat())
        await life.pass_time(2 * HOUR)
        assert life.metric("unwonted_events_total", result="operation") == 2
        assert life.metric("unwonted_events_total", result="late") == 0
        assert life.metric("unwonted_watermark_timestamp_seconds") == pytest.approx(
            (right + timedelta(hours=2) - timedelta(minutes=30)).timestamp(), abs=QUARTER
        )
    assert world.actions() == ["microsoft.web/sites/delete", "microsoft.web/sites/write"]
