"""The running service: its tasks, and the order in which they start and end.

Every part is built elsewhere and handed in. A task that fails ends the process; the orchestrator starts it again from
the snapshot.
"""

import asyncio
import gc
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import assert_never

from models.stream import Steps
from service.batches import Batches, emit_closed
from service.components import Components
from service.core.alerting import Suppressions
from service.core.engine import Evaluation
from service.core.failures import leaf
from service.core.messages import EndOffset, Position
from service.core.ports import HubRecreated
from service.core.schedule import run_ticks
from service.core.verdicts import Verdicts
from service.monitoring import sample_loop_lag
from service.source import Closed, EndOffsets, Expired, Opened, Recovered, Silent, SourceEvent, SourceTrouble
from service.storage import Saver
from service.telemetry import (
    CellsJudged,
    ClockDoubted,
    ClockJumped,
    CoverageChecked,
    EndedWhileReading,
    Evaluated,
    EvaluationDecided,
    EvaluationsMissed,
    HubBegunAnew,
    LoopLagSampled,
    SecretFilesChecked,
    Started,
    StateRestored,
    Stopped,
    Stopping,
    VerdictsLate,
)
from service.waiting import OneAside, end, raise_failure, unless, until_ended, within

SAVED_WITHIN = 5.0
"""Seconds that telling waits for saving."""
FREED_WITHIN = 2.0
_LOOK_WITHIN = 5.0
_ANSWERS_WAITING = 10
"""Answers of the hub that may wait to be heeded; each says all that an older one does."""


