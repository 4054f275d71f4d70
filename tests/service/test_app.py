"""One life of the service after another, in front of a hub in memory and under a clock that passes a day at once."""

import asyncio
import errno
import os
from datetime import datetime, timedelta

import pytest

from service.core.notices import GapKind
from service.core.parsing.rejects import RejectReason
from service.core.parsing.salvage import BROKEN_RECORDS
from service.core.ports import Receipt, SnapshotFenced, SourceError
from service.core.snapshot.codec import UnreadableSnapshot
from tests.fakes.clock import MONDAY_MORNING, settle
from tests.fakes.letters import FakeDeadLetterStore
from tests.service.core.parsing.samples import human, message, record
from tests.service.lives import BOB, HOUR, OBJECT_ID, QUARTER, Life, World, died_of, killed, living


@pytest.mark.measured
@pytest.mark.slow
async def test_a_day_passes_and_each_new_thing_is_told_once_at_the_next_quarter() -> None:
    world = World()
    life = Life(world)
    async with living(life):
        for hour in range(24):
            life.feed("Microsoft.Web/sites/read", f"Microsoft.Web/sites/{hour}", partition=str(hour % 2))
            await life.pass_time(HOUR)
            assert len(world.actions()) == hour + 2
    assert life.engine.records == 48
    assert life.metric("unwonted_evaluation_duration_seconds_count") == 96


async def test_what_is_to_be_sent_is_in_a_snapshot_first_and_what_was_sent_in_the_next() -> None:
    world = World()
    life = Life(world)
    async with living(life):
        life.feed("Microsoft.Web/sites/write")
        await life.pass_time(QUARTER)
        sent = world.trail.index("sending")
        assert world.trail[sent - 1 : sent + 2] == ["saved with 1 waiting", "sending", "saved with 0 waiting"]


async def test_a_snapshot_that_fails_holds_no_alert_back() -> None:
    world = World()
    life = Life(world)
    async with living(life):
        life.feed("Microsoft.Web/sites/write")
        world.store.failure = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        await life.pass_time(QUARTER)
        assert world.actions() == ["microsoft.web/sites/write"]
        assert life.metric("unwonted_snapshots_total", result="failed") > 0
        world.store.failure = None
        before = world.store.saves
        await life.pass_time(2 * QUARTER)
        assert world.store.saves > before
    assert len(world.sink.taken) == 1


async def test_sigterm_stops_reading_saves_flushes_saves_and_closes() -> None:
    world = World()
    life = Life(world)
    world.sink.seconds = 5.0
    async with living(life) as stop:
        life.feed("Microsoft.Web/sites/write")
        life.feed("Microsoft.Web/sites/write", claims=human(name="Bob", **{OBJECT_ID: BOB}))
        await life.pass_time(QUARTER)
        assert world.trail[-1] == "sending"
        world.trail.clear()
        life.feed("Microsoft.Web/sites/move")
        stop.set()
    assert world.trail[0] == "source stopped"
    assert world.trail[1].startswith("saved")
    assert world.trail[-2:] == ["saved with 0 waiting", "sink closed"]
    assert len(world.sink.taken) == 3  # of each, and of both: a network that was strange to them joins them
    assert not life.health.result("ready").ok
    again = Life(world)
    async with living(again):
        assert again.engine.records == 3


async def test_the_end_waits_for_a_snapshot_that_is_being_written() -> None:
    world = World(store_seconds=10.0)
    life = Life(world)
    async with living(life) as stop:
        await world.clock.advance(11.0)
        life.feed("Microsoft.Web/sites/write")
        await world.clock.advance(65.0)
        assert world.store.saves == 1
        stop.set()
    assert world.store.misused == 0
    assert world.store.saves >= 3


