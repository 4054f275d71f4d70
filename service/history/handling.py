"""Writes beside a running service what people decide: how far they are with an incident, and verdicts at once.

How far they are is the one thing in a history that is not derived.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.core.incidents import Handling, Incident
from service.core.verdicts import Verdict
from service.history.changes import mark_found
from service.history.packing import text
from service.history.reading import History
from service.history.schema import open_to_write, transaction
from service.history.values import AlertSummary
from service.history.writing import unix, write


class IncidentChanged(Exception):  # noqa: N818 - it says what happened
    """There is news of an incident that whoever handles it has not seen.

    Attributes
    ----------
    found
        The incident as it is now.
    """

    def __init__(self, found: Incident[AlertSummary]) -> None:
        handling = found.handling
        by = f" by {handling.by}" if handling else ""
        count = len(found.alerts)
        super().__init__(
            f"it has changed meanwhile: {found.state.value}{by}, {count:,} alert{'' if count == 1 else 's'}"
        )
        self.found = found


def handle(path: Path, alert: str, handling: Handling, *, seen: str | None = None) -> None:
    """Note how far somebody is with the incident that an alert belongs to; what was noted of it before is replaced.

    Parameters
    ----------
    seen
        The incident's revision that they have seen; None if they do not say.

    Raises
    ------
    IncidentChanged
        It has another revision; nothing is noted.
    sqlite3.Error
        The database is damaged or locked.
    OSError
        It cannot be opened.
    """
    with _writing(path) as connection:
        if seen is not None:
            with History(path) as history:  # whatever it reads cannot change before this has written
                found = history.incident(alert)
            if found is not None and found.revision != seen:
                raise IncidentChanged(found)
        mark_found(connection, "SELECT window_start FROM alerts WHERE id = ?", alert)
        connection.execute(
            "INSERT OR REPLACE INTO incidents VALUES (?, ?, ?, ?, ?)",
            (alert, handling.state.value, text(handling.assignee), text(handling.by), unix(handling.at)),
        )


def note_verdict(path: Path, verdict: Verdict) -> None:
    """Note a verdict before the service has heard of it, which writes the same.

    Raises
    ------
    sqlite3.Error
        The database is damaged or locked.
    OSError
        It cannot be opened.
    """
    with _writing(path) as connection:
        write(connection, [verdict])


@contextmanager
def _writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Give the database in a transaction that nobody else writes beside."""
    connection = open_to_write(path)
    try:
        with transaction(connection):
            yield connection
    finally:
        connection.close()
