"""What keeps the probes from being well, out of the events."""

from datetime import datetime
from functools import singledispatchmethod

from service.monitoring import Health, Redactor
from service.source import SourceEvent
from service.storage import Saved
from service.suppressions import Looked
from service.telemetry.events import (
    ClockDoubted,
    HistoryLearning,
    SecretFilesChecked,
    StateRestored,
    Stopping,
    TelemetryEvent,
    TookOver,
    WaitingAsStandby,
)
from service.telemetry.partitions import PartitionTally

LONGEST_REASON = 300


class HealthBackend:
    """Tells `health` of the events that startup and readiness depend on."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._partitions = PartitionTally()
        self._redactor = Redactor()
        self._snapshots_fail_since: datetime | None = None

    @singledispatchmethod
    def handle(self, event: TelemetryEvent) -> None:
        """Leave every other event alone."""

    @handle.register
    def _(self, _: StateRestored) -> None:
        self._health.note_restored()

    @handle.register
    def _(self, _: WaitingAsStandby) -> None:
        self._health.note_standby(waiting=True)

    @handle.register
    def _(self, _: TookOver) -> None:
        self._health.note_standby(waiting=False)

    @handle.register
    def _(self, _: HistoryLearning) -> None:
        self._health.note_learning()

    @handle.register
    def _(self, _: Stopping) -> None:
        self._health.note_stopping()

    @handle.register
    def _(self, event: SecretFilesChecked) -> None:
        self._health.note_secret_files("; ".join(event.lines) or None)

    @handle.register
    def _(self, event: ClockDoubted) -> None:
        where = "ahead of" if event.seconds > 0 else "behind"
        text = f"this machine's is {abs(event.seconds):,.0f} s {where} the hub's, at least: set it right"
        self._health.note("clock", text if event.seconds else None)

    @handle.register
    def _(self, event: Saved) -> None:
        if event.outcome == "saved":
            self._snapshots_fail_since = None
            self._health.note_snapshots(None)
        elif event.outcome == "failed":
            since = self._snapshots_fail_since = self._snapshots_fail_since or event.at
            # A probe shows what was never meant for the log, which knows every secret: what looks like one is enough.
            reason = self._redactor.text(event.reason)[:LONGEST_REASON]
            self._health.note_snapshots(f"cannot be saved since {since:%Y-%m-%dT%H:%M:%SZ}: {reason}")

    @handle.register
    def _(self, event: SourceEvent) -> None:
        self._partitions.update(event)
        self._health.note_partitions(owned=self._partitions.owned, known=self._partitions.known)
        silent = ", ".join(sorted(self._partitions.silent))
        self._health.note_source(f"no sign of life from partition {silent}" if silent else None)

    @handle.register
    def _(self, event: Looked) -> None:
        if event.news == "loaded":
            self._health.note("suppressions", None)
        elif event.news == "refused":
            since = f"{event.at:%Y-%m-%dT%H:%M:%SZ}"
            self._health.note(
                "suppressions", f"the file cannot be used since {since}, see the log; the last good one is in force"
            )
