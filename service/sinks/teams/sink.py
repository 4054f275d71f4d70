"""Posts to a flow's webhook, with a token of Microsoft Entra if it wants one; retrying is the dispatcher's."""

from collections.abc import Sequence
from pathlib import Path

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from pydantic import SecretStr

from service.core.alerting import Alert
from service.core.notices import Notice
from service.core.ports import Clock, Receipt, Rendered
from service.sinks.content.alert_content import ALL_LINKS, Links
from service.sinks.posting.http_post import HttpPost, OpenSession, open_session
from service.sinks.teams.answers import classify
from service.sinks.teams.rendering import render, render_notice
from service.sinks.teams.settings import TEAMS_HOSTS

AUDIENCE = "https://service.flow.microsoft.com/.default"


class TeamsSink:
    """A Teams channel or chat behind a Workflows webhook.

    Parameters
    ----------
    name
        Name in configuration, logs and metrics.
    url
        The webhook's address, or a file that holds it and is read anew for each message.
    clock
        For Retry-After dates.
    links
        Which links the cards carry.
    allow_hosts
        Hosts that may be posted to, ``*.`` standing for any subdomain.
    allow_loopback
        Whether a receiver on this machine will do too, over plain http; for demonstrations and tests.
    credential
        An azure-identity credential, if the flow only accepts callers of this tenant; closed with the sink.
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
        allow_hosts: Sequence[str] = TEAMS_HOSTS,
        allow_loopback: bool = False,
        credential: AsyncTokenCredential | None = None,
        session: OpenSession = open_session,
    ) -> None:
        self._name = name
        self._links = links
        self._credential = credential
        self._http = HttpPost(url, clock=clock, allow_hosts=allow_hosts, allow_loopback=allow_loopback, session=session)

    @property
    def name(self) -> str:
        """Name in configuration, logs and metrics."""
        return self._name

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        """Turn alerts into Adaptive Cards."""
        return render(alerts, self._links)

    def render_notice(self, notice: Notice) -> Rendered:
        """Turn a notice into a card of its own."""
        return render_notice(notice)

    async def send(self, message: Rendered) -> Receipt:
        """Post once; a 2xx answer that carries an error inside is taken at its word."""
        headers = {"content-type": message.content_type}
        if self._credential is not None:
            try:
                token = await self._credential.get_token(AUDIENCE)
            except AzureError:
                return Receipt("retry", "entra_token")
            headers["authorization"] = f"Bearer {token.token}"
        answer = await self._http.post(message.body, headers)
        return answer if isinstance(answer, Receipt) else classify(answer)

    async def close(self) -> None:
        """Release connections."""
        await self._http.close()
        if self._credential is not None:
            await self._credential.close()
