"""The whole state of the service as one value: messages and instants in, alerts out."""

from service.core.engine.engine import Engine
from service.core.engine.inspection import Explanation, Imagined, UnknownActor, explain, find_actor, imagine, inspect
from service.core.engine.relearning import Forgotten, SeenBucket, with_learnt_of
from service.core.engine.state_rows import OtherBuckets, without_positions
from service.core.engine.values import Applied, ClosedBucket, Evaluation, Options

__all__ = [
    "Applied",
    "ClosedBucket",
    "Engine",
    "Evaluation",
    "Explanation",
    "Forgotten",
    "Imagined",
    "Options",
    "OtherBuckets",
    "SeenBucket",
    "UnknownActor",
    "explain",
    "find_actor",
    "imagine",
    "inspect",
    "with_learnt_of",
    "without_positions",
]
