"""Lives of the service, one process after another, and the world around them that outlives each."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from models.stream.buckets import Limits
from service.app import App
from service.components import Components, ServiceSchedule
from service.console.server import Console
from service.core.alerting.alerts import Alert
from service.core.coverage.gaps import GapLimits
from service.core.coverage.monitor import CoverageMonitor
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.outbox import Outbox
from service.core.parsing.parser import ActivityLogParser
from service.core.ports import DeadLetterStore, Receipt, Rendered, SnapshotStore
from service.core.snapshot.codec import decode
from service.delivery.dispatcher import Dispatcher, Route
from service.history.recorder import Recorder
from service.history.room import Room
from service.history.shipping import Shipping
from service.monitoring.http import Health, HttpServer
from service.monitoring.metrics.recorder import Metrics
from service.owners.watch import OwnersWatch
from service.settings.root import Settings
from service.source.options import EndOffsets, SourceEvent
from service.storage.state import State
from service.storage.suspects import Suspects
from service.telemetry.history import HistoryBackend
from service.telemetry.metrics import expose_live_state
from service.telemetry.telemetry import Telemetry
from service.verdicts import FileVerdictStore, VerdictWatch
from service.wiring import open_suppressions
from service.wiring.recording import beside_reading
from tests.fakes.clock import FakeClock, settle
from tests.fakes.detector import FirstTime
from tests.fakes.sink import FakeSink
from tests.fakes.source import FakeSource
from tests.fakes.store import FakeStore
from tests.service.core.parsing.samples import MICROSOFT, message, record

OBJECT_ID = MICROSOFT + "objectidentifier"
BOB = "bbbbbbbb-0000-4000-8000-000000000002"
QUARTER = 900.0
HOUR = 3600.0
HOUR_LONG = timedelta(hours=1)  # four times as long as it takes `pass_time` to ask the hub for its tips
RHYTHM = ServiceSchedule(
    every=timedelta(minutes=15),
    window=timedelta(hours=2),
    snapshot_every=timedelta(minutes=1),
    grace=timedelta(seconds=30),
    lag_every=timedelta(minutes=5),
    secrets_every=timedelta(hours=1),  # each look is a real thread
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

    def __init__(
        self,
        world: World,
        *,
        start: str | datetime = "earliest",
        suppressions: Path | None = None,
        owners: Path | None = None,
        verdicts: Path | None = None,
        learn_history: Callable[[Telemetry], Awaitable[bool]] | None = None,
        dead_letter: DeadLetterStore | None = None,
        parser: ActivityLogParser | None = None,
        store: SnapshotStore | None = None,
        suspects: Suspects | None = None,
        history: Recorder | None = None,
        console: Console | None = None,
        shipping: Shipping | None = None,
    ) -> None:
        self.world = world
        self.engine = Engine(Options(limits=Limits(actions=100)), [FirstTime()])
        outbox = Outbox()
        self.source = TracedSource(world, self.engine)
        for partition, body in world.bodies:
            self.source.feed(partition, body)
        self.registry = CollectorRegistry()
        metrics = Metrics(self.registry, detectors=("first_time",), sinks=(world.sink.name,), identity_limit=100)
        self.health = Health()
        self.engine.keeps_closed = history is not None
        telemetry = Telemetry(
            metrics, self.health, *([HistoryBackend(history.record, world.clock.now)] if history else [])
        )
        expose_live_state(
            metrics, self.engine, outbox, (world.sink.name,), lambda: beside_reading(history, shipping, console)
        )
        self._observer: Callable[[SourceEvent], None] = telemetry.emit

        checked = Settings.model_validate({"suppressions": {"file": suppressions, "look_every": "1m"}})
        watch = open_suppressions(checked, world.clock, telemetry.emit)
        if watch is not None:
            self.engine.suppress(watch.suppressions)

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
                observer=telemetry.emit,
            )

        self.app = App(
            Components(
                clock=world.clock,
                parser=parser or ActivityLogParser(),
                state=State(
                    self.engine,
                    outbox,
                    store or world.store,
                    world.clock,
                    telemetry.emit,
                    CoverageMonitor(GapLimits(after=HOUR_LONG)),
                ),
                open_source=open_source,
                open_dispatcher=open_dispatcher,
                sinks=(world.sink,),
                dead_letter=dead_letter,
                server=HttpServer(self.health, self.registry, host="127.0.0.1", port=0),
                telemetry=telemetry,
                schedule=RHYTHM,
                start=start,
                resources=AsyncExitStack(),
                suppressions=watch,
                owners=OwnersWatch(owners, 30.0, world.clock, telemetry.emit) if owners else None,
                verdicts=VerdictWatch(FileVerdictStore(verdicts), 60.0, world.clock, telemetry.emit)
                if verdicts
                else None,
                learn_history=partial(learn_history, telemetry) if learn_history else None,
                suspects=suspects or Suspects(None),
                console=console,
                shipping=shipping,
                history_room=Room(history, world.clock) if history is not None else None,
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
            self._observer(EndOffsets(tuple(await self.source.prepare())))
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
