"""Which hours of the history have changed since they were put into a segment, and which segments are in it already.

An hour is named by the Unix second in which it begins. What a segment is, is for `segments` to say.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final

from service.history.schema import transaction

SEGMENT_SECONDS: Final = 3_600
_MARK: Final = "INSERT INTO unshipped {} ON CONFLICT (hour) DO UPDATE SET change = change + 1"


def hour_of(seconds: float) -> int:
    """Return the hour that an instant is in.

    >>> hour_of(7_201.5)
    7200
    """
    return int(seconds // SEGMENT_SECONDS) * SEGMENT_SECONDS


def mark(connection: sqlite3.Connection, moments: Iterable[float]) -> None:
    """Note that something has changed in the hours of these instants, in the transaction that changes it."""
    connection.executemany(_MARK.format("VALUES (?, 1)"), [(hour,) for hour in {hour_of(one) for one in moments}])


def mark_found(connection: sqlite3.Connection, query: str, *values: object) -> None:
    """Note the same of the instants that a query finds."""
    mark(connection, [moment for (moment,) in connection.execute(query, values)])


def unshipped(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    """Return the hours that have changed, newest first, each with how often."""
    return [(hour, change) for hour, change in connection.execute("SELECT * FROM unshipped ORDER BY hour DESC")]


def shipped(connection: sqlite3.Connection, hour: int, change: int, tag: str | None) -> None:
    """Note that an hour is in a segment as it was after so many changes, or that it needs none any more."""
    with transaction(connection):
        connection.execute("DELETE FROM unshipped WHERE hour = ? AND change = ?", (hour, change))
        note(connection, hour, tag)


def note(connection: sqlite3.Connection, hour: int, tag: str | None) -> None:
    """Note which version of an hour's segment is in the history; None for none that is known."""
    if tag is None:
        connection.execute("DELETE FROM segments WHERE hour = ?", (hour,))
    else:
        connection.execute("INSERT OR REPLACE INTO segments VALUES (?, ?)", (hour, tag))


def known(connection: sqlite3.Connection) -> dict[int, str]:
    """Return which version of which hours' segments is in the history."""
    return dict(connection.execute("SELECT hour, tag FROM segments"))
