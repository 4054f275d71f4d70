"""What the receiver got, and who waits for more of it."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["teams", "slack", "webhook"]

KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Received:
    """One request, whatever was answered.

    Attributes
    ----------
    number
        1 for the first request.
    kind, payload, headers, size
        Where it was posted; the decoded body, None if it was no JSON; header names in lower case; bytes of the body.
    time
        When it came, aware UTC.
    status
        What was answered; 0 if the connection was cut.
    problems
        Why a person would not have seen it, even if the answer was a success; empty for a good message.
    """

    number: int
    kind: Kind
    payload: object
    headers: Mapping[str, str]
    size: int
    time: datetime
    status: int
    problems: tuple[str, ...]

    @property
    def shown(self) -> bool:
        """Whether a person would have seen it."""
        return 200 <= self.status < 300 and not self.problems


class Inbox:
    """Every request, oldest first; the newest 10,000 are kept.

    Attributes
    ----------
    entries
        What is kept.
    count
        What ever came: the number of the newest.
    closed
        Whether nothing more will come.
    """

    def __init__(self) -> None:
        self.entries: list[Received] = []
        self.count = 0
        self.closed = False
        self._news = asyncio.Condition()

    async def add(self, entry: Received) -> None:
        """Keep one more, and wake who waits for it."""
        async with self._news:
            self.entries.append(entry)
            self.count = entry.number
            del self.entries[:-KEPT]
            self._news.notify_all()

    async def wait_for(self, holds: Callable[[], bool]) -> None:
        """Return when `holds`, which is asked again at every change."""
        async with self._news:
            await self._news.wait_for(holds)

    async def set_closed(self, closed: bool) -> None:
        """Say whether more will come."""
        async with self._news:
            self.closed = closed
            self._news.notify_all()
