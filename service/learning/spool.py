"""Keeps what has been fetched on the disk, a file a chunk, until it has been learnt: what survives kill -9.

A file is there whole or not at all. It holds people's records, so nobody else on the machine may read it.
"""

import fcntl
import gzip
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import msgspec

from service.replay import TEMPORARY

SUFFIX: Final = ".ndjson.gz"
_UNFINISHED: Final = ".part"
_SPAN: Final = "span.json"


class SpoolBusy(OSError):  # noqa: N818 - it says what is the matter with the spool
    """Another process is using this spool."""


class _Span(msgspec.Struct):
    since: datetime
    until: datetime


class Spool:
    """A folder of fetched chunks; a context, within which no other process uses it.

    Parameters
    ----------
    folder
        Made when missing.

    Raises
    ------
    SpoolBusy
        On entering, when another process is using it.
    OSError
        The folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = (self.folder / ".lock").open("wb")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise SpoolBusy(f"{self.folder} is in use by another process") from error
        for left in self.folder.glob(f"*{_UNFINISHED}"):
            left.unlink()
        for unsorted in self.folder.glob(f"{TEMPORARY}*"):
            shutil.rmtree(unsorted)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock.close()

    def span(self, since: datetime, until: datetime) -> tuple[datetime, datetime]:
        """Return the span to fetch: that of an earlier run with the same beginning, so that its chunks are the same."""
        place = self.folder / _SPAN
        with suppress(FileNotFoundError, msgspec.DecodeError):
            known = msgspec.json.decode(place.read_bytes(), type=_Span)
            if known.since == since:
                return known.since, known.until
        self._write(place, msgspec.json.encode(_Span(since.astimezone(UTC), until.astimezone(UTC))))
        return since, until

    def path(self, name: str) -> Path:
        """Return where a chunk is, once it has been fetched."""
        return self.folder / f"{name}{SUFFIX}"

    def has(self, name: str) -> bool:
        """Whether a chunk has been fetched."""
        return self.path(name).exists()

    def empty(self, name: str) -> bool:
        """Whether a chunk that has been fetched holds no record: a quiet day."""
        with gzip.open(self.path(name)) as file:
            return not file.read(1)

    async def keep(self, name: str, pages: AsyncIterator[Sequence[bytes]]) -> int:
        """Write a chunk's records, one a line, as they come; returns how many there were."""
        final = self.path(name)
        unfinished = self.folder / f"{name}{_UNFINISHED}"
        count = 0
        with self._open(unfinished) as file:
            with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0) as packed:
                async for page in pages:
                    for record in page:
                        # A record may have been written over several lines; here it has to keep to one.
                        packed.write(record.replace(b"\r", b"").replace(b"\n", b"") + b"\n")
                    count += len(page)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(final)
        return count

    def files(self) -> list[Path]:
        """Return the chunks that have been fetched, in order of their names."""
        return sorted(self.folder.glob(f"*{SUFFIX}"))

    def size(self) -> int:
        """Return how many bytes they take."""
        return sum(path.stat().st_size for path in self.files())

    def clear(self) -> None:
        """Remove everything that was fetched."""
        for path in (*self.files(), self.folder / _SPAN):
            path.unlink(missing_ok=True)

    def _write(self, place: Path, data: bytes) -> None:
        unfinished = place.with_name(f"{place.name}{_UNFINISHED}")
        with self._open(unfinished) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(place)

    @staticmethod
    def _open(path: Path) -> IO[bytes]:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
