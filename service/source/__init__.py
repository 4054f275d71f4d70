"""Reads an Azure Event Hub through the Azure SDK.

Adds to the SDK: checks before the start that end in one clear paragraph, positions that are the engine's own, a
watchdog for the SDK's silent failures, connections renewed after errors and from time to time, and the rule that
only one instance reads. What is in a message is left to the parser.
"""

from service.source.consumer import EventHubSource
from service.source.options import (
    Closed,
    EndOffsets,
    Expired,
    Opened,
    Proxy,
    Recovered,
    Silent,
    SourceEvent,
    SourceOptions,
    SourceTrouble,
)

__all__ = [
    "Closed",
    "EndOffsets",
    "EventHubSource",
    "Expired",
    "Opened",
    "Proxy",
    "Recovered",
    "Silent",
    "SourceEvent",
    "SourceOptions",
    "SourceTrouble",
]
