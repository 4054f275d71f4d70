"""What can be configured of a Teams channel."""

from typing import Literal

from service.options import Texts
from service.sinks.posting.address import HostedSinkSettings

TEAMS_HOSTS = ("*.logic.azure.com", "*.environment.api.powerplatform.com")


class TeamsSettings(HostedSinkSettings):
    """Microsoft Teams, through a Workflows webhook."""

    kind: Literal["teams"] = "teams"
    """Makes this sink a Teams channel."""
    allow_hosts: Texts = TEAMS_HOSTS
    """Hosts that the address may have; *. stands for any subdomain."""
    auth: Literal["none", "entra"] = "none"
    """none: the address is the only secret; entra: send a Microsoft Entra token as well."""
