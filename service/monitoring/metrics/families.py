"""Makes families of series: prefixed, registered, and with every series that is known beforehand at 0.

Which families there are, and what moves them, is the recorder's.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Family = TypeVar("Family", Counter, Gauge, Histogram)

# Bounds of histograms, in seconds.
DELAYS = (1, 5, 15, 60, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 14400, 43200, 86400)
BRIEF = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
LONG = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0)

METRIC_PREFIX = "unwonted_"


class Families:
    """Families on one registry; each label is given with its values, or none where they show up later."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def counter(self, name: str, meaning: str, **labels: Sequence[str]) -> Counter:
        """Return something that is counted."""
        return _filled(Counter(METRIC_PREFIX + name, meaning, tuple(labels), registry=self._registry), labels)

    def gauge(self, name: str, meaning: str, **labels: Sequence[str]) -> Gauge:
        """Return something that goes up and down."""
        return _filled(Gauge(METRIC_PREFIX + name, meaning, tuple(labels), registry=self._registry), labels)

    def histogram(self, name: str, meaning: str, buckets: Sequence[float], **labels: Sequence[str]) -> Histogram:
        """Return something that is measured, in `buckets`."""
        histogram = Histogram(METRIC_PREFIX + name, meaning, tuple(labels), registry=self._registry, buckets=buckets)
        return _filled(histogram, labels)


def _filled(family: Family, labels: Mapping[str, Sequence[str]]) -> Family:
    """Create every series that is known beforehand, so that its rate has a first value; those of partitions are not."""
    for values in product(*labels.values()) if labels else ():
        family.labels(*values)
    return family
