"""Slack: an incoming webhook that is sent Block Kit messages."""

from typing import TYPE_CHECKING

from service.core.ports import Clock, Pace
from service.sinks.integration import Integration
from service.sinks.slack.settings import SlackSettings

if TYPE_CHECKING:
    from service.sinks.slack.sink import SlackSink

__all__ = ["SLACK"]


def build(name: str, settings: SlackSettings, clock: Clock) -> "SlackSink":
    """Build a Slack channel."""
    # Here, because settings name every kind of sink, and are read by commands that post nothing.
    from service.sinks.slack.sink import SlackSink  # noqa: PLC0415

    return SlackSink(name, settings.http(clock), settings.links)


# One message a second and channel: https://docs.slack.dev/apis/web-api/rate-limits
SLACK = Integration(SlackSettings, Pace(1.0, at_once=50), build)
