"""Writes history beside the stream: whoever brings an entry never waits, and what cannot be written is counted.

Hours are packed by whoever brings them: what they are made of is let go of at once then, while it is at hand. To keep
it for another thread to pack took twice as long. A thread of its own does the rest. Whatever is the matter with the
file is said in one line of the log, and in another one when all is well again.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, NamedTuple

import structlog

from service.core.engine import ClosedBucket
from service.history.file import REFUSED, HistoryFile, entries_in, weight
from service.history.packing import pack_bucket
from service.history.values import HistoryEntry

_log = structlog.get_logger(__name__)

_PIECE: Final = 1_000
"""Identities of one bucket that are packed, and written in one transaction."""


class HistoryUnwritable(OSError):  # noqa: N818 - it says what the matter is
    """Nothing can be written; the text says why."""


class Gathering(NamedTuple):
    """How a recorder goes about it.

    Attributes
    ----------
    most_waiting
        How many cells and findings may wait before further entries are dropped: a cell is about 200 bytes, a finding
        2 KB. The last that is admitted may be larger than what is left of it.
    at_once
        From how many on they are written without waiting for more.
    gather
        Seconds that the first of them waits for others.
    again
        Seconds until what failed is tried again.
    """

    most_waiting: int = 8_000
    at_once: int = 2_000
    gather: float = 1.0
    again: float = 5.0


class Recorder:
    """What is told of the past is told to this, and stands in the file soon after.

    Parameters
    ----------
    file
        What it writes; nobody else may use the object.
    gathering
        How much may wait, and for how long.
    patient
        Whether to wait for room rather than drop, and to give up at the first failure: for files that are replayed,
        where nothing else goes on meanwhile.

    Attributes
    ----------
    dropped
        How many entries are in no file: there was no room for them, or no database takes them.
    """

    def __init__(self, file: HistoryFile, gathering: Gathering = Gathering(), *, patient: bool = False) -> None:  # noqa: B008 - immutable
        self.dropped = 0
        self._file = file
        self._gathering = gathering
        self._patient = patient
        self._changed = threading.Condition()
        self._waiting: deque[HistoryEntry] = deque()
        self._writing: list[HistoryEntry] = []
        self._weight = 0  # of what waits, and of what is being written
        self._taken = self._done = 0  # weights of all that ever was
        self._trouble = ""
        self._dropping = False
        self._hurried = False
        self._closing = False
        self._thread: threading.Thread | None = None

    @property
    def is_full(self) -> bool:
        """Whether an entry would be dropped although the file can be written, as far as is known."""
        return self._weight >= self._gathering.most_waiting and not self._trouble

    @property
    def written(self) -> int:
        """Cells and findings that have been written, or given up: it grows while the writing goes on."""
        return self._done

    def record(self, entries: Iterable[HistoryEntry]) -> None:
        """Have entries written, in their order.

        Raises
        ------
        HistoryUnwritable
            This is `patient`, and the file cannot be written.
        """
        for entry in entries:
            with self._changed:
                admitted = self._admits()
                if not admitted:
                    self._drop(entries_in(entry))
            if admitted:
                for piece in entry.pieces(_PIECE) if isinstance(entry, ClosedBucket) else (entry,):
                    self._append(_packed(piece))

    def _append(self, entry: HistoryEntry) -> None:
        size = weight(entry)
        with self._changed:
            if self._closing:  # since it was admitted: nobody would write it
                self._drop(entries_in(entry))
                return
            idle = not self._waiting
            self._waiting.append(entry)
            self._weight += size
            self._taken += size
            self._begin()
            # Not for every entry: whoever brings them would give way to a thread that only looks, and waits again.
            if idle or self._weight >= self._gathering.at_once:
                self._changed.notify_all()

    def _admits(self) -> bool:
        """Whether there is room; an entry may be larger than what is left of it."""
        if self._patient:
            self._begin()
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._weight < self._gathering.most_waiting or self._trouble)
            if self._trouble:
                raise HistoryUnwritable(self._trouble)
        return self._weight < self._gathering.most_waiting and not self._closing

    def _drop(self, count: int) -> None:
        self.dropped += count
        if not self._dropping:
            self._dropping = True
            _log.error("history_dropping", path=str(self._file.path), waiting=self._weight, error=self._trouble)

    def _begin(self) -> None:
        if self._thread is not None:
            return
        thread = threading.Thread(target=self._run, name="history", daemon=True)
        with suppress(RuntimeError):  # the machine has no thread left to give: the next entry tries again
            thread.start()
            self._thread = thread

    def drain(self, seconds: float) -> bool:
        """Have written what waits now, without waiting for more; returns whether that is done in so many seconds."""
        with self._changed:
            until = self._taken
            self._hurried = True
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: self._done >= until, seconds)
            self._hurried = False
        return done

    def settle(self, seconds: float) -> None:
        """Wait until what waits now is written, for so many seconds at most, and not at all while it cannot be."""
        if not self._trouble:
            self.drain(seconds)

    def close(self, seconds: float) -> None:
        """Write what waits, for so many seconds at most, and let go of the file.

        Raises
        ------
        HistoryUnwritable
            This is `patient`, and not all is written.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)
        with self._changed:
            left = sum(map(entries_in, (*self._writing, *self._waiting)))
            if left:
                self.dropped += left
                _log.error("history_left_unwritten", path=str(self._file.path), entries=left)
            if self._patient and (left or self._trouble):
                raise HistoryUnwritable(self._trouble or "it took too long")

    # In the thread:

    def _run(self) -> None:
        while batch := self._next():
            size = sum(map(weight, batch))
            refused = self._write(batch)
            with self._changed:
                self._writing = []
                self._weight -= size
                self._done += size
                self.dropped += refused
                self._changed.notify_all()
        with suppress(sqlite3.Error):
            self._file.close()

    def _next(self) -> list[HistoryEntry]:
        """Return what is to be written next, when enough has gathered; nothing at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            self._changed.wait_for(self._is_enough, self._gathering.gather)
            batch: list[HistoryEntry] = []
            size = 0
            while self._waiting and size < self._gathering.at_once:
                batch.append(self._waiting.popleft())
                size += weight(batch[-1])
            self._writing = batch
            return batch

    def _is_enough(self) -> bool:
        return self._weight >= self._gathering.at_once or self._hurried or self._closing

    def _write(self, batch: list[HistoryEntry]) -> int:
        """Write a batch, however long it takes; returns how many of it are in no file."""
        while True:
            try:
                refused = self._file.write(batch)
            except (sqlite3.Error, OSError) as error:
                self._tell(f"{self._file.path}: {getattr(error, 'strerror', None) or error}")
                if self._patient or not self._wait_to_try_again():
                    return sum(map(entries_in, batch))
            else:
                self._tell("")
                return refused

    def _wait_to_try_again(self) -> bool:
        with self._changed:
            return not self._changed.wait_for(lambda: self._closing, self._gathering.again)

    def _tell(self, trouble: str) -> None:
        """Say what the matter is, once; and that it is over."""
        with self._changed:
            known, self._trouble = self._trouble, trouble
            dropping, self._dropping = self._dropping, self._dropping and bool(trouble)
            self._changed.notify_all()
        if trouble and not known:
            _log.error("history_unwritable", error=trouble)
        elif not trouble and (known or dropping):
            _log.info("history_written_again", path=str(self._file.path), dropped=self.dropped)


def _packed(entry: HistoryEntry) -> HistoryEntry:
    if isinstance(entry, ClosedBucket):
        with suppress(*REFUSED):  # the thread finds the same, and counts it
            return pack_bucket(entry)
    return entry
