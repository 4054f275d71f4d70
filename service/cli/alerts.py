"""``unwonted alerts``: what was told, as the history has it, in a list or one alert whole."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from models.statistics import Severity
from service.cli.epilog import ending
from service.cli.inputs import MISCONFIGURED, config_option, fail
from service.cli.past import (
    ASKING,
    NAME_LENGTH,
    WORDS_LENGTH,
    alert_line,
    asked,
    echo_all,
    history_option,
    in_json,
    json_option,
    minute,
    person,
    plain_row,
    since_option,
    stretch,
    until_option,
)
from service.core.incidents import IncidentState
from service.history import History
from service.sinks import StdoutSink, clean, ocsf_line


@click.command(
    "alerts",
    short_help="List what was told, or show one alert.",
    epilog=ending(
        ASKING,
        "alerts --config unwonted.yaml --since 7d",
        "alerts --config unwonted.yaml --since 24h --ocsf",
        "alerts --identity ann --min-severity high --json",
        "alerts --history week.sqlite a3f09c5e1b7d2468",
    ),
)
@config_option
@history_option
@since_option
@until_option
@click.option("--identity", help="Only about this one: an id, a name, or the beginning of one.")
@click.option(
    "--min-severity",
    type=click.Choice([one.value for one in Severity]),
    default=Severity.INFORMATIONAL.value,
    help="Only those that are at least that severe.",
)
@click.option("--ocsf", is_flag=True, help="OCSF 1.5 Detection Findings, one a line.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
@json_option
@click.argument("alert", required=False)
def alerts_command(
    path: Path | None,
    history: Path | None,
    since: str | None,
    until: str | None,
    identity: str | None,
    min_severity: str,
    ocsf: bool,
    limit: int,
    as_json: bool,
    alert: str | None,
) -> None:
    """List alerts, newest first; with the id of an ALERT, or the beginning of one, show it with whom it was told to."""
    if ocsf and as_json:
        fail("--ocsf and --json are two ways to print the same: choose one", MISCONFIGURED)
    with asked(path, history) as past:
        if alert and ocsf:
            echo_all(_findings(past, [_named(past, alert)]), "no alerts")
            return
        if alert:
            _show(past, alert, as_json=as_json)
            return
        subject = person(past, identity).actor.id if identity else ""
        found = past.alerts(*stretch(past, since, until), subject=subject, least=Severity(min_severity), limit=limit)
        if ocsf:
            echo_all(_findings(past, [one.id for one in found]), "no alerts")
            return
        echo_all((in_json(plain_row(one)) if as_json else alert_line(one) for one in found), "no alerts")


def _findings(history: History, wanted: Sequence[str]) -> Iterator[str]:
    states = {alert.id: one.state for one in history.incidents() for alert in one.alerts}
    alerts = {one.id: one for one in history.newest_revisions(wanted)}
    for one in wanted:
        if one in alerts:
            yield ocsf_line(alerts[one], states.get(one, IncidentState.NEW)).decode().rstrip()


def _named(history: History, wanted: str) -> str:
    """Return the id of the one alert that is meant, or exit and say why there is none."""
    named = history.alerts_beginning(wanted)
    exact = [one for one in named if one.id == wanted]
    if len(named) > 1 and not exact:
        fail(f"{clean(wanted, NAME_LENGTH)} begins several: {', '.join(one.id for one in named)}", MISCONFIGURED)
    if not named or not history.alert((exact or named)[0].id):
        fail(f"no alert {clean(wanted, NAME_LENGTH)} is in the history", MISCONFIGURED)
    return (exact or named)[0].id


def _show(history: History, wanted: str, *, as_json: bool) -> None:
    revisions = history.alert(_named(history, wanted))
    newest, attempts = revisions[-1], history.deliveries(revisions[-1].id)
    if as_json:
        click.echo(
            in_json({"alert": newest.model_dump(mode="json"), "deliveries": [plain_row(one) for one in attempts]})
        )
        return
    sink = StdoutSink("alerts", sys.stdout.buffer)
    for message in sink.render([newest]):
        click.echo(message.body.decode().rstrip())
    for one in attempts:
        reason = f" ({clean(one.reason, WORDS_LENGTH)})" if one.reason else ""
        click.echo(f"{minute(one.at)}  {clean(one.sink, NAME_LENGTH)}  revision {one.revision}  {one.outcome}{reason}")
