"""``unwonted state``: sums up what is saved, and forgets how far the hub has been read."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import click

from service.cli.epilog import ending
from service.cli.inputs import (
    ENDED_ON_ERROR,
    MISCONFIGURED,
    READING_STATE,
    config_option,
    fail,
    make_engine,
    newest_usable,
    place_of,
    read_settings,
    read_state,
    snapshot_option,
)
from service.clock import SystemClock
from service.core.coverage import CoverageMonitor
from service.core.engine import inspect, without_positions
from service.core.ports import SnapshotFenced
from service.core.snapshot import encode
from service.settings import Settings
from service.storage import FileSnapshotStore
from service.wiring import build_snapshot_store

_T = TypeVar("_T")


@click.group(short_help="Look into the saved state, or forget positions.")
def state() -> None:
    """Look into the saved state, or forget how far the hub has been read."""


@state.command(
    "inspect",
    short_help="Sum up what is saved, as JSON.",
    epilog=ending(
        READING_STATE, "state inspect --config unwonted.yaml", "state inspect --snapshot .state/snapshot.ndjson.gz"
    ),
)
@config_option
@snapshot_option
def inspect_command(path: Path | None, snapshot: Path | None) -> None:
    """Sum up a snapshot as JSON: positions, watermark, what the detectors hold, what is on its way."""
    engine, rows = read_state(read_settings(path), snapshot)
    click.echo(json.dumps(inspect(engine, rows), indent=2, ensure_ascii=False))


@state.command(
    "forget-positions",
    short_help="Let the hub be read anew, and keep all else.",
    epilog=ending(
        "0 done; 1 not agreed to, another instance writes there, or the snapshot cannot be read; 2 wrong usage or "
        "configuration, or there is no snapshot",
        "state forget-positions --config unwonted.yaml --yes",
    ),
)
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget_positions(path: Path | None, yes: bool) -> None:
    """Forget how far the hub has been read, and keep all else: what was learnt, told, and is still to be sent.

    For a hub that was replaced by another one. Stop the service first; it then begins as event_hub.start says.
    """
    settings = read_settings(path)
    place = place_of(settings)
    forgotten = changing(place, forget(settings, place, confirmed=yes))
    if forgotten:
        click.echo(f"{place}: forgot the positions of {forgotten} partition{'' if forgotten == 1 else 's'}")
    else:
        click.echo(f"{place}: there are no positions to forget: the hub will be read from event_hub.start anyway")


async def forget(settings: Settings, place: str, *, confirmed: bool) -> int:
    """Save the newest snapshot anew without its positions; returns how many there were.

    Raises
    ------
    SnapshotFenced
        Another instance has written meanwhile.
    OSError
        The store cannot be read or written.
    ValueError
        Nothing in it can be used.
    """
    held = 0

    async def edit(rows: list[tuple[str, Any]], _: AsyncExitStack) -> Iterable[tuple[str, Any]] | None:
        nonlocal held
        held = sum(section == "position" for section, _ in rows)
        if not held:
            return None
        if not confirmed:
            ask(f"{place}: forget how far the hub has been read, and read it from event_hub.start?")
        return _forgotten(rows)

    await rewrite(settings, place, edit)
    return held


async def rewrite(
    settings: Settings,
    place: str,
    edit: Callable[[list[tuple[str, Any]], AsyncExitStack], Awaitable[Iterable[tuple[str, Any]] | None]],
) -> None:
    """Save the newest snapshot anew as `edit` makes it of its rows, unless that is None.

    Raises
    ------
    SnapshotFenced, OSError, ValueError
        As `forget` does.
    """
    async with AsyncExitStack() as resources:
        store = build_snapshot_store(settings, resources)
        before = await anext(store.load(), None)
        rows = await edit(list(await newest_usable(store, make_engine(settings).load, place)), resources)
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


def _forgotten(rows: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    for section, row in without_positions(rows):
        if section == "coverage":
            coverage = CoverageMonitor()
            coverage.load(row)
            coverage.forget_positions()
            yield section, coverage.dump()
        else:
            yield section, row


async def _go_on() -> None:
    """Nothing else waits for the event loop here."""
