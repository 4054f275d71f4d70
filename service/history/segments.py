"""Hours of the history as pieces of their own, to be kept elsewhere and put together again: each a small database.

A segment holds what belongs to one hour of the events' calendar, in the tables that the history has. To put it in twice
changes nothing. Where segments are kept, and when, is for `shipping` to say.
"""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from models.stream import EPOCH
from service.history.changes import SEGMENT_SECONDS, note
from service.history.packing import squeezed, unsqueezed
from service.history.reading import FOREVER
from service.history.retention import forget_identity
from service.history.schema import open_to_write, transaction
from service.history.writing import last_restored, take_back

_ENDING: Final = ".segment"
_OF_ALERTS: Final = "alert IN (SELECT id FROM whole.alerts WHERE window_start >= ?1 AND window_start < ?2)"
_TAKE: Final = {
    "hours": "start >= ?1 AND start < ?2",
    "identities": "key IN (SELECT identity FROM whole.hours WHERE start >= ?1 AND start < ?2)",
    "alerts": "window_start >= ?1 AND window_start < ?2",
    "revisions": _OF_ALERTS,
    "deliveries": _OF_ALERTS,
    "incidents": _OF_ALERTS,
    "verdicts": _OF_ALERTS,
    "suppressed": "time >= ?1 AND time < ?2",
    "gaps": "since >= ?1 AND since < ?2",
}
"""What of each table belongs to an hour."""
_PUT: Final = (
    """
    INSERT INTO main.identities (id, name, folded, kind, first_seen, last_seen)
    SELECT id, name, folded, kind, first_seen, last_seen FROM segment.identities WHERE true
    ON CONFLICT (id) DO UPDATE SET
        name = iif(excluded.last_seen > last_seen, excluded.name, name),
        folded = iif(excluded.last_seen > last_seen, excluded.folded, folded),
        kind = iif(excluded.last_seen > last_seen, excluded.kind, kind),
        first_seen = min(first_seen, excluded.first_seen), last_seen = max(last_seen, excluded.last_seen)
    """,
    """
    INSERT OR IGNORE INTO main.hours (
        identity, start, ends, late, records, cells, score, detector, action, document, peaks
    ) SELECT m.key, h.start, h.ends, h.late, h.records, h.cells, h.score, h.detector, h.action, h.document, h.peaks
    FROM segment.hours h JOIN segment.identities s ON s.key = h.identity JOIN main.identities m ON m.id = s.id
    """,
    """
    INSERT OR REPLACE INTO main.alerts SELECT s.* FROM segment.alerts s LEFT JOIN main.alerts m ON m.id = s.id
    WHERE m.id IS NULL OR m.revision < s.revision
    """,
    "INSERT OR IGNORE INTO main.revisions SELECT * FROM segment.revisions",
    "INSERT OR IGNORE INTO main.deliveries SELECT * FROM segment.deliveries",
    "INSERT OR IGNORE INTO main.verdicts SELECT * FROM segment.verdicts",
    "INSERT OR IGNORE INTO main.suppressed SELECT * FROM segment.suppressed",
    """
    INSERT OR REPLACE INTO main.gaps SELECT s.* FROM segment.gaps s LEFT JOIN main.gaps m ON m.id = s.id
    WHERE m.id IS NULL OR (m.until IS NULL AND s.until IS NOT NULL)
    """,
    """
    INSERT OR REPLACE INTO main.incidents SELECT s.* FROM segment.incidents s
    LEFT JOIN main.incidents m ON m.alert = s.alert WHERE m.alert IS NULL OR m.at < s.at
    """,
)
"""How what a segment holds comes into the history, where something may stand already."""


def cut(path: Path, hour: int) -> bytes | None:
    """Return the segment of an hour of the history; None if there is nothing in it.

    Raises
    ------
    sqlite3.Error, OSError
        The history cannot be read, or there is no room beside it.
    """
    with _beside(path) as part:
        with closing(open_to_write(part)) as connection:
            connection.execute("ATTACH ? AS whole", (str(path),))
            connection.execute("BEGIN")
            found = 0
            for table, which in _TAKE.items():
                rows = f"INSERT INTO main.{table} SELECT * FROM whole.{table} WHERE {which}"  # noqa: S608 - from above
                found += connection.execute(rows, (hour, hour + SEGMENT_SECONDS)).rowcount
            connection.execute("COMMIT")
            connection.execute("DETACH whole")
            connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        return squeezed(part.read_bytes()) if found else None


def put_in(path: Path, hour: int, data: bytes, tag: str) -> None:
    """Put the segment of an hour into the history, in one transaction.

    What the history has of that hour from an earlier life goes, unless it was changed since it was last put into a
    segment: the segment is what another life has made of the same records.

    Parameters
    ----------
    tag
        Which version of the segment it is.

    Raises
    ------
    NewerHistory
        A newer version of this service has made the segment.
    sqlite3.Error, ValueError
        It is damaged, or the history is, or is locked.
    OSError
        There is no room for it.
    """
    with _beside(path) as part:
        _write(part, unsqueezed(data))
        open_to_write(part).close()  # brings one of an older version up to date
        with closing(open_to_write(path)) as connection:
            connection.execute("ATTACH ? AS segment", (str(part),))
            with transaction(connection):
                restored = last_restored(connection)
                if restored is not None:
                    take_back(connection, restored, "segment")
                    connection.execute(
                        "DELETE FROM main.hours WHERE start >= ?1 AND start < ?1 + ?2 AND records <= ?3"
                        " AND NOT EXISTS (SELECT 1 FROM main.unshipped WHERE hour = ?1)",
                        (hour, SEGMENT_SECONDS, restored.records),
                    )
                for statement in _PUT:
                    connection.execute(statement)
                note(connection, hour, tag)


def purged(folder: Path, data: bytes, actor: str, since: datetime = EPOCH, until: datetime = FOREVER) -> bytes | None:
    """Return a segment without what one identity did in the buckets that begin in ``[since, until)``.

    None if it has nothing of it. `folder` is where it is taken apart.

    Raises
    ------
    sqlite3.Error, ValueError
        It is damaged, or a newer version has made it.
    OSError
        There is no room for it.
    """
    with _beside(folder / "forgetting") as part:
        _write(part, unsqueezed(data))
        if not forget_identity(part, actor, since, until):
            return None
        with closing(open_to_write(part)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        return squeezed(part.read_bytes())


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Give a place for a segment, where nothing is left of an earlier one, and clear it away in the end."""
    part = path.with_name(path.name + _ENDING)
    try:
        _clear(part)
        yield part
    finally:
        with suppress(OSError):
            _clear(part)


def _clear(part: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        part.with_name(part.name + ending).unlink(missing_ok=True)


def _write(part: Path, data: bytes) -> None:
    part.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
