"""Syslog: a message in CEF an alert, to a collector."""

from typing import TYPE_CHECKING

from service.core.ports import Clock, Pace
from service.sinks.integration import Integration
from service.sinks.syslog.settings import SyslogSettings

if TYPE_CHECKING:
    from service.sinks.syslog.sink import SyslogSink

__all__ = ["SYSLOG"]


def build(name: str, settings: SyslogSettings, clock: Clock) -> "SyslogSink":
    """Build what sends messages of syslog."""
    # Here, because settings name every kind of sink, and are read by commands that send nothing.
    from service.sinks.syslog.sink import SyslogSink  # noqa: PLC0415

    return SyslogSink(name, settings.collector, settings.links)


SYSLOG = Integration(SyslogSettings, Pace(20.0), build)
