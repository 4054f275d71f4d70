"""Makes families of series: prefixed, registered, and with every series that is known beforehand at 0.

Which families there are, and what moves them, is the recorder's.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Family = TypeVar("Family", Counter, Gauge, Histogram)

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
