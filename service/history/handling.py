"""Writes down what somebody says of an incident, beside a running service: the one thing here that is not derived."""

from pathlib import Path

from service.core.incidents import Handling
from service.history.changes import mark_found
from service.history.packing import text
from service.history.schema import open_to_write
from service.history.writing import unix


def handle(path: Path, alert: str, said: Handling) -> None:
    """Note what was said of the incident that an alert belongs to; what was said of it before is replaced.

    Raises
    ------
    sqlite3.Error
        The database is damaged or locked.
    OSError
        It cannot be opened.
    """
    connection = open_to_write(path)
    try:
        connection.execute("BEGIN IMMEDIATE")
        mark_found(connection, "SELECT window_start FROM alerts WHERE id = ?", alert)
        connection.execute(
            "INSERT OR REPLACE INTO incidents VALUES (?, ?, ?, ?, ?)",
            (alert, said.state.value, text(said.assignee), text(said.by), unix(said.at)),
        )
        connection.execute("COMMIT")
    finally:
        connection.close()
