"""``unwonted search`` and ``unwonted explorer``: finding things in a history, asked as the console asks it."""

from collections.abc import Iterator
from pathlib import Path

import click

from service.cli.epilog import ending
from service.cli.inputs import MISCONFIGURED, config_option, fail, read_settings
from service.cli.past import (
    ASKING,
    NAME_LENGTH,
    WORDS_LENGTH,
    asked,
    echo_all,
    history_option,
    in_json,
    json_option,
    kind,
    minute,
    present,
)
from service.console import Lanes, Live, NotPossible, PageQuery, SearchResult, lanes_answer, search_answer
from service.sinks import clean
from service.wiring import owners_configured

_ODD_FROM = 40.0


@click.command(
    "search",
    short_help="Find identities and alerts by whatever is at hand.",
    epilog=ending(
        ASKING,
        "search ann --config unwonted.yaml",
        "search 203.0.113.7 --history week.sqlite --json",
    ),
)
@config_option
@history_option
@click.option("--limit", type=click.IntRange(1, 1_000), default=50, show_default=True, help="How many of each at most.")
@json_option
@click.argument("words")
def search_command(path: Path | None, history: Path | None, limit: int, as_json: bool, words: str) -> None:
    """Find WORDS in names, ids, addresses, operations, resources and correlation ids.

    Looked through are all identities, and the newest 250 alerts of 90 days.
    """
    with asked(path, history) as past:
        query = {"q": words, "limit": str(limit)}
        live = Live(owners=owners_configured(read_settings(path)))
        try:
            found = search_answer(past, PageQuery("", query, present(past), live=live))
        except NotPossible as error:
            fail(str(error).replace("q should", "WORDS should"), MISCONFIGURED)
    if as_json:
        click.echo(in_json(found.model_dump(mode="json")))
    else:
        echo_all(_found(found), "nothing has that")


def _found(found: SearchResult) -> Iterator[str]:
    for one in found.identities:
        whose = f", owner {clean(one.owner, NAME_LENGTH)}" if one.owner else ""
        name, id_ = clean(one.name, NAME_LENGTH), clean(one.id, NAME_LENGTH)
        yield f"identity  {minute(one.last_seen)}  {name} ({kind(one.kind)}{whose})  {id_}"
    for match in found.alerts:
        alert = match.alert
        what = f"{clean(alert.name, NAME_LENGTH)}: {clean(alert.what, WORDS_LENGTH)}  (in its {match.where})"
        yield f"alert     {minute(alert.window_start)}  {alert.score:5.1f}  {what}  {alert.id}"


@click.command(
    "explorer",
    short_help="List who was unusual on which days.",
    epilog=ending(
        ASKING,
        "explorer --config unwonted.yaml",
        "explorer --history week.sqlite --since 2026-03-01 --until 2026-03-07 --with 203.0.113.7 --json",
    ),
)
@config_option
@history_option
@click.option(
    "--since", metavar="DAY", help="The first day, such as 2026-03-01; 28 days before the last, if not given."
)
@click.option("--until", metavar="DAY", help="The last day; the newest in the history, if not given.")
@click.option("--with", "text", help="Only those with this: in a name, an id, an address, a resource, and so on.")
@click.option("--limit", type=click.IntRange(1, 200), default=30, show_default=True, help="How many at most.")
@json_option
def explorer_command(
    path: Path | None,
    history: Path | None,
    since: str | None,
    until: str | None,
    text: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List identities, the most unusual first, with the highest score of each of their days of 40 or more."""
    query = {"since": since or "", "until": until or "", "q": text or "", "limit": str(limit)}
    with asked(path, history) as past:
        try:
            lanes = lanes_answer(past, PageQuery("", query, present(past)))
        except NotPossible as error:
            fail(str(error).replace("q should", "--with should"), MISCONFIGURED)
    if as_json:
        click.echo(in_json(lanes.model_dump(mode="json")))
    else:
        echo_all(_lanes(lanes), "nobody in these days")


def _lanes(lanes: Lanes) -> Iterator[str]:
    for lane in lanes.lanes:
        days = [f"{one.begins:%m-%d} {one.score:.0f}" for one in lane.days if one.score >= _ODD_FROM]
        who = f"{clean(lane.name, NAME_LENGTH)} ({kind(lane.kind)})"
        yield f"{who}, active on {len(lane.days):,} days: {', '.join(days) or 'nothing of 40 or more'}"
