"""Microsoft Sentinel: a row an alert in a table of a Log Analytics workspace, through the Logs Ingestion API."""

from typing import TYPE_CHECKING

from service.core.ports import Clock, Pace
from service.sinks.integration import Integration
from service.sinks.sentinel.columns import COLUMNS
from service.sinks.sentinel.settings import SentinelSettings

if TYPE_CHECKING:
    from service.sinks.sentinel.sink import SentinelSink

__all__ = ["COLUMNS", "SENTINEL"]


def build(name: str, settings: SentinelSettings, clock: Clock) -> "SentinelSink":
    """Build what uploads rows."""
    # Here, because settings name every kind of sink, and are read by commands that post nothing.
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415

    from service.sinks.sentinel.sink import SentinelSink  # noqa: PLC0415

    http = settings.http(clock)
    return SentinelSink(
        name, http, credential=DefaultAzureCredential(), audience=settings.audience, links=settings.links
    )


# A rule takes 12,000 requests a minute: https://learn.microsoft.com/azure/azure-monitor/fundamentals/service-limits
SENTINEL = Integration(SentinelSettings, Pace(20.0), build)
