"""The history database: its tables, how a file of an older version becomes one of this, and how one is opened.

What stands in the tables is for `writing` and `reading`. Instants are Unix seconds, so that
``datetime(start, 'unixepoch')`` shows them; documents are packed as `packing` says.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from service.history.packing import peaks_of

SCHEMA_STEPS: Final = (
    # 1
    """
    CREATE TABLE identities (
        key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, folded TEXT NOT NULL, kind TEXT NOT NULL,
        first_seen REAL NOT NULL, last_seen REAL NOT NULL
    );
    CREATE INDEX identities_folded ON identities (folded);
    CREATE INDEX identities_last_seen ON identities (last_seen);
    CREATE TABLE hours (
        key INTEGER PRIMARY KEY, identity INTEGER NOT NULL, start REAL NOT NULL, ends REAL NOT NULL,
        late INTEGER NOT NULL, records INTEGER NOT NULL, cells INTEGER NOT NULL, score REAL NOT NULL,
        detector TEXT NOT NULL, action TEXT NOT NULL, document BLOB NOT NULL,
        UNIQUE (identity, start, late)
    );
    CREATE INDEX hours_start ON hours (start);
    CREATE INDEX hours_late ON hours (late) WHERE late > 0;
    CREATE INDEX hours_unusual ON hours (start, identity, score) WHERE score >= 40.0;
    CREATE TABLE alerts (
        id TEXT PRIMARY KEY, revision INTEGER NOT NULL, subject TEXT NOT NULL, name TEXT NOT NULL,
        folded TEXT NOT NULL, kind TEXT NOT NULL, operation TEXT NOT NULL, window_start REAL NOT NULL,
        window_end REAL NOT NULL, first_found_at REAL NOT NULL, found_at REAL NOT NULL, score REAL NOT NULL,
        severity INTEGER NOT NULL, title TEXT NOT NULL, action TEXT NOT NULL, findings INTEGER NOT NULL
    );
    CREATE INDEX alerts_window ON alerts (window_start, id);
    CREATE INDEX alerts_severe ON alerts (window_start, id) WHERE severity >= 3;
    CREATE INDEX alerts_subject ON alerts (subject, window_start);
    CREATE TABLE revisions (
        alert TEXT NOT NULL, revision INTEGER NOT NULL, found_at REAL NOT NULL, document BLOB NOT NULL,
        PRIMARY KEY (alert, revision)
    );
    CREATE TABLE deliveries (
        alert TEXT NOT NULL, revision INTEGER NOT NULL, sink TEXT NOT NULL, at REAL NOT NULL, outcome TEXT NOT NULL,
        reason TEXT NOT NULL, PRIMARY KEY (alert, revision, sink, at)
    );
    CREATE TABLE suppressed (
        id TEXT PRIMARY KEY, identity TEXT NOT NULL, time REAL NOT NULL, score REAL NOT NULL,
        suppression TEXT NOT NULL, document BLOB NOT NULL
    );
    CREATE INDEX suppressed_time ON suppressed (time);
    CREATE TABLE gaps (id TEXT PRIMARY KEY, since REAL NOT NULL, until REAL, document BLOB NOT NULL);
    CREATE INDEX gaps_since ON gaps (since);
    CREATE TABLE incidents (
        alert TEXT PRIMARY KEY, state TEXT NOT NULL, assignee TEXT NOT NULL, by TEXT NOT NULL, at REAL NOT NULL
    );
    """,
    # 2: what has been put into segments, and where the service last went on from
    """
    CREATE TABLE unshipped (hour INTEGER PRIMARY KEY, change INTEGER NOT NULL);
    CREATE TABLE segments (hour INTEGER PRIMARY KEY, tag TEXT NOT NULL);
    CREATE TABLE restored (
        life INTEGER PRIMARY KEY CHECK (life = 1), watermark REAL NOT NULL, records INTEGER NOT NULL,
        horizon REAL NOT NULL
    );
    INSERT INTO unshipped SELECT DISTINCT CAST(start AS INTEGER) / 3600 * 3600, 1 FROM hours
    UNION SELECT CAST(window_start AS INTEGER) / 3600 * 3600, 1 FROM alerts
    UNION SELECT CAST(time AS INTEGER) / 3600 * 3600, 1 FROM suppressed
    UNION SELECT CAST(since AS INTEGER) / 3600 * 3600, 1 FROM gaps;
    """,
    # 3: what each detector found most unusual in an hour, beside its document; an index of who was active; verdicts
    """
    ALTER TABLE hours ADD COLUMN peaks TEXT NOT NULL DEFAULT '';
    UPDATE hours SET peaks = peaks_of(document) WHERE score >= 40.0;
    DROP INDEX hours_unusual;
    CREATE INDEX hours_unusual ON hours (start, identity, score, peaks) WHERE score >= 40.0;
    DROP INDEX hours_start;
    CREATE INDEX hours_start ON hours (start, identity);
    CREATE TABLE verdicts (
        id TEXT PRIMARY KEY, alert TEXT NOT NULL, kind TEXT NOT NULL, for_kind INTEGER NOT NULL, by TEXT NOT NULL,
        at REAL NOT NULL, why TEXT NOT NULL
    );
    CREATE INDEX verdicts_alert ON verdicts (alert, at);
    """,
)
"""What each version adds to the one before; the first begins with an empty file."""

SCHEMA_VERSION: Final = len(SCHEMA_STEPS)

BUSY_SECONDS: Final = 5.0
"""How long one waits for another that writes."""


class NewerHistory(sqlite3.DatabaseError):
    """A newer version of this service has written the file: it is left alone."""

    def __init__(self, version: int) -> None:
        super().__init__(
            f"has version {version}, this service knows {SCHEMA_VERSION} at most: a newer one has written it"
        )


class NoHistory(LookupError):  # noqa: N818 - it says what was not found
    """There is no history, or none that can be read; the text is one line that says why."""


def open_to_write(path: Path, busy: float = BUSY_SECONDS) -> sqlite3.Connection:
    """Open the database, made or brought to this version if need be; only its owner may read it.

    Raises
    ------
    NewerHistory
        A newer version has written it.
    sqlite3.Error
        It is damaged, locked, or its disk is full.
    OSError
        The file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)  # the files that SQLite puts beside it take over its mode
    connection = sqlite3.connect(path, timeout=busy, isolation_level=None, check_same_thread=False)
    try:
        if not _version(connection):
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table, or it changes nothing
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is derived, and comes again
        connection.execute("PRAGMA journal_size_limit = 16000000")
        bring_up_to_date(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Bring the tables to this version, in one transaction.

    Raises
    ------
    NewerHistory
        They are of a newer one.
    """
    if _version(connection) == SCHEMA_VERSION:
        return
    connection.create_function("peaks_of", 1, peaks_of, deterministic=True)
    with transaction(connection):
        version = _version(connection)  # another process may have been quicker
        if version > SCHEMA_VERSION:
            raise NewerHistory(version)
        for step in SCHEMA_STEPS[version:]:
            for statement in filter(str.strip, step.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Change all that is changed in the block, or nothing; nobody else writes meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # what failed may have ended the transaction itself
            connection.execute("ROLLBACK")
        raise


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open the database for queries alone, beside whoever writes it; one of an older version is brought to this first.

    Raises
    ------
    NoHistory
        There is none, or it cannot be read.
    """
    if not path.is_file():
        raise NoHistory(f"{path}: there is no history there")
    try:
        connection = _reading(path)
        if _version(connection) != SCHEMA_VERSION:
            connection.close()
            open_to_write(path).close()
            connection = _reading(path)
    except (sqlite3.Error, OSError) as error:
        raise NoHistory(f"{path}: {error}") from None
    return connection


def _reading(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def _version(connection: sqlite3.Connection) -> int:
    [version] = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
