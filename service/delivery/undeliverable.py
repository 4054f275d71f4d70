"""Hands messages that will not be delivered any more to their dead letter, in the background: nobody waits for it.

Which messages these are is the outbox's to decide, how they are kept is the store's.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import structlog
from pydantic import JsonValue

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.outbox import Undeliverable
from service.core.ports import ALERT, NOTICE, DeadLetterStore, Rendered

_CAPACITY = 5_000
_LISTED = 200  # alerts in an entry that only lists them
_BATCH = 20  # redacting that many takes milliseconds, and the event loop has its turn between two batches

_log = structlog.get_logger(__name__)


class Letter(Protocol):
    """What a dead letter takes: made an entry only when its turn has come."""

    def entry(self) -> dict[str, JsonValue]:
        """Return it as plain JSON."""
        ...


class UntoldAlert(NamedTuple):
    """An alert that `sink` was told of by its number alone, because there were too many at once."""

    sink: str
    alert: Alert

    def entry(self) -> dict[str, JsonValue]:
        """Return it as an undeliverable message's entry, with the alert itself as the body."""
        alert = self.alert
        return {
            "sink": self.sink,
            "fate": "digested",
            "reason": "too many at once",
            "attempts": 0,
            "message_id": f"{alert.id}.{alert.revision}",
            "alerts": [[alert.id, alert.revision]],
            "content_type": ALERT,
            "body": alert.model_dump_json(),
        }


class UntoldList(NamedTuple):
    """Many alerts that `sink` was told of by their number alone, so many that they are only listed."""

    sink: str
    alerts: Sequence[Alert]

    def entry(self) -> dict[str, JsonValue]:
        """Return who and what, a list an alert: id, revision, identity's id and name, severity, score, action."""
        listed: list[JsonValue] = [
            [one.id, one.revision, one.actor_id, one.actor_name, one.severity.value, one.score, one.findings[0].action]
            for one in self.alerts
        ]
        return {"sink": self.sink, "fate": "digested", "reason": "far too many at once", "listed": listed}


def untold(sink: str, alerts: Sequence[Alert], *, whole: int) -> list[Letter]:
    """Return what is to be kept of alerts that `sink` is not told one by one: so many `whole`, the others listed."""
    letters: list[Letter] = [UntoldAlert(sink, alert) for alert in alerts[:whole]]
    rest = alerts[whole:]
    return letters + [UntoldList(sink, rest[start : start + _LISTED]) for start in range(0, len(rest), _LISTED)]


def unrenderable(sink: str, told: Alert | AnyNotice, error: Exception) -> Undeliverable:
    """Return what is to be kept of what `sink` could make no message of: the alert, or the notice, itself."""
    # As ASCII, because what a name has done to a sink it must not do here.
    body = json.dumps(told.model_dump(mode="json")).encode()
    kind = ALERT if isinstance(told, Alert) else NOTICE
    message = Rendered(f"{told.id}.{told.revision}", ((told.id, told.revision),), body, kind)
    return Undeliverable(sink, message, "refused", f"bug_{type(error).__name__}", 0)


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
    Best effort: what waits here when the process is killed is in no dead letter. Its id is in the log all the same, but
    for a storm of such lines (`service.monitoring.log_storms`).
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
        self._waiting: deque[Letter] = deque()
        self._lost = 0
        self._something = asyncio.Event()
        self._nothing = asyncio.Event()
        self._nothing.set()

    def put(self, message: Letter) -> None:
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

    async def _write(self, messages: list[Letter]) -> None:
        store = self._store
        before = store.written + store.dropped
        try:
            await store.write([self._redact(one.entry()) for one in messages])
        except Exception as error:  # noqa: BLE001 - a store's bug must not hold up delivery, or end the service
            _log.error("dead_letter_not_writable", error=type(error).__name__)
            self._lost += max(0, len(messages) - (store.written + store.dropped - before))
        self._observer(store.written, store.dropped + self._lost)
