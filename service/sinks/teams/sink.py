"""Posts to a flow's webhook, with a token of Microsoft Entra if it wants one; retrying is the dispatcher's."""

from collections.abc import Sequence

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.ports import Receipt, Rendered
from service.sinks.content.alert_content import ALL_LINKS, Links
from service.sinks.posting.http_post import HttpPost
from service.sinks.posting.posted_sink import PostedSink
from service.sinks.teams.answers import classify
from service.sinks.teams.rendering import render, render_notice, shortened
from service.waiting import within

TOKEN_SECONDS = 15.0
"""So that there is time left for a card, and for a short one if that is refused."""
AUDIENCE = "https://service.flow.microsoft.com/.default"


class TeamsSink(PostedSink):
    """A Teams channel or chat behind a Workflows webhook.

    Parameters
    ----------
    name
        Name in configuration, logs and metrics.
    http
        Posts to the webhook's address.
    links
        Which links the cards carry.
    credential
        An azure-identity credential, if the flow only accepts callers of this tenant; closed with the sink.
    """

    def __init__(
        self, name: str, http: HttpPost, links: Links = ALL_LINKS, credential: AsyncTokenCredential | None = None
    ) -> None:
        super().__init__(name, http, classify, shortened)
        self._links = links
        self._credential = credential

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        """Turn alerts into Adaptive Cards."""
        return render(alerts, self._links)

    def render_notice(self, notice: AnyNotice) -> Rendered:
        """Turn a notice into a card of its own."""
        return render_notice(notice)

    async def send(self, message: Rendered) -> Receipt:
        """Post once, with a token if there is a credential."""
        if self._credential is None:
            return await self._post(message)
        try:
            token = await within(None, TOKEN_SECONDS, self._credential.get_token(AUDIENCE))
        except (AzureError, OSError):
            return Receipt("retry", "entra_token")
        return await self._post(message, {"authorization": f"Bearer {token.token}"})

    async def close(self) -> None:
        """Release connections, and the credential."""
        await super().close()
        if self._credential is not None:
            await self._credential.close()
