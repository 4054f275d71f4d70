"""What the service measures of itself: the recorder, what is read at each scrape, and the labels that may exist."""

from service.monitoring.metrics.labels import DeadLetterReason
from service.monitoring.metrics.live import LiveReading
from service.monitoring.metrics.recorder import Metrics

__all__ = ["DeadLetterReason", "LiveReading", "Metrics"]
