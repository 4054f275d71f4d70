"""What was read, kind by kind, in the words in which it is told: how much, and in which order it stood."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from models.stream import ActivityEvent

_MOSTLY = 0.9
_STEP = 100  # events between two that are compared: neighbours of a recording arrive in any order


class Contents(NamedTuple):
    """What was found in all documents of one kind.

    Attributes
    ----------
    kind
        What they were found to be.
    records
        How many records they held, those that were rejected or left out included.
    documents
        How many they are.
    order
        ``oldest first``, ``newest first``, ``in no order``; empty if there is no telling.
    """

    kind: str
    records: int
    documents: int
    order: str


class DocumentTally:
    """Counts what the documents of one kind hold, and whether their events go up or down in time."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self.records = 0
        self.documents = 0
        self._compared: datetime | None = None
        self._last: datetime | None = None
        self._since = 0
        self._up = self._down = 0

    def begin(self) -> None:
        """Note that a document begins."""
        self._compare()
        self.documents += 1
        self._compared = self._last = None

    def follow(self, events: Iterable[ActivityEvent]) -> None:
        """Note the next events of the document."""
        for event in events:
            self._last = event.time
            if self._compared is None:
                self._compared, self._since = event.time, 0
            self._since += 1
            if self._since == _STEP:
                self._compare()

    def contents(self) -> Contents:
        """Return what was noted so far."""
        self._compare()
        return Contents(self._kind, self.records, self.documents, self._order())

    def _compare(self) -> None:
        if self._compared is not None and self._last is not None:
            self._up += self._last > self._compared
            self._down += self._last < self._compared
        self._compared, self._since = self._last, 0

    def _order(self) -> str:
        mostly = _MOSTLY * (self._up + self._down)
        if not mostly:
            return ""
        if self._up >= mostly:
            return "oldest first"
        return "newest first" if self._down >= mostly else "in no order"
