"""Places where alerts are read, a folder a kind; each renders for its readers and posts once, retrying is not theirs.

A kind's folder holds all that is its own: options, pace, rendering, what an answer means, and how one is built.
`content` is what is said, to all of them alike; `posting` sends bytes to a secret address; `registry` names the kinds.
"""

from service.sinks.content.wording import clean
from service.sinks.integration import Integration, SinkSettings
from service.sinks.registry import KINDS, AnySink, build_sink
from service.sinks.stdout import StdoutSettings, StdoutSink

__all__ = [
    "KINDS",
    "AnySink",
    "Integration",
    "SinkSettings",
    "StdoutSettings",
    "StdoutSink",
    "build_sink",
    "clean",
]
