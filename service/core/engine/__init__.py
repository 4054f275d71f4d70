"""The whole state of the service as one value: messages and instants in, alerts out."""

from service.core.engine.engine import Engine
from service.core.engine.inspection import Answer, UnknownActor, explain, inspect
from service.core.engine.values import Applied, Evaluation, Options

__all__ = ["Answer", "Applied", "Engine", "Evaluation", "Options", "UnknownActor", "explain", "inspect"]
