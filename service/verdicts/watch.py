"""Looks at the journal of verdicts every few seconds, and hands on what is in it whenever that is more than before.

A journal that cannot be read leaves what is known in force, and is told once; so is each line that is no verdict.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from service.core.ports import Clock, VerdictStore
from service.core.verdicts import Line, Verdict, Verdicts, line_of, name_of, read_journal
from service.waiting import OneAside, finished, within


class VerdictsRead(NamedTuple):
    """What a look came to.

    Attributes
    ----------
    verdicts
        All that are known.
    new
        Those that were not known at the look before.
    problems
        What is wrong with each line that is no verdict, or with the journal as a whole.
    unread
        Whether the journal could not be read.
    opened
        Whether this was the first look.
    """

    verdicts: Verdicts
    new: Sequence[Verdict] = ()
    problems: Sequence[str] = ()
    unread: bool = False
    opened: bool = False


class VerdictWatch:
    """Keeps what the journal holds known.

    Parameters
    ----------
    store
        The journal.
    every
        Seconds between two looks.
    clock
        Passes the time.
    observer
        Told what each look came to that is news; must not raise.
    timeout
        Seconds that the journal may take to be read, or added to.
    """

    def __init__(
        self,
        store: VerdictStore,
        every: float,
        clock: Clock,
        observer: Callable[[VerdictsRead], None],
        timeout: float = 30.0,
    ) -> None:
        self._store = store
        self._every = every
        self._clock = clock
        self._observer = observer
        self._aside = OneAside()
        self._timeout = timeout
        self._given = asyncio.Event()
        self._lines: Sequence[Line] | None = None
        self._known = VerdictsRead(Verdicts())

    async def open(self) -> Verdicts:
        """Read the journal before anything else is done.

        Raises
        ------
        OSError
            It cannot be read: to go on without would be to forget what people have found.
        """
        try:
            read = await self._look()
        except OSError as error:
            raise OSError(f"the journal of verdicts cannot be read: {error.strerror or error}") from error
        self._observer(read._replace(opened=True))
        return read.verdicts

    @property
    def verdicts(self) -> Verdicts:
        """Those that are known."""
        return self._known.verdicts

    async def give(self, verdict: Verdict) -> None:
        """Keep a verdict in the journal, and have it heard of at once; it is durable when this returns.

        Raises
        ------
        OSError
            It could not be kept.
        """
        await within(self._clock, self._timeout, self._store.append(name_of(verdict), line_of(verdict)))
        self._given.set()

    async def run(self, apply: Callable[[Verdicts], Awaitable[None]]) -> None:
        """Look for ever; `apply` makes more verdicts known."""
        while True:
            await self._pause()
            before = self._known
            try:
                read = await self._look()
            except OSError as error:  # a deadline that has passed is one, too
                # What a system says of a path may name people: their folders, say.
                said = error.strerror or str(error)
                read = self._known = before._replace(new=(), problems=(said,), unread=True)
            if read.new:
                await apply(read.verdicts)
            if read.new or (read.problems, read.unread) != (before.problems, before.unread):
                self._observer(read)

    async def _pause(self) -> None:
        """Wait until it is time to look again, or something has been given here."""
        given = asyncio.ensure_future(self._given.wait())
        try:
            await finished(self._clock, self._every, given)
        finally:
            given.cancel()
        self._given.clear()

    async def _look(self) -> VerdictsRead:
        lines = await within(self._clock, self._timeout, self._store.read())
        if lines is self._lines and not self._known.unread:
            return self._known._replace(new=())
        journal = await self._aside.run(read_journal, lines)
        before = {one.id for one in self._known.verdicts.entries}
        # Nothing is ever taken back: a line that has become unreadable was a verdict all the same.
        verdicts = await self._aside.run(Verdicts, (*self._known.verdicts.entries, *journal.verdicts))
        new = [one for one in verdicts.entries if one.id not in before]
        self._lines = lines
        self._known = VerdictsRead(verdicts, new, journal.problems)
        return self._known
