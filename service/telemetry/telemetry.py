"""Hands each event to every back end."""

from typing import Protocol

from service.monitoring import Health
from service.monitoring.metrics import Metrics
from service.telemetry.events import TelemetryEvent
from service.telemetry.health import HealthBackend
from service.telemetry.logs import LogBackend
from service.telemetry.metrics import MetricsBackend


class TelemetryBackend(Protocol):
    """Makes something of events."""

    def handle(self, event: TelemetryEvent) -> None:
        """Take one, or leave it alone; never raises."""
        ...


class Telemetry:
    """Where every part reports what happened; `emit` fits wherever an observer is asked for.

    Parameters
    ----------
    metrics, health
        Where numbers go, and where the probes look.
    others
        Who else is to be handed every event.

    Examples
    --------
    >>> from prometheus_client import CollectorRegistry
    >>> from service.telemetry.events import LoopLagSampled
    >>> registry = CollectorRegistry()
    >>> Telemetry(Metrics(registry), Health()).emit(LoopLagSampled(seconds=0.01))
    >>> registry.get_sample_value("unwonted_event_loop_lag_seconds_count")
    1.0
    """

    def __init__(self, metrics: Metrics, health: Health, *others: TelemetryBackend) -> None:
        self._backends: tuple[TelemetryBackend, ...] = (
            MetricsBackend(metrics),
            HealthBackend(health),
            LogBackend(),
            *others,
        )

    def emit(self, event: TelemetryEvent) -> None:
        """Report an event; a back end that has no use for it leaves it alone."""
        for backend in self._backends:
            backend.handle(event)
