"""What commands begin with: common options, and the settings and the state they need, or an exit that says why not.

Exit codes: 0 done; 1 the service ended on an error; 2 wrong usage or configuration; 3 a sink did not take the test, or
a replay or a lesson understood nothing; 4 it could not read more than is allowed.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from service.clock import SystemClock
from service.core.alerting import Suppressions
from service.core.engine import Engine
from service.core.ports import SnapshotStore
from service.core.snapshot import SnapshotRows, is_snapshot
from service.core.verdicts import Journal, read_journal
from service.settings import Settings, SettingsError, by_variable, is_variable, load
from service.wiring import build_engine, open_suppressions

ENDED_ON_ERROR, MISCONFIGURED, UNDELIVERED = 1, 2, 3
NOTHING_UNDERSTOOD, TOO_MUCH_REJECTED = 3, 4
READING_STATE = "0 done; 1 the snapshot cannot be read; 2 wrong usage or configuration, or there is no snapshot"

config_option = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="UNWONTED_CONFIG",
    show_envvar=True,
    help="YAML file with the options; defaults without it. Each can be set as UNWONTED_SECTION__OPTION, too.",
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


class Percent(click.FloatRange):
    """A percentage, with its sign or without."""

    name = "percentage"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number."""
        text = value.removesuffix("%").strip() if isinstance(value, str) else value
        try:
            return super().convert(float(text), param, ctx)
        except ValueError:
            self.fail(f"{value!r} is no percentage, such as 5", param, ctx)


max_rejected_option = click.option(
    "--max-rejected",
    type=Percent(0.0, 100.0),
    default=5.0,
    show_default=True,
    metavar="PERCENT",
    help="Exit with 4 if more of the records are rejected, or more of the files cannot be read.",
)


def fail(text: str, code: int) -> NoReturn:
    """Say why on standard error, and exit."""
    click.echo(text, err=True)
    sys.exit(code)


def refuse(lines: Iterable[str]) -> NoReturn:
    """Say what is wrong with the configuration, a line each, by the variable where one is to blame, and exit."""
    fail("\n".join(by_variable(line, os.environ) for line in lines), MISCONFIGURED)


def nothing_named(path: Path | None) -> list[str]:
    """Say that there is no configuration, if neither a file nor any variable was given."""
    if path or any(map(is_variable, os.environ)):
        return []
    return ["no configuration was given: name it with --config, or with UNWONTED_CONFIG"]


def read_settings(path: Path | None) -> Settings:
    """Load the settings, or exit with every mistake on a line of its own."""
    try:
        return load(path, os.environ)
    except SettingsError as error:
        refuse(error.lines)


def make_engine(settings: Settings, **overrides: object) -> Engine:
    """Build an engine, or exit and say what in the settings is in its way."""
    try:
        return build_engine(settings, **overrides)
    except SettingsError as error:
        refuse(error.lines)


def configured_suppressions(settings: Settings, path: Path | None = None) -> Suppressions:
    """Read the file of suppressions, `path` or else the configured one, or exit with every mistake on a line."""
    chosen = settings.suppressions.model_copy(update={"file": path}) if path else settings.suppressions
    try:
        watch = open_suppressions(settings.model_copy(update={"suppressions": chosen}), SystemClock())
    except SettingsError as error:
        if path:
            fail(
                "\n".join(line.replace("suppressions.file", "--suppressions", 1) for line in error.lines), MISCONFIGURED
            )
        refuse(error.lines)
    return watch.suppressions if watch else Suppressions()


def instant(option: str, text: str) -> datetime:
    """Return a time that was given for an option, or exit and say how times are written."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min  # noqa: DTZ901 - refused below
    if moment.tzinfo is None:
        fail(f"{option}: should be a time with its offset such as 2026-03-01T18:00:00Z", MISCONFIGURED)
    return moment


def kept_verdicts(settings: Settings) -> Journal:
    """Return the verdicts that were given, having said of each line that is none why, or exit and say why not."""
    # Here, as below, because stores come with Azure's libraries, and a replay needs none of them.
    from service.wiring import build_verdict_store  # noqa: PLC0415

    async def read() -> Journal:
        async with AsyncExitStack() as resources:
            return read_journal(await build_verdict_store(settings, resources).read())

    try:
        journal = asyncio.run(read())
    except OSError as error:
        fail(f"the journal of verdicts cannot be read: {error.strerror or error}", ENDED_ON_ERROR)
    for problem in journal.problems:
        click.echo(f"{problem}; passed over", err=True)
    return journal


def place_of(settings: Settings) -> str:
    """Return what to call the place where the service keeps its snapshots."""
    return str(settings.snapshots.blob if settings.snapshots.kind == "blob" else settings.snapshots.path)


def read_state(settings: Settings, snapshot: Path | None) -> tuple[Engine, SnapshotRows]:
    """Load a snapshot into an engine, from a file or else from where the service keeps its own, or exit and say why."""
    place = str(snapshot or place_of(settings))
    engine = make_engine(settings, explain_from=0.0)
    try:
        if snapshot:
            data = snapshot.read_bytes()
            if not is_snapshot(data):
                own = place_of(settings)
                fail(f"{place}: is no snapshot of Unwonted; the service keeps its own at {own}", MISCONFIGURED)
            rows = SnapshotRows(data)
            engine.load(rows.to_restore())
            return engine, rows
        return engine, asyncio.run(_newest_stored(settings, engine, place))
    except OSError as error:
        fail(f"{place}: {error.strerror or error}", MISCONFIGURED)
    except ValueError as error:
        fail(f"{place}: {error}", ENDED_ON_ERROR)


async def _newest_stored(settings: Settings, engine: Engine, place: str) -> SnapshotRows:
    from service.wiring import build_snapshot_store  # noqa: PLC0415

    async with AsyncExitStack() as resources:
        otherwise = "; --snapshot FILE would read another one"
        store = build_snapshot_store(settings, resources)
        return await newest_usable(store, lambda rows: engine.load(rows.to_restore()), place, otherwise)


async def newest_usable(
    store: SnapshotStore, load: Callable[[SnapshotRows], None], place: str, otherwise: str = ""
) -> SnapshotRows:
    """Load the newest snapshot that can be used, as the service would, saying what is wrong with newer ones."""
    from service.storage import load_newest  # noqa: PLC0415

    found = await load_newest(
        store, load, lambda generation, error: click.echo(f"{place}: {generation.name}: {error}", err=True)
    )
    if found is None:
        fail(f"{place}: there is no snapshot yet{otherwise}", MISCONFIGURED)
    return found.rows
