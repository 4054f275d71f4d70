"""One life of the service after another, in front of a hub in memory and under a clock that passes a day at once."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from models.buckets import Limits
from service.activity_log import ActivityLogParser
from service.alerts import Alert
from service.app import App, Parts, Rhythm
from service.dispatcher import Dispatcher, Route
from service.engine import Engine, Options
from service.http import Health, HttpServer
from service.metrics import Metrics
from service.outbox import Outbox
from service.ports import Receipt, Rendered, SnapshotFenced, SourceError
from service.snapshot_codec import UnreadableSnapshot, decode
from service.source import SourceEvent, Tips
from service.state import State
from service.telemetry import Telemetry
from tests.fakes.clock import MONDAY_MORNING, FakeClock, settle
from tests.fakes.detector import FirstTime
from tests.fakes.sink import FakeSink
from tests.fakes.source import FakeSource
from tests.fakes.store import FakeStore
from tests.service.activity_log.samples import MICROSOFT, human, message, record

OBJECT_ID = MICROSOFT + "objectidentifier"
BOB = "bbbbbbbb-0000-4000-8000-000000000002"
QUARTER = 900.0
HOUR = 3600.0
RHYTHM = Rhythm(
    every=timedelta(minutes=15),
    window=timedelta(hours=2),
    snapshot_every=timedelta(minutes=1),
    grace=timedelta(seconds=30),
    lag_every=timedelta(minutes=5),
)


class World:
    """What outlives a process: the hub's messages, the store, the receiver, the time; and a trail of what happened."""

    def __init__(self, *, store_seconds: float = 0.0) -> None:
        self.clock = FakeClock()
        self.store = TracedStore(self, seconds=store_seconds)
        self.sink = TracedSink(self)
        self.trail: list[str] = []
        self.bodies: list[tuple[str, bytes]] = []

    @property
    def alerts(self) -> list[Alert]:
        return [Alert.model_validate_json(taken.body) for taken in self.sink.taken]

    def actions(self) -> list[str]:
        """Return what was told, an action as often as it was told."""
        latest = {alert.id: alert for alert in self.alerts}
        return sorted(finding.action for alert in latest.values() for finding in alert.findings)


class TracedStore(FakeStore):
    def __init__(self, world: World, *, seconds: float) -> None:
        super().__init__(world.clock, seconds=seconds)
        self._world = world

    async def save(self, data: bytes) -> None:
        await super().save(data)
        [outbox] = [row for section, row in decode(data) if section == "outbox"]
        waiting = sum(len(queue["rows"]) for queue in outbox["queues"].values())
        self._world.trail.append(f"saved with {waiting} waiting")


class TracedSink(FakeSink):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.seconds = 0.0
        self._world = world

    async def send(self, message: Rendered) -> Receipt:
        self._world.trail.append("sending")
        await self._world.clock.sleep(self.seconds)
        return await super().send(message)

    async def close(self) -> None:
        self._world.trail.append("sink closed")
        await super().close()


class TracedSource(FakeSource):
    def __init__(self, world: World, engine: Engine) -> None:
        super().__init__(positions=lambda: engine.positions, clock=world.clock)
        self._world = world

    async def stop(self) -> None:
        await super().stop()
        self._world.trail.append("source stopped")


