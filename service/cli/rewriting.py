"""Changes the saved state while no service runs: reads the newest snapshot, has it edited, saves it again.

What is changed is the commands' business (`state`, `unlearning`).
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import click

from service.cli.inputs import ENDED_ON_ERROR, MISCONFIGURED, fail, make_engine, newest_usable
from service.clock import SystemClock
from service.core.ports import SnapshotFenced
from service.core.snapshot import encode, plain
from service.settings import Settings
from service.storage import FileSnapshotStore
from service.wiring import build_snapshot_store

_T = TypeVar("_T")


async def rewrite(
    settings: Settings,
    place: str,
    edit: Callable[[list[tuple[str, Any]], AsyncExitStack], Awaitable[Iterable[tuple[str, Any]] | None]],
) -> None:
    """Save the newest snapshot again as `edit` makes it of its rows, unless that is None.

    Raises
    ------
    SnapshotFenced, OSError, ValueError
        Another instance has written meanwhile; the store cannot be read or written; nothing in it can be used.
    """
    async with AsyncExitStack() as resources:
        store = build_snapshot_store(settings, resources)
        before = await anext(store.load(), None)
        newest = await newest_usable(store, make_engine(settings).load, place)
        rows = await edit([(section, plain(row)) for section, row in newest], resources)
        if rows is None:
            return
        data = await encode(rows, created_at=SystemClock().now(), yield_to_loop=_go_on)
        # A folder has no conditional write as a blob has: what is there now must be what was read.
        if isinstance(store, FileSnapshotStore) and await anext(FileSnapshotStore(store.folder).load(), None) != before:
            raise SnapshotFenced("another process has written the snapshot since")
        await store.save(data)


def changing(place: str, work: Coroutine[Any, Any, _T]) -> _T:
    """Return what a change of the saved state comes to, or exit and say why it cannot be made."""
    try:
        return asyncio.run(work)
    except SnapshotFenced:
        fail(f"{place}: another instance writes there: stop it, and try again", ENDED_ON_ERROR)
    except OSError as error:
        fail(f"{place}: {error.strerror or error}", MISCONFIGURED)
    except ValueError as error:
        fail(f"{place}: {error}", ENDED_ON_ERROR)


def ask(question: str) -> None:
    """Go on if whoever sits there agrees, or exit; where nobody does, say how to agree."""
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise  # somebody pressed Ctrl-C
        fail("\nnobody can be asked here, and nothing was changed: pass --yes to agree", MISCONFIGURED)
    if not agreed:
        fail("nothing was changed", ENDED_ON_ERROR)


async def _go_on() -> None:
    """Nothing else waits for the event loop here."""
