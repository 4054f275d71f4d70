"""Teaches an engine history, oldest first: nothing is evaluated or alerted, and what is open at the end stays open.

Reading and ordering is what `service.replay` does for a replay as well. The state goes on live afterwards: the
partition that stood for history is forgotten, so the hub is read from its start, and what both bring is learnt once.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from models.stream import ActivityEvent, Bucket, RecordResult
from service.core.engine import Engine
from service.core.messages import Message
from service.core.parsing import Reject
from service.documents import Batch, RecordPlace
from service.replay import BLOCK, PARTITION, RUN, Intake, Summary
from service.waiting import OneAside, end

MOST_ACTIONS: Final = 100_000
"""Different actions that are counted; Azure has some ten thousand."""
_STOP_WITHIN: Final = 5.0
"""Seconds that the thread has to notice that the end was asked for; a disk may hang under it."""


class TeachingStopped(Exception):  # noqa: N818 - it says what happened
    """Somebody asked for the end; what has been taught is a part of the whole, and of no use."""


class Taught(NamedTuple):
    """What teaching came to: what was read, and how many different actions it holds."""

    summary: Summary
    actions: int


class Teaching:
    """Drives a fresh engine through history.

    Parameters
    ----------
    engine
        A fresh one, or one that has only succeeded another.
    now
        The present: what claims to have happened later is taken to have happened now, or one stray record from the
        future would make everything that comes live too late. Aware UTC.
    on_reject
        Told of each rejected record and its place.
    on_read
        As for `service.replay.Replay`.
    folder
        Where temporary files stand; where `tempfile` puts them if None.
    run
        Events that are held in memory while they are put in order.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        now: datetime,
        on_reject: Callable[[Reject, RecordPlace], None],
        on_read: Callable[[int, int], None] = lambda taken, total: None,
        folder: Path | None = None,
        run: int = RUN,
    ) -> None:
        self._engine = engine
        self._now = now
        self._tell = on_read
        self._stopped = False
        self._intake = Intake(
            engine.options.horizon,
            on_reject=on_reject,
            on_read=self._read,
            order="time",
            run=run,
            folder=folder,
        )
        self._results: Counter[RecordResult] = Counter()
        self._clamped = 0
        self._scored = 0
        self._sequence = -1
        self._group: list[ActivityEvent] = []
        self._actions: set[str] = set()

    def run(self, batches: Iterable[Batch]) -> Taught:
        """Teach what is in documents; returns the totals.

        Raises
        ------
        OSError
            If temporary files cannot be written.
        TeachingStopped
            `run_aside` was cancelled meanwhile.
        """
        first: datetime | None = None
        last = group_end = self._now
        for arrived, event in self._intake.events(batches):
            arrival = min(arrived, self._now)
            if first is None:
                first, group_end = arrival, self._bucket_end(arrival)
                self._begin()
            if arrival >= group_end or len(self._group) == BLOCK:
                # A message holds what came together: within one bucket, or its oldest would be too late.
                self._apply(last)
                group_end = self._bucket_end(arrival)
            last = arrival
            self._group.append(event)
            if len(self._actions) < MOST_ACTIONS:
                self._actions.add(event.action)
        self._apply(last)
        self._engine.release(PARTITION)
        read = self._intake.counts
        summary = Summary(
            records=read["records"],
            rejects=read["rejects"],
            left_out=dict(self._intake.left_out),
            results=dict(self._results),
            clamped=self._clamped,
            scored=self._scored,
            alerts=0,
            first=first,
            last=last if first else None,
            contents=self._intake.contents(),
        )
        return Taught(summary, len(self._actions))

    async def run_aside(self, batches: Iterable[Batch]) -> Taught:
        """Do what `run` does in a thread, so that the event loop goes on; ends soon when it is cancelled."""
        work = asyncio.ensure_future(OneAside().run(self.run, batches))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            self._stopped = True
            await asyncio.wait([work], timeout=_STOP_WITHIN)
            raise
        finally:
            await end([work])

    def _read(self, taken: int, total: int) -> None:
        if self._stopped:
            raise TeachingStopped
        self._tell(taken, total)

    def _begin(self) -> None:
        """Let only what history has left open be news, and nothing that an evaluation now would not look back at."""
        options = self._engine.options
        end = min(self._intake.newest, self._now)
        self._engine.begin(max(end - options.lateness, self._now - options.window))

    def _bucket_end(self, time: datetime) -> datetime:
        return Bucket.of(time, self._engine.options.bucket).end

    def _apply(self, arrival: datetime) -> None:
        if not self._group:
            return
        self._sequence += 1
        message = Message(PARTITION, self._sequence, str(self._sequence), arrival, b"")
        applied = self._engine.apply(message, self._group)
        self._group = []
        self._results.update(applied.results)
        self._clamped += applied.clamped
        self._scored += len(applied.scored)
