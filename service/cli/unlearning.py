"""``unwonted state generations``, ``revert`` and ``forget``: what is kept of former days, and unlearning by it.

Each changes only what was learnt. How far the hub has been read, open hours, and what was told stay as they are.
"""

import json
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import click

from service.cli.epilog import ending
from service.cli.inputs import (
    ENDED_ON_ERROR,
    MISCONFIGURED,
    config_option,
    fail,
    instant,
    kept_verdicts,
    make_engine,
    place_of,
    read_settings,
)
from service.cli.rewriting import ask, changing, rewrite
from service.core.engine import Engine, Forgotten, SeenBucket, UnknownActor, find_actor, with_learnt_of
from service.core.snapshot import decode
from service.core.verdicts import Verdicts
from service.history import History, NoHistory, fetch_segments
from service.settings import Settings
from service.sinks import clean
from service.suppressions import written
from service.wiring import build_generations, build_segments, history_path

_Rows = Iterable[tuple[str, Any]]
_CODES = (
    "0 done; 1 not agreed to, another instance writes there, or a snapshot cannot be read; 2 wrong usage or "
    "configuration, or there is no such snapshot"
)


class Kept(NamedTuple):
    """A snapshot of a former day: its name, and the state in it."""

    name: str
    engine: Engine
    rows: list[tuple[str, Any]]
    size: int


