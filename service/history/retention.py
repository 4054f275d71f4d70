"""What is taken out of the database: what is too old, what there is no room for, what is to be forgotten of a person.

The calendar is that of the events, so that last year's files that are replayed are kept as well. Pages that become free
are given back to the file system.
"""

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from models.stream import EPOCH
from service.core.alerting import Alert
from service.history.changes import mark, mark_found
from service.history.packing import pack_model, text, unpack_model
from service.history.reading import FOREVER
from service.history.schema import open_to_write, transaction
from service.history.writing import unix

_CHUNK: Final = 1_000  # rows that one transaction takes out, so that whoever else writes waits a few milliseconds
_CHUNKS_A_TURN: Final = 10
_PAGES_A_TURN: Final = 5_000
_DAY: Final = 86_400.0

_OF_ALERTS: Final = (
    "DELETE FROM revisions WHERE alert = ?",
    "DELETE FROM deliveries WHERE alert = ?",
    "DELETE FROM incidents WHERE alert = ?",
    "DELETE FROM verdicts WHERE alert = ?",
    "DELETE FROM alerts WHERE id = ?",
)
_CHUNKS: Final = {
    # First, so that whoever knows of an hour's segment has had all of the hour.
    "segments": "SELECT hour FROM segments WHERE hour < ? LIMIT ?",
    "hours": "SELECT key FROM hours WHERE start < ? ORDER BY start LIMIT ?",
    "suppressed": "SELECT rowid FROM suppressed WHERE time < ? ORDER BY time LIMIT ?",
    "gaps": "SELECT rowid FROM gaps WHERE coalesce(until, since) < ? LIMIT ?",
    "identities": "SELECT key FROM identities WHERE last_seen < ? ORDER BY last_seen LIMIT ?",
    # Of notices and verdicts; what tells of an alert goes with that.
    "deliveries": "SELECT rowid FROM deliveries WHERE at < ? AND alert NOT IN (SELECT id FROM alerts) LIMIT ?",
    "unshipped": "SELECT hour FROM unshipped WHERE hour < ? LIMIT ?",
}
"""What of each table is too old; alerts have rows in others."""


_OF_A_PERSON: Final = (
    "DELETE FROM hours WHERE identity = (SELECT key FROM identities WHERE id = ?) AND start >= ? AND start < ?",
    "DELETE FROM suppressed WHERE identity = ? AND time >= ? AND time < ?",
)


_WHEN: Final = (
    "SELECT start FROM hours WHERE identity = (SELECT key FROM identities WHERE id = ?) AND start >= ? AND start < ?",
    "SELECT time FROM suppressed WHERE identity = ? AND time >= ? AND time < ?",
    "SELECT window_start FROM alerts WHERE subject = ? AND window_start >= ? AND window_start < ?",
)
"""The hours that change when a person is forgotten."""


class HistoryLimits(NamedTuple):
    """How many days before its newest bucket a history reaches back, and how many bytes it may take."""

    days: float = 90.0
    most_bytes: int = 500_000_000


def trim(connection: sqlite3.Connection, limits: HistoryLimits) -> bool:
    """Take out what is too old, and what there is no room for; returns whether there is more than one turn takes.

    Raises
    ------
    sqlite3.Error
        The database is damaged, locked, or its disk is full.
    """
    oldest, newest = _span(connection)
    before = newest - limits.days * _DAY
    more = oldest < before and _take_out(connection, before)
    if not more and oldest < newest and used(connection) > limits.most_bytes:
        # A day at a time, but never what is newest: a bound that is too small for that is not kept to.
        _take_out(connection, min(oldest + _DAY, newest))
        more = True
    if connection.execute("PRAGMA freelist_count").fetchone()[0]:
        # As a script, because each step frees one page, and for want of columns `execute` takes only the first.
        connection.executescript(f"PRAGMA incremental_vacuum({_PAGES_A_TURN})")
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()  # only now the file becomes smaller
    return more