class Life:
    """One process."""

    def __init__(self, world: World, *, start: str | datetime = "earliest") -> None:
        self.world = world
        self.engine = Engine(Options(limits=Limits(actions=100)), [FirstTime()])
        outbox = Outbox()
        self.source = TracedSource(world, self.engine)
        for partition, body in world.bodies:
            self.source.feed(partition, body)
        self.registry = CollectorRegistry()
        metrics = Metrics(self.registry, detectors=("first_time",), sinks=(world.sink.name,), identity_limit=100)
        self.health = Health()
        telemetry = Telemetry(metrics, self.health, (world.sink.name,))
        telemetry.watch(self.engine, outbox)
        self._observer: Callable[[SourceEvent], None] = telemetry.source

        def open_source(observer: Callable[[SourceEvent], None]) -> FakeSource:
            self._observer = observer
            return self.source

        def open_dispatcher(on_settled: Callable[[], Awaitable[None]]) -> Dispatcher:
            return Dispatcher(
                outbox,
                [Route(world.sink)],
                clock=world.clock,
                jitter=lambda: 1.0,
                on_settled=on_settled,
                observer=telemetry.delivered,
            )

        self.app = App(
            Parts(
                clock=world.clock,
                parser=ActivityLogParser(),
                state=State(self.engine, outbox, world.store, world.clock, telemetry.saved),
                open_source=open_source,
                open_dispatcher=open_dispatcher,
                sinks=(world.sink,),
                dead_letter=None,
                server=HttpServer(self.health, self.registry, host="127.0.0.1", port=0),
                telemetry=telemetry,
                rhythm=RHYTHM,
                start=start,
                resources=AsyncExitStack(),
            )
        )

    def feed(self, *actions: str, partition: str = "0", claims: dict[str, str] | None = None, **changes: Any) -> None:
        """Let somebody, Ann unless told otherwise, do something now."""
        time = changes.pop("time", self.world.clock.now().isoformat())
        records = [
            record(claims, operationName=action, correlationId=None, time=time, properties={"n": action}, **changes)
            for action in actions
        ]
        self.feed_body(message(*records), partition)

    def feed_body(self, body: bytes, partition: str = "0") -> None:
        self.world.bodies.append((partition, body))
        self.source.feed(partition, body)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, with the hub asked for its tips every quarter of an hour."""
        while seconds > 0:
            step = min(seconds, QUARTER)
            self._observer(Tips(tuple(await self.source.prepare())))
            await settle()
            await self.world.clock.advance(step)
            seconds -= step

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def living(life: Life) -> AsyncIterator[asyncio.Event]:
    """Run it, and end it as SIGTERM would."""
    stop = asyncio.Event()
    running = asyncio.ensure_future(life.app.run(stop))
    await settle()
    try:
        yield stop
    finally:
        stop.set()
        await settle()
        while not running.done():
            await life.world.clock.advance(1.0)
        await running


async def died_of(life: Life, seconds: float = 0.0) -> BaseException:
    """Run it until it ends on an error, which is returned."""
    running = asyncio.ensure_future(life.app.run(asyncio.Event()))
    await settle()
    await life.world.clock.advance(seconds)
    [error] = await asyncio.gather(running, return_exceptions=True)
    assert isinstance(error, BaseException)
    return error


async def killed(life: Life, seconds: float) -> None:
    """Run it for a while, and end it without any ado."""
    running = asyncio.ensure_future(life.app.run(asyncio.Event()))
    await settle()
    await life.pass_time(seconds)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


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
    assert len(world.sink.taken) == 2
    assert not life.health.verdict("ready").ok
    again = Life(world)
    async with living(again):
        assert again.engine.records == 3


async def test_the_end_waits_for_a_snapshot_that_is_being_written() -> None:
    world = World(store_seconds=20.0)
    life = Life(world)
    async with living(life) as stop:
        await world.clock.advance(21.0)
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
    world.store.generations[0] = world.store.generations[0][:-20]
    second = Life(world)
    async with living(second):
        assert second.metric("unwonted_snapshots_total", result="unreadable") == 1
        assert second.engine.records == 1


async def test_when_no_snapshot_can_be_read_it_does_not_begin_anew_unasked() -> None:
    world = World()
    world.store.generations = [b"junk", b""]
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


async def test_endless_made_up_actions_are_bounded_and_counted() -> None:
    world = World()
    life = Life(world)
    async with living(life):
        for start in range(0, 1_500, 500):
            life.feed(*(f"Microsoft.Web/made/{number}" for number in range(start, start + 500)))
        await life.pass_time(QUARTER)
        assert life.engine.buckets.held() <= 200
        assert life.metric("unwonted_events_total", result="saturated") > 900
