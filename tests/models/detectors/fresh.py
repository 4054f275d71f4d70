"""New detectors of a class, built as the registry builds them."""

from typing import TypeVar

from models.detectors.anomalies import Anomaly
from models.detectors.contract import Detector
from models.detectors.registry import DETECTORS, build

Kind = TypeVar("Kind")


def fresh(kind: type[Kind], **options: object) -> Kind:
    """Build a detector of `kind`."""
    [name] = [name for name, one in DETECTORS.items() if one.declaration is vars(kind)["declaration"]]
    detector = build(name, **options)
    assert isinstance(detector, kind)
    return detector


def otherwise(detector: Detector, found: Anomaly, threshold: float) -> str:
    """Say what would have made it ordinary, were that the threshold."""
    assert found.score >= threshold, "else nobody would be told"
    changes = found.evidence["changes"]
    assert isinstance(changes, dict)
    return detector.counterfactual(changes, threshold)
