"""Posts to an incoming webhook of Slack; when to try again is the dispatcher's to decide."""

from collections.abc import Sequence

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.ports import Rendered
from service.sinks.content.alert_content import ALL_LINKS, Links
from service.sinks.posting.http_post import HttpPost
from service.sinks.posting.posted_sink import PostedSink
from service.sinks.slack.answers import classify
from service.sinks.slack.rendering import render, render_notice, shortened


class SlackSink(PostedSink):
    """A Slack channel behind an incoming webhook.

    Parameters
    ----------
    name
        Name in configuration, logs and metrics.
    http
        Posts to the webhook's address.
    links
        Which links the messages carry.
    """

    def __init__(self, name: str, http: HttpPost, links: Links = ALL_LINKS) -> None:
        super().__init__(name, http, classify, shortened)
        self._links = links

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        """Turn alerts into Block Kit messages."""
        return render(alerts, self._links)

    def render_notice(self, notice: AnyNotice) -> Rendered:
        """Turn a notice into a message of its own."""
        return render_notice(notice)
