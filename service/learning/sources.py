"""Where history is fetched from: the REST API and Log Analytics by origin and day, and an archive in Blob Storage.

Sources: Microsoft Learn, *Activity Logs - List*; *Azure Monitor resource logs, send to Azure Storage* (names of blobs,
one record a line).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeVar

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from service.activity_log_api import RETENTION, ActivityLogApi, LogAnalyticsApi
from service.core.sign_in import sign_in_problem
from service.learning.chunks import Chunk, chunks_of
from service.learning.download import Piece

if TYPE_CHECKING:  # whoever hands in a client has imported it
    from azure.storage.blob.aio import ContainerClient

_T = TypeVar("_T")

ARCHIVE_CONTAINER: Final = "insights-activity-logs"
LINES_AT_ONCE: Final = 1_000
LONGEST_LINE: Final = 32 * 1024 * 1024
"""Bytes after which a line that does not end is handed on as it is, for the parser to reject."""

_ANSWER_SECONDS: Final = 300.0
ANSWERED_WITHIN: Final = timedelta(minutes=5)
"""How much younger than Azure's oldest record we ask for: its clock goes on while the pages are read."""

_HOUR: Final = timedelta(hours=1)
_PLACE: Final = re.compile(r"/y=(\d{4})/m=(\d{2})/d=(\d{2})/h=(\d{2})/m=\d{2}/[^/]+\.json$", re.IGNORECASE)


class ArchiveRefused(Exception):  # noqa: N818 - it names the answer
    """The storage account will not let us read: no right, no such container, or no way in."""


async def api_pieces(
    api: ActivityLogApi,
    subscriptions: Sequence[str],
    since: datetime,
    until: datetime,
    now: Callable[[], datetime],
) -> AsyncIterator[Piece]:
    """Yield a piece a subscription and day, the oldest first; `now` tells what Azure has forgotten when it is asked."""
    for chunk in chunks_of(subscriptions, since, until):
        yield Piece(chunk.name, chunk.origin, partial(_still_kept, api, chunk, now))


async def _still_kept(api: ActivityLogApi, chunk: Chunk, now: Callable[[], datetime]) -> AsyncIterator[list[bytes]]:
    """Yield what of a chunk is still there: Azure answers 400 when asked for more, as if it were not ours to read."""
    since = max(chunk.since, now() - RETENTION + ANSWERED_WITHIN)
    if since < chunk.until:
        async for page in api.records(chunk.origin, since, chunk.until):
            yield page


async def workspace_pieces(
    api: LogAnalyticsApi, workspaces: Sequence[str], since: datetime, until: datetime
) -> AsyncIterator[Piece]:
    """Yield a piece a workspace and day, the oldest first."""
    for chunk in chunks_of(workspaces, since, until):
        yield Piece(f"workspace-{chunk.name}", f"workspace {chunk.origin}", partial(api.records, *chunk))


async def archive_pieces(container: "ContainerClient", since: datetime, until: datetime) -> AsyncIterator[Piece]:
    """Yield a piece a blob of an archive whose hour touches ``[since, until]``, as the listing comes.

    Raises
    ------
    ArchiveRefused
        The container cannot be listed.
    OSError
        The storage account cannot be reached.
    """
    try:
        async for blob in _soon(aiter(container.list_blobs())):
            hour = _hour(blob.name)
            if hour is not None and hour < until and hour + _HOUR > since:
                # An hour's blob grows until it is over: its tag tells what was fetched from what there is now.
                mark = sha256(f"{blob.name}\x1f{blob.etag}".encode()).hexdigest()[:24]
                name = f"{hour:%Y%m%dT%H%M%S}.{mark}"
                yield Piece(name, str(container.container_name), partial(_blob_lines, container, blob.name))
    except AzureError as error:
        raise _trouble(error, container) from error


async def _blob_lines(container: "ContainerClient", name: str) -> AsyncIterator[list[bytes]]:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            stream = await container.download_blob(name)
        rest = b""
        async for part in _soon(aiter(stream.chunks())):
            *lines, rest = (rest + part).split(b"\n")
            if len(rest) > LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for at in range(0, len(lines), LINES_AT_ONCE):
                yield list(filter(None, map(bytes.strip, lines[at : at + LINES_AT_ONCE])))
        if rest.strip():
            yield [rest.strip()]
    except AzureError as error:
        raise _trouble(error, container) from error


async def _soon(parts: AsyncIterator[_T]) -> AsyncIterator[_T]:
    """Yield `parts`, each of which must come soon: Azure's library bounds each pause, not the whole of an answer."""
    while True:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                part = await anext(parts)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise OSError(f"the archive cannot be read (no answer within {_ANSWER_SECONDS:g} s)") from error
        yield part


def _trouble(error: AzureError, container: "ContainerClient") -> Exception:
    status = error.status_code if isinstance(error, HttpResponseError) else None
    if status in {401, 403, 404}:
        return ArchiveRefused(f"{status} {getattr(error, 'error_code', None) or type(error).__name__}")
    if isinstance(error, ClientAuthenticationError):
        return ArchiveRefused(f"cannot sign in: {sign_in_problem(error)}")
    place = f"{container.primary_hostname}/{container.container_name}"
    return OSError(f"the archive {place} cannot be read ({type(error).__name__})")


def _hour(name: str) -> datetime | None:
    """Return the hour whose records a blob holds, by its name; None if it is no part of an archive.

    >>> _hour("resourceId=/SUBSCRIPTIONS/A/y=2026/m=03/d=01/h=10/m=00/PT1H.json").isoformat()
    '2026-03-01T10:00:00+00:00'
    >>> _hour("readme.json")
    """
    found = _PLACE.search(name)
    if found is None:
        return None
    try:
        year, month, day, hour = map(int, found.groups())
        return datetime(year, month, day, hour, tzinfo=UTC)
    except ValueError:
        return None
