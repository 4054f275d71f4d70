"""The running service: owns the tasks, their order at start and at the end, and nothing else.

Every part is built elsewhere and handed in. Any task's unexpected death ends the process; the orchestrator starts it
again from the snapshot.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import NamedTuple

from models.stream import Seen
from service.core.alerting import Suppressions
from service.core.engine import Applied
from service.core.messages import EndOffset, Message, Position
from service.core.parsing import ActivityLogParser, Parsed
from service.core.ports import Clock, Sink, Source
from service.core.schedule import run_ticks
from service.delivery import Dispatcher
from service.monitoring import HttpServer, sample_loop_lag
from service.source import EndOffsets, Expired, SourceEvent, leaf
from service.storage import DeadLetter, State
from service.suppressions import SuppressionWatch
from service.telemetry import (
    BatchApplied,
    CellsJudged,
    CoverageChecked,
    DeadLettersWritten,
    Evaluated,
    EvaluationsMissed,
    LoopLagSampled,
    Started,
    StateRestored,
    Stopped,
    Stopping,
    Telemetry,
)


class ServiceSchedule(NamedTuple):
    """When things happen: ticks, snapshots, the end at the latest, looks at the loop's lag and for blind spans."""

    every: timedelta
    window: timedelta
    snapshot_every: timedelta
    grace: timedelta
    lag_every: timedelta = timedelta(seconds=1)
    look_every: timedelta = timedelta(minutes=5)


class Components(NamedTuple):
    """Everything that the application drives."""

    clock: Clock
    parser: ActivityLogParser
    state: State
    open_source: Callable[[Callable[[SourceEvent], None]], Source]
    open_dispatcher: Callable[[Callable[[], Awaitable[None]]], Dispatcher]
    sinks: Sequence[Sink]
    dead_letter: DeadLetter | None
    server: HttpServer
    telemetry: Telemetry
    schedule: ServiceSchedule
    start: str | datetime
    resources: AsyncExitStack
    suppressions: SuppressionWatch | None = None


