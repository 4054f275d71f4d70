"""The whole state of the service as one value: messages and instants in, alerts out."""

from service.core.engine.engine import Engine
from service.core.engine.inspection import Explanation, UnknownActor, explain, inspect
from service.core.engine.state_rows import OtherBuckets, without_positions
from service.core.engine.values import Applied, ClosedBucket, Evaluation, Options

__all__ = [
    "Applied",
    "ClosedBucket",
    "Engine",
    "Evaluation",
    "Explanation",
    "Options",
    "OtherBuckets",
    "UnknownActor",
    "explain",
    "inspect",
    "without_positions",
]
