"""Posts to an incoming webhook of Slack; when to try again is the dispatcher's to decide."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr

from service.core.alerting import Alert
from service.core.notices import Notice
from service.core.ports import Clock, Receipt, Rendered
from service.sinks.content.alert_content import ALL_LINKS, Links
from service.sinks.posting.http_post import HttpPost, OpenSession, open_session
from service.sinks.slack.answers import classify
from service.sinks.slack.rendering import render, render_notice
from service.sinks.slack.settings import SLACK_HOSTS


class SlackSink:
    """A Slack channel behind an incoming webhook.

    Parameters
    ----------
    name
        Name in configuration, logs and metrics.
    url
        The webhook's address, or a file that holds it and is read anew for each message.
    clock
        For Retry-After dates.
    links
        Which links the messages carry.
    allow_hosts
        Hosts that may be posted to, ``*.`` standing for any subdomain.
    allow_loopback
        Whether a receiver on this machine will do too, over plain http; for demonstrations and tests.
    session
        Makes the HTTP session, once, at the first message.
    """

    def __init__(
        self,
        name: str,
        url: SecretStr | Path,
        *,
        clock: Clock,
        links: Links = ALL_LINKS,
        allow_hosts: Sequence[str] = SLACK_HOSTS,
        allow_loopback: bool = False,
        session: OpenSession = open_session,
    ) -> None:
        self._name = name
        self._links = links
        self._http = HttpPost(url, clock=clock, allow_hosts=allow_hosts, allow_loopback=allow_loopback, session=session)

    @property
    def name(self) -> str:
        """Name in configuration, logs and metrics."""
        return self._name

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        """Turn alerts into Block Kit messages."""
        return render(alerts, self._links)

    def render_notice(self, notice: Notice) -> Rendered:
        """Turn a notice into a message of its own."""
        return render_notice(notice)

    async def send(self, message: Rendered) -> Receipt:
        """Post once; only the answer ``ok`` is success."""
        answer = await self._http.post(message.body, {"content-type": message.content_type})
        return answer if isinstance(answer, Receipt) else classify(answer)

    async def close(self) -> None:
        """Release connections."""
        await self._http.close()
