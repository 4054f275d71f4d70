"""Hands messages that will not be delivered any more to their dead letter, in the background: nobody waits for it.

Which messages these are is the outbox's to decide, how they are kept is the store's.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from service.core.outbox import Undeliverable
from service.core.ports import DeadLetterStore

_CAPACITY = 5_000
_BATCH = 20  # redacting that many takes milliseconds, and the event loop has its turn between two batches

_log = structlog.get_logger(__name__)


class UndeliverableWriter:
    """Takes undeliverable messages at once and writes them in order, as fast as the store lets it.

    Parameters
    ----------
    store
        Where they are kept.
    redact
        Takes the secrets out of an entry: what an outsider chose as a name may look like one, or be one.
    observer
        Called after each write with how many were written and dropped since the start; must not raise.
    capacity
        Most messages waiting to be written; what comes beyond it is dropped and counted.

    Notes
    -----
    Best effort: what waits here when the process is killed is in no dead letter. Its id is in the log all the same.
    """

    def __init__(
        self,
        store: DeadLetterStore,
        *,
        redact: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        observer: Callable[[int, int], None],
        capacity: int = _CAPACITY,
    ) -> None:
        self._store = store
        self._redact = redact
        self._observer = observer
        self._capacity = capacity
        self._waiting: deque[Undeliverable] = deque()
        self._lost = 0
        self._something = asyncio.Event()
        self._nothing = asyncio.Event()
        self._nothing.set()

    def put(self, message: Undeliverable) -> None:
        """Take a message; returns at once."""
        if len(self._waiting) < self._capacity:
            self._waiting.append(message)
        else:
            self._lost += 1
        self._nothing.clear()
        self._something.set()

    async def run(self) -> None:
        """Write what is taken, until cancelled."""
        while True:
            await self._something.wait()
            while self._waiting:
                await self._write([self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))])
            self._something.clear()
            self._nothing.set()

    async def drain(self) -> None:
        """Return when all that was taken has been written, or could not be."""
        await self._nothing.wait()

    async def _write(self, messages: list[Undeliverable]) -> None:
        store = self._store
        before = store.written + store.dropped
        try:
            await store.write([self._redact(one.entry()) for one in messages])
        except Exception as error:  # noqa: BLE001 - a store's bug must not hold up delivery, or end the service
            _log.error("dead_letter_not_writable", error=type(error).__name__)
            self._lost += max(0, len(messages) - (store.written + store.dropped - before))
        self._observer(store.written, store.dropped + self._lost)
