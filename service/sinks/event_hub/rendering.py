"""Alerts and notices as events: a CloudEvent each, small enough for a hub of every tier."""

from collections.abc import Sequence

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.ports import Rendered
from service.sinks.content.alert_content import ALL_LINKS, Links
from service.sinks.content.cloud_event import CONTENT_TYPE, cloud_event, notice_event
from service.sinks.content.messages import compact, message_about

LARGEST_EVENT = 253_952
"""Bytes. A basic hub takes 256 KiB with all that is around an event, the others four times as much:
https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas"""


def render(alerts: Sequence[Alert], links: Links = ALL_LINKS) -> list[Rendered]:
    """Turn each alert into one event of its own."""
    return [
        message_about(alert, compact(cloud_event(alert, links, largest=LARGEST_EVENT)), CONTENT_TYPE)
        for alert in alerts
    ]


def render_notice(notice: AnyNotice) -> Rendered:
    """Turn a notice into an event of its own."""
    return message_about(notice, compact(notice_event(notice)), CONTENT_TYPE)
