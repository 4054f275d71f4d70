"""The file behind the questions: opened when something is asked, and again when it has been made again meanwhile."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from models.stream import EPOCH
from service.history.schema import NoHistory, open_to_read

FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
_T = TypeVar("_T")
MOST_ANSWERED: Final = 1_000
"""How many of a kind one question answers, unless it says otherwise."""


class Queries:
    """A history database that is only read; may be asked from any thread.

    Parameters
    ----------
    path
        The file; it may be made, removed and made again while this is open.

    Raises
    ------
    NoHistory
        By each question, when there is no file, or none that can be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; the next question opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = self._file = None

    def _ask(self, columns: str, rows: str, *values: object) -> list[Any]:
        with self._opened() as connection:
            return connection.execute(f"{columns} {rows}", values).fetchall()

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                there = self.path.stat()
                file = (there.st_dev, there.st_ino)
            except OSError:
                file = None
            if self._connection is None or file != self._file:
                self.close()
                self._connection, self._file = open_to_read(self.path), file
            try:
                yield self._connection
            except sqlite3.Error as error:
                self.close()
                raise NoHistory(f"{self.path}: {error}") from None


def readable(make: Callable[[Any], _T], rows: Iterable[Any]) -> Iterator[_T]:
    """Yield what is made of each row; one that is damaged, or from a version to come, costs only itself."""
    for row in rows:
        with suppress(ValueError, LookupError, TypeError, OverflowError):
            yield make(row)


def moment_of(seconds: float) -> datetime:
    """Return an instant that the tables have."""
    return EPOCH + timedelta(seconds=seconds)
