"""Holds up nobody who writes to a dead letter: a store that does not answer soon is left alone for a while.

What is kept, and within which bound, is the store's; here it is only counted what it was not asked to keep.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from pydantic import JsonValue

from service.core.ports import Clock, ReadableDeadLetterStore
from service.waiting import within

ANSWER_WITHIN = 5.0  # seconds
LEFT_ALONE = 60.0

_log = structlog.get_logger(__name__)


class ImpatientDeadLetterStore:
    """A dead letter whose writes take no longer than a few seconds.

    Parameters
    ----------
    store
        Keeps the entries.
    clock
        Measures how long it takes.
    """

    def __init__(self, store: ReadableDeadLetterStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lost = 0
        self._alone_until = float("-inf")

    @property
    def written(self) -> int:
        """Entries stored since the start."""
        return self._store.written

    @property
    def dropped(self) -> int:
        """Entries lost since the start; one that was given up and arrived all the same counts as both."""
        return self._store.dropped + self._lost

    async def write(self, entries: Sequence[Mapping[str, JsonValue]]) -> None:
        """Store `entries`, unless the store has just been found not to answer."""
        if self._clock.elapsed() < self._alone_until:
            self._lost += len(entries)
            return
        store = self._store
        before = store.written + store.dropped
        try:
            await within(self._clock, ANSWER_WITHIN, store.write(entries))
        except TimeoutError as error:
            self._alone_until = self._clock.elapsed() + LEFT_ALONE
            self._lost += max(0, len(entries) - (store.written + store.dropped - before))
            _log.error("dead_letter_not_writable", error=str(error))

    async def read(self, since: datetime) -> list[Mapping[str, JsonValue]]:
        """Return what the store has kept since then: it is a person who reads, and can wait."""
        return await self._store.read(since)
