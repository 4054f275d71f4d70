"""What is to be read again later, out of the events: hours, alerts, deliveries, verdicts, what was suppressed, gaps."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import singledispatchmethod

from service.delivery import Delivery
from service.history import Delivered, HistoryEntry, Restored
from service.telemetry.events import BucketsClosed, CoverageChecked, EvaluationDecided, StateRestored, TelemetryEvent
from service.verdicts import VerdictsRead


class HistoryBackend:
    """Hands on what happened as entries of a history.

    Parameters
    ----------
    record
        Takes entries; must neither wait nor raise.
    now
        Says when a delivery was attempted, aware UTC.
    """

    def __init__(self, record: Callable[[Iterable[HistoryEntry]], None], now: Callable[[], datetime]) -> None:
        self._record = record
        self._now = now

    @singledispatchmethod
    def handle(self, event: TelemetryEvent) -> None:
        """Leave every other event alone."""

    @handle.register
    def _(self, event: StateRestored) -> None:
        if event.from_snapshot:
            self._record([Restored(event.watermark, event.records, event.horizon)])

    @handle.register
    def _(self, event: BucketsClosed) -> None:
        self._record(event.closed)

    @handle.register
    def _(self, event: EvaluationDecided) -> None:
        self._record([*event.evaluation.alerts, *event.evaluation.suppressed])

    @handle.register
    def _(self, event: CoverageChecked) -> None:
        self._record(event.notices)

    @handle.register
    def _(self, event: VerdictsRead) -> None:
        self._record(event.new)

    @handle.register
    def _(self, event: Delivery) -> None:
        if event.alerts:
            self._record([Delivered(event.sink, event.outcome, event.reason, event.alerts, self._now())])
