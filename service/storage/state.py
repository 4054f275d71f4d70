"""The state and its keeper: engine, outbox and coverage gaps, restored together and saved together ever after.

The lock is held while the engine changes and while a snapshot is encoded, in slices with the event loop free in
between: so a snapshot shows one moment. Where snapshots are kept is decided by the store, when to save by the
application.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import chain
from typing import Any, Literal, NamedTuple, TypeVar

from models.stream import Steps, finish
from service.core.coverage import CoverageMonitor
from service.core.engine import Engine
from service.core.outbox import Outbox
from service.core.ports import Clock, Generation, SnapshotStore
from service.core.snapshot import Encoder, SnapshotPart, SnapshotRows
from service.storage.generations import GenerationStore
from service.storage.restoring import load_newest
from service.waiting import within

_T = TypeVar("_T")


_KEPT_AGAIN = 3600.0  # seconds


class Saved(NamedTuple):
    """What came of a snapshot: ``saved``, ``failed`` (disk full, store away) or ``unreadable`` when restoring.

    `size` is in compressed bytes; `sections` has the plain bytes of each part, once saved.
    """

    outcome: Literal["saved", "failed", "unreadable", "restored", "not_kept"]
    size: int
    seconds: float
    at: datetime
    reason: str = ""
    sections: Mapping[str, int] = {}


class State:
    """Everything that a restart must not lose.

    Parameters
    ----------
    engine, outbox
        What is saved and restored.
    store
        Where snapshots are kept.
    clock
        Stamps and times snapshots.
    observer
        Called with what came of each; must not raise.
    coverage
        Saved and restored with the rest.
    timeout
        Seconds that the store may take for one snapshot, or for reading what there is.
    daily
        Where the first snapshot of each day is kept for a while; None if it is not.
    """

    def __init__(
        self,
        engine: Engine,
        outbox: Outbox,
        store: SnapshotStore,
        clock: Clock,
        observer: Callable[[Saved], None],
        coverage: CoverageMonitor | None = None,
        timeout: float = 60.0,
        daily: GenerationStore | None = None,
    ) -> None:
        self.engine = engine
        self.outbox = outbox
        self.coverage = coverage or CoverageMonitor()
        self.changed = False
        self.lock = asyncio.Lock()
        self._store = store
        self._clock = clock
        self._observer = observer
        self._timeout = timeout
        self._daily = daily
        self._day: date | None = None
        self._not_before = 0.0
        self._saving = asyncio.Lock()
        self._encoder = Encoder(self._yield_to_loop)

    def present(self) -> datetime:
        """Return what our clock says, with outbox and coverage moved along with it if it has been set meanwhile."""
        now = self._clock.now()
        self.outbox.follow(self._clock.jumped())
        self.coverage.follow(self._clock.jumped())
        return now

    async def restore(self) -> bool:
        """Load the newest generation that can be; returns False when there is none at all.

        Raises
        ------
        UnreadableSnapshot
            There are snapshots, and none can be used: to begin with an empty state is left to the operator.
        OtherBuckets
            The state was made with another bucket length.
        OSError
            The store cannot be reached, or does not answer.
        """
        self.present()
        started = self._clock.elapsed()

        def load(rows: SnapshotRows) -> None:
            ours: dict[str, Any] = {}
            self.engine.load(_without(ours, rows.to_restore()))
            if "outbox" in ours:
                self.outbox.load(ours["outbox"])
                self.outbox.resume(self.present())
            if "coverage" in ours:
                self.coverage.load(ours["coverage"])

        def refuse(generation: Generation, error: ValueError) -> None:
            self._note("unreadable", len(generation.data), started, f"{generation.name}: {error}")

        loaded = await load_newest(self._store, load, refuse, self._clock, self._timeout)
        if loaded is None:
            return False
        self._note("restored", len(loaded.generation.data), started)
        return True

    async def take(self, steps: Steps[_T]) -> _T:
        """Take the steps of a change of the engine, the event loop free in between; the caller holds the lock.

        A change that has begun is finished, also when the caller is cancelled, so that no half of it is ever seen.
        """
        while True:
            try:
                next(steps)
            except StopIteration as end:
                result: _T = end.value
                return result
            try:
                await self._yield_to_loop()
            except BaseException:
                finish(steps)
                raise

    async def save(self) -> int | None:
        """Save a snapshot; returns up to which mark the outbox is durable now, or None when it could not be saved.

        Raises
        ------
        SnapshotFenced
            Another instance has written since.
        """
        async with self._saving:
            started = self._clock.elapsed()
            async with self.lock:
                for _ in self.engine.restore_steps():
                    await self._yield_to_loop()
                self.changed = False
                marks: list[int] = []
                sections: dict[str, int] = {}
                data = await self._encoder.encode(self._parts(marks), created_at=self.present(), sizes=sections)
            try:
                # What is given up may arrive all the same: the store knows its own data again.
                await within(self._clock, self._timeout, self._store.save(data))
            except OSError as error:
                self.changed = True
                where = f": {error.filename}" if error.filename else ""
                self._note("failed", len(data), started, f"{error.strerror or error}{where}")
                return None
            self._note("saved", len(data), started, sections=sections)
            await self._keep_daily(data)
            return marks[0]

    async def _keep_daily(self, data: bytes) -> None:
        """Keep the first snapshot of a day; if that cannot be, one an hour later."""
        day, started = self._clock.now().date(), self._clock.elapsed()
        if self._daily is None or day == self._day or started < self._not_before:
            return
        try:
            await within(self._clock, self._timeout, self._daily.keep(day, data))
        except OSError as error:
            self._not_before = started + _KEPT_AGAIN
            self._note("not_kept", len(data), started, error.strerror or str(error))
        else:
            self._day = day

    def _parts(self, marks: list[int]) -> list[SnapshotPart]:
        engine = self.engine
        return [
            SnapshotPart(engine.dump_open()),
            SnapshotPart(engine.dump_learnt(), version=engine.closings),
            SnapshotPart(chain(engine.dump_told(), self._rows(marks))),
        ]

    def _rows(self, marks: list[int]) -> Iterator[tuple[str, Any]]:
        self.present()
        marks.append(self.outbox.mark)
        yield "outbox", self.outbox.dump()
        yield "coverage", self.coverage.dump()

    async def _yield_to_loop(self) -> None:
        await self._clock.sleep(0.0)

    def _note(
        self,
        outcome: Literal["saved", "failed", "unreadable", "restored", "not_kept"],
        size: int,
        started: float,
        reason: str = "",
        sections: Mapping[str, int] | None = None,
    ) -> None:
        seconds = self._clock.elapsed() - started
        self._observer(Saved(outcome, size, seconds, self._clock.now(), reason, sections or {}))


def _without(ours: dict[str, Any], rows: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the engine's rows, and put those of others into `ours`: to read a large snapshot twice takes its time."""
    for one in rows:
        if one[0] in {"outbox", "coverage"}:
            ours[one[0]] = one[1]
        else:
            yield one
