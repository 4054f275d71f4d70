"""Remembers, beyond the end of the process, which message it was reading: one that ends it again and again is told.

A message that makes the process run out of memory, or crashes a library, would be read again after each restart, for
ever. Which message is in hand is written to a file without waiting for the disk: that costs microseconds a message, and
survives every end but the machine's. What is done with a suspect is left to the application.
"""

import os
import struct
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import structlog
from pydantic import TypeAdapter, ValidationError

from models.stream import EPOCH
from service.core.messages import Message, Position
from service.core.parsing import Parsed, Reject, RejectReason

MOST_ENDS: Final = 2
"""So many ends of the process while it was read make a message one that is not read any more."""

MOST_SUSPECTS: Final = 100
"""Suspects remembered, the latest."""

_IN_HAND = struct.Struct("<?qqB")  # whether one is in hand; sequence number, microseconds since 1970, length of a name
_NAME: Final = 64
_SIZE: Final = _IN_HAND.size + _NAME
_SAVED: Final = "suspects.json"
_MICROSECOND = timedelta(microseconds=1)

_log = structlog.get_logger(__name__)


class Suspect(NamedTuple):
    """A message that was in hand when the process ended, and how often.

    `partition` may be cut; with the time at which the hub took it, the message is known all the same, also from one of
    another hub.
    """

    partition: str
    sequence_number: int
    enqueued_time: datetime
    ends: int


_SUSPECTS = TypeAdapter(list[Suspect])
_Key = tuple[bytes, int, int]


class Suspects:
    """Which messages have been in hand when the process ended; at most one is in hand at a time.

    Parameters
    ----------
    folder
        Where it is remembered, and made if need be; None to remember nothing. A disk that is full holds up nobody.

    Examples
    --------
    >>> from datetime import UTC
    >>> from tempfile import TemporaryDirectory
    >>> message = Message("0", 7, "700", datetime(2026, 11, 2, tzinfo=UTC), b"")
    >>> with TemporaryDirectory() as folder:
    ...     for life in range(3):
    ...         suspects = Suspects(Path(folder))
    ...         found = suspects.open({})
    ...         print(found and found.ends, suspects.may_be_read(message))
    ...         suspects.begin(message)  # and that was its end
    None True
    1 True
    2 False
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._file: int | None = None
        self._ends: dict[_Key, int] = {}

    def open(self, positions: Mapping[str, Position]) -> Suspect | None:
        """Begin a life; returns what was in hand at the end of the one before, if anything.

        Parameters
        ----------
        positions
            Where each partition has been read to: what lies behind is suspected no longer.
        """
        if self.folder is None:
            return None
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(self.folder / "in-hand", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            self._ends = self._load(self.folder, positions)
            return self._note_last_end(self.folder, os.pread(self._file, _SIZE, 0))
        except OSError as error:
            self._do_without(error)
            return None

    def may_be_read(self, message: Message) -> bool:
        """Whether a message has not yet been in hand too often when the process ended."""
        return not self._ends or self._ends.get(_key(message), 0) < MOST_ENDS

    def begin(self, message: Message) -> None:
        """Note that a message is in hand from now on."""
        name, number, micros = _key(message)
        self._write(_IN_HAND.pack(True, number, micros, len(name)) + name)

    def end(self) -> None:
        """Note that it has been dealt with."""
        self._write(b"\0")

    def forget(self) -> None:
        """Forget all suspects: the hub whose messages they were is gone."""
        self._ends.clear()
        if self.folder is not None:
            try:
                self._save(self.folder)
            except OSError as error:
                self._do_without(error)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, data: bytes) -> None:
        if self._file is not None:
            try:
                os.pwrite(self._file, data, 0)
            except OSError as error:
                self._do_without(error)

    def _do_without(self, error: OSError) -> None:
        _log.warning("suspects_not_kept", folder=str(self.folder), error=error.strerror)
        self.close()

    def _note_last_end(self, folder: Path, data: bytes) -> Suspect | None:
        if len(data) < _IN_HAND.size or not data[0]:
            return None
        _, number, micros, length = _IN_HAND.unpack_from(data)
        key = data[_IN_HAND.size :][:length], number, micros
        ends = self._ends.pop(key, 0) + 1
        self._ends[key] = ends
        self._save(folder)
        # Only now: were this life to end in between, the next one would count again rather than not at all.
        self.end()
        return _suspect(key, ends)

    @staticmethod
    def _load(folder: Path, positions: Mapping[str, Position]) -> dict[_Key, int]:
        try:
            found = _SUSPECTS.validate_json((folder / _SAVED).read_bytes())
        except (FileNotFoundError, ValidationError):
            return {}
        read = {_name(partition): position.sequence_number for partition, position in positions.items()}
        ends = {(_name(one.partition), one.sequence_number, _micros(one.enqueued_time)): one.ends for one in found}
        return {key: count for key, count in ends.items() if key[1] > read.get(key[0], -1)}

    def _save(self, folder: Path) -> None:
        latest = [_suspect(key, ends) for key, ends in self._ends.items()][-MOST_SUSPECTS:]
        fresh = folder / f"{_SAVED}.new"
        with fresh.open("wb") as file:
            file.write(_SUSPECTS.dump_json(latest))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(folder / _SAVED)


def set_aside(message: Message) -> Parsed:
    """Return what is made of a message without looking at it."""
    detail = (
        f"the process ended {MOST_ENDS} times while it was read: partition {message.partition}, sequence number"
        f" {message.sequence_number}, {len(message.body)} bytes; the hub holds it for as long as its retention"
    )
    return Parsed([], [Reject(RejectReason.SET_ASIDE, "", detail)], {}, 1)


def _key(message: Message) -> _Key:
    return _name(message.partition), message.sequence_number, _micros(message.enqueued_time)


def _name(partition: str) -> bytes:
    return partition.encode()[:_NAME]


def _micros(moment: datetime) -> int:
    return (moment - EPOCH) // _MICROSECOND


def _suspect(key: _Key, ends: int) -> Suspect:
    return Suspect(key[0].decode("utf-8", "replace"), key[1], EPOCH + key[2] * _MICROSECOND, ends)
