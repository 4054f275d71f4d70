"""What the list of incidents shows, to take along: as a table, and as OCSF for programs that know no other."""

import csv
import io
from collections.abc import Iterable

from service.console.alert_page import in_short
from service.console.asking import Download, PageQuery
from service.console.incident_list import chosen_incidents, ownership_of
from service.console.words import kind_words
from service.core.incidents import Incident
from service.core.owners import Owners
from service.history import AlertSummary, History
from service.sinks import clean, iso, ocsf_line

MOST_EXPORTED = 2_000
"""Alerts in one file of OCSF, the newest incidents first: each is some kilobytes."""


def incident_csv(history: History, asked: PageQuery) -> Download:
    """Answer ``/incidents.csv``: what the list shows for the same question, all of it."""
    return Download("incidents.csv", "text/csv", incident_table(chosen_incidents(history, asked), asked.live.owners))


def incident_table(incidents: Iterable[Incident[AlertSummary]], owners: Owners) -> str:
    """Return incidents as CSV, a row each, that no spreadsheet takes for formulas."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ["id", "severity", "score", "state", "name", "kind", "identity", "what", "alerts", "first", "last", "owner"]
    )
    for one in incidents:
        worst = one.worst
        row = [
            one.id,
            worst.severity.value,
            f"{worst.score:.0f}",
            one.state.value,
            worst.name,
            kind_words(worst.kind),
            one.subject,
            in_short(worst),
            str(len(one.alerts)),
            iso(one.start),
            iso(one.end),
            ownership_of(one, owners).owner,
        ]
        writer.writerow([_cell(text) for text in row])
    return out.getvalue()


def incident_ocsf(history: History, asked: PageQuery) -> Download:
    """Answer ``/incidents.ndjson``: the alerts of what the list shows as Detection Findings, a line each."""
    states = {alert.id: one.state for one in chosen_incidents(history, asked) for alert in one.alerts}
    wanted = list(states)[:MOST_EXPORTED]
    alerts = {one.id: one for one in history.newest_revisions(wanted)}
    lines = (ocsf_line(alerts[id_], states[id_]) for id_ in wanted if id_ in alerts)
    return Download("incidents.ndjson", "application/x-ndjson", b"".join(lines).decode())


def _cell(text: str) -> str:
    """Return a value of a table that no spreadsheet takes for a formula.

    >>> _cell("=1+1"), _cell("ann@contoso.com")
    ("'=1+1", 'ann@contoso.com')
    """
    said = clean(text, 1_000)
    return f"'{said}" if said.startswith(("=", "+", "-", "@", "\t", "\r")) else said