def used(connection: sqlite3.Connection) -> int:
    """Return how many bytes the database holds."""
    pages, free, size = (
        connection.execute(f"PRAGMA {one}").fetchone()[0] for one in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _span(connection: sqlite3.Connection) -> tuple[float, float]:
    """Return when the oldest and the newest begin of what takes room; twice the same if there is nothing."""
    found = [
        one
        for query in (
            "SELECT min(start), max(start) FROM hours",
            "SELECT min(window_start), max(window_start) FROM alerts",
        )
        for one in connection.execute(query).fetchone()
        if one is not None
    ]
    return min(found, default=0.0), max(found, default=0.0)


def _take_out(connection: sqlite3.Connection, before: float) -> bool:
    """Take out what is older, in short transactions; returns whether there is more."""
    more = False
    for table, chunk in _CHUNKS.items():
        more |= all(
            connection.execute(f"DELETE FROM {table} WHERE rowid IN ({chunk})", (before, _CHUNK)).rowcount == _CHUNK  # noqa: S608 - names from above
            for _ in range(_CHUNKS_A_TURN)
        )
    old = connection.execute(
        "SELECT id FROM alerts WHERE window_start < ? ORDER BY window_start LIMIT ?", (before, _CHUNK)
    ).fetchall()
    _take_out_alerts(connection, old)
    return more or len(old) == _CHUNK


def _take_out_alerts(connection: sqlite3.Connection, ids: Sequence[tuple[str]]) -> None:
    with transaction(connection):
        for statement in _OF_ALERTS:
            connection.executemany(statement, ids)


def forget_identity(path: Path, actor: str, since: datetime = EPOCH, until: datetime = FOREVER) -> int:
    """Take out what one identity did in the buckets that begin in ``[since, until)``; returns how many rows that were.

    With all of its time, its name and the alerts about it go as well, and what others' alerts say of it. What has been
    deleted is written over. May be done beside a running service.

    Parameters
    ----------
    actor
        The identity's id.

    Raises
    ------
    sqlite3.Error
        The database is damaged or locked.
    OSError
        It cannot be opened.
    """
    connection = open_to_write(path)
    who, span = text(actor), (unix(since), unix(until))
    try:
        connection.execute("PRAGMA secure_delete = ON")
        with transaction(connection):
            taken = _take_out_of_others(connection, actor, since, until)
            for query in _WHEN:
                mark_found(connection, query, who, *span)
            alerts = connection.execute(
                "SELECT id FROM alerts WHERE subject = ? AND window_start >= ? AND window_start < ?", (who, *span)
            ).fetchall()
            for statement in _OF_ALERTS:
                connection.executemany(statement, alerts)
            taken += len(alerts)
            for statement in _OF_A_PERSON:
                taken += connection.execute(statement, (who, *span)).rowcount
            if (since, until) == (EPOCH, FOREVER):
                taken += connection.execute("DELETE FROM identities WHERE id = ?", (who,)).rowcount
        connection.executescript("PRAGMA incremental_vacuum")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.close()
    return taken


def _take_out_of_others(connection: sqlite3.Connection, actor: str, since: datetime, until: datetime) -> int:
    """Take one identity's findings out of the alerts about operations; returns how many revisions had any."""
    rows = connection.execute(
        "SELECT r.rowid, r.document, a.window_start FROM revisions r JOIN alerts a ON a.id = r.alert"
        " WHERE a.operation != '' AND a.window_start >= ? AND a.window_start < ?",
        (unix(since - timedelta(days=1)) if since > EPOCH else 0.0, unix(until)),
    ).fetchall()
    changed = 0
    for row, document, start in rows:
        try:
            alert = unpack_model(Alert, document)
        except ValueError:
            continue
        theirs = [one for one in alert.findings if one.actor_id == actor and since <= one.bucket_start < until]
        if not theirs:
            continue
        names = {one.actor_name for one in theirs}
        rest = tuple(one for one in alert.findings if one not in theirs)
        kept = tuple(name for name in alert.identities if name not in names)
        without = alert.model_copy(update={"findings": rest, "identities": kept})
        connection.execute("UPDATE revisions SET document = ? WHERE rowid = ?", (pack_model(without), row))
        mark(connection, [start])
        changed += 1
    return changed
