"""What commands begin with: common options, and the settings and the state they need, or an exit that says why not.

Exit codes: 0 done; 1 the service ended on an error; 2 wrong usage or configuration; 3 a sink did not take the test, or
a replay or a lesson understood nothing; 4 it could not read more than is allowed.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NoReturn

import click

from service.clock import SystemClock
from service.core.alerting import Suppressions
from service.core.engine import Engine
from service.core.snapshot import UnreadableSnapshot, decode
from service.settings import Settings, SettingsError, load
from service.wiring import build_engine, open_suppressions

ENDED_ON_ERROR, MISCONFIGURED, UNDELIVERED = 1, 2, 3
NOTHING_UNDERSTOOD, TOO_MUCH_REJECTED = 3, 4

config_option = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="UNWONTED_CONFIG",
    help="YAML file; config/unwonted.yaml shows every option. Each can be set as UNWONTED_SECTION__OPTION, too.",
)
snapshot_option = click.option(
    "--snapshot",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Snapshot file; by default the newest in the configured place.",
)

suppressions_option = click.option(
    "--suppressions",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of suppressions; by default the configured one, if there is one.",
)


def fail(text: str, code: int) -> NoReturn:
    """Say why on standard error, and exit."""
    click.echo(text, err=True)
    sys.exit(code)


def read_settings(path: Path | None) -> Settings:
    """Load the settings, or exit with every mistake on a line of its own."""
    try:
        return load(path, os.environ)
    except SettingsError as error:
        fail("\n".join(error.lines), MISCONFIGURED)


def make_engine(settings: Settings, **overrides: object) -> Engine:
    """Build an engine, or exit and say what in the settings is in its way."""
    try:
        return build_engine(settings, **overrides)
    except SettingsError as error:
        fail("\n".join(error.lines), MISCONFIGURED)


def configured_suppressions(settings: Settings, path: Path | None = None) -> Suppressions:
    """Read the file of suppressions, `path` or else the configured one, or exit with every mistake on a line."""
    chosen = settings.suppressions.model_copy(update={"file": path}) if path else settings.suppressions
    try:
        watch = open_suppressions(settings.model_copy(update={"suppressions": chosen}), SystemClock())
    except SettingsError as error:
        fail("\n".join(error.lines), MISCONFIGURED)
    return watch.suppressions if watch else Suppressions()


def place_of(settings: Settings) -> str:
    """Return what to call the place where the service keeps its snapshots."""
    return str(settings.snapshots.blob if settings.snapshots.kind == "blob" else settings.snapshots.path)


def read_state(settings: Settings, snapshot: Path | None) -> tuple[Engine, list[tuple[str, object]]]:
    """Load a snapshot into an engine, from a file or else from where the service keeps its own, or exit and say why."""
    place = str(snapshot or place_of(settings))
    engine = make_engine(settings, explain_from=0.0)
    try:
        generations = [snapshot.read_bytes()] if snapshot else asyncio.run(stored(settings))
        if not generations:
            fail(f"{place}: there is no snapshot yet", MISCONFIGURED)
        rows = newest_readable(generations, place)
        engine.load(rows)
    except OSError as error:
        fail(f"{place}: {error.strerror or error}", MISCONFIGURED)
    except ValueError as error:
        fail(f"{place}: {error}", ENDED_ON_ERROR)
    return engine, rows


def newest_readable(generations: Sequence[bytes], place: str) -> list[tuple[str, object]]:
    """Decode the newest snapshot that can be read, as the service would, saying what is wrong with newer ones."""
    for data in generations:
        try:
            return decode(data)
        except UnreadableSnapshot as error:
            click.echo(f"{place}: {error}", err=True)
    sys.exit(ENDED_ON_ERROR)


async def stored(settings: Settings) -> list[bytes]:
    """Return the generations of snapshots that there are, newest first."""
    # Here, because a replay reads no saved state, and need not wait for what may read one from a blob.
    from service.wiring import build_snapshot_store  # noqa: PLC0415

    async with AsyncExitStack() as resources:
        return await build_snapshot_store(settings, resources).load()
