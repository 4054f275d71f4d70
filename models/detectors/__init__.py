"""The detectors, their contract, and what they say: anomalies with the numbers that they come from.

Whether anybody is told of an anomaly is left to the service.
"""

from models.detectors.anomalies import Anomaly, anomaly_id
from models.detectors.contract import Card, Declaration, Detector, Memory
from models.detectors.examples import Example
from models.detectors.judging import Judge, Judgement
from models.detectors.options import Option, options, takes
from models.detectors.rare_action import Judged, RareAction
from models.detectors.registry import DETECTORS, build, play
from models.detectors.routine_context import RoutineCell
from models.detectors.sensitivity import tactic
from models.detectors.watched import Watched

__all__ = [
    "DETECTORS",
    "Anomaly",
    "Card",
    "Declaration",
    "Detector",
    "Example",
    "Judge",
    "Judged",
    "Judgement",
    "Memory",
    "Option",
    "RareAction",
    "RoutineCell",
    "Watched",
    "anomaly_id",
    "build",
    "options",
    "play",
    "tactic",
    "takes",
]
