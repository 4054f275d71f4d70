"""What the service measures of itself: the recorder, what it asks for at each scrape, and the labels that may exist."""

from service.metrics.labels import INFO_LABELS, LABELS
from service.metrics.live import Reading
from service.metrics.recorder import Metrics

__all__ = ["INFO_LABELS", "LABELS", "Metrics", "Reading"]
