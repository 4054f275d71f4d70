"""Rows of Log Analytics workspaces, in slices of time so short that each is answered whole; by Azure's own library.

An answer that is cut off, or that takes too long, says nothing of what it leaves out: its slice is halved. Rows are
handed on as a file of the same answer would be read. Sources: Microsoft Learn, *AzureActivity* (its columns), *Azure
Monitor service limits* (500,000 rows and 64 MB an answer, 10 minutes), *Log Analytics query API, errors* (an answer
that is cut off comes with status 200 and an error).
"""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import msgspec
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest

from service.activity_log_api.asking import ApiUnavailable, Asking, decoded, way_of_sending
from service.core.ports import Clock
from service.documents import row_to_record

if TYPE_CHECKING:
    from azure.monitor.query.aio import LogsQueryClient

EXTRA: Final = "needs azure-monitor-query: pip install 'unwonted[loganalytics]'"
MOST_ROWS: Final = 2_000
"""Rows that are asked for at once: some ten megabytes."""

SHORTEST: Final = timedelta(milliseconds=1)
"""A slice that is not halved: what happens within it is asked for without a bound of ours."""

_LONGEST: Final = timedelta(days=1)
SERVER_SECONDS: Final = 180
_CONNECTING_SECONDS: Final = 10
_READING_SECONDS: Final = SERVER_SECONDS + 30
_TOO_MUCH: Final = frozenset({413, 504})
_HOSTS: Final = {
    "management.azure.com": "https://api.loganalytics.io",
    "management.usgovcloudapi.net": "https://api.loganalytics.us",
    "management.chinacloudapi.cn": "https://api.loganalytics.azure.cn",
}


class _Column(msgspec.Struct):
    name: str


class _Table(msgspec.Struct):
    columns: list[_Column] = []
    rows: list[msgspec.Raw] = []


class _Answer(msgspec.Struct):
    tables: list[_Table] = []
    error: dict[str, msgspec.Raw] | None = None


_answer = msgspec.json.Decoder(_Answer)


def can_query_workspaces() -> bool:
    """Whether Azure's library for Log Analytics is installed."""
    return find_spec("azure.monitor.query") is not None if find_spec("azure.monitor") else False


def query_address(resource_manager: str) -> str:
    """Return where the cloud of that Azure Resource Manager answers queries; an unknown address answers them itself.

    >>> query_address("https://management.usgovcloudapi.net"), query_address("http://127.0.0.1:8080/")
    ('https://api.loganalytics.us', 'http://127.0.0.1:8080')
    """
    return _HOSTS.get((urlsplit(resource_manager).hostname or "").lower(), resource_manager.rstrip("/"))


class LogAnalyticsApi:
    """The query API of Log Analytics, as far as workspaces hold the activity log.

    Parameters
    ----------
    credential
        Signs in; whoever made it closes it.
    clock
        Paces repetitions.
    jitter
        Returns a random number in [0, 1] for each pause.
    endpoint
        Address of the query API, or of a server on this machine over plain http.
    give_up_after
        How long one slice may be throttled, or be out of reach, before `ApiUnavailable`.
    on_wait
        Told of each pause: its seconds, and why.
    most_rows
        Rows that are asked for at once.
    """

    def __init__(
        self,
        credential: AsyncTokenCredential,
        clock: Clock,
        *,
        jitter: Callable[[], float],
        endpoint: str,
        give_up_after: timedelta = timedelta(hours=2),
        on_wait: Callable[[float, str], None] = lambda seconds, why: None,
        most_rows: int = MOST_ROWS,
    ) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._credential = credential
        self._most_rows = most_rows
        self._widths: dict[str, timedelta] = {}
        self._transport = AioHttpTransport()
        self._asking = Asking(
            self._open, clock, self._endpoint, jitter=jitter, give_up_after=give_up_after, on_wait=on_wait
        )

    def _open(self) -> "LogsQueryClient":
        """Return a client that knows no token yet; all share their connections, so that none has to be closed."""
        from azure.monitor.query.aio import LogsQueryClient  # noqa: PLC0415 - an extra: most installations do without

        return LogsQueryClient(
            self._credential,
            endpoint=self._endpoint,
            transport=self._transport,
            user_agent="unwonted",
            retry_total=0,  # whoever asks waits, and says so
            permit_redirects=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.close()

    async def records(self, workspace: str, since: datetime, until: datetime) -> AsyncIterator[list[bytes]]:
        """Yield the rows of a workspace in ``[since, until)``, a slice at a time, the oldest first, as JSON objects.

        Raises
        ------
        ApiRefused
            No right to read it, no such workspace, or one without the activity log.
        SignInFailed
            There is no token to ask with.
        ApiUnavailable
            No answer within the time that we wait, or none that is whole.
        """
        begin = since
        while begin < until:
            end = min(begin + self._widths.get(workspace, until - begin), until)
            rows = await self._slice(workspace, begin, end)
            if rows is None:
                # The days that follow are much like this one: they begin with slices that will do.
                self._widths[workspace] = max((end - begin) / 2, SHORTEST)
                continue
            if len(rows) * 4 < self._most_rows and workspace in self._widths:
                self._widths[workspace] = min(self._widths[workspace] * 2, _LONGEST)
            begin = end
            yield rows

    async def _slice(self, workspace: str, since: datetime, until: datetime) -> list[bytes] | None:
        """Return the rows of ``[since, until)``, or None if not all of them come at once."""
        bounded = until - since > SHORTEST
        order = f"top {self._most_rows + 1} by" if bounded else "sort by"
        query = (
            f"AzureActivity | where TimeGenerated >= datetime({_instant(since)})"
            f" and TimeGenerated < datetime({_instant(until)}) | {order} TimeGenerated asc"
        )

        async def send(client: "LogsQueryClient") -> AsyncHttpResponse:
            return await self._send(client, workspace, query)

        response = await self._asking.ask(send, {200, *_TOO_MUCH} if bounded else {200})
        if response.status_code != 200:
            return None
        answer = decoded(response, _answer)
        table = answer.tables[0] if answer.tables else _Table()
        whole = not answer.error and (not bounded or len(table.rows) <= self._most_rows)
        if whole:
            columns = [column.name for column in table.columns]
            return [row_to_record(bytes(row), columns) for row in table.rows]
        if not bounded:
            raise ApiUnavailable(f"{workspace} does not answer for {_instant(since)} as a whole")
        return None

    async def _send(self, client: "LogsQueryClient", workspace: str, query: str) -> AsyncHttpResponse:
        given: list[AsyncHttpResponse] = []

        def note(response: PipelineResponse[HttpRequest, AsyncHttpResponse]) -> None:
            given.append(response.http_response)

        options: dict[str, Any] = way_of_sending(self._endpoint)
        try:
            await client.query_workspace(
                workspace,
                query,
                timespan=None,  # the query names its own
                server_timeout=SERVER_SECONDS,
                connection_timeout=_CONNECTING_SECONDS,
                read_timeout=_READING_SECONDS,
                raw_response_hook=note,
                **options,
            )
        except (HttpResponseError, ValueError) as error:
            if not given:  # nobody was asked: there is no token, which the library hides in an error of its own
                raise error.__context__ or error from None
        return given[-1]


def _instant(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
