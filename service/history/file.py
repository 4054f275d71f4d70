"""The file behind a history: written in transactions, begun again when it is gone or damaged, trimmed as it grows.

When to write, and what to do when it cannot be written, is the recorder's business.
"""

import errno
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from service.core.alerting import Alert
from service.core.engine import ClosedBucket
from service.history.retention import HistoryLimits, trim
from service.history.schema import BUSY_SECONDS, open_to_write, transaction
from service.history.values import HistoryEntry, PackedBucket
from service.history.writing import write

_log = structlog.get_logger(__name__)

_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
REFUSED: Final = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
)
"""It is the entry that cannot be written, not the file."""
DAMAGED_ENDING: Final = ".set-aside"
"""What the name of a damaged file ends with; there is one at most."""


KEPT_FREE: Final = 500_000_000
"""Bytes of the disk, a tenth of it at most, that are left to the snapshots, without which nothing is told."""


def entries_in(entry: HistoryEntry) -> int:
    """Return as how many an entry is counted when it is lost: a closed bucket as its identities."""
    match entry:
        case ClosedBucket():
            return len(entry.judgements)
        case PackedBucket():
            return len(entry.hours)
        case _:
            return 1


def weight(entry: HistoryEntry) -> int:
    """Return how much memory and work an entry is, in cells or findings."""
    match entry:
        case ClosedBucket():
            return sum(len(one.seen.cells) for one in entry.judgements)
        case PackedBucket():
            return sum(cells for _, cells, _ in entry.hours)
        case Alert():
            return max(1, len(entry.findings))
        case _:
            return 1


class HistoryFile:
    """A history database that is written by this object, and perhaps removed by others.

    Parameters
    ----------
    path
        The file; made, with its folder, by the first `write`.
    limits
        How long, and how much, is kept.
    busy
        Seconds to wait for others that write.
    """

    def __init__(self, path: Path, limits: HistoryLimits, busy: float = BUSY_SECONDS) -> None:
        self.path = path
        self._limits = limits
        self._busy = busy
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None

    def write(self, entries: Sequence[HistoryEntry]) -> int:
        """Write entries, all or none of them; returns how many of them no database takes, so that they are left out.

        Raises
        ------
        sqlite3.Error, OSError
            It cannot be opened or written; what is damaged has been set aside, and the next attempt makes a new one.
        """
        try:
            return self._write(entries)
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self.close()
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
                raise
            self._set_aside(str(error))
            return self._write(entries)

    def close(self) -> None:
        """Let go of the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _write(self, entries: Sequence[HistoryEntry]) -> int:
        self._leave_room()
        connection = self._open()
        refused = 0
        try:
            _transact(connection, entries)
        except REFUSED:
            # One of them is to blame: the others are written all the same.
            reason = ""
            for entry in entries:
                try:
                    _transact(connection, [entry])
                except REFUSED as error:
                    refused, reason = refused + entries_in(entry), type(error).__name__
            _log.error("history_entries_refused", entries=refused, error=reason)
        trim(connection, self._limits)
        return refused

    def _leave_room(self) -> None:
        folder = next((one for one in self.path.absolute().parents if one.exists()), None)
        if folder is None:
            return
        disk = shutil.disk_usage(folder)
        if disk.free < min(KEPT_FREE, disk.total // 10):
            raise OSError(errno.ENOSPC, f"only {disk.free:,} bytes are free, which are left to the snapshots")

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._there() == self._opened:
            return self._connection
        if self._connection is not None:
            _log.error("history_started_over", path=str(self.path), reason="removed")
            with suppress(sqlite3.Error):
                self.close()
        if self._there() is None:
            self._remove_what_stood_beside()
        self._connection = open_to_write(self.path, self._busy)
        self._opened = self._there()
        return self._connection

    def _there(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _set_aside(self, reason: str) -> None:
        aside = self.path.with_name(self.path.name + DAMAGED_ENDING)
        self.path.replace(aside)
        self._remove_what_stood_beside()
        _log.error("history_started_over", path=str(self.path), reason=reason, set_aside=str(aside))

    def _remove_what_stood_beside(self) -> None:
        # SQLite would take the log of the old file for one of the new.
        for ending in ("-wal", "-shm"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)


def _transact(connection: sqlite3.Connection, entries: Sequence[HistoryEntry]) -> None:
    with transaction(connection):
        write(connection, entries)