class App:
    """One life of the service, from restore to the last snapshot."""

    def __init__(self, components: Components) -> None:
        self._components = components
        self._end_offsets: asyncio.Queue[tuple[EndOffset, ...]] = asyncio.Queue()
        self._source = components.open_source(self._on_source)
        self._dispatcher = components.open_dispatcher(self._settled)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then finish in order within the grace period.

        Raises
        ------
        SourceError
            The input cannot work as configured, or somebody else has taken it over.
        SnapshotFenced
            Somebody else writes our snapshots.
        """
        components = self._components
        port = await components.server.start()
        try:
            partitions = await self._begin()
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(self._source.run(self._handle), name="source")
                delivering = group.create_task(self._dispatcher.run(), name="dispatcher")
                tasks = [
                    group.create_task(self._tick_for_ever(), name="scheduler"),
                    group.create_task(self._save_for_ever(), name="snapshots"),
                    group.create_task(self._hear_end_offsets(), name="tips"),
                    group.create_task(self._watch_loop(), name="loop"),
                    group.create_task(self._watch_suppressions(), name="suppressions"),
                    group.create_task(self._look_for_ever(), name="blindness"),
                ]
                components.telemetry.emit(Started(partitions, port))
                await self._until(stop, reading)
                await self._end(tasks)
                delivering.cancel()
        except BaseExceptionGroup as failures:
            raise leaf(failures) from None
        finally:
            for sink in components.sinks:
                await sink.close()
            await components.resources.aclose()
            await components.server.stop()

    async def _begin(self) -> int:
        """Restore the state, check the hub, save a first snapshot; returns how many partitions the hub has."""
        components = self._components
        engine = components.state.engine
        restored = await components.state.restore()
        components.telemetry.emit(StateRestored(restored, len(engine.positions), engine.records))
        components.state.coverage.begin(engine.positions, components.clock.now())
        components.telemetry.emit(CoverageChecked([], components.state.coverage.open))
        # What was restored mostly lives as long as the process: the garbage collector need not walk it again.
        gc.freeze()
        end_offsets = await self._source.prepare()
        engine.expect(end_offset.partition for end_offset in end_offsets)
        for end_offset in end_offsets:
            if _starts_behind(components.start, end_offset):
                engine.skip(end_offset.partition, Position(end_offset.sequence_number, "", end_offset.enqueued_time))
        components.state.coverage.begin(
            engine.positions, components.clock.now()
        )  # once more: those skipped to are news to it
        for end_offset in end_offsets:
            components.state.coverage.end_offset(end_offset)
        engine.begin(components.clock.now() - components.schedule.window)
        # Saved before anything is read: a store that cannot be written to, or is another's, is found out now.
        if await components.state.save() is None and not restored:
            raise OSError("the very first snapshot cannot be saved (snapshot_failed says why): nothing would be kept")
        self._dispatcher.wake()
        return len(end_offsets)

    async def _until(self, stop: asyncio.Event, reading: asyncio.Task[None]) -> None:
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait([stopping, reading], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()

    async def _end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        components = self._components
        components.telemetry.emit(Stopping())
        deadline = components.clock.elapsed() + components.schedule.grace.total_seconds()
        await self._source.stop()
        for task in tasks:
            task.cancel()
        self._dispatcher.wake(await components.state.save())
        left = await self._dispatcher.flush(max(0.0, deadline - components.clock.elapsed()))
        await components.state.save()
        components.telemetry.emit(Stopped(left))

    async def _handle(self, messages: Sequence[Message]) -> None:
        components = self._components
        async with components.state.lock:
            started = components.clock.elapsed()
            components.state.changed = True
            parsed = [components.parser.parse(message.body) for message in messages]
            applied = [
                await components.state.take(components.state.engine.apply_steps(message, one.events))
                for message, one in zip(messages, parsed, strict=True)
            ]
            seconds = components.clock.elapsed() - started
            components.telemetry.emit(BatchApplied.of(messages, parsed, applied, seconds))
            self._note_read(messages, parsed, applied)
        rejects = [reject for one, done in zip(parsed, applied, strict=True) if done.fresh for reject in one.rejects]
        if rejects and components.dead_letter is not None:
            await components.dead_letter.write(rejects)
            components.telemetry.emit(
                DeadLettersWritten(components.dead_letter.written, components.dead_letter.dropped)
            )

    def _note_read(self, messages: Sequence[Message], parsed: Sequence[Parsed], applied: Sequence[Applied]) -> None:
        now = self._components.clock.now()
        for message, one, done in zip(messages, parsed, applied, strict=True):
            if done.fresh:
                newest = max((event.time for event in one.events), default=None)
                unjudged = done.seen.get(Seen.TOO_LATE, 0)
                self._components.state.coverage.read(
                    message, records=len(one.events), newest=newest, unjudged=unjudged, now=now
                )

    async def _hear_end_offsets(self) -> None:
        components = self._components
        while True:
            end_offsets = await self._end_offsets.get()
            async with components.state.lock:
                for end_offset in end_offsets:
                    steps = components.state.engine.idle_steps(
                        end_offset.partition, end_offset.sequence_number, end_offset.known_at
                    )
                    scored = await components.state.take(steps)
                    components.telemetry.emit(CellsJudged(scored))
                    components.state.coverage.end_offset(end_offset)
                components.state.changed = True

    async def _watch_loop(self) -> None:
        components = self._components
        every = components.schedule.lag_every.total_seconds()
        await sample_loop_lag(
            components.clock, lambda seconds: components.telemetry.emit(LoopLagSampled(seconds)), every
        )

    async def _watch_suppressions(self) -> None:
        if self._components.suppressions is not None:
            await self._components.suppressions.run(self._suppress)

    async def _suppress(self, suppressions: Suppressions) -> None:
        async with self._components.state.lock:
            self._components.state.engine.suppress(suppressions)

    async def _tick_for_ever(self) -> None:
        components = self._components
        await run_ticks(
            components.clock,
            components.schedule.every,
            self._tick,
            lambda count: components.telemetry.emit(EvaluationsMissed(count)),
        )

    async def _tick(self, planned: datetime) -> None:
        components = self._components
        started = components.clock.elapsed()
        async with components.state.lock:
            evaluation = await components.state.take(components.state.engine.evaluate_steps(planned))
            self._dispatcher.submit(evaluation.alerts)
            components.state.changed = True
        # Without a snapshot the intention is not durable, but telling late is worse than perhaps telling twice.
        self._dispatcher.wake(await components.state.save())
        components.telemetry.emit(Evaluated(evaluation, components.clock.elapsed() - started))

    async def _look_for_ever(self) -> None:
        components = self._components
        # Nobody waits for a look that was missed: the next one sees the same.
        await run_ticks(components.clock, components.schedule.look_every, self._look, lambda _: None)

    async def _look(self, planned: datetime) -> None:
        components = self._components
        async with components.state.lock:
            notices = components.state.coverage.look(max(planned, components.clock.now()))
            self._dispatcher.notify(notices)
        components.telemetry.emit(CoverageChecked(notices, components.state.coverage.open))
        if notices:
            self._dispatcher.wake(await components.state.save())

    async def _settled(self) -> None:
        # Saved, or a restart would deliver again what has been delivered.
        await self._components.state.save()

    async def _save_for_ever(self) -> None:
        components = self._components
        while True:
            await components.clock.sleep(components.schedule.snapshot_every.total_seconds())
            if components.state.changed:
                await components.state.save()

    def _on_source(self, event: SourceEvent) -> None:
        components = self._components
        components.telemetry.emit(event)
        match event:
            case EndOffsets(end_offsets):
                self._end_offsets.put_nowait(end_offsets)
            case Expired(partition, messages) if partition in components.state.engine.positions:
                last = components.state.engine.positions[partition].sequence_number + messages
                components.state.coverage.expired(partition, last, components.clock.now())
            case _:
                pass


def _starts_behind(start: str | datetime, end_offset: EndOffset) -> bool:
    if start == "earliest" or end_offset.sequence_number < 0:
        return False
    return start == "latest" or (isinstance(start, datetime) and end_offset.enqueued_time < start)
