"""Looks at the file of owners every few seconds, and puts what has changed in the place of what was known.

As with suppressions, a change counts once two looks in a row have found the same. Nothing depends on the file: one that
cannot be used leaves what is known as it is, also at the start, and is said in one line.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from service.core.owners import NO_OWNERS, Owners
from service.core.ports import Clock
from service.owners.file import MOST_FILE_BYTES, UnusableOwners, read_owners
from service.waiting import OneAside

_READ_WITHIN = 30.0  # seconds; the largest file takes two


class OwnersLooked(NamedTuple):
    """What a look came to: how many identities are known, how many rows were rejected, and what is wrong."""

    news: Literal["loaded", "refused"]
    known: int
    rejected: int = 0
    problems: Sequence[str] = ()


class OwnersWatch:
    """Knows who answers for which identity, as the file says.

    Parameters
    ----------
    path
        The file.
    every
        Seconds between two looks.
    clock
        Passes the time.
    observer
        Told of news; must not raise.

    Attributes
    ----------
    owners
        Those known; nobody before `run`.
    """

    def __init__(self, path: Path, every: float, clock: Clock, observer: Callable[[OwnersLooked], None]) -> None:
        self.owners: Owners = NO_OWNERS
        self._path = path
        self._every = every
        self._clock = clock
        self._observer = observer
        self._aside = OneAside(_READ_WITHIN)
        self._taken: bytes | str | None = None

    async def run(self) -> None:
        """Look for ever, at once the first time."""
        seen = await self._content()
        await self._take(seen)
        while True:
            await self._clock.sleep(self._every)
            content = await self._content()
            if content == seen and content != self._taken:
                await self._take(content)
            seen = content

    async def _take(self, content: bytes | str) -> None:
        self._taken = content
        try:
            if isinstance(content, str):
                raise UnusableOwners(content)
            file = await self._aside.run(read_owners, content)
        except UnusableOwners as error:
            self._observer(OwnersLooked("refused", len(self.owners), 0, [str(error)]))
        except OSError as error:  # it took too long
            self._observer(OwnersLooked("refused", len(self.owners), 0, [f"cannot be read: {error}"]))
        else:
            self.owners = file.owners
            self._observer(OwnersLooked("loaded", len(file.owners), file.rejected, file.reasons))

    async def _content(self) -> bytes | str:
        """Return what the file holds, or why that cannot be known; in a thread, because a mounted folder may hang."""
        try:
            return await self._aside.run(self._read)
        except OSError as error:
            return f"cannot be read: {error.strerror or error}"

    def _read(self) -> bytes:
        with self._path.open("rb") as file:
            return file.read(MOST_FILE_BYTES + 1)  # one more than is allowed, so that it is refused
