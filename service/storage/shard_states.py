"""States of driver and shards in a folder, a sub-folder for each batch: written aside, then renamed into place.

A batch counts as soon as the driver's state is there, which is written last. What is in a state, and which batch comes
next, is left to others; so is who may write: the same batch gives the same bytes, whoever writes it, and however often.
"""

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

from service.core.snapshot import Encoder, SnapshotPart, decode

BEFORE_THE_FIRST = -1
"""The batch of a state that no batch has led to: one that came from a single process."""

_DRIVER = "driver.ndjson.gz"
_BATCH = re.compile(r"batch-(\d{12}|start)")


class ShardStates:
    """A folder, which every executor can read and write: a mounted volume, or a disk where all are on one machine.

    Parameters
    ----------
    folder
        Made when missing, for its owner alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def newest(self) -> int | None:
        """Return the newest batch that counts; None without any."""
        return max(self._batches(), default=None)

    def _batches(self) -> list[int]:
        folders = (path.parent for path in self.folder.glob(f"batch-*/{_DRIVER}"))
        return [number for folder in folders if (number := _number(folder)) is not None]

    def read_driver(self, batch: int) -> list[tuple[str, Any]]:
        """Return the rows of the driver.

        Raises
        ------
        OSError
            It cannot be read.
        UnreadableSnapshot
            It is damaged, or of another format.
        """
        return decode((self._of(batch) / _DRIVER).read_bytes())

    def read_shard(self, batch: int, number: int, of: int) -> list[tuple[str, Any]]:
        """Return the rows of a shard; raises as `read_driver` does."""
        return decode((self._of(batch) / _shard(number, of)).read_bytes())

    def shards(self, batch: int) -> list[list[tuple[str, Any]]]:
        """Return the rows of all shards in the order of their numbers; raises as `read_driver` does."""
        return [decode(path.read_bytes()) for path in sorted(self._of(batch).glob("shard-*.ndjson.gz"))]

    def write_shard(self, batch: int, number: int, of: int, rows: Iterable[tuple[str, Any]], at: datetime) -> None:
        """Write a shard's state; `at` is a time that depends on the batch alone."""
        self._write(batch, _shard(number, of), _encoded(rows, at))

    def write_encoded(self, batch: int, number: int, of: int, data: bytes) -> None:
        """Write a shard's state, as a `StateEncoder` encoded it."""
        self._write(batch, _shard(number, of), data)

    def write_driver(self, batch: int, rows: Iterable[tuple[str, Any]], at: datetime) -> None:
        """Write the driver's state, by which the batch counts."""
        self._write(batch, _DRIVER, _encoded(rows, at))

    def write_lines(self, batch: int, name: str, lines: Sequence[bytes]) -> None:
        """Write something else of a batch, a line each."""
        self._write(batch, name, b"".join(lines))

    def _write(self, batch: int, name: str, data: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self._of(batch)
        folder.mkdir(mode=0o700, exist_ok=True)
        part = folder / f"{name}.{token_hex(8)}.part"  # processes of two machines may have one number
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / name)

    def forget_before(self, batch: int) -> None:
        """Delete what is of older batches."""
        for folder in self.folder.glob("batch-*"):
            number = _number(folder)
            if number is not None and number < batch:
                shutil.rmtree(folder, ignore_errors=True)

    def _of(self, batch: int) -> Path:
        return self.folder / f"batch-{'start' if batch == BEFORE_THE_FIRST else f'{batch:012d}'}"


def _number(folder: Path) -> int | None:
    match = _BATCH.fullmatch(folder.name)
    return None if match is None else BEFORE_THE_FIRST if match[1] == "start" else int(match[1])


def _shard(number: int, of: int) -> str:
    return f"shard-{number:04d}-of-{of:04d}.ndjson.gz"


class StateEncoder:
    """Encodes a state over and over, of which only what has changed in between is encoded again."""

    def __init__(self) -> None:
        self._encoder = Encoder(_go_on)

    def encode(self, parts: Sequence[SnapshotPart], at: datetime) -> bytes:
        """Return the bytes of a state; `at` is a time that depends on the batch alone."""
        encoding = self._encoder.encode(parts, created_at=at)
        try:
            encoding.send(None)
        except StopIteration as end:  # nothing in it waits, so that it comes to its end at once, with or without a loop
            data: bytes = end.value
            return data
        raise RuntimeError("an encoding that waits for something")


def _encoded(rows: Iterable[tuple[str, Any]], at: datetime) -> bytes:
    return StateEncoder().encode([SnapshotPart(rows)], at)


async def _go_on() -> None:
    """Nothing else waits for the event loop here."""