@click.command(
    "generations",
    short_help="List the snapshots that are kept of former days.",
    epilog=ending(_CODES, "state generations --config unwonted.yaml", "state generations --json"),
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def generations_command(path: Path | None, as_json: bool) -> None:
    """List the snapshots that are kept of former days, newest first: what each had learnt, and until when."""
    settings = read_settings(path)
    place = place_of(settings)
    lines = changing(place, _listed(settings, place, as_json=as_json))
    for line in lines:
        click.echo(line)
    if not lines and not as_json:
        click.echo(f"{place}: none is kept yet (snapshots.keep_daily is {settings.snapshots.keep_daily})")


async def _listed(settings: Settings, place: str, *, as_json: bool) -> list[str]:
    lines = []
    async for one in _kept(settings, place):
        until, records = one.engine.buckets.closed_until, one.engine.records
        if as_json:
            facts = {"name": one.name, "learnt_until": until.isoformat(), "records": records, "bytes": one.size}
            lines.append(json.dumps(facts))
        else:
            learnt = f"learnt until {written(until)}" if records else "nothing learnt yet"
            lines.append(f"{one.name}  {learnt}, {records:,} records, {one.size:,} bytes")
    return lines


@click.command(
    "revert",
    short_help="Go back to what had been learnt on a former day.",
    epilog=ending(_CODES, "state revert --config unwonted.yaml 2026-03-01"),
)
@config_option
@click.argument("generation")
@click.option("--yes", is_flag=True, help="Do not ask.")
def revert_command(path: Path | None, generation: str, yes: bool) -> None:
    """Go back to what had been learnt by GENERATION: its name, or its day. Stop the service first.

    Nothing is read again: what has happened since is unlearnt, and verdicts given since are applied again.
    """
    settings = read_settings(path)
    place = place_of(settings)

    async def edit(rows: list[tuple[str, Any]], _: AsyncExitStack) -> _Rows:
        one = await _named(settings, generation, place)
        now = make_engine(settings)
        now.load(rows)
        begins, ends = one.engine.buckets.closed_until, now.buckets.closed_until
        until = written(begins)
        if not yes:
            ask(f"{place}: unlearn everything since {until}?")
        click.echo(f"{place}: what is known is that of {one.name}, learnt until {until}")
        unlearnt = [Forgotten("", begins, ends)] if begins < ends else []
        return _checked(settings, with_learnt_of(rows, one.rows, unlearnt))

    changing(place, rewrite(settings, place, edit))


@click.command(
    "forget",
    short_help="Unlearn what an identity did for a while.",
    epilog=ending(
        f"{_CODES}, or no history",
        "state forget --config unwonted.yaml --actor ann@contoso.example "
        "--from 2026-03-01T06:00:00Z --to 2026-03-01T18:00:00Z",
    ),
)
@config_option
@click.option("--actor", required=True, help="Identity: id, object id, or name, as alerts show it.")
@click.option("--from", "begins", required=True, help="From when on, such as 2026-03-01T06:00:00Z.")
@click.option("--to", "until", required=True, help="Until when.")
@click.option(
    "--history",
    "database",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of a history; by default the one that the service writes.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget_command(path: Path | None, actor: str, begins: str, until: str, database: Path | None, yes: bool) -> None:
    """Unlearn what an identity did from one time to another, as if nobody had ever seen it. Stop the service first.

    The newest snapshot kept from before that learns again, out of the history, everything that has happened since
    then, but for that. What is told, and how far the hub has been read, stays as it is.
    """
    settings = read_settings(path)
    place = place_of(settings)
    file = database or history_path(settings)
    if file is None:
        fail(
            "there is no history: snapshots are in blobs, and history.path names no file; --history FILE reads one",
            MISCONFIGURED,
        )
    verdicts = Verdicts(kept_verdicts(settings).verdicts)
    span = instant("--from", begins), instant("--to", until)
    if span[1] <= span[0]:
        fail("--to: should be later than --from", MISCONFIGURED)

    async def edit(rows: list[tuple[str, Any]], resources: AsyncExitStack) -> _Rows:
        # No service runs, and the pod with its file may be gone: what it had is in blobs.
        if database is None and (store := build_segments(settings, resources)) is not None:
            await fetch_segments(store, file)
        now = make_engine(settings)
        now.load(rows)
        wanted = Forgotten(_actor_id(now, actor, file), *span)
        if wanted.until > now.buckets.closed_until:
            fail(
                f"--to: only what has been learnt can be forgotten, until {written(now.buckets.closed_until)}; what "
                "comes then is kept out by unwonted verdict --malicious",
                MISCONFIGURED,
            )
        every = (*now.forgotten, wanted)
        older = await _before(settings, every, place)
        if not yes:
            ask(f"{place}: forget what {clean(actor, 100)} did from {written(span[0])} to {written(span[1])}?")
        older.engine.accept(verdicts)
        with History(file) as history:
            learnt, hours = _learn_again(older.engine, history, every, file)
        older.engine.apply_until(now.buckets.closed_until)
        click.echo(f"{place}: forgot {hours:,} hours; from {older.name} on, {learnt:,} were learnt again")
        return _checked(settings, with_learnt_of(rows, older.engine.dump(), every))

    try:
        changing(place, rewrite(settings, place, edit))
    except (NoHistory, sqlite3.Error) as error:
        fail(f"{file}: {error}", MISCONFIGURED)


async def _kept(settings: Settings, place: str) -> AsyncIterator[Kept]:
    """Yield what is kept and can be used, newest first, having said of the rest why it cannot."""
    async with AsyncExitStack() as resources:
        store = build_generations(settings, resources)
        for name in await store.names():
            data, engine = await store.read(name), make_engine(settings)
            try:
                rows = decode(data)
                engine.load(rows)
            except ValueError as error:
                click.echo(f"{place}: {name}: {error}; passed over", err=True)
                continue
            yield Kept(name, engine, rows, len(data))


async def _named(settings: Settings, wanted: str, place: str) -> Kept:
    """Return the one of that name, or of that day, or exit and say which there are."""
    names = []
    async for one in _kept(settings, place):
        if one.name == wanted or f".daily-{wanted}." in f"{one.name}.":
            return one
        names.append(one.name)
    return fail(f"{place}: no snapshot {wanted} is kept; there are: {', '.join(names) or 'none'}", MISCONFIGURED)


async def _before(settings: Settings, wanted: Sequence[Forgotten], place: str) -> Kept:
    """Return the newest that knows nothing of what is to be forgotten, or exit and say that there is none."""
    oldest = "there is none"
    async for one in _kept(settings, place):
        if one.engine.serves_to_forget(wanted):
            return one
        oldest = f"the oldest had learnt until {written(one.engine.buckets.closed_until)}"
    first = written(min(one.begins for one in wanted))
    return fail(f"{place}: no snapshot is kept of before {first}: {oldest}", MISCONFIGURED)


def _learn_again(engine: Engine, history: History, forgotten: Sequence[Forgotten], file: Path) -> tuple[int, int]:
    """Let an older state learn what the history holds since then, less what is forgotten.

    Returns of how many hours of identities it has learnt something, and of how many something was left out.
    """
    span = history.span()
    if span is None or span[0] > engine.buckets.closed_until:
        begins = f"begins at {written(span[0])}" if span else "is empty"
        fail(
            f"{file}: the history {begins}, after {written(engine.buckets.closed_until)}: what was learnt in between "
            "cannot be learnt again",
            MISCONFIGURED,
        )
    learnt = left_out = 0
    for hours in history.closed(engine.watermark.time, engine.records):
        bucket = [SeenBucket(hour.seen, hour.exclusions) for hour in hours]
        left = bucket
        for one in forgotten:
            left = one.without(left)
        before = {one.seen.actor.id: len(one.seen.cells) for one in bucket}
        after = {one.seen.actor.id: len(one.seen.cells) for one in left}
        left_out += sum(before[actor] != after.get(actor) for actor in before)
        learnt += len(left)
        engine.learn_again(left)
    return learnt, left_out


def _actor_id(engine: Engine, wanted: str, file: Path) -> str:
    """Return the id of an identity that the state, or else the history, knows by that name."""
    try:
        return find_actor(engine, wanted).id
    except UnknownActor as unknown:
        with History(file) as history:
            known = history.identities(wanted, limit=2)
        if len(known) == 1 and wanted.casefold() in {known[0].actor.id.casefold(), known[0].actor.name.casefold()}:
            return known[0].actor.id
        return fail(str(unknown), MISCONFIGURED)


def _checked(settings: Settings, rows: _Rows) -> list[tuple[str, Any]]:
    """Return rows that the service can load, or exit."""
    made = list(rows)
    try:
        make_engine(settings).load(json.loads(json.dumps(made)))
    except ValueError as error:
        fail(f"what came of it cannot be loaded, and was not saved: {error}", ENDED_ON_ERROR)
    return made


UNLEARNING = (generations_command, revert_command, forget_command)