async def test_a_receiver_that_is_away_for_an_hour_gets_everything_once_it_is_back() -> None:
    world = World()
    life = Life(world)
    world.sink.answer = Receipt("retry", "refused")
    async with living(life):
        for number in range(4):
            life.feed(f"Microsoft.Web/sites/{number}")
            await life.pass_time(QUARTER)
        assert world.sink.tried
        assert not world.sink.taken
        world.sink.answer = Receipt("sent", "http_200")
        await life.pass_time(QUARTER)
    assert world.actions() == [f"microsoft.web/sites/{number}" for number in range(4)]
    ids = [taken.id for taken in world.sink.taken]
    assert len(ids) == len(set(ids))


async def test_a_hub_that_is_silent_for_an_hour_loses_nothing_that_comes_after() -> None:
    world = World()
    life = Life(world)
    async with living(life):
        life.feed("Microsoft.Web/sites/read")
        await life.pass_time(HOUR)
        time = (world.clock.now() - timedelta(minutes=50)).isoformat()
        life.feed("Microsoft.Web/sites/write", time=time)
        await life.pass_time(QUARTER)
    assert world.actions() == ["microsoft.web/sites/read", "microsoft.web/sites/write"]


async def test_after_a_kill_the_next_life_goes_on_where_the_snapshot_was() -> None:
    world = World()
    first = Life(world)
    first.feed("Microsoft.Web/sites/read")
    world.sink.answer = Receipt("retry", "http_503")
    await killed(first, QUARTER + 120.0)
    assert not world.sink.taken
    world.sink.answer = Receipt("sent", "http_200")
    second = Life(world)
    async with living(second):
        second.feed("Microsoft.Web/sites/write")
        await second.pass_time(2 * QUARTER)
    assert second.engine.records == 2
    assert world.actions() == ["microsoft.web/sites/read", "microsoft.web/sites/write"]
    assert len({taken.id for taken in world.sink.taken}) == len(world.sink.taken)
    assert world.sink.taken[0].id == world.sink.tried[0].id


async def test_an_evaluation_that_is_stopped_in_between_has_told_all_that_it_has_noted_as_told() -> None:
    world = World()
    life = Life(world)
    world.sink.answer = Receipt("retry", "refused")
    async with living(life):
        for number in range(120):
            claims = human(name=f"Bob {number}", **{OBJECT_ID: f"bbbbbbbb-0000-4000-8000-{number:012}"})
            life.feed("Microsoft.Web/sites/write", claims=claims)
        await settle()
        evaluating = asyncio.ensure_future(life.app._evaluate(world.clock.now()))
        while not len(life.engine.alerts):
            await world.clock.sleep(0.0)
        evaluating.cancel()
        await asyncio.gather(evaluating, return_exceptions=True)
        assert len(life.engine.alerts) == 121  # one of each, and one of all: they share a network strange to them
        assert life.app._state.outbox.waiting(world.sink.name) == 121


async def test_what_cannot_heal_ends_the_process() -> None:
    life = Life(World())
    life.source.fail(SourceError("the hub is another one"))
    error = await died_of(life)
    assert isinstance(error, SourceError)
    assert life.world.sink.closed

    life = Life(World())
    running = asyncio.ensure_future(life.app.run(asyncio.Event()))
    await settle()
    life.source.fail(SourceError("somebody else reads"))
    [ended] = await asyncio.gather(running, return_exceptions=True)
    assert str(ended) == "somebody else reads"


async def test_another_writer_of_our_snapshots_ends_the_process() -> None:
    world = World()
    world.store.failure = SnapshotFenced("another instance has written the snapshot since")
    assert isinstance(await died_of(Life(world)), SnapshotFenced)
    world.store.failure = None
    life = Life(world)
    life.feed("Microsoft.Web/sites/read")
    running = asyncio.ensure_future(life.app.run(asyncio.Event()))
    await settle()
    world.store.failure = SnapshotFenced("another instance has written the snapshot since")
    await world.clock.advance(QUARTER)
    [ended] = await asyncio.gather(running, return_exceptions=True)
    assert isinstance(ended, SnapshotFenced)
    assert not world.sink.taken


async def test_a_first_start_ends_where_nothing_could_be_kept() -> None:
    world = World()
    world.store.failure = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    error = await died_of(Life(world))
    assert isinstance(error, OSError)
    assert "very first snapshot" in str(error)


