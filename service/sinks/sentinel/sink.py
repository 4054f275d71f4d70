"""Uploads each alert as a row through a data collection rule, with a token of Entra; retrying is the dispatcher's."""

import gzip
from collections.abc import Sequence

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError

from service.core.alerting import Alert
from service.core.notices import AnyNotice
from service.core.ports import Receipt, Rendered
from service.sinks.content.alert_content import ALL_LINKS, Links
from service.sinks.posting.http_post import HttpPost
from service.sinks.posting.posted_sink import PostedSink
from service.sinks.sentinel.answers import classify
from service.sinks.sentinel.rendering import render, render_notice
from service.waiting import within

_TOKEN_SECONDS = 20.0


class SentinelSink(PostedSink):
    """A table behind a data collection rule.

    Parameters
    ----------
    name
        Name in configuration, logs and metrics.
    http
        Posts to the rule's stream.
    credential
        An azure-identity credential; closed with the sink.
    audience
        Scope of the tokens.
    links
        Which links the rows carry.
    """

    def __init__(
        self,
        name: str,
        http: HttpPost,
        *,
        credential: AsyncTokenCredential,
        audience: str,
        links: Links = ALL_LINKS,
    ) -> None:
        super().__init__(name, http, classify)
        self._credential = credential
        self._audience = audience
        self._links = links

    def render(self, alerts: Sequence[Alert]) -> list[Rendered]:
        """Turn each alert into a row of its own."""
        return render(alerts, self._links)

    def render_notice(self, notice: AnyNotice) -> Rendered:
        """Turn a notice into a row."""
        return render_notice(notice)

    async def send(self, message: Rendered) -> Receipt:
        """Upload one row, once."""
        try:
            token = await within(None, _TOKEN_SECONDS, self._credential.get_token(self._audience))
        except (AzureError, OSError):
            return Receipt("retry", "entra_token")
        packed = message._replace(body=gzip.compress(message.body, mtime=0), content_type="application/json")
        return await self._post(packed, {"authorization": f"Bearer {token.token}", "content-encoding": "gzip"})

    async def close(self) -> None:
        """Release connections, and the credential."""
        await super().close()
        await self._credential.close()
