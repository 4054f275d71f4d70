"""``unwonted verdict``: says what an alert was found to be, and lists what was said; a running service hears of it.

The alert is looked up in the saved state, an older one in the history. What a verdict does is decided by the engine
that applies it.
"""

import asyncio
import getpass
import json
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from service.cli.epilog import ending
from service.cli.inputs import (
    ENDED_ON_ERROR,
    MISCONFIGURED,
    config_option,
    fail,
    instant,
    kept_verdicts,
    place_of,
    read_settings,
    read_state,
)
from service.clock import SystemClock
from service.core.alerting import Alert
from service.core.engine import Engine
from service.core.verdicts import (
    MOST_VERDICTS,
    Verdict,
    VerdictKind,
    Verdicts,
    line_of,
    name_of,
    takes_effect_from,
    verdict_on,
)
from service.history import History, NoHistory
from service.settings import Settings
from service.sinks import clean
from service.suppressions import written
from service.wiring import build_verdict_store, history_path

_KINDS = {
    "benign": VerdictKind.BENIGN,
    "once": VerdictKind.BENIGN_ONCE,
    "malicious": VerdictKind.MALICIOUS,
    "duplicate": VerdictKind.DUPLICATE,
}
_SOME = 5


class _Shorthand(click.Group):
    """Takes ``verdict ALERT …`` for ``verdict give ALERT …``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["give", *args]
        return super().parse_args(ctx, args)


@click.group(
    "verdict",
    cls=_Shorthand,
    short_help="Say what an alert was found to be.",
    epilog=ending(
        "those of the command",
        'verdict 3f0c9a7d5b1e2468 --benign --why "she is on call this month"',
        'verdict 3f0c9a7d5b1e2468 --malicious --why "INC-1180"',
        "verdict list",
    ),
)
def verdict_commands() -> None:
    """Say what an alert was found to be: fine, and to be learnt; fine this once; an attack; known already.

    An ALERT in place of a command stands for give ALERT.
    """


@verdict_commands.command(
    "give",
    short_help="Judge one alert, given by its id.",
    epilog=ending(
        "0 kept; 1 the snapshot cannot be read, or the verdict cannot be kept; 2 wrong usage or configuration, no such "
        "alert, or it has a verdict already",
        'verdict give 3f0c9a7d5b1e2468 --benign --why "she is on call this month"',
        'verdict give 3f0c9a7d5b1e2468 --malicious --to 2026-03-09T08:00:00Z --why "INC-1180"',
    ),
)
@config_option
@click.argument("alert")
@click.option("--benign", "kind", flag_value="benign", help="It was fine: make it a habit of that identity.")
@click.option("--once", "kind", flag_value="once", help="It was fine this once: learn none of it.")
@click.option("--malicious", "kind", flag_value="malicious", help="It was an attack: learn nothing of that identity.")
@click.option("--duplicate", "kind", flag_value="duplicate", help="It is known already: only close it.")
@click.option("--for-kind", is_flag=True, help="With --benign: make it less odd for all identities of its kind, too.")
@click.option("--why", required=True, help="Why, for whoever reads this in a month.")
@click.option("--by", help="Who found it; the name that you are signed in with, if not given.")
@click.option("--from", "begins", help="With --malicious: from when on nothing is learnt; the alert's beginning.")
@click.option("--to", "until", help="With --malicious: until when nothing is learnt; a day from now.")
@click.option("--again", is_flag=True, help="Judge an alert that has a verdict already: the last one counts.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def give_verdict(path: Path | None, alert: str, kind: str | None, again: bool, as_json: bool, **given: Any) -> None:
    """Judge ALERT, given by its id as the alert shows it, or by the beginning of that."""
    if kind is None:
        fail("say what it was: --benign, --once, --malicious or --duplicate", MISCONFIGURED)
    if _KINDS[kind] is not VerdictKind.MALICIOUS and (given["begins"] or given["until"]):
        fail("--from and --to are for --malicious alone", MISCONFIGURED)
    settings = read_settings(path)
    engine, _ = read_state(settings, None)
    found = _alert(engine, alert, settings)
    journal = kept_verdicts(settings)
    now = SystemClock().now()
    before = Verdicts(journal.verdicts).of(found.id, now)
    if before is not None and not again:
        fail(f"{found.id} is closed: {_shown(before)}; --again gives another verdict, which counts", MISCONFIGURED)
    if len(journal.verdicts) >= MOST_VERDICTS:
        fail(
            f"the journal holds {MOST_VERDICTS:,} verdicts, as many as are read: this one cannot be kept", MISCONFIGURED
        )
    made = _verdict(engine, found, _KINDS[kind], now, given)
    try:
        asyncio.run(_keep(settings, made))
    except OSError as error:
        fail(f"the verdict cannot be kept: {error.strerror or error}", ENDED_ON_ERROR)
    click.echo(json.dumps(_document(made), indent=2, ensure_ascii=False) if as_json else _said(made))


@verdict_commands.command(
    "list",
    short_help="List all verdicts.",
    epilog=ending(
        "0 done; 1 the journal cannot be read; 2 wrong usage or configuration",
        "verdict list --config unwonted.yaml",
        "verdict list --config unwonted.yaml --json",
    ),
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def list_verdicts(path: Path | None, as_json: bool) -> None:
    """List the verdicts that were given, the newest last; of several on an alert the last counts."""
    settings = read_settings(path)
    entries = Verdicts(kept_verdicts(settings).verdicts).entries
    for one in entries:
        click.echo(json.dumps(_document(one), ensure_ascii=False) if as_json else f"{one.alert}  {_shown(one)}")
    if not entries and not as_json:
        click.echo(f"{place_of(settings)}: there are no verdicts")


def _alert(engine: Engine, wanted: str, settings: Settings) -> Alert:
    """Return the alert whose id is, or begins with, what was wanted, or exit and say which there are.

    The state remembers those of about a day, the history the others.
    """
    known = {one.id: one for one in engine.alerts.alerts}
    found = [one for one in known if one.startswith(wanted.casefold())]
    path = history_path(settings)
    if not found and path is not None:
        with suppress(NoHistory), History(path) as history:
            found = [one.id for one in history.alerts_beginning(wanted.casefold())]
            known |= {one: revisions[-1] for one in found if (revisions := history.alert(one))}
    if not found:
        newest = ", ".join([*known][-_SOME:])
        said = f"{place_of(settings)}: no alert {clean(wanted, 40)} is known"
        fail(f"{said}; the newest are {newest}" if newest else said, MISCONFIGURED)
    if len(found) > 1:
        fail(f"{wanted} is the beginning of {len(found)} alerts: {', '.join(found)}", MISCONFIGURED)
    if found[0] not in known:
        fail(f"{place_of(settings)}: what the history holds of the alert {found[0]} cannot be read", ENDED_ON_ERROR)
    return known[found[0]]


def _verdict(engine: Engine, alert: Alert, kind: VerdictKind, now: datetime, given: dict[str, Any]) -> Verdict:
    options = engine.options
    try:
        return verdict_on(
            alert,
            kind,
            by=given["by"] or getpass.getuser(),
            at=now,
            why=given["why"],
            takes_effect=takes_effect_from(now, options.lateness, options.bucket, engine.buckets.closed_until),
            for_kind=given["for_kind"],
            begins=instant("--from", given["begins"]) if given["begins"] else None,
            until=instant("--to", given["until"]) if given["until"] else None,
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        name = f"--{first['loc'][0]}: " if first["loc"] else ""
        fail(f"{name}{first['msg'].removeprefix('Value error, ')}", MISCONFIGURED)


async def _keep(settings: Settings, given: Verdict) -> None:
    async with AsyncExitStack() as resources:
        store = build_verdict_store(settings, resources)
        await store.append(name_of(given), line_of(given))


def _document(one: Verdict) -> dict[str, Any]:
    return {"id": one.id, **one.model_dump(mode="json")}


def _shown(one: Verdict) -> str:
    """Return what somebody found, in a line."""
    what = one.kind.replace("_", " ") + (" for its kind" if one.for_kind else "")
    who, why = clean(one.actor_name, 100), clean(one.why, 500)
    return f"{written(one.at.replace(microsecond=0))}  {what}: {who}, by {clean(one.by, 100)}: {why}"


def _said(one: Verdict) -> str:
    """Return what becomes of a verdict, in a line."""
    counts = f"takes effect from {written(one.takes_effect)} on"
    if one.kind is VerdictKind.MALICIOUS:
        begins, ends = (written(time.replace(microsecond=0)) for time in (one.start, one.end))
        return f"{one.alert} found malicious; {counts}: nothing that it does from {begins} to {ends} is learnt"
    if one.kind is VerdictKind.DUPLICATE:
        return f"{one.alert} closed as a duplicate"
    return f"{one.alert} closed as {one.kind.replace('_', ' ')}; {counts}"
