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
    # Without a buffer: who hangs in one that nobody reads from would hold its lock, and with it the end of the process.
    stream = getattr(sys.stdout.buffer, "raw", sys.stdout.buffer)
    return StdoutSink(name, stream, style=settings.format, colour=colour, links=settings.links)


STDOUT = Integration(StdoutSettings, Pace(), build)