async def test_any_task_that_dies_takes_the_process_with_it() -> None:
    world = World()
    life = Life(world)
    running = asyncio.ensure_future(life.app.run(asyncio.Event()))
    await settle()
    life.feed("Microsoft.Web/sites/read")
    world.store.failure = ZeroDivisionError("a bug")
    await world.clock.advance(60.0)
    [ended] = await asyncio.gather(running, return_exceptions=True)
    assert isinstance(ended, ZeroDivisionError)


async def test_a_damaged_snapshot_gives_way_to_the_one_before_and_says_so() -> None:
    world = World()
    first = Life(world)
    first.feed("Microsoft.Web/sites/read")
    await killed(first, 2 * QUARTER)
    world.store.kept["current"] = world.store.kept["current"][:-20]
    second = Life(world)
    async with living(second):
        assert second.metric("unwonted_snapshots_total", result="unreadable") == 1
        assert second.engine.records == 1


async def test_when_no_snapshot_can_be_read_it_does_not_start_over_unasked() -> None:
    world = World()
    world.store.kept = {"current": b"junk", "previous": b""}
    error = await died_of(Life(world))
    assert isinstance(error, UnreadableSnapshot)
    assert world.store.generations == [b"junk", b""]


@pytest.mark.parametrize("start", ["latest", MONDAY_MORNING + timedelta(seconds=1)])
async def test_what_is_older_than_where_it_shall_start_is_not_read(start: str | datetime) -> None:
    world = World()
    earlier = Life(world)
    earlier.feed("Microsoft.Web/sites/old")
    life = Life(world, start=start)
    async with living(life):
        life.feed("Microsoft.Web/sites/new")
        await life.pass_time(QUARTER)
    assert world.actions() == ["microsoft.web/sites/new"]


async def test_big_and_poisonous_messages_harm_nobody() -> None:
    world = World()
    life = Life(world)
    async with living(life):
        now = world.clock.now().isoformat()
        many = [record(time=now, operationName="Microsoft.Web/sites/read")] * 10_000
        life.feed_body(message(*many))
        life.feed_body(b'{"records":[' + b"\xff" * 1024 * 1024)
        life.feed_body(message({"time": now, "operationName": "x" * 1024 * 1024}))
        life.feed("Microsoft.Web/sites/write")
        await life.pass_time(QUARTER)
    assert life.engine.positions["0"].sequence_number == 3
    assert {"microsoft.web/sites/read", "microsoft.web/sites/write"} <= set(world.actions())


async def test_messages_that_are_nothing_but_rejects_hold_nobody_up_and_fill_no_dead_letter() -> None:
    world = World()
    letters = FakeDeadLetterStore(world.clock)
    life = Life(world, dead_letter=letters)
    turns: set[int] = set()

    async def others() -> None:
        for _ in range(1_000):
            turns.update(position.sequence_number for position in life.engine.positions.values())
            await world.clock.sleep(0.0)

    async with living(life):
        for _ in range(4):
            life.feed_body(b"{}" * 150_000)
        life.feed_body(b'{"records":[' + b"{}," * 100_000 + b"{}]}")
        await others()
        await life.pass_time(1.0)
    assert turns == {0, 1, 2, 3, 4}
    assert life.metric("unwonted_rejects_total", reason="not_a_record") == 4 * BROKEN_RECORDS + 100_001
    assert life.metric("unwonted_rejects_total", reason="given_up") == 4
    assert len(letters.entries) <= 20 + len(RejectReason)


async def test_endless_made_up_actions_are_bounded_and_counted() -> None:
    world = World()
    life = Life(world)
    async with living(life):
        for start in range(0, 1_500, 500):
            life.feed(*(f"Microsoft.Web/made/{number}" for number in range(start, start + 500)))
        await life.pass_time(QUARTER)
        assert life.engine.buckets.held() <= 200
        assert life.metric("unwonted_events_total", result="saturated") > 900


