"""``unwonted state``: sums up what is saved, and forgets how far the hub was read; going back is in `unlearning`."""

import json
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import click

from service.cli.epilog import ending
from service.cli.inputs import (
    READING_STATE,
    config_option,
    place_of,
    read_settings,
    read_state,
    snapshot_option,
)
from service.cli.rewriting import ask, changing, rewrite
from service.cli.sharding import SHARDING
from service.cli.unlearning import UNLEARNING
from service.core.coverage import CoverageMonitor
from service.core.engine import inspect, without_positions
from service.settings import Settings


@click.group(short_help="Look into the saved state, go back, or forget.")
def state() -> None:
    """Look into the saved state, go back to a former day, or forget: what somebody did, or how far the hub was read."""


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
    short_help="Let the hub be read again, and keep all else.",
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
    """Save the newest snapshot again without its positions; returns how many there were.

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


def _forgotten(rows: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    for section, row in without_positions(rows):
        if section == "coverage":
            coverage = CoverageMonitor()
            coverage.load(row)
            coverage.forget_positions()
            yield section, coverage.dump()
        else:
            yield section, row


for _command in (*UNLEARNING, *SHARDING):
    state.add_command(_command)
