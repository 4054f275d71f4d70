"""What the commands that ask the history begin with: which file, which stretch of time, who is meant; lines of JSON."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from models.stream import EPOCH, ActorKind
from service.cli.inputs import MISCONFIGURED, fail, read_settings
from service.clock import SystemClock
from service.history import FOREVER, AlertSummary, History, KnownIdentity, NoHistory
from service.options import parse_duration
from service.sinks import clean
from service.wiring import history_path

ASKING: Final = "0 done; 2 wrong usage or configuration, no history that can be read, or nothing of that name in it"
NAME_LENGTH, WORDS_LENGTH, SENTENCE_LENGTH = 100, 200, 1_000
_MOST_NAMED: Final = 5
_HOUR: Final = timedelta(hours=1)
_TIME_HELP: Final = (
    "should be a time such as 2026-03-01T18:00, or a duration such as 7d before the newest in the history"
)

history_option = click.option(
    "--history",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of a history; by default the one that the service writes.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
since_option = click.option(
    "--since", metavar="TIME", help="From then on: a time, or so long before the newest, as 7d."
)
until_option = click.option("--until", metavar="TIME", help="What begins before then.")


@contextmanager
def asked(path: Path | None, history: Path | None) -> Iterator[History]:
    """Give the history that is meant, or exit and say why it cannot be read."""
    place = history or history_path(read_settings(path))
    if place is None:
        fail(
            "there is no history: snapshots are in blobs, and history.path names no file; --history FILE reads one",
            MISCONFIGURED,
        )
    try:
        with History(place) as found:
            yield found
    except NoHistory as error:
        fail(str(error), MISCONFIGURED)


def stretch(history: History, since: str | None, until: str | None) -> tuple[datetime, datetime]:
    """Return the stretch of time that is meant, all of it if nothing is said."""
    span = history.span()
    newest = span[1] if span else FOREVER
    begin = _time("--since", since, newest) if since else EPOCH
    return begin, _time("--until", until, newest) if until else FOREVER


def _time(option: str, given: str, newest: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        try:
            return newest - parse_duration(given, unit=True)
        except (ValueError, OverflowError):
            fail(f"{option}: {_TIME_HELP}", MISCONFIGURED)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def present(history: History) -> datetime:
    """Return when a file is as if it were looked at: the days are over that it has whole, the newest may go on."""
    span = history.span()
    return span[1] + _HOUR if span else SystemClock().now()


def person(history: History, wanted: str) -> KnownIdentity:
    """Return the identity that is meant by an id, a name, or the beginning of one, or exit and say who is near."""
    found = history.identities(wanted, limit=50)
    folded = wanted.casefold()
    exact = [
        one
        for one in found
        if folded in {one.actor.id.casefold(), one.actor.name.casefold(), one.actor.id.rpartition("/")[2].casefold()}
    ]
    begun = [one for one in found if one.actor.name.casefold().startswith(folded)]
    for chosen in (exact, begun):
        if len(chosen) == 1:
            return chosen[0]
        if chosen:
            return fail(f"{clean(wanted, NAME_LENGTH)} may be {_named(chosen)}: ask by the id", MISCONFIGURED)
    near = f"; near: {_named(found)}" if found else ""
    return fail(f"nobody called {clean(wanted, NAME_LENGTH)} is in the history{near}", MISCONFIGURED)


def _named(found: list[KnownIdentity]) -> str:
    some = [f"{clean(one.actor.name, NAME_LENGTH)} ({clean(one.actor.id, NAME_LENGTH)})" for one in found[:_MOST_NAMED]]
    return ", ".join(some) + (f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else "")


def alert_line(one: AlertSummary) -> str:
    """Say in a line what an alert is: when, how bad, who, what, and its id."""
    more = f" and {one.findings - 1:,} more" if one.findings > 1 else ""
    who = clean(one.name, NAME_LENGTH)
    what = clean(one.action, WORDS_LENGTH)
    return f"{minute(one.window_start)}  {one.severity:<13} {one.score:5.1f}  {who}  {what}{more}  {one.id}"


def minute(moment: datetime) -> str:
    """Say a time to the minute."""
    return f"{moment:%Y-%m-%d %H:%M}"


def kind(of: ActorKind) -> str:
    """Say what kind of identity it is."""
    return of.value.replace("_", " ")


def in_json(row: Mapping[str, Any]) -> str:
    """Return a line of JSON; times are ISO 8601."""
    return msgspec.json.encode(row).decode()


def echo_all(rows: Iterator[str], none: str) -> None:
    """Print lines as they come; say on standard error if there are none."""
    printed = False
    for row in rows:
        click.echo(row)
        printed = True
    if not printed:
        click.echo(none, err=True)


def plain_row(value: Any) -> dict[str, Any]:
    """Return a named tuple as a dictionary, what is in it as plain data."""
    return {name: msgspec.to_builtins(one) for name, one in value._asdict().items()}