async def test_a_silence_is_told_once_and_once_when_it_is_over_also_by_another_life() -> None:
    world = World()
    first = Life(world)
    running = asyncio.ensure_future(first.app.run(asyncio.Event()))
    await settle()
    await first.pass_time(HOUR)
    began = world.clock.now()
    await world.clock.advance(3 * HOUR)  # nobody says anything of the hub
    assert [(notice.kind, notice.stage) for notice in world.sink.noticed] == [(GapKind.SILENT, "opened")]
    assert first.metric("unwonted_blind_window_open", reason="silent") == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    second = Life(world)
    async with living(second):
        assert second.metric("unwonted_blind_window_open", reason="silent") == 1
        second.feed("Microsoft.Web/sites/write")
        await second.pass_time(HOUR)
        assert second.metric("unwonted_blind_window_open", reason="silent") == 0
    opened, closed = world.sink.noticed
    assert (closed.stage, closed.id, closed.revision) == ("closed", opened.id, 2)
    assert began - timedelta(minutes=15) <= opened.since <= began
    assert opened.partitions == ("0", "1")


async def test_a_life_that_was_away_for_hours_says_what_it_reads_late() -> None:
    world = World()
    async with living(Life(world)) as _:
        await world.clock.advance(60.0)
    left = world.clock.now()
    second = Life(world)
    second.feed("Microsoft.Web/sites/read", "Microsoft.Web/sites/write")
    await world.clock.advance(5 * HOUR)
    second.feed("Microsoft.Web/sites/delete")
    async with living(second):
        await second.pass_time(HOUR)
    opened, closed = world.sink.noticed
    assert (opened.kind, opened.stage, closed.stage) == (GapKind.BEHIND, "opened", "closed")
    assert opened.since <= left
    assert opened.partitions == ("0",)
    assert closed.late_records == 2


async def test_what_the_hub_dropped_before_it_was_read_is_told_as_lost() -> None:
    world = World()
    life = Life(world)
    async with living(life):
        life.feed("Microsoft.Web/sites/read")
        await life.pass_time(QUARTER)
        life.source.drop("0", 4)
        life.feed("Microsoft.Web/sites/write")
        await life.pass_time(HOUR)
    opened, closed = world.sink.noticed
    assert [opened.kind, closed.kind] == [GapKind.LOST] * 2
    assert (opened.lost_messages, closed.lost_messages) == (4, 4)
    assert not opened.may_alerts_still_come


@pytest.mark.parametrize("start", ["earliest", "latest"])
@pytest.mark.parametrize("added", [1, 5])
async def test_a_recreated_hub_is_read_from_its_beginning_and_what_it_held_is_told_as_lost(
    start: str, added: int
) -> None:
    world = World()
    life = Life(world, start=start)
    async with living(life):
        for number in range(3):
            life.feed(f"Microsoft.Web/sites/{number}")
            await life.pass_time(60.0)
        before = life.engine.watermark.time
        life.source.recreate()
        world.bodies.clear()
        await settle()
        for number in range(added):
            life.feed(f"Microsoft.Sql/servers/{number}")
        await life.pass_time(QUARTER)
        assert life.engine.records == 3 + added
        assert life.engine.watermark.time >= before
        assert life.metric("unwonted_source_errors_total", reason="recreated") == 1
    second = Life(world, start=start)
    async with living(second):
        await second.pass_time(HOUR)
        assert second.engine.records == 3 + added
    assert [(told.kind, told.stage) for told in world.sink.noticed] == [
        (GapKind.LOST, "opened"),
        (GapKind.LOST, "closed"),
    ]
    assert world.sink.noticed[0].lost_messages is None
    assert len(world.actions()) == 3 + added


@pytest.mark.parametrize("start", ["earliest", "latest", MONDAY_MORNING + timedelta(seconds=1)])
async def test_a_quiet_hub_is_not_taken_for_a_silent_one_wherever_reading_starts(start: str | datetime) -> None:
    world = World()
    Life(world).feed("Microsoft.Web/sites/old")
    life = Life(world, start=start)
    async with living(life):
        await life.pass_time(6 * HOUR)
    assert world.sink.noticed == []
