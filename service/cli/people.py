"""``unwonted identity`` and ``unwonted timeline``: what the history has of one identity, summed up or hour by hour."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import click

from models.stream import Cell
from service.cli.epilog import ending
from service.cli.inputs import ENDED_ON_ERROR, MISCONFIGURED, config_option, fail, read_settings
from service.cli.past import (
    ASKING,
    NAME_LENGTH,
    SENTENCE_LENGTH,
    WORDS_LENGTH,
    alert_line,
    asked,
    echo_all,
    history_option,
    in_json,
    json_option,
    kind,
    minute,
    person,
    plain_row,
    since_option,
    stretch,
    until_option,
)
from service.cli.rewriting import ask
from service.core.owners import Ownership
from service.history import AlertSummary, History, Hour, KnownIdentity, forget_identity, forget_in_segments
from service.settings import Settings
from service.sinks import clean
from service.wiring import build_segments, owners_configured

_MOST = 10


class SummedUp(NamedTuple):
    """What an identity did: in how many buckets each operation and each address, and when each operation was first."""

    identity: KnownIdentity
    hours: int
    cells: int
    operations: Counter[str]
    first: dict[str, datetime]
    addresses: Counter[str]
    alerts: list[AlertSummary]


@click.command(
    "identity",
    short_help="Sum up what one identity did.",
    epilog=ending(
        f"{ASKING}; 1 not agreed to, or it could not be forgotten",
        "identity ann --config unwonted.yaml",
        "identity svc-backup --since 28d --json",
        "identity ann@contoso.com --forget --yes",
    ),
)
@config_option
@history_option
@since_option
@until_option
@json_option
@click.option("--forget", is_flag=True, help="Take it out of the history for good; what was learnt of it stays.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.argument("who")
def identity_command(
    path: Path | None,
    history: Path | None,
    since: str | None,
    until: str | None,
    as_json: bool,
    forget: bool,
    yes: bool,
    who: str,
) -> None:
    """Say who WHO is, what it does, from where, what of that is new, and which alerts there were.

    WHO is an id, a name, or the beginning of one.
    """
    with asked(path, history) as past:
        if forget:
            if since or until:
                fail("--forget takes out all that there is: without --since and --until", MISCONFIGURED)
            # A file that is named by itself may be anybody's: what is in blobs is that of the configuration.
            settings = read_settings(path) if history is None else None
            _forget(past, person(past, who), settings, confirmed=yes)
            return
        known = sum_up(past, person(past, who), stretch(past, since, until))
    ownership = owners_configured(read_settings(path)).of_actor(known.identity.actor)
    if as_json:
        click.echo(in_json({**identity_row(known), **ownership._asdict()}))
    else:
        click.echo("\n".join(identity_lines(known, ownership)))


def _forget(history: History, identity: KnownIdentity, settings: Settings | None, *, confirmed: bool) -> None:
    name, place = clean(identity.actor.name, NAME_LENGTH), history.path
    if not confirmed:
        ask(f"{place}: take {name} ({clean(identity.actor.id, NAME_LENGTH)}) out of it for good?")
    history.close()
    taken = _forget_in_file(place, identity)
    click.echo(f"{place}: {taken:,} row{'' if taken == 1 else 's'} of {name} taken out")
    if settings is not None:
        _forget_in_blobs(settings, place, identity, name)


def _forget_in_file(place: Path, identity: KnownIdentity) -> int:
    try:
        return forget_identity(place, identity.actor.id)
    except (sqlite3.Error, OSError) as error:
        fail(f"{place}: {error}", ENDED_ON_ERROR)


def _forget_in_blobs(settings: Settings, place: Path, identity: KnownIdentity, name: str) -> None:
    """Take an identity out of the segments of the history, if there are any."""

    async def forget() -> int | None:
        async with AsyncExitStack() as resources:
            store = build_segments(settings, resources)
            return None if store is None else await forget_in_segments(store, place.parent, identity.actor.id)

    try:
        changed = asyncio.run(forget())
    except (sqlite3.Error, OSError, ValueError) as error:
        fail(f"the history in blobs still has {name}: {error}", ENDED_ON_ERROR)
    if changed is not None:
        _forget_in_file(place, identity)  # once more: a service that runs here may have fetched it in between
        click.echo(f"blobs: {name} taken out of {changed:,} hour{'' if changed == 1 else 's'}")


@click.command(
    "timeline",
    short_help="Show hour by hour what one identity did.",
    epilog=ending(
        ASKING,
        "timeline ann --config unwonted.yaml --since 24h",
        "timeline svc-backup --since 2026-03-01T06:00 --until 2026-03-01T18:00 --json",
    ),
)
@config_option
@history_option
@since_option
@until_option
@click.option("--least", type=click.FloatRange(0.0, 100.0), default=0.0, help="Only hours that score at least that.")
@json_option
@click.argument("who")
def timeline_command(
    path: Path | None,
    history: Path | None,
    since: str | None,
    until: str | None,
    least: float,
    as_json: bool,
    who: str,
) -> None:
    """Show what WHO did in each hour, oldest first, with what was thought of it."""
    with asked(path, history) as past:
        hours = past.hours(person(past, who).actor.id, *stretch(past, since, until))
        chosen = (hour for hour in hours if hour.highest.score >= least)
        shown = (in_json(hour_row(one)) if as_json else "\n".join(hour_lines(one)) for one in chosen)
        echo_all(shown, "nothing in that time")


def sum_up(history: History, identity: KnownIdentity, span: tuple[datetime, datetime]) -> SummedUp:
    """Add up the hours of an identity."""
    known = SummedUp(identity, 0, 0, Counter(), {}, Counter(), history.alerts(*span, subject=identity.actor.id))
    hours = cells = 0
    for hour in history.hours(identity.actor.id, *span):
        hours, cells = hours + 1, cells + len(hour.seen.cells)
        known.operations.update(cell.action_name for cell in hour.seen.cells)
        known.addresses.update({address for cell in hour.seen.cells for address in cell.addresses})
        for cell in hour.seen.cells:
            known.first.setdefault(cell.action_name, cell.first_time)
    return known._replace(hours=hours, cells=cells)


def identity_lines(known: SummedUp, ownership: Ownership) -> Iterator[str]:
    """Yield what is known of an identity, for people."""
    actor = known.identity.actor
    yield f"{clean(actor.name, NAME_LENGTH)} ({kind(actor.kind)}), {clean(actor.id, NAME_LENGTH)}"
    if any(ownership):
        tags = [clean(tag, NAME_LENGTH) for tag in ownership.tags]
        yield ", ".join([f"owner {clean(ownership.owner, NAME_LENGTH)}"] * bool(ownership.owner) + tags)
    yield f"seen from {minute(known.identity.first_seen)} to {minute(known.identity.last_seen)} UTC"
    yield f"active in {known.hours:,} hours; {len(known.alerts):,} alerts"
    for title, counts in (("operations", known.operations), ("addresses", known.addresses)):
        more = f", the first {_MOST} of {len(counts):,}" if len(counts) > _MOST else ""
        yield f"\n{title}{more}, and in how many hours:"
        yield from (f"  {count:>7,}  {clean(word, WORDS_LENGTH)}" for word, count in counts.most_common(_MOST))
    yield "\nlast done for the first time:"
    newest = sorted(known.first.items(), key=lambda item: (item[1], item[0]), reverse=True)
    yield from (f"  {minute(time)}  {clean(action, WORDS_LENGTH)}" for action, time in newest[:_MOST])
    if known.alerts:
        yield "\nalerts:"
        yield from (f"  {alert_line(one)}" for one in known.alerts[:_MOST])


def identity_row(known: SummedUp) -> dict[str, Any]:
    """Return what is known of an identity as plain data."""
    identity = known.identity
    return {
        "id": identity.actor.id,
        "name": identity.actor.name,
        "kind": identity.actor.kind,
        "first_seen": identity.first_seen,
        "last_seen": identity.last_seen,
        "hours": known.hours,
        "cells": known.cells,
        "operations": dict(known.operations.most_common()),
        "first": known.first,
        "addresses": dict(known.addresses.most_common()),
        "alerts": [plain_row(one) for one in known.alerts],
    }


def hour_lines(hour: Hour) -> Iterator[str]:
    """Yield an hour for people: a line for it, one for each cell, and why what is unusual is."""
    score, detector = hour.highest
    said = f"  {score:5.1f} {detector}" if detector else ""
    yield f"{minute(hour.seen.bucket.start)}{said}{'  late' if hour.late else ''}"
    for cell in hour.seen.cells:
        yield f"    {clean(cell.action_name, WORDS_LENGTH)}{counts_of(cell)}"
    for one in hour.anomalies:
        yield f"    {one.score:.1f} {one.detector}: {clean(one.why, SENTENCE_LENGTH)}"


def counts_of(cell: Cell) -> str:
    """Say how often it was tried, if more than once, and how often it failed, if it did."""
    failed = cell.failures + cell.denials
    said = [f"{cell.attempts:,} times"] * (cell.attempts > 1) + [f"{failed:,} failed"] * (failed > 0)
    return f" ({', '.join(said)})" if said else ""


def hour_row(hour: Hour) -> dict[str, Any]:
    """Return an hour as plain data."""
    return {
        "start": hour.seen.bucket.start,
        "actor": hour.seen.actor._asdict(),
        "late": hour.late,
        "cells": [
            {**plain_row(cell), "sample": [event.row() for event in cell.sample], **score._asdict()}
            for cell, score in zip(hour.seen.cells, hour.scores, strict=True)
        ],
        "anomalies": [
            {"detector": one.detector, "action": one.cell.action, "score": one.score, "why": one.why}
            for one in hour.anomalies
        ],
    }
