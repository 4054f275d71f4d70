"""The state and its keeper: engine, outbox and coverage gaps, restored together and saved together ever after.

The lock is held while the engine changes and while a snapshot is encoded, in slices with the event loop free in
between: so a snapshot shows one moment. Where snapshots are kept is decided by the store, when to save by the
application.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Any, Literal, NamedTuple, TypeVar

from models.stream import Steps, finish
from service.core.coverage import CoverageMonitor
from service.core.engine import Engine
from service.core.outbox import Outbox
from service.core.ports import Clock, SnapshotStore
from service.core.snapshot import Encoder, SnapshotPart, SnapshotRows, UnreadableSnapshot

_T = TypeVar("_T")


class Saved(NamedTuple):
    """What came of a snapshot: ``saved``, ``failed`` (disk full, store away) or ``unreadable`` when restoring.

    `size` is in compressed bytes; `sections` has the plain bytes of each part, once saved.
    """

    outcome: Literal["saved", "failed", "unreadable", "restored"]
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
    """

    def __init__(
        self,
        engine: Engine,
        outbox: Outbox,
        store: SnapshotStore,
        clock: Clock,
        observer: Callable[[Saved], None],
        coverage: CoverageMonitor | None = None,
    ) -> None:
        self.engine = engine
        self.outbox = outbox
        self.coverage = coverage or CoverageMonitor()
        self.changed = False
        self.lock = asyncio.Lock()
        self._store = store
        self._clock = clock
        self._observer = observer
        self._saving = asyncio.Lock()
        self._encoder = Encoder(self._yield_to_loop)

    async def restore(self) -> bool:
        """Load the newest readable generation; returns False when there is none at all.

        Raises
        ------
        UnreadableSnapshot
            There are snapshots, and none can be read: to begin with an empty state is left to the operator.
        OSError
            The store cannot be reached.
        ValueError
            The state was made with another bucket length, or a row of it has other fields than it should have.
        """
        generations = await self._store.load()
        started = self._clock.elapsed()
        for data in generations:
            try:
                rows = SnapshotRows(data)
            except UnreadableSnapshot as error:
                self._note("unreadable", len(data), started, str(error))
                continue
            self.engine.load(rows)
            for section, row in rows:
                if section == "outbox":
                    self.outbox.load(row)
                elif section == "coverage":
                    self.coverage.load(row)
            self._note("restored", len(data), started)
            return True
        if generations:
            raise UnreadableSnapshot(
                f"none of the {len(generations)} snapshots can be read; move them away to start with an empty state"
            )
        return False

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
                self.changed = False
                marks: list[int] = []
                sections: dict[str, int] = {}
                data = await self._encoder.encode(self._parts(marks), created_at=self._clock.now(), sizes=sections)
            try:
                await self._store_whole(data)
            except OSError as error:
                self.changed = True
                where = f": {error.filename}" if error.filename else ""
                self._note("failed", len(data), started, f"{error.strerror or error}{where}")
                return None
            self._note("saved", len(data), started, sections=sections)
            return marks[0]

    async def _store_whole(self, data: bytes) -> None:
        # A cancelled caller waits for it: a thread cannot be cut short, and a PUT that is may have arrived all the
        # same. The next one would then find a newer snapshot, and take it for another instance's.
        storing = asyncio.ensure_future(self._store.save(data))
        try:
            await asyncio.shield(storing)
        except asyncio.CancelledError:
            await asyncio.gather(storing, return_exceptions=True)
            raise

    def _parts(self, marks: list[int]) -> list[SnapshotPart]:
        engine = self.engine
        return [
            SnapshotPart(engine.dump_open()),
            SnapshotPart(engine.dump_learnt(), version=engine.closings),
            SnapshotPart(chain(engine.dump_told(), self._rows(marks))),
        ]

    def _rows(self, marks: list[int]) -> Iterator[tuple[str, Any]]:
        marks.append(self.outbox.mark)
        yield "outbox", self.outbox.dump()
        yield "coverage", self.coverage.dump()

    async def _yield_to_loop(self) -> None:
        await self._clock.sleep(0.0)

    def _note(
        self,
        outcome: Literal["saved", "failed", "unreadable", "restored"],
        size: int,
        started: float,
        reason: str = "",
        sections: Mapping[str, int] | None = None,
    ) -> None:
        seconds = self._clock.elapsed() - started
        self._observer(Saved(outcome, size, seconds, self._clock.now(), reason, sections or {}))
