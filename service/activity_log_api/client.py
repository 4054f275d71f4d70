"""The client of the Activity Log REST API: which subscriptions there are, and their records, page by page.

Sources: Microsoft Learn, *Activity Logs - List* (api-version 2015-04-01: 90 days, newest first, ``nextLink``),
*Subscriptions - List*, *Management Groups - Descendants*, *Throttling Resource Manager requests* (429, Retry-After).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

import msgspec
from azure.core import AsyncPipelineClient
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy, ProxyPolicy, UserAgentPolicy
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest

from service.core.ports import Clock
from service.core.sign_in import SignInFailed, sign_in_problem
from service.options import LOOPBACK, format_duration

PUBLIC_CLOUD: Final = "https://management.azure.com"
RETENTION: Final = timedelta(days=90)
"""How far back Azure keeps the activity log; it refuses to be asked for more."""

_FIRST_PAUSE: Final = 2.0
_LONGEST_PAUSE: Final = 300.0
_LONGEST_RETRY_AFTER: Final = 3_600.0
ATTEMPT_SECONDS: Final = 60.0
_ANSWER_SECONDS: Final = 300.0
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})


class ApiRefused(Exception):  # noqa: N818 - it names the answer: a no that asking again does not change
    """The API will not answer this: no right to read, no such subscription, a request it does not understand."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}".strip())
        self.status = status
        self.code = code


class ApiUnavailable(OSError):  # noqa: N818 - it names what is the matter with the API
    """The API could not be reached, or throttled, for longer than we wait."""


class _Page(msgspec.Struct):
    value: list[msgspec.Raw] = []
    next_link: str | None = msgspec.field(default=None, name="nextLink")


class _Subscription(msgspec.Struct):
    subscription_id: str = msgspec.field(default="", name="subscriptionId")
    state: str = "Enabled"


class _Descendant(msgspec.Struct):
    name: str = ""
    type: str = ""


class _Error(msgspec.Struct, frozen=True):
    code: str = ""


class _Refusal(msgspec.Struct):
    error: _Error = _Error()


_page = msgspec.json.Decoder(_Page)
_refusal = msgspec.json.Decoder(_Refusal)


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
        self._clock = clock
        self._jitter = jitter
        self._endpoint = endpoint.rstrip("/")
        self._give_up_after = give_up_after
        self._on_wait = on_wait
        self._credential = credential
        self._transport = AioHttpTransport()
        self._client = self._open()

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
        await self._client.close()

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
            page = _page.decode(await self._get(address))
            yield page
            address = self._following(page.next_link)

    def _following(self, link: str | None) -> str | None:
        """Return the next page's address; a link to another host would carry our token there, and is refused."""
        if link is not None and urlsplit(link)[:2] != urlsplit(self._endpoint)[:2]:
            raise ApiRefused(0, "NextLinkToAnotherHost")
        return link

    async def _get(self, address: str) -> bytes:
        began, attempt, renewed = self._clock.elapsed(), 0, False
        while True:
            attempt += 1
            why, wanted = "unreachable", 0.0
            try:
                client = self._client
                # Azure's library bounds each pause within an answer, and not the whole of it.
                async with asyncio.timeout(_ANSWER_SECONDS):
                    response = await self._send(client, address)
                body = response.content
                if response.status_code == 200:
                    return body
                if response.status_code == 401 and not renewed:
                    renewed = True  # a token that was good when it was sent: ask for a fresh one, once
                    if self._client is client:  # whoever asks at the same time may have done so already
                        self._client = self._open()
                    continue
                if response.status_code not in _AGAIN:
                    raise ApiRefused(response.status_code, _code(body))
                why, wanted = f"{response.status_code}", _retry_after(response)
            except ClientAuthenticationError as error:
                raise SignInFailed(f"cannot sign in to {self._endpoint}: {sign_in_problem(error)}") from error
            except (AzureError, TimeoutError) as error:
                why = type(error).__name__
            pause = wanted or self._jitter() * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(attempt - 1, 30))
            if self._clock.elapsed() + pause - began > self._give_up_after.total_seconds():
                raise ApiUnavailable(
                    f"{self._endpoint}: no answer within {format_duration(self._give_up_after)}: {why}"
                )
            self._on_wait(pause, why)
            await self._clock.sleep(pause)

    async def _send(self, client: "AsyncPipelineClient[Any, AsyncHttpResponse]", address: str) -> AsyncHttpResponse:
        # Azure's library sends a token over https alone, unless told that the receiver is this very machine.
        local = {"enforce_https": False} if urlsplit(self._endpoint).hostname in LOOPBACK else {}
        response: AsyncHttpResponse = await client.send_request(
            HttpRequest("GET", address), connection_timeout=10, read_timeout=ATTEMPT_SECONDS, **local
        )
        await response.read()
        return response


def _decoded(values: list[msgspec.Raw]) -> list[object]:
    return [msgspec.json.decode(value) for value in values]


def _instant(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _code(body: bytes) -> str:
    try:
        return _refusal.decode(body).error.code[:64]
    except msgspec.DecodeError:
        return ""


def _retry_after(response: AsyncHttpResponse) -> float:
    """Return the seconds that Retry-After asks for, at most an hour; 0 if it asks for nothing that can be read."""
    text = response.headers.get("Retry-After", "")
    try:
        return min(_LONGEST_RETRY_AFTER, max(0.0, float(text)))
    except ValueError:
        return 0.0
