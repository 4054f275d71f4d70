"""Alerts and notices as bodies for any receiver: a CloudEvent each."""

from collections.abc import Sequence

from service.core.alerting import Alert
from service.core.notices import Notice
from service.core.ports import Rendered
from service.sinks.content.alert_content import ALL_LINKS, Links
from service.sinks.content.cloud_event import SOURCE, cloud_event, encoded, notice_event

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


def render(alerts: Sequence[Alert], links: Links = ALL_LINKS, *, source: str = SOURCE) -> list[Rendered]:
    """Turn each alert into one CloudEvent of its own."""
    return [_rendered(one.id, one.revision, encoded(cloud_event(one, links, source=source))) for one in alerts]


def render_notice(notice: Notice, *, source: str = SOURCE) -> Rendered:
    """Turn a notice into a CloudEvent of a type of its own, ``unwonted.blindness.opened`` and the like."""
    return _rendered(notice.id, notice.revision, encoded(notice_event(notice, source=source)))


def _rendered(subject: str, revision: int, body: bytes) -> Rendered:
    return Rendered(f"{subject}.{revision}", ((subject, revision),), body, CONTENT_TYPE)
