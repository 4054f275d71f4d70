"""Brings a tenant's history into a spool, from wherever it is to be had; says what could not be read.

What is learnt from it is `teaching`'s business; how the clients sign in is up to whoever makes them.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from service.activity_log_api import ActivityLogApi, ApiRefused, LogAnalyticsApi
from service.documents import FileSource
from service.learning.download import Downloaded, Piece, download
from service.learning.sources import ArchiveRefused, api_pieces, archive_pieces, workspace_pieces
from service.learning.spool import Spool

if TYPE_CHECKING:  # whoever hands in a client has imported it
    from azure.storage.blob.aio import ContainerClient

_DAY = timedelta(days=1)


class Fetched(NamedTuple):
    """What is in the spool now of what was wanted.

    Attributes
    ----------
    files
        What to read, this run's pieces and those of earlier ones; quiet days hold nothing, and are left out.
    origins
        Subscriptions, workspaces and containers that were asked.
    fetched, resumed, records
        Pieces fetched now; those that were there from an earlier run; records fetched now.
    refused
        Origins that may not be read, with the reason; what was fetched before they refused is learnt.
    broken_off
        Those of them of which a part was fetched: a later run may have the rest.
    """

    files: list[FileSource]
    origins: int
    fetched: int
    resumed: int
    records: int
    refused: dict[str, str]
    broken_off: frozenset[str] = frozenset()


class TenantHistory:
    """The last days of a tenant.

    Parameters
    ----------
    api
        Reads them through Azure's REST API; None if that is not wanted.
    logs
        Queries Log Analytics; None if that is not wanted.
    archive
        Container of an archive of the activity log, if there is one.
    subscriptions, management_group
        What to ask the API for: these, with those of the management group; all that the credential sees if neither is
        given.
    workspaces
        What to ask Log Analytics for.
    days
        How many days back.
    now
        Returns the present, aware UTC.
    """

    def __init__(
        self,
        api: ActivityLogApi | None,
        logs: LogAnalyticsApi | None,
        archive: "ContainerClient | None",
        *,
        subscriptions: Sequence[str],
        management_group: str | None,
        workspaces: Sequence[str],
        days: int,
        now: Callable[[], datetime],
    ) -> None:
        self._api = api
        self._logs = logs
        self._archive = archive
        self._subscriptions = sorted({one.lower() for one in subscriptions})
        self._group = management_group
        self._workspaces = sorted({one.lower() for one in workspaces})
        self._days = days
        self._now = now

    async def fetch(
        self,
        spool: Spool,
        on_plan: Callable[[int], None] = lambda pieces: None,
        on_piece: Callable[[Piece, int], None] = lambda piece, records: None,
    ) -> Fetched:
        """Fetch what the spool does not hold yet.

        Parameters
        ----------
        spool
            Entered already.
        on_plan
            Told how many pieces the APIs will be asked for; an archive tells only as it goes.
        on_piece
            Told of each piece that is done, with the number of records fetched.

        Raises
        ------
        ApiRefused
            The API does not say which subscriptions there are.
        OSError
            An origin is away for too long, or the disk is full; what has been fetched stays.
        """
        since, until = spool.span(*whole_days(self._now(), self._days))
        names: list[str] = []
        done: list[Downloaded] = []
        subscriptions = [] if self._api is None else await self._wanted(self._api)
        workspaces = [] if self._logs is None else self._workspaces
        origins = len(subscriptions) + len(workspaces)
        on_plan(origins * -((since - until) // _DAY))
        if self._api is not None:
            pieces = _noted(api_pieces(self._api, subscriptions, since, until, self._now), names)
            done.append(await download(pieces, spool, refusal=ApiRefused, on_piece=on_piece))
        if self._logs is not None:
            pieces = _noted(workspace_pieces(self._logs, workspaces, since, until), names)
            done.append(await download(pieces, spool, refusal=ApiRefused, on_piece=on_piece))
        if self._archive is not None:
            origins += 1
            done.append(await self._fetch_archive(self._archive, spool, since, until, names, on_piece))
        return Fetched(
            [_source(spool.path(name)) for name in names if spool.has(name) and not spool.empty(name)],
            origins,
            sum(one.fetched for one in done),
            sum(one.resumed for one in done),
            sum(one.records for one in done),
            {origin: reason for one in done for origin, reason in one.refused.items()},
            frozenset().union(*(one.broken_off for one in done)),
        )

    async def _wanted(self, api: ActivityLogApi) -> list[str]:
        if self._group is None and self._subscriptions:
            return self._subscriptions
        return sorted({*self._subscriptions, *await api.subscriptions(self._group)})

    @staticmethod
    async def _fetch_archive(
        archive: "ContainerClient",
        spool: Spool,
        since: datetime,
        until: datetime,
        names: list[str],
        on_piece: Callable[[Piece, int], None],
    ) -> Downloaded:
        pieces = _noted(archive_pieces(archive, since, until), names)
        try:
            return await download(pieces, spool, refusal=ArchiveRefused, on_piece=on_piece)
        except ArchiveRefused as error:  # the listing itself: there is nothing to fetch
            return Downloaded(0, 0, 0, {str(archive.container_name): str(error)})


def whole_days(now: datetime, days: int) -> tuple[datetime, datetime]:
    """Return the span of the last `days` days, from a midnight on: a run that is resumed later asks for the same.

    >>> since, until = whole_days(datetime(2026, 3, 10, 15, tzinfo=UTC), 7)
    >>> since.isoformat(), until.hour
    ('2026-03-03T00:00:00+00:00', 15)
    """
    first = (now - days * _DAY).astimezone(UTC)
    return datetime(first.year, first.month, first.day, tzinfo=UTC), now


async def _noted(pieces: AsyncIterator[Piece], names: list[str]) -> AsyncIterator[Piece]:
    async for piece in pieces:
        names.append(piece.name)
        yield piece


def _source(path: Path) -> FileSource:
    return FileSource(path.name, path, path.stat().st_size)
