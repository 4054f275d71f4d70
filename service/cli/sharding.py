"""``unwonted state shard`` and ``merge``: a single process's state for shards, and back; nothing is lost in between."""

import asyncio
from pathlib import Path
from typing import Any

import click

from service.cli.epilog import ending
from service.cli.inputs import (
    ENDED_ON_ERROR,
    MISCONFIGURED,
    config_option,
    fail,
    make_engine,
    place_of,
    read_settings,
    read_state,
    snapshot_option,
)
from service.clock import SystemClock
from service.core.snapshot import encode, plain
from service.shards import merge_states, split_state
from service.storage import BEFORE_THE_FIRST, ShardStates

_CODES = "0 done; 1 a state cannot be read; 2 wrong usage or configuration, or there is no state"


@click.command(
    "shard",
    short_help="Part the saved state into shards.",
    epilog=ending(_CODES, "state shard --config unwonted.yaml --into 8 shards/"),
)
@config_option
@snapshot_option
@click.option("--into", type=click.IntRange(1, 1024), required=True, help="How many shards.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def shard_command(path: Path | None, snapshot: Path | None, into: int, folder: Path) -> None:
    """Part the newest snapshot into shards in FOLDER, for `unwonted spark` to go on from. Stop the service first."""
    settings = read_settings(path)
    states = ShardStates(folder)
    if states.newest() is not None:
        fail(f"{folder}: there are states of shards already: name another folder", MISCONFIGURED)
    _, rows = read_state(settings, snapshot)
    driver, shards = split_state([(section, plain(row)) for section, row in rows], into)
    now = SystemClock().now()
    for number, of_shard in enumerate(shards):
        states.write_shard(BEFORE_THE_FIRST, number, into, of_shard, now)
    states.write_driver(BEFORE_THE_FIRST, driver, now)
    click.echo(f"{folder}: {into} shard{'' if into == 1 else 's'} of {snapshot or place_of(settings)}")


@click.command(
    "merge",
    short_help="Make one snapshot of the states of shards.",
    epilog=ending(_CODES, "state merge --config unwonted.yaml shards/ snapshot.ndjson.gz"),
)
@config_option
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.argument("into", type=click.Path(dir_okay=False, path_type=Path))
def merge_command(path: Path | None, folder: Path, into: Path) -> None:
    """Make the snapshot INTO of the newest batch in FOLDER, for a single process to go on from. Stop the job first."""
    engine = make_engine(read_settings(path))
    states = ShardStates(folder)
    batch = states.newest()
    if batch is None:
        fail(f"{folder}: there are no states of shards", MISCONFIGURED)
    if into.exists():
        fail(f"{into}: is there already", MISCONFIGURED)
    try:
        driver = states.read_driver(batch)
        engine.load(merge_states(driver, states.shards(batch)))
        rows = [*engine.dump(), *_others(driver)]
        into.write_bytes(asyncio.run(encode(rows, created_at=SystemClock().now(), yield_to_loop=_go_on)))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", MISCONFIGURED)
    except (LookupError, ValueError) as error:
        fail(f"{folder}: {error}", ENDED_ON_ERROR)
    click.echo(f"{into}: the state after {'the last snapshot' if batch == BEFORE_THE_FIRST else f'batch {batch}'}")


def _others(driver: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return what is not the engine's: messages on their way."""
    return [(section, row) for section, row in driver if section == "outbox"]


async def _go_on() -> None:
    """Nothing else waits for the event loop here."""


SHARDING = (shard_command, merge_command)
