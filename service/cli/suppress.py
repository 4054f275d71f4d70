"""``unwonted suppress``: adds to the file of suppressions, lists it with what it kept back, and ends an entry.

Each command changes the file as a whole or not at all, one after another; a running service takes it up by itself.
"""

import asyncio
import os
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import suppress as suppress_errors
from datetime import datetime, timedelta
from pathlib import Path

import click

from service.cli.epilog import ending
from service.cli.inputs import (
    MISCONFIGURED,
    config_option,
    configured_suppressions,
    fail,
    read_settings,
    read_state,
    snapshot_option,
    suppressions_option,
)
from service.cli.past import asked, history_option
from service.clock import SystemClock
from service.console import kept_back
from service.core.alerting import InForce, Stage, SuppressedFinding, Suppression, SuppressionCount, UnusableSuppressions
from service.history import History
from service.settings import Settings
from service.sinks import clean
from service.suppressions import add, as_yaml, checked_values, described, end_of, expire, locked, written
from service.wiring import thresholds_configured

_SO_LONG = "should be how long after its beginning, with a unit, such as 30m, 8h or 7d, or a time"


_LEARN = "--learn or --no-learn is missing: whether what is covered becomes normal, or is as if it had never happened"
_HOUR = timedelta(hours=1)
_MOST_TOLD = 50
_CODES = "0 done; 2 wrong usage or configuration, or the file cannot be used"


@click.group(short_help="Keep known noise from alerting for a while.")
def suppress() -> None:
    """Say what is not to be told for a while: maintenance, exercises, known noise."""


@suppress.command(
    "add",
    short_help="Add one entry to the file.",
    epilog=ending(
        _CODES,
        "suppress add --suppressions suppressions.yaml --actor svc-backup --until 8h --reason move --owner dba --learn",
        "suppress add --try --actor svc-backup --until 8h --reason move --owner dba --learn",
    ),
)
@config_option
@suppressions_option
@click.option("--actor", help="Identity: id, object id, or name, as alerts show it.")
@click.option("--action", help="Pattern of the operation, such as Microsoft.Compute/*.")
@click.option("--subscription", help="Id of the subscription.")
@click.option("--detector", help="Name of the detector.")
@click.option("--from", "begins", help="When it begins, such as 2026-03-01T18:00:00Z; now, if not given.")
@click.option("--until", required=True, help="When it ends: a time, or so long after its beginning, such as 8h or 7d.")
@click.option("--reason", required=True, help="Why, for whoever reads this in a month.")
@click.option("--owner", required=True, help="Who answers for it.")
@click.option("--learn/--no-learn", required=True, default=None, help="Whether what happens becomes part of normal.")
@click.option("--try", "trial", is_flag=True, help="Change nothing: show the text, and what it would have kept back.")
@history_option
def add_command(
    path: Path | None,
    suppressions: Path | None,
    begins: str | None,
    until: str,
    trial: bool,
    history: Path | None,
    **given: str | bool | None,
) -> None:
    """Add one entry to the file; at least one of actor, action, subscription and detector is needed."""
    settings = read_settings(path)
    file = None if trial else file_of(settings, suppressions)
    now = SystemClock().now().replace(microsecond=0)
    start = begins or written(now)
    values = {**given, "from": start, "until": end_of(start, until)}
    try:
        entry = checked_values(values, now)
    except UnusableSuppressions as error:
        fail("\n".join(as_options(error.lines, values)), MISCONFIGURED)
    if file is None:
        with asked(path, history) as past:
            click.echo("\n".join(_tried(entry, past, thresholds_configured(settings))))
        return
    change(file, lambda text: add(text, entry, file.name, now))
    click.echo(f"{entry.id} added to {file}, {entry.stage(now).replace('_', ' ')}, until {written(entry.until)}")


def _tried(entry: Suppression, history: History, in_force: InForce) -> Iterator[str]:
    yield as_yaml(entry).rstrip()
    span = history.span()
    selectors = {name: getattr(entry, name) for name in ("actor", "action", "subscription", "detector")}
    found = kept_back(history, selectors, span[1] + _HOUR, in_force) if span else []
    yield f"would have kept back {len(found):,} in the four weeks before the newest hour of the history"
    for one in found[:_MOST_TOLD]:
        who, what = clean(one.actor.name, 100), clean(one.cell.action_name, 200)
        yield f"{written(one.cell.first_time)}  {one.detector} {one.score:.0f}  {who}: {what}"


def as_options(lines: Iterable[str], values: Container[str]) -> Iterator[str]:
    """Yield what the rules of the file say of an entry's keys as something about options."""
    for line in lines:
        key, _, said = line.partition(": ")
        if key == "until":  # unlike here, an end in the file is a time and nothing else
            said = said.replace("; should be a time", f"; {_SO_LONG}")
        if key == "learn":
            yield _LEARN
        else:
            yield f"--{key}: {said}" if key in values else line


