"""New detectors of a class, and what they would call ordinary."""

from collections.abc import Callable
from typing import TypeVar

from models.detectors.anomalies import Anomaly
from models.detectors.contract import Detector

D = TypeVar("D", bound=Detector)


def fresh(kind: Callable[..., D], **options: object) -> D:
    """Build a detector as one of five that look at user-days, however many there are: scores depend on it."""
    return kind(**options, looks=5.0)


def otherwise(detector: Detector, found: Anomaly, threshold: float) -> str:
    """Say what would have made it ordinary, were that the threshold."""
    assert found.score >= threshold, "else nobody would be told"
    changes = found.evidence["changes"]
    assert isinstance(changes, dict)
    return detector.counterfactual(changes, threshold)
