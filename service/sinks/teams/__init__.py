"""Microsoft Teams: a Workflows (Power Automate) webhook that is sent Adaptive Cards."""

from typing import TYPE_CHECKING

from service.core.ports import Clock, Pace
from service.sinks.integration import Integration
from service.sinks.teams.settings import TeamsSettings

if TYPE_CHECKING:
    from service.sinks.teams.sink import TeamsSink

__all__ = ["TEAMS"]


def build(name: str, settings: TeamsSettings, clock: Clock) -> "TeamsSink":
    """Build a Teams channel."""
    # Here, because settings name every kind of sink, and are read by commands that post nothing.
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415

    from service.sinks.teams.sink import TeamsSink  # noqa: PLC0415

    credential = DefaultAzureCredential() if settings.auth == "entra" else None
    return TeamsSink(name, settings.http(clock), settings.links, credential)


# Teams throttles above 4 a second; a channel with more than a hundred cards an hour is not read.
TEAMS = Integration(TeamsSettings, Pace(1.0, 100, at_once=50), build)