class App:
    """One run of the service, from restoring the state to the last snapshot."""

    def __init__(self, components: Components) -> None:
        self._components = components
        self._clock = components.clock
        self._state = components.state
        self._schedule = components.schedule
        self._emit = components.telemetry.emit
        self._batches = Batches(components, self._now)
        self._jumped = self._clock.jumped()
        self._doubted = timedelta(0)
        self._looked: datetime | None = None
        self._end_offsets: asyncio.Queue[tuple[EndOffset, ...]] = asyncio.Queue(_ANSWERS_WAITING)
        self._saver = Saver(self._state, self._clock, every=self._schedule.snapshot_every.total_seconds())
        self._source = components.open_source(self._on_source)
        self._source_stopped = False
        self._dispatcher = components.open_dispatcher(self._settled)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then finish in order within the grace period.

        Raises
        ------
        SourceError
            The input cannot work as configured, or another receiver has taken it over.
        SnapshotFenced
            Another instance writes the same snapshots.
        """
        port = await self._components.server.start()
        try:
            if self._components.console is not None:
                await self._components.console.start()
            restored = await unless(stop, self._restore())
            partitions = None if restored is None else await unless(stop, self._begin(restored=restored))
            if partitions is None:
                self._emit(Stopping())
            else:
                await self._serve(stop, Started(partitions, port))
        except BaseExceptionGroup as failures:
            raise leaf(failures) from None
        finally:
            await self._close()

    async def _serve(self, stop: asyncio.Event, started: Started) -> None:
        """Let all tasks run until `stop` is set, the source has ended, or one of them fails."""
        create = asyncio.get_running_loop().create_task
        reading = create(self._read(), name="source")
        tasks = [
            reading,
            create(self._evaluate_for_ever(), name="scheduler"),
            create(self._apply_end_offsets(), name="end offsets"),
            create(self._watch_loop(), name="loop"),
            create(self._watch_suppressions(), name="suppressions"),
            create(self._watch_owners(), name="owners"),
            create(self._watch_verdicts(), name="verdicts"),
            create(self._watch_secret_files(), name="secret files"),
            create(self._check_coverage_for_ever(), name="coverage"),
            create(self._ship_history(), name="history"),
        ]
        last = [
            create(self._dispatcher.run(), name="dispatcher"),
            create(self._saver.run(), name="snapshots"),
        ]
        self._emit(started)
        try:
            await until_ended(stop, reading, {*tasks, *last})
            await self._end(tasks)
            raise_failure(last)
        finally:
            await end([*tasks, *last])

    async def _close(self) -> None:
        """Close what is open, each for a moment at most: what hangs is left to the operating system."""
        seconds = min(FREED_WITHIN, self._schedule.grace.total_seconds() / 20)
        outer = (*(sink.close for sink in self._components.sinks), self._components.resources.aclose)
        console = () if self._components.console is None else (self._components.console.stop,)
        for closing in ((self._stop_source, *console), outer, (self._components.server.stop,)):
            await asyncio.gather(*(within(self._clock, seconds, one()) for one in closing), return_exceptions=True)

    async def _stop_source(self) -> None:
        """Stop reading, once: a source that hangs in it is not asked again."""
        if not self._source_stopped:
            self._source_stopped = True
            await self._source.stop()

    async def _restore(self) -> bool:
        """Restore the state, or learn it from history; returns whether there is one."""
        if self._components.verdicts is not None:
            # Before anything is judged: what was found must count from where it was to count.
            await self._accept(await self._components.verdicts.open())
        learn = self._components.learn_history
        return await self._state.restore() or (learn is not None and await learn() and await self._state.restore())

    async def _begin(self, *, restored: bool) -> int:
        """Check the hub, and save a first snapshot; returns how many partitions the hub has."""
        components = self._components
        engine = self._state.engine
        self._emit(
            StateRestored(
                restored, len(engine.positions), engine.records, engine.watermark.time, engine.options.horizon
            )
        )
        if suspect := components.suspects.open(engine.positions):
            self._emit(EndedWhileReading(suspect.partition, suspect.sequence_number, suspect.ends))
        self._state.coverage.begin(engine.positions, self._now())
        self._emit(CoverageChecked([], self._state.coverage.open))
        # Most of what was restored is kept for as long as the process runs: the garbage collector can leave it out.
        gc.freeze()
        first_time = not engine.knows_a_hub
        try:
            end_offsets = await self._source.prepare()
        except HubRecreated as found:
            await self._start_over(found)
            end_offsets = await self._source.prepare()
        engine.expect(end_offset.partition for end_offset in end_offsets)
        for end_offset in end_offsets:
            if _is_skipped(components.start, end_offset, first_time=first_time):
                engine.skip(end_offset.partition, Position(end_offset.sequence_number, "", end_offset.enqueued_time))
        # Once more, with the positions that have just been skipped to.
        self._state.coverage.begin(engine.positions, self._now())
        for end_offset in end_offsets:
            self._state.coverage.note_end_offset(end_offset)
        engine.begin(self._now() - self._schedule.window)
        # Saved before anything is read: a store that cannot be written to, or that another instance uses, shows now.
        if await self._state.save() is None and not restored:
            raise OSError("the very first snapshot cannot be saved (snapshot_failed says why): nothing would be kept")
        self._dispatcher.wake()
        return len(end_offsets)

    async def _start_over(self, found: HubRecreated) -> None:
        """Forget the positions in a hub that is gone, and have what it still held told as lost."""
        async with self._state.lock:
            self._state.engine.forget_positions(found.partitions)
            self._state.coverage.note_recreated(found.partitions, found.created_at, self._now())
            self._state.changed = True
        self._components.suspects.forget()
        self._emit(HubBegunAnew(found.created_at, found.partitions))

    async def _read(self) -> None:
        """Read until the source is stopped; a hub that is recreated meanwhile, from its beginning."""
        while True:
            try:
                return await self._source.run(self._batches.apply)
            except HubRecreated as found:
                await self._start_over(found)
            await self._source.prepare()

    async def _end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Finish in order, each step in its share of the grace period: stop reading, save, deliver, save."""
        self._emit(Stopping())
        grace = self._schedule.grace.total_seconds()
        began = self._clock.elapsed()
        with suppress(TimeoutError):
            await within(self._clock, grace / 4, self._stop_source())
        await end(tasks)
        self._dispatcher.wake(await self._saver.save(min(SAVED_WITHIN, grace / 4)))
        left = await self._dispatcher.flush(max(0.0, began + 0.75 * grace - self._clock.elapsed()))
        await self._saver.save(max(0.0, began + 0.9 * grace - self._clock.elapsed()))
        if self._components.shipping is not None:
            with suppress(TimeoutError):
                left_over = max(0.0, began + 0.95 * grace - self._clock.elapsed())
                await within(self._clock, left_over, self._components.shipping.finish())
        self._emit(Stopped(left))

    async def _apply_end_offsets(self) -> None:
        while True:
            end_offsets = await self._end_offsets.get()
            async with self._state.lock:
                self._now()
                for end_offset in end_offsets:
                    partition, known_at = end_offset.partition, end_offset.hub_time or end_offset.known_at
                    steps = self._state.engine.idle_steps(partition, end_offset.sequence_number, known_at)
                    scored = await self._state.take(steps)
                    self._emit(CellsJudged(scored))
                    await emit_closed(self._state.engine, self._emit, self._components.history_room)
                    self._state.coverage.note_end_offset(end_offset)
                self._state.changed = True

    def _now(self) -> datetime:
        """Return the present, after noticing that the clock may have been set."""
        now = self._state.present()
        if (jumped := self._clock.jumped()) != self._jumped:
            self._emit(ClockJumped((jumped - self._jumped).total_seconds()))
            self._jumped = jumped
        return now

    async def _watch_loop(self) -> None:
        every = self._schedule.lag_every.total_seconds()
        await sample_loop_lag(self._clock, self._note_lag, every)

    def _note_lag(self, seconds: float) -> None:
        self._emit(LoopLagSampled(seconds))
        self._now()  # so that a clock that is set is noticed soon
        check = self._state.coverage.clock
        if check.differs(self._doubted):
            self._doubted = check.ahead
            self._emit(ClockDoubted(self._doubted.total_seconds()))

    async def _watch_suppressions(self) -> None:
        if self._components.suppressions is not None:
            await self._components.suppressions.run(self._suppress)

    async def _watch_owners(self) -> None:
        if self._components.owners is not None:
            await self._components.owners.run()

    async def _ship_history(self) -> None:
        if self._components.shipping is not None:
            await self._components.shipping.run()

    async def _watch_secret_files(self) -> None:
        aside = OneAside(_LOOK_WITHIN)
        while True:
            problems: Mapping[str, Sequence[str]]
            try:
                problems = await aside.run(self._components.unusable_secret_files)
            except OSError as error:
                # Of which sinks is not known then.
                problems = {"": [f"the files with the sinks' secrets cannot be read: {error.strerror or error}"]}
            self._emit(SecretFilesChecked(problems))
            await self._clock.sleep(self._schedule.secrets_every.total_seconds())

    async def _suppress(self, suppressions: Suppressions) -> None:
        async with self._state.lock:
            self._state.engine.suppress(suppressions)

    async def _watch_verdicts(self) -> None:
        if self._components.verdicts is not None:
            await self._components.verdicts.run(self._accept_and_answer)

    async def _accept(self, verdicts: Verdicts) -> None:
        async with self._state.lock:
            if late := self._state.engine.accept(verdicts):
                self._emit(VerdictsLate(late))

    async def _accept_and_answer(self, verdicts: Verdicts) -> None:
        """Have verdicts applied, and those told of them at once who were told of their alerts."""
        await self._accept(verdicts)
        async with self._state.lock:
            answered = self._state.engine.answer(self._now())
            self._dispatcher.notify(answered)
            self._state.changed = True
        if answered:
            self._dispatcher.wake(await self._saver.save(SAVED_WITHIN))

    async def _evaluate_for_ever(self) -> None:
        await run_ticks(
            self._clock,
            self._schedule.every,
            self._evaluate,
            lambda count: self._emit(EvaluationsMissed(count)),
        )

    async def _evaluate(self, planned: datetime) -> None:
        started = self._clock.elapsed()
        async with self._state.lock:
            evaluation = await self._state.take(self._evaluation_steps(planned))
            self._state.changed = True
            self._emit(EvaluationDecided(evaluation))
        # Delivered even if no snapshot is saved by then: an alert twice after a crash is better than a late one.
        self._dispatcher.wake(await self._saver.save(SAVED_WITHIN))
        self._emit(Evaluated(evaluation, self._clock.elapsed() - started))

    def _evaluation_steps(self, planned: datetime) -> Steps[Evaluation]:
        # In one: what has been noted as told must be in the outbox, also when it is stopped in between.
        evaluation = yield from self._state.engine.evaluate_steps(planned)
        if self._components.owners is not None:
            evaluation = evaluation._replace(alerts=self._components.owners.owners.named_in(evaluation.alerts))
        yield from self._dispatcher.submit_steps(evaluation.alerts)
        self._dispatcher.notify(evaluation.answered)
        return evaluation

    async def _check_coverage_for_ever(self) -> None:
        # A check that was missed needs no replacement: the next one sees the same.
        await run_ticks(self._clock, self._schedule.coverage_every, self._check_coverage, lambda _: None)

    async def _check_coverage(self, planned: datetime) -> None:
        async with self._state.lock:
            now = max(planned, self._now())
            looked, self._looked = self._looked, now - self._clock.jumped()
            if looked is not None and self._looked - looked >= 1.5 * self._schedule.coverage_every:
                self._state.coverage.resume(now)
            notices = self._state.coverage.check(now)
            self._dispatcher.notify(notices)
        self._emit(CoverageChecked(notices, self._state.coverage.open))
        if notices:
            self._dispatcher.wake(await self._saver.save(SAVED_WITHIN))

    async def _settled(self) -> None:
        # Saved, or a restart would deliver again what has been delivered.
        await self._saver.save(SAVED_WITHIN)

    def _on_source(self, event: SourceEvent) -> None:
        self._emit(event)
        match event:
            case EndOffsets(end_offsets):
                if self._end_offsets.full():
                    self._end_offsets.get_nowait()
                self._end_offsets.put_nowait(end_offsets)
            case Expired(partition, messages):
                if partition in self._state.engine.positions:
                    last = self._state.engine.positions[partition].sequence_number + messages
                    self._state.coverage.note_expired(partition, last, self._now())
            case Opened() | Closed() | SourceTrouble() | Silent() | Recovered():
                pass  # reported above; nothing that is kept depends on it
            case _:
                assert_never(event)


def _is_skipped(start: str | datetime, end_offset: EndOffset, *, first_time: bool) -> bool:
    """Whether all that a partition holds is older than where reading is to begin."""
    if start == "earliest" or end_offset.sequence_number < 0:
        return False
    return (start == "latest" and first_time) or (isinstance(start, datetime) and end_offset.enqueued_time < start)
