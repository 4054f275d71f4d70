"""Places where alerts are read, a folder a kind; each renders for its readers and posts once, retrying is not theirs.

A kind's folder holds all that is its own: options, pace, rendering, what an answer means, and how one is built.
`content` is what is said, to all of them alike; `posting` sends bytes to a secret address; `registry` names the kinds.
"""

from service.sinks.content.alert_content import Links, alert_content, kql
from service.sinks.content.ocsf_line import ocsf_line
from service.sinks.content.wording import clean, counted, iso, moment, plain_action
from service.sinks.event_hub import EventHubSinkSettings
from service.sinks.integration import Integration, SinkSettings
from service.sinks.registry import KINDS, AnySink, build_sink
from service.sinks.stdout import StdoutSettings, StdoutSink

__all__ = [
    "KINDS",
    "AnySink",
    "EventHubSinkSettings",
    "Integration",
    "Links",
    "SinkSettings",
    "StdoutSettings",
    "StdoutSink",
    "alert_content",
    "build_sink",
    "clean",
    "counted",
    "iso",
    "kql",
    "moment",
    "ocsf_line",
    "plain_action",
]
