"""Alerts and notices as bodies for any receiver: a CloudEvent each."""

from collections.abc import Sequence

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.ports import Rendered
from service.sinks.content.alert_content import ALL_LINKS, Links
from service.sinks.content.cloud_event import CONTENT_TYPE, cloud_event, notice_event
from service.sinks.content.messages import compact, message_about


def render(alerts: Sequence[Alert], links: Links = ALL_LINKS) -> list[Rendered]:
    """Turn each alert into one CloudEvent of its own."""
    return [message_about(alert, compact(cloud_event(alert, links)), CONTENT_TYPE) for alert in alerts]


def render_notice(notice: AnyNotice) -> Rendered:
    """Turn a notice into a CloudEvent of a type of its own, ``unwonted.blindness.opened`` and the like."""
    return message_about(notice, compact(notice_event(notice)), CONTENT_TYPE)
