"""``unwonted incidents``: which alerts belong together, and what people have said of them."""

import sqlite3
from getpass import getuser
from pathlib import Path
from typing import Any

import click

from models.statistics import Severity
from service.cli.epilog import ending
from service.cli.inputs import ENDED_ON_ERROR, MISCONFIGURED, config_option, fail, read_settings
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
    plain_row,
    since_option,
    stretch,
    until_option,
)
from service.clock import SystemClock
from service.console import incident_table, narrowed
from service.core.incidents import Handling, Incident, IncidentState
from service.history import AlertSummary, History, IncidentChanged, handle
from service.sinks import clean
from service.wiring import owners_configured

_STATES = [state.value for state in IncidentState]


@click.command(
    "incidents",
    short_help="List which alerts belong together, or take one on.",
    epilog=ending(
        f"{ASKING}; 1 it has changed meanwhile, or could not be written",
        "incidents --config unwonted.yaml --since 7d --state new",
        "incidents --config unwonted.yaml --since 28d --owner payments --csv",
        "incidents a3f09c5e1b7d2468",
        "incidents a3f09c5e1b7d2468 --set acknowledged --assign ann",
        "incidents a3f09c5e1b7d2468 --set closed --revision 5d41402abc4b2a76",
    ),
)
@config_option
@history_option
@since_option
@until_option
@click.option("--state", "states", type=click.Choice(_STATES), multiple=True, help="Only these; may be repeated.")
@click.option("--severity", type=click.Choice([one.value for one in Severity]), help="Only of this severity.")
@click.option("--kind", help="Only of this kind of identity, such as service_principal.")
@click.option("--owner", help="Only of identities that somebody answers for, as the file of owners has it.")
@click.option("--tag", help="Only of identities with this tag there.")
@click.option("--text", help="Only those in which this stands: a name, an id, an operation.")
@click.option("--csv", "as_csv", is_flag=True, help="A table, as the console gives it.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
@click.option("--set", "state", type=click.Choice(_STATES), help="Say where INCIDENT stands.")
@click.option("--assign", help="Say whose INCIDENT is; nobody's, if empty.")
@click.option("--revision", "seen", help="Change nothing unless INCIDENT still has this revision, as --json shows it.")
@json_option
@click.argument("incident", required=False)
def incidents_command(
    path: Path | None,
    history: Path | None,
    since: str | None,
    until: str | None,
    states: tuple[str, ...],
    severity: str | None,
    kind: str | None,
    owner: str | None,
    tag: str | None,
    text: str | None,
    as_csv: bool,
    limit: int,
    state: str | None,
    assign: str | None,
    seen: str | None,
    as_json: bool,
    incident: str | None,
) -> None:
    """List incidents, newest first; with the id of an INCIDENT, or of any of its alerts, show it.

    Alerts of one identity, or about one operation, that follow each other within twelve hours are one incident.
    """
    if as_csv and (as_json or incident):
        fail("--csv is a table of all of them: without --json, and without INCIDENT", MISCONFIGURED)
    if (state or assign is not None) and not incident:
        fail("--set and --assign want the incident that they are about", MISCONFIGURED)
    with asked(path, history) as past:
        if incident:
            chosen = _incident(past, incident)
            if state or assign is not None:
                _handle(past.path, chosen, state, assign, seen)
                chosen = _incident(past, chosen.id)
            click.echo(
                in_json(incident_row(chosen)) if as_json else "\n".join((incident_line(chosen), *_alerts(chosen)))
            )
            return
        owners = owners_configured(read_settings(path))
        wanted = {"severity": severity, "kind": kind, "owner": owner, "tag": tag, "text": text}
        among = narrowed(
            past.incidents(*stretch(past, since, until)), {name: one for name, one in wanted.items() if one}, owners
        )
        found = [one for one in among if not states or one.state in states]
        if as_csv:
            click.echo(incident_table(found[:limit], owners), nl=False)
            return
        echo_all(
            (in_json(incident_row(one)) if as_json else incident_line(one) for one in found[:limit]), "no incidents"
        )


def _incident(history: History, wanted: str) -> Incident[AlertSummary]:
    named = history.alerts_beginning(wanted)
    exact = [one for one in named if one.id == wanted] or named
    if len(exact) > 1:
        fail(f"{clean(wanted, NAME_LENGTH)} begins several: {', '.join(one.id for one in exact)}", MISCONFIGURED)
    found = history.incident(exact[0].id) if exact else None
    return found or fail(f"no incident {clean(wanted, NAME_LENGTH)} is in the history", MISCONFIGURED)


def _handle(
    place: Path, incident: Incident[AlertSummary], state: str | None, assign: str | None, seen: str | None
) -> None:
    handling = Handling(
        IncidentState(state) if state else incident.state,
        incident.assignee if assign is None else assign,
        getuser(),
        SystemClock().now(),
    )
    try:
        handle(place, incident.id, handling, seen=seen or incident.revision)
    except IncidentChanged as error:
        fail(f"incident {incident.id}: {error}; nothing is changed: look again", ENDED_ON_ERROR)
    except (sqlite3.Error, OSError) as error:
        fail(f"{place}: {error}", ENDED_ON_ERROR)


def incident_line(one: Incident[AlertSummary]) -> str:
    """Say in a line what an incident is: since when, until when, how bad, who, its worst operation, how many alerts."""
    worst, count = one.worst, len(one.alerts)
    whose = f", {clean(one.assignee, NAME_LENGTH)}" if one.assignee else ""
    return (
        f"{minute(one.start)} to {minute(one.end)}  {worst.severity:<13} {one.state}{whose}  "
        f"{clean(worst.name, NAME_LENGTH)}  {clean(worst.action, WORDS_LENGTH)}  "
        f"{count:,} alert{'' if count == 1 else 's'}  {one.id}"
    )


def _alerts(one: Incident[AlertSummary]) -> list[str]:
    return [f"  {alert_line(alert)}" for alert in one.alerts]


def incident_row(one: Incident[AlertSummary]) -> dict[str, Any]:
    """Return an incident as plain data."""
    worst = one.worst
    return {
        "id": one.id,
        "subject": one.subject,
        "name": worst.name,
        "kind": worst.kind,
        "state": one.state,
        "assignee": one.assignee,
        "revision": one.revision,
        "severity": worst.severity,
        "score": worst.score,
        "start": one.start,
        "end": one.end,
        "alerts": [plain_row(alert) for alert in one.alerts],
    }
