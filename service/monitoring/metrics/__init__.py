"""What the service measures of itself: the recorder, what is read at each scrape, and the labels that may exist."""

from service.monitoring.metrics.labels import DeadLetterReason
from service.monitoring.metrics.live import BesideReading, LiveReading
from service.monitoring.metrics.recorder import Metrics
from service.monitoring.metrics.standby import STANDBY

__all__ = ["STANDBY", "BesideReading", "DeadLetterReason", "LiveReading", "Metrics"]
