"""The client of the Activity Log REST API: which subscriptions there are, and their records, page by page.

Sources: Microsoft Learn, *Activity Logs - List* (api-version 2015-04-01: 90 days, newest first, ``nextLink``),
*Subscriptions - List*, *Management Groups - Descendants*.
"""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

import msgspec
from azure.core import AsyncPipelineClient
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy, ProxyPolicy, UserAgentPolicy
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest

from service.activity_log_api.asking import ApiRefused, Asking, decoded, way_of_sending
from service.core.ports import Clock

PUBLIC_CLOUD: Final = "https://management.azure.com"
RETENTION: Final = timedelta(days=90)
"""How far back Azure keeps the activity log; it refuses to be asked for more."""

ATTEMPT_SECONDS: Final = 60.0


class _Page(msgspec.Struct):
    value: list[msgspec.Raw] = []
    next_link: str | None = msgspec.field(default=None, name="nextLink")


class _Subscription(msgspec.Struct):
    subscription_id: str = msgspec.field(default="", name="subscriptionId")
    state: str = "Enabled"


class _Descendant(msgspec.Struct):
    name: str = ""
    type: str = ""


_page = msgspec.json.Decoder(_Page)


class ActivityLogApi:
    """Azure Resource Manager, as far as it serves the activity log.

    Parameters
    ----------
    credential
        Signs in; whoever made it closes it.
    clock
        Paces repetitions.
    jitter
        Returns a random number in [0, 1] for each pause.
    endpoint
        Address of Resource Manager; that of a sovereign cloud, or a server on this machine over plain http.
    give_up_after
        How long one page may be throttled, or be out of reach, before `ApiUnavailable`.
    on_wait
        Told of each pause: its seconds, and why.
    """

    def __init__(
        self,
        credential: AsyncTokenCredential,
        clock: Clock,
        *,
        jitter: Callable[[], float],
        endpoint: str = PUBLIC_CLOUD,
        give_up_after: timedelta = timedelta(hours=2),
        on_wait: Callable[[float, str], None] = lambda seconds, why: None,
    ) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._credential = credential
        self._transport = AioHttpTransport()
        self._asking = Asking(
            self._open, clock, self._endpoint, jitter=jitter, give_up_after=give_up_after, on_wait=on_wait
        )

    def _open(self) -> "AsyncPipelineClient[Any, AsyncHttpResponse]":
        """Return a client that knows no token yet; all share their connections, so that none has to be closed."""
        policies = [
            UserAgentPolicy(base_user_agent="unwonted"),
            ProxyPolicy(),
            AsyncBearerTokenCredentialPolicy(self._credential, f"{self._endpoint}/.default"),
        ]
        return AsyncPipelineClient(self._endpoint, policies=policies, transport=self._transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.close()

    async def subscriptions(self, management_group: str | None = None) -> list[str]:
        """Return the ids of the subscriptions that the credential can see, in order; of one management group if named.

        Raises
        ------
        ApiRefused
            No right to ask, or no such management group.
        SignInFailed
            There is no token to ask with.
        ApiUnavailable
            No answer within the time that we wait.
        """
        if management_group is None:
            found = await self._all("/subscriptions?api-version=2022-12-01", list[_Subscription])
            return sorted(one.subscription_id.lower() for one in found if one.state != "Deleted")
        group = quote(management_group, safe="")
        path = f"/providers/Microsoft.Management/managementGroups/{group}/descendants?api-version=2020-05-01"
        members = await self._all(path, list[_Descendant])
        return sorted(one.name.lower() for one in members if one.type.lower().endswith("/subscriptions"))

    async def records(self, subscription: str, since: datetime, until: datetime) -> AsyncIterator[list[bytes]]:
        """Yield the records of a subscription in ``[since, until]``, a page at a time, the newest first, as JSON.

        Raises
        ------
        ApiRefused
            No right to read it, no such subscription, or `since` is more than 90 days ago.
        SignInFailed
            There is no token to ask with.
        ApiUnavailable
            No answer within the time that we wait.
        """
        span = f"eventTimestamp ge '{_instant(since)}' and eventTimestamp le '{_instant(until)}'"
        path = (
            f"/subscriptions/{quote(subscription, safe='')}/providers/Microsoft.Insights/eventtypes/management/values"
            f"?api-version=2015-04-01&$filter={quote(span, safe='')}"
        )
        async for page in self._pages(path):
            yield [bytes(record) for record in page.value]

    async def _all(self, path: str, kind: Any) -> Any:
        return [one async for page in self._pages(path) for one in msgspec.convert(_decoded(page.value), kind)]

    async def _pages(self, path: str) -> AsyncIterator[_Page]:
        address: str | None = f"{self._endpoint}{path}"
        while address is not None:
            page = decoded(await self._get(address), _page)
            yield page
            address = self._following(page.next_link)

    def _following(self, link: str | None) -> str | None:
        """Return the next page's address; a link to another host would carry our token there, and is refused."""
        if link is not None and urlsplit(link)[:2] != urlsplit(self._endpoint)[:2]:
            raise ApiRefused(0, "NextLinkToAnotherHost")
        return link

    async def _get(self, address: str) -> AsyncHttpResponse:
        async def send(client: "AsyncPipelineClient[Any, AsyncHttpResponse]") -> AsyncHttpResponse:
            response: AsyncHttpResponse = await client.send_request(
                HttpRequest("GET", address),
                connection_timeout=10,
                read_timeout=ATTEMPT_SECONDS,
                **way_of_sending(self._endpoint),
            )
            await response.read()
            return response

        return await self._asking.ask(send)


def _decoded(values: list[msgspec.Raw]) -> list[object]:
    return [msgspec.json.decode(value) for value in values]


def _instant(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
