"""Looks at the file of suppressions every few seconds, and says when another one is to be in force.

A change counts once two looks in a row have found the same, so that half of a file that is being written is never
taken for all of it. The file is read by its path each time: an edit, a rename and a ConfigMap's swapped symbolic link
all look alike. What cannot be used changes nothing. Reading YAML, and what is done with the result, is left to others.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from service.core.alerting import Suppressions, UnusableSuppressions
from service.core.ports import Clock
from service.suppressions.file import MOST_BYTES
from service.waiting import OneAside

_READ_WITHIN = 5.0  # seconds


class Looked(NamedTuple):
    """What a look came to.

    Attributes
    ----------
    at
        When, by our clock.
    suppressions
        Those in force.
    news
        ``loaded`` if these are others than before, ``refused`` if what the file holds now cannot be used.
    problems
        Why it was refused, a line each.
    """

    at: datetime
    suppressions: Suppressions
    news: Literal["none", "loaded", "refused"] = "none"
    problems: Sequence[str] = ()


class SuppressionWatch:
    """Keeps the last good content of a file in force.

    Parameters
    ----------
    path
        The file.
    every
        Seconds between two looks.
    clock
        Passes the time.
    read
        Makes suppressions of the file's bytes as of an instant, or raises `UnusableSuppressions`.
    observer
        Told what each look came to; must not raise.

    Attributes
    ----------
    suppressions
        Those in force.

    Raises
    ------
    UnusableSuppressions
        The file cannot be read, or used, at the start: nothing would be in force.
    """

    def __init__(
        self,
        path: Path,
        every: float,
        clock: Clock,
        read: Callable[[bytes, datetime], Suppressions],
        observer: Callable[[Looked], None],
    ) -> None:
        self._path = path
        self._every = every
        self._clock = clock
        self._read = read
        self._observer = observer
        self._aside = OneAside(_READ_WITHIN)
        content = self._content()
        if isinstance(content, str):
            raise UnusableSuppressions([content])
        self.suppressions = read(content, clock.now())
        self._taken: bytes | str = content
        self._seen: bytes | str = content

    async def run(self, apply: Callable[[Suppressions], Awaitable[None]]) -> None:
        """Look for ever; `apply` puts others in force."""
        self._observer(Looked(self._clock.now(), self.suppressions, "loaded"))
        while True:
            await self._clock.sleep(self._every)
            looked = self._take(await self._content_aside())
            if looked.news == "loaded":
                await apply(looked.suppressions)
            self._observer(looked)

    def look(self) -> Looked:
        """Look once, here and now."""
        return self._take(self._content())

    def _take(self, content: bytes | str) -> Looked:
        now = self._clock.now()
        settled, self._seen = content == self._seen, content
        if not settled or content == self._taken:
            return Looked(now, self.suppressions)
        self._taken = content
        try:
            if isinstance(content, str):
                raise UnusableSuppressions([content])
            self.suppressions = self._read(content, now)
        except UnusableSuppressions as error:
            return Looked(now, self.suppressions, "refused", error.lines)
        return Looked(now, self.suppressions, "loaded")

    async def _content_aside(self) -> bytes | str:
        """Do what `_content` does in a thread: a folder that is mounted from elsewhere may hang."""
        try:
            return await self._aside.run(self._content)
        except OSError as error:
            return f"{self._path}: cannot be read: {error.strerror or error}"

    def _content(self) -> bytes | str:
        """Return what the file holds, or why that cannot be known."""
        try:
            with self._path.open("rb") as file:
                return file.read(MOST_BYTES + 1)  # one more than is allowed, so that `read` refuses it
        except OSError as error:
            return f"{self._path}: cannot be read: {error.strerror or error}"
