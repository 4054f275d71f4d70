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
from service.core.messages import Message, PartitionTip, Position
from service.core.parsing import ActivityLogParser, Parsed
from service.core.ports import Clock, Sink, Source
from service.core.schedule import run_ticks
from service.delivery import Dispatcher
from service.monitoring import HttpServer, sample_loop_lag
from service.source import Expired, SourceEvent, Tips, leaf
from service.storage import DeadLetter, State
from service.suppressions import SuppressionWatch
from service.telemetry import Telemetry


class Rhythm(NamedTuple):
    """When things happen: ticks, snapshots, the end at the latest, looks at the loop's lag and for blind spans."""

    every: timedelta
    window: timedelta
    snapshot_every: timedelta
    grace: timedelta
    lag_every: timedelta = timedelta(seconds=1)
    look_every: timedelta = timedelta(minutes=5)


class Parts(NamedTuple):
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
    rhythm: Rhythm
    start: str | datetime
    resources: AsyncExitStack
    suppressions: SuppressionWatch | None = None


class App:
    """One life of the service, from restore to the last snapshot."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._tips: asyncio.Queue[tuple[PartitionTip, ...]] = asyncio.Queue()
        self._source = parts.open_source(self._on_source)
        self._dispatcher = parts.open_dispatcher(self._settled)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then finish in order within the grace period.

        Raises
        ------
        SourceError
            The input cannot work as configured, or somebody else has taken it over.
        SnapshotFenced
            Somebody else writes our snapshots.
        """
        parts = self._parts
        port = await parts.server.start()
        try:
            await self._begin()
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(self._source.run(self._handle), name="source")
                delivering = group.create_task(self._dispatcher.run(), name="dispatcher")
                tasks = [
                    group.create_task(self._tick_for_ever(), name="scheduler"),
                    group.create_task(self._save_for_ever(), name="snapshots"),
                    group.create_task(self._hear_tips(), name="tips"),
                    group.create_task(self._watch_loop(), name="loop"),
                    group.create_task(self._watch_suppressions(), name="suppressions"),
                    group.create_task(self._look_for_ever(), name="blindness"),
                ]
                parts.telemetry.started(port)
                await self._until(stop, reading)
                await self._end(tasks)
                delivering.cancel()
        except BaseExceptionGroup as failures:
            raise leaf(failures) from None
        finally:
            for sink in parts.sinks:
                await sink.close()
            await parts.resources.aclose()
            await parts.server.stop()

    async def _begin(self) -> None:
        parts = self._parts
        engine = parts.state.engine
        restored = await parts.state.restore()
        parts.telemetry.restored(restored, engine)
        parts.state.blindness.begin(engine.positions, parts.clock.now())
        parts.telemetry.noticed([], parts.state.blindness.open)
        # What was restored mostly lives as long as the process: the garbage collector need not walk it again.
        gc.freeze()
        tips = await self._source.prepare()
        engine.expect(tip.partition for tip in tips)
        for tip in tips:
            if _starts_behind(parts.start, tip):
                engine.skip(tip.partition, Position(tip.sequence_number, "", tip.enqueued_time))
        parts.state.blindness.begin(engine.positions, parts.clock.now())  # once more: those skipped to are news to it
        for tip in tips:
            parts.state.blindness.tip(tip)
        engine.begin(parts.clock.now() - parts.rhythm.window)
        # Saved before anything is read: a store that cannot be written to, or is another's, is found out now.
        if await parts.state.save() is None and not restored:
            raise OSError("the very first snapshot cannot be saved (snapshot_failed says why): nothing would be kept")
        self._dispatcher.wake()

    async def _until(self, stop: asyncio.Event, reading: asyncio.Task[None]) -> None:
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait([stopping, reading], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()

    async def _end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        parts = self._parts
        parts.telemetry.stopping()
        deadline = parts.clock.elapsed() + parts.rhythm.grace.total_seconds()
        await self._source.stop()
        for task in tasks:
            task.cancel()
        self._dispatcher.wake(await parts.state.save())
        left = await self._dispatcher.flush(max(0.0, deadline - parts.clock.elapsed()))
        await parts.state.save()
        parts.telemetry.stopped(left)

    async def _handle(self, messages: Sequence[Message]) -> None:
        parts = self._parts
        async with parts.state.lock:
            started = parts.clock.elapsed()
            parts.state.changed = True
            parsed = [parts.parser.parse(message.body) for message in messages]
            applied = [
                await parts.state.take(parts.state.engine.applying(message, one.events))
                for message, one in zip(messages, parsed, strict=True)
            ]
            parts.telemetry.batch(messages, parsed, applied, parts.clock.elapsed() - started)
            self._note_read(messages, parsed, applied)
        rejects = [reject for one, done in zip(parsed, applied, strict=True) if done.fresh for reject in one.rejects]
        if rejects and parts.dead_letter is not None:
            await parts.dead_letter.write(rejects)
            parts.telemetry.dead_letters(parts.dead_letter.written, parts.dead_letter.dropped)

    def _note_read(self, messages: Sequence[Message], parsed: Sequence[Parsed], applied: Sequence[Applied]) -> None:
        now = self._parts.clock.now()
        for message, one, done in zip(messages, parsed, applied, strict=True):
            if done.fresh:
                newest = max((event.time for event in one.events), default=None)
                unjudged = done.seen.get(Seen.TOO_LATE, 0)
                self._parts.state.blindness.read(
                    message, records=len(one.events), newest=newest, unjudged=unjudged, now=now
                )

    async def _hear_tips(self) -> None:
        parts = self._parts
        while True:
            tips = await self._tips.get()
            async with parts.state.lock:
                for tip in tips:
                    steps = parts.state.engine.idling(tip.partition, tip.sequence_number, tip.known_at)
                    scored = await parts.state.take(steps)
                    parts.telemetry.judged(scored)
                    parts.state.blindness.tip(tip)
                parts.state.changed = True

    async def _watch_loop(self) -> None:
        parts = self._parts
        every = parts.rhythm.lag_every.total_seconds()
        await sample_loop_lag(parts.clock, parts.telemetry.metrics.loop_lag, every)

    async def _watch_suppressions(self) -> None:
        if self._parts.suppressions is not None:
            await self._parts.suppressions.run(self._suppress)

    async def _suppress(self, suppressions: Suppressions) -> None:
        async with self._parts.state.lock:
            self._parts.state.engine.suppress(suppressions)

    async def _tick_for_ever(self) -> None:
        parts = self._parts
        await run_ticks(parts.clock, parts.rhythm.every, self._tick, parts.telemetry.missed)

    async def _tick(self, planned: datetime) -> None:
        parts = self._parts
        started = parts.clock.elapsed()
        async with parts.state.lock:
            evaluation = await parts.state.take(parts.state.engine.evaluating(planned))
            self._dispatcher.submit(evaluation.alerts)
            parts.state.changed = True
        # Without a snapshot the intention is not durable, but telling late is worse than perhaps telling twice.
        self._dispatcher.wake(await parts.state.save())
        parts.telemetry.evaluated(evaluation, parts.clock.elapsed() - started)

    async def _look_for_ever(self) -> None:
        parts = self._parts
        # Nobody waits for a look that was missed: the next one sees the same.
        await run_ticks(parts.clock, parts.rhythm.look_every, self._look, lambda _: None)

    async def _look(self, planned: datetime) -> None:
        parts = self._parts
        async with parts.state.lock:
            notices = parts.state.blindness.look(max(planned, parts.clock.now()))
            self._dispatcher.notify(notices)
        parts.telemetry.noticed(notices, parts.state.blindness.open)
        if notices:
            self._dispatcher.wake(await parts.state.save())

    async def _settled(self) -> None:
        # Saved, or a restart would deliver again what has been delivered.
        await self._parts.state.save()

    async def _save_for_ever(self) -> None:
        parts = self._parts
        while True:
            await parts.clock.sleep(parts.rhythm.snapshot_every.total_seconds())
            if parts.state.changed:
                await parts.state.save()

    def _on_source(self, event: SourceEvent) -> None:
        parts = self._parts
        parts.telemetry.source(event)
        match event:
            case Tips(tips):
                self._tips.put_nowait(tips)
            case Expired(partition, messages) if partition in parts.state.engine.positions:
                last = parts.state.engine.positions[partition].sequence_number + messages
                parts.state.blindness.expired(partition, last, parts.clock.now())
            case _:
                pass


def _starts_behind(start: str | datetime, tip: PartitionTip) -> bool:
    if start == "earliest" or tip.sequence_number < 0:
        return False
    return start == "latest" or (isinstance(start, datetime) and tip.enqueued_time < start)
