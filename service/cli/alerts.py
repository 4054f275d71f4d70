"""``unwonted alerts``: what was told, as the history has it, in a list or one alert whole."""

import sys
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
from service.history import History
from service.sinks import StdoutSink, clean


@click.command(
    "alerts",
    short_help="List what was told, or show one alert.",
    epilog=ending(
        ASKING,
        "alerts --config unwonted.yaml --since 7d",
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
    limit: int,
    as_json: bool,
    alert: str | None,
) -> None:
    """List alerts, newest first; with the id of an ALERT, or the beginning of one, show it with whom it was told to."""
    with asked(path, history) as past:
        if alert:
            _show(past, alert, as_json=as_json)
            return
        subject = person(past, identity).actor.id if identity else ""
        found = past.alerts(*stretch(past, since, until), subject=subject, least=Severity(min_severity), limit=limit)
        echo_all((in_json(plain_row(one)) if as_json else alert_line(one) for one in found), "no alerts")


def _show(history: History, wanted: str, *, as_json: bool) -> None:
    named = history.alerts_beginning(wanted)
    exact = [one for one in named if one.id == wanted]
    if len(named) > 1 and not exact:
        fail(f"{clean(wanted, NAME_LENGTH)} begins several: {', '.join(one.id for one in named)}", MISCONFIGURED)
    revisions = history.alert((exact or named)[0].id) if named else []
    if not revisions:
        fail(f"no alert {clean(wanted, NAME_LENGTH)} is in the history", MISCONFIGURED)
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
