"""Fetches what a spool does not hold yet, a few pieces at a time; what may not be read is said and left out."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import NamedTuple

from service.core.failures import leaf
from service.learning.spool import Spool

_AT_ONCE = 4
"""Pieces fetched side by side: Azure throttles bursts, and one core has to pack what comes."""


class Piece(NamedTuple):
    """Something to fetch.

    Attributes
    ----------
    name
        Name in the spool: equal for the same records.
    origin
        Subscription or container that it belongs to: if that refuses once, its other pieces are left out.
    pages
        Fetches it, page by page.
    """

    name: str
    origin: str
    pages: Callable[[], AsyncIterator[list[bytes]]]


class Downloaded(NamedTuple):
    """What a download came to.

    Attributes
    ----------
    fetched, resumed
        Pieces fetched now, and those that were there from an earlier run.
    records
        Records fetched now.
    refused
        Origins that may not be read, with the reason.
    broken_off
        Those of them of which a part is there, from this run or an earlier one: a later run may have the rest.
    """

    fetched: int
    resumed: int
    records: int
    refused: dict[str, str]
    broken_off: frozenset[str] = frozenset()


async def download(
    pieces: AsyncIterable[Piece],
    spool: Spool,
    *,
    refusal: type[Exception],
    on_piece: Callable[[Piece, int], None] = lambda piece, records: None,
) -> Downloaded:
    """Fetch what is missing.

    Parameters
    ----------
    pieces
        Asked for one by one: a long listing is never held whole.
    spool
        Keeps them.
    refusal
        What a piece raises when its origin may not be read: the others go on.
    on_piece
        Told of each piece that is done, with the number of records fetched.

    Raises
    ------
    OSError
        An origin is away for too long, or the disk is full; what has been fetched stays.
    """
    refused: dict[str, str] = {}
    begun: set[str] = set()
    fetched = resumed = records = 0
    listing = aiter(pieces)
    turn = asyncio.Lock()

    async def following() -> Piece | None:
        async with turn:
            return await anext(listing, None)

    async def fetch() -> None:
        nonlocal fetched, resumed, records
        while (piece := await following()) is not None:
            count = 0
            if spool.has(piece.name):
                resumed += 1
                begun.add(piece.origin)
            elif piece.origin not in refused:
                try:
                    count = await spool.keep(piece.name, piece.pages())
                    fetched += 1
                    begun.add(piece.origin)
                except refusal as error:
                    refused[piece.origin] = str(error)
            records += count
            on_piece(piece, count)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(fetch())
    except BaseExceptionGroup as failures:
        raise leaf(failures) from None
    return Downloaded(fetched, resumed, records, refused, frozenset(begun.intersection(refused)))
