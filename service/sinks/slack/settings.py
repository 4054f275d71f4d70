"""What can be configured of a Slack channel."""

from typing import Literal

from service.options import Texts
from service.sinks.posting.address import HostedSinkSettings

SLACK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")


class SlackSettings(HostedSinkSettings):
    """Slack, through an incoming webhook."""

    kind: Literal["slack"] = "slack"
    """Makes this sink a Slack channel."""
    allow_hosts: Texts = SLACK_HOSTS
    """Hosts that the address may have; *. stands for any subdomain."""
