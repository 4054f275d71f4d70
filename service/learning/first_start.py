"""Learns history when a service starts with an empty state, saves what it has learnt, and reports how that went.

It works on an engine of its own, and away from the event loop while it teaches: probes are answered meanwhile, and
nobody sees half of a state. It never keeps the service from starting: if history cannot be had, that is said.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path

from service.activity_log_api import ApiRefused
from service.core.parsing import Reject
from service.documents import Problem, Reader, RecordPlace
from service.learning.history import Fetched, TenantHistory
from service.learning.spool import Spool
from service.learning.teaching import Taught, Teaching
from service.options import format_duration
from service.storage import State
from service.telemetry import HistoryFetching, HistoryLearning, HistoryLearnt, HistoryMissed, TelemetryEvent


class FirstStart:
    """What a service does once, before its first message.

    Parameters
    ----------
    open_history
        Opens where history is fetched from.
    new_state
        Makes a state with a fresh engine, over the store of the service.
    spool
        Folder for what has been fetched.
    at_most
        How long fetching may take altogether; the service starts without history afterwards.
    now
        Returns the present, aware UTC.
    observer
        Told how it goes.
    """

    def __init__(
        self,
        open_history: Callable[[], AbstractAsyncContextManager[TenantHistory]],
        new_state: Callable[[], State],
        *,
        spool: Path,
        at_most: timedelta,
        now: Callable[[], datetime],
        observer: Callable[[TelemetryEvent], None],
    ) -> None:
        self._open_history = open_history
        self._new_state = new_state
        self._spool = spool
        self._at_most = at_most
        self._now = now
        self._emit = observer
        self._pieces = self._planned = 0

    async def learn(self) -> bool:
        """Fetch, teach and save; returns whether there is a snapshot now.

        Raises
        ------
        SnapshotFenced
            Another instance has written a snapshot meanwhile.
        """
        self._emit(HistoryLearning())
        try:
            with Spool(self._spool) as spool:
                fetched = await self._fetch(spool)
                saved = await self._teach(fetched, spool)
                if saved:
                    spool.clear()
        except (ApiRefused, OSError, TimeoutError) as error:
            reason = f"not within {format_duration(self._at_most)}" if isinstance(error, TimeoutError) else str(error)
            self._emit(HistoryMissed(reason))
            return False
        return saved

    async def _fetch(self, spool: Spool) -> Fetched:
        async with asyncio.timeout(self._at_most.total_seconds()), self._open_history() as history:
            return await history.fetch(spool, self._plan, lambda piece, records: self._count())

    def _plan(self, pieces: int) -> None:
        self._planned = pieces

    def _count(self) -> None:
        self._pieces += 1
        tenths = 10 * self._pieces // max(self._planned, 1)
        if self._planned and tenths > 10 * (self._pieces - 1) // self._planned:
            self._emit(HistoryFetching(self._pieces, self._planned))

    async def _teach(self, fetched: Fetched, spool: Spool) -> bool:
        state = self._new_state()
        teaching = Teaching(state.engine, now=self._now(), on_reject=_ignore, folder=spool.folder)
        taught: Taught = await teaching.run_aside(Reader(fetched.files, _ignore))
        if not state.engine.records:
            self._emit(HistoryMissed(f"nothing was found; {len(fetched.refused)} of {fetched.origins} may not be read"))
            return False
        if await state.save() is None:
            self._emit(HistoryMissed("the snapshot cannot be saved: snapshot_failed says why"))
            return False
        summary = taught.summary
        self._emit(HistoryLearnt(state.engine.records, summary.rejects, summary.first, summary.last, fetched.refused))
        return True


def _ignore(*_: Reject | RecordPlace | Problem) -> None:
    """Leave what cannot be read to `unwonted learn`, which tells; here its number is enough."""
