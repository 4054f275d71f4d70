"""Standard output: for people at a terminal, or for whatever collects it."""

import sys

from service.core.ports import Clock, Pace
from service.sinks.integration import Integration
from service.sinks.stdout.settings import StdoutSettings
from service.sinks.stdout.sink import StdoutSink

__all__ = ["STDOUT", "StdoutSettings", "StdoutSink"]


def build(name: str, settings: StdoutSettings, _: Clock) -> StdoutSink:
    """Build what writes to this process's standard output."""
    colour = settings.format == "card" and sys.stdout.isatty()
    return StdoutSink(name, sys.stdout.buffer, style=settings.format, colour=colour, links=settings.links)


STDOUT = Integration(StdoutSettings, Pace(), build)
