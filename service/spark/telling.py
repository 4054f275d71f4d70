"""Tells what a batch came to: puts messages into the outbox, has it saved, and sends for a while."""

import asyncio
import random
from collections.abc import Callable, Sequence

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.outbox import Outbox
from service.core.ports import Clock, DeadLetterStore
from service.delivery import Dispatcher, Route, UndeliverableWriter
from service.monitoring import Redactor
from service.settings import Settings, secrets
from service.sinks import KINDS, build_sink
from service.telemetry import AlertsBelowSeverity, AlertsDigested, DeadLettersWritten, TelemetryEvent

DELIVER_WITHIN = 20.0
"""Seconds that messages may take after each batch; what is left is tried again after the next one."""


class Telling:
    """Whom a tenant's alerts and notices go to.

    Parameters
    ----------
    settings
        The tenant's; its sinks.
    outbox
        What waits.
    undelivered
        Takes what will not be delivered any more.
    clock
        Tells the time and waits.
    emit
        Told what happens.
    """

    def __init__(
        self,
        settings: Settings,
        outbox: Outbox,
        undelivered: DeadLetterStore,
        clock: Clock,
        emit: Callable[[TelemetryEvent], None],
    ) -> None:
        self._settings = settings
        self._outbox = outbox
        self._undelivered = undelivered
        self._clock = clock
        self._emit = emit

    async def tell(self, alerts: Sequence[Alert], notices: Sequence[AnyNotice], save: Callable[[], None]) -> None:
        """Have what is to be told saved with all else by `save`, then send it."""
        options = self._settings.sinks
        names = [name for name, one in sorted(options.items()) if one.enabled]
        if not alerts and not notices and not any(map(self._outbox.waiting, names)):
            save()
            return
        sinks = [build_sink(name, options[name], self._clock) for name in names]
        routes = [
            Route(sink, KINDS[one.kind].pace, one.min_severity, verdicts=one.verdicts)
            for sink, one in zip(sinks, map(options.__getitem__, names), strict=True)
        ]
        dispatcher = Dispatcher(
            self._outbox,
            routes,
            clock=self._clock,
            jitter=random.random,
            on_settled=_noted_with_the_next_batch,
            observer=self._emit,
            on_below_severity=lambda count: self._emit(AlertsBelowSeverity(count)),
            on_digested=lambda sink, count: self._emit(AlertsDigested(sink, count)),
            undeliverable=UndeliverableWriter(
                self._undelivered,
                redact=Redactor(secrets(self._settings)),
                observer=lambda written, dropped: self._emit(DeadLettersWritten("undelivered", written, dropped)),
            ),
        )
        try:
            dispatcher.submit(alerts)
            dispatcher.notify(notices)
            save()
            dispatcher.wake()
            running = asyncio.ensure_future(dispatcher.run())
            await self._clock.sleep(0.0)
            await dispatcher.flush(DELIVER_WITHIN)
            await running
        finally:
            for sink in sinks:
                await sink.close()


async def _noted_with_the_next_batch() -> None:
    """What was sent is saved with the next batch."""
