"""A life of the service in a process that is stopped for long, and one that is too busy to heed the hub."""

from datetime import timedelta

from service.source.options import EndOffsets
from tests.service.lives import HOUR, Life, World, living


async def test_a_process_that_was_frozen_for_long_is_behind_and_does_not_call_the_hub_silent() -> None:
    world = World()
    life = Life(world)

    def is_open(reason: str) -> float:
        return life.metric("unwonted_blind_window_open", reason=reason)

    async with living(life):
        life.feed("Microsoft.Web/sites/write")
        await life.pass_time(3 * HOUR)
        world.clock.freeze(3 * HOUR)
        life.feed("Microsoft.Web/sites/delete", time=(world.clock.now() - timedelta(hours=1)).isoformat())
        await world.clock.advance(600.0)
        assert (is_open("behind"), is_open("silent")) == (1.0, 0.0)
        await life.pass_time(HOUR)
        assert (is_open("behind"), is_open("silent")) == (0.0, 0.0)
    assert world.actions() == ["microsoft.web/sites/delete", "microsoft.web/sites/write"]


async def test_answers_of_the_hub_wait_in_a_bounded_number_and_the_newest_is_heeded() -> None:
    world = World()
    life = Life(world)
    async with living(life):
        life.feed("Microsoft.Web/sites/write")
        await life.pass_time(HOUR)
        waiting = life.app._end_offsets
        async with life.app._state.lock:
            for _ in range(50):
                world.clock.freeze(60.0)
                life._observer(EndOffsets(tuple(await life.source.prepare())))
            assert waiting.qsize() <= 10
            newest = world.clock.now() - life.engine.options.lateness
        await world.clock.advance(1.0)
        assert waiting.empty()
        assert life.engine.watermark.time == newest
