"""Hands each event to every back end."""

from service.monitoring import Health
from service.monitoring.metrics import Metrics
from service.telemetry.events import TelemetryEvent
from service.telemetry.health import HealthBackend
from service.telemetry.logs import LogBackend
from service.telemetry.metrics import MetricsBackend


class Telemetry:
    """Where every part reports what happened; `emit` fits wherever an observer is asked for.

    Parameters
    ----------
    metrics, health
        Where numbers go, and where the probes look.

    Examples
    --------
    >>> from prometheus_client import CollectorRegistry
    >>> from service.telemetry.events import LoopLagSampled
    >>> registry = CollectorRegistry()
    >>> Telemetry(Metrics(registry), Health()).emit(LoopLagSampled(seconds=0.01))
    >>> registry.get_sample_value("unwonted_event_loop_lag_seconds_count")
    1.0
    """

    def __init__(self, metrics: Metrics, health: Health) -> None:
        self._backends = (MetricsBackend(metrics), HealthBackend(health), LogBackend())

    def emit(self, event: TelemetryEvent) -> None:
        """Report an event; a back end that has no use for it leaves it alone."""
        for backend in self._backends:
            backend.handle(event)
