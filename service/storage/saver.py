"""Saves from time to time, and whenever somebody asks; who only wants to tell waits for it for a moment at most.

How a state is saved is the keeper's, what is told although it could not be saved is the application's.
"""

import asyncio

from service.core.ports import Clock
from service.storage.state import State
from service.waiting import finished


class Saver:
    """The one task that saves while the service runs: a store that hangs holds up nobody else.

    Parameters
    ----------
    state
        What is saved.
    clock
        Passes the time.
    every
        Seconds between two snapshots that nobody asked for, which are taken if something has changed.
    """

    def __init__(self, state: State, clock: Clock, *, every: float) -> None:
        self._state = state
        self._clock = clock
        self._every = every
        self._asking: list[asyncio.Future[int | None]] = []
        self._asked = asyncio.Event()

    async def run(self) -> None:
        """Save, until cancelled.

        Raises
        ------
        SnapshotFenced
            Another instance has written since.
        """
        while True:
            asked = asyncio.ensure_future(self._asked.wait())
            try:
                await finished(self._clock, self._every, asked)
            finally:
                asked.cancel()
            asking, self._asking = self._asking, []
            self._asked.clear()
            if asking or self._state.changed:
                mark = await self._state.save()
                for one in asking:
                    if not one.done():
                        one.set_result(mark)

    async def save(self, seconds: float) -> int | None:
        """Ask for a snapshot of what is now, and wait for it for at most so many `seconds`.

        Returns up to which mark the outbox is durable then; None if it could not be saved, or is not yet.
        """
        saved: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._asking.append(saved)
        self._asked.set()
        try:
            return saved.result() if await finished(self._clock, seconds, saved) else None
        finally:
            saved.cancel()
            if saved in self._asking:
                self._asking.remove(saved)
