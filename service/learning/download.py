"""Fetches the chunks that a spool does not hold yet, a few at a time; what may not be read is said and left out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from service.learning.chunks import Chunk
from service.learning.spool import Spool

AT_ONCE = 4
"""Chunks fetched side by side: Azure allows each identity some 12,000 reads an hour, and throttles bursts."""


class History(Protocol):
    """Where records come from, page by page."""

    def records(self, subscription: str, since: datetime, until: datetime) -> AsyncIterator[list[bytes]]:
        """Yield pages of records."""
        ...


class Downloaded(NamedTuple):
    """What a download came to.

    Attributes
    ----------
    fetched, resumed
        Chunks fetched now, and those that were there from an earlier run.
    records
        Records fetched now.
    refused
        Subscriptions that may not be read, with the API's reason.
    """

    fetched: int
    resumed: int
    records: int
    refused: dict[str, str]


async def download(
    history: History,
    chunks: Sequence[Chunk],
    spool: Spool,
    *,
    refusal: type[Exception],
    on_chunk: Callable[[int], None] = lambda records: None,
) -> Downloaded:
    """Fetch what is missing.

    Parameters
    ----------
    history
        Asked for each chunk's records.
    chunks
        In the order in which to fetch them.
    spool
        Keeps them.
    refusal
        What `history` raises when a subscription may not be read: the others go on.
    on_chunk
        Told of each chunk that is done, with its number of records.

    Raises
    ------
    OSError
        The API is away for too long, or the disk is full; what has been fetched stays.
    """
    todo = [chunk for chunk in chunks if not spool.has(chunk.name)]
    for _ in range(len(chunks) - len(todo)):
        on_chunk(0)
    refused: dict[str, str] = {}
    queue = iter(todo)
    fetched = records = 0

    async def fetch() -> None:
        nonlocal fetched, records
        for chunk in queue:
            count = 0
            if chunk.subscription not in refused:
                try:
                    count = await spool.keep(chunk.name, history.records(*chunk))
                    fetched += 1
                except refusal as error:
                    refused[chunk.subscription] = str(error)
            records += count
            on_chunk(count)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(fetch())
    return Downloaded(fetched, len(chunks) - len(todo), records, refused)
