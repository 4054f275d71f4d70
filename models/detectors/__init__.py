"""The detectors, their contract, and what they say: anomalies with the numbers that they come from.

Whether anybody is told of an anomaly is left to the service.
"""

from models.detectors.anomalies import Anomaly
from models.detectors.contract import Card, Detector, Memory
from models.detectors.judging import Judge, Judgement
from models.detectors.rare_action import Judged, RareAction
from models.detectors.registry import DETECTORS, build
from models.detectors.routine_context import RoutineCell

__all__ = [
    "DETECTORS",
    "Anomaly",
    "Card",
    "Detector",
    "Judge",
    "Judged",
    "Judgement",
    "Memory",
    "RareAction",
    "RoutineCell",
    "build",
]
