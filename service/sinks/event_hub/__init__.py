"""Event Hub: an event an alert, as CloudEvents, for whatever else reads that hub."""

from typing import TYPE_CHECKING

from service.core.ports import Clock, Pace
from service.sinks.event_hub.settings import EventHubSinkSettings
from service.sinks.integration import Integration

if TYPE_CHECKING:
    from service.sinks.event_hub.sink import EventHubSink

__all__ = ["EVENT_HUB", "EventHubSinkSettings"]


def build(name: str, settings: EventHubSinkSettings, clock: Clock) -> "EventHubSink":
    """Build what sends events."""
    # Here, because settings name every kind of sink, and are read by commands that send nothing.
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415

    from service.sinks.event_hub.sink import EventHubSink  # noqa: PLC0415

    place = settings.place
    credential = DefaultAzureCredential() if place.connection_string is None else None
    return EventHubSink(name, place, clock=clock, links=settings.links, credential=credential)


EVENT_HUB = Integration(EventHubSinkSettings, Pace(20.0), build)