@suppress.command(
    "list",
    epilog=ending(
        f"{_CODES}; 1 the snapshot cannot be read (--would-have-alerted)",
        "suppress list --suppressions suppressions.yaml",
        "suppress list --config unwonted.yaml --would-have-alerted",
    ),
)
@config_option
@suppressions_option
@snapshot_option
@click.option("--would-have-alerted", is_flag=True, help="What was kept back, too, by the saved state.")
def list_command(path: Path | None, suppressions: Path | None, snapshot: Path | None, would_have_alerted: bool) -> None:
    """Show every suppression and where it stands."""
    settings = read_settings(path)
    file = suppressions or settings.suppressions.file
    if file and not file.exists():
        fail(f"{file}: there is no such file; unwonted suppress add makes it", MISCONFIGURED)
    entries = configured_suppressions(settings, suppressions).entries
    suppressed = read_state(settings, snapshot)[0].suppressed if would_have_alerted else None
    now = SystemClock().now()
    for entry in entries:
        click.echo("\n".join(shown(entry, now, suppressed.counts.get(entry.id) if suppressed else None)))
    if not file:
        click.echo("there are no suppressions: suppressions.file names no file, and no --suppressions is given")
    elif not entries:
        click.echo(f"there are no suppressions in {file}")
    if suppressed is not None:
        click.echo(f"\nwould have alerted: {len(suppressed.listed)}, the newest last")
        click.echo("\n".join(map(told, suppressed.listed)))


def shown(entry: Suppression, now: datetime, count: SuppressionCount | None) -> Iterator[str]:
    """Yield the lines of one suppression."""
    stage = entry.stage(now)
    verb = {Stage.PLANNED: "from", Stage.EXPIRED: "since"}.get(stage, "until")
    when = entry.begins if stage is Stage.PLANNED else entry.until
    kept = f", {count.findings:,} kept back, the newest of {written(count.newest)}" if count else ""
    yield f"{entry.id}  {stage.replace('_', ' ')} {verb} {written(when)}{kept}"
    for key, value in described(entry):
        yield f"    {key}: {value}"


def told(one: SuppressedFinding) -> str:
    """Return one line about what would have alerted."""
    learnt = "learnt" if one.learnt else "not learnt"
    return (
        f"{written(one.time)}  {one.suppression}  {one.detector} {one.score:g} ({one.severity}, {learnt})"
        f"  {clean(one.actor_name, 100)}: {clean(one.action, 200)}. {clean(one.why, 500)}"
    ).rstrip()


@suppress.command("expire", epilog=ending(_CODES, "suppress expire --suppressions suppressions.yaml 3ff1dfc9"))
@config_option
@suppressions_option
@click.argument("suppression")
def expire_command(path: Path | None, suppressions: Path | None, suppression: str) -> None:
    """End SUPPRESSION, given by its id, now."""
    file = file_of(read_settings(path), suppressions)
    if not file.exists():
        fail(f"{file}: there is no such file, and so nothing to end", MISCONFIGURED)
    now = SystemClock().now().replace(microsecond=0)
    change(file, lambda text: expire(text, suppression, file.name, now))
    click.echo(f"{suppression} ends {written(now)}")


def file_of(settings: Settings, path: Path | None) -> Path:
    """Return the file to change, or exit and say that none is configured."""
    file = path or settings.suppressions.file
    if file is None:
        fail("suppressions.file names no file: set it, or give one with --suppressions", MISCONFIGURED)
    return file


def change(file: Path, edit: Callable[[str], str]) -> None:
    """Replace a file by what `edit` makes of it, at once and one process after another, or exit and say why not."""
    # A symbolic link stays one: its target is what is replaced.
    target = file.resolve()
    try:
        with locked(target, _wait):
            _replace(target, edit)
    except UnusableSuppressions as error:
        fail("\n".join(error.lines), MISCONFIGURED)
    except UnicodeDecodeError:
        fail(f"{file}: is not UTF-8 text", MISCONFIGURED)
    except OSError as error:
        fail(f"{file}: cannot be changed: {error.strerror or error}", MISCONFIGURED)


def _replace(target: Path, edit: Callable[[str], str]) -> None:
    fresh = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        text = target.read_text(encoding="utf-8") if target.exists() else ""
        fresh.write_text(edit(text), encoding="utf-8", newline="\n")
        if target.exists():
            fresh.chmod(target.stat().st_mode & 0o777)
        with fresh.open("rb") as file_to_flush:
            os.fsync(file_to_flush.fileno())
        fresh.replace(target)
    finally:
        with suppress_errors(OSError):
            fresh.unlink()


def _wait(seconds: float) -> None:
    asyncio.run(SystemClock().sleep(seconds))
