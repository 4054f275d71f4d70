"""A clock that only moves when told to, or (autojump) when every task waits for it: a week passes in no time."""

import asyncio
import heapq
import itertools
import threading
import time
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary

from service.waiting import still_running

PATIENCE = 2.0  # real seconds for which a thread is waited for, once: one that hangs on purpose holds nobody up again
MONDAY_MORNING = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


class _Turn:
    """Awaited, lets every other ready task run once; there is no timer in it."""

    def __await__(self) -> Generator[None, None, None]:
        yield


_first_seen: WeakKeyDictionary[threading.Thread, float] = WeakKeyDictionary()


def _may_yet_return(now: float) -> bool:
    """Whether a thread is running that has not been waited for in vain."""
    waited = [
        now - _first_seen.setdefault(thread, now) for thread in still_running()
    ]  # of all: none is waited for next
    return any(seconds < PATIENCE for seconds in waited)


async def settle() -> None:
    """Return when every other task waits for something; sockets are not looked at, and threads that hang are left."""
    loop = asyncio.get_running_loop()
    ready = vars(loop)["_ready"]
    await _Turn()
    while ready or _may_yet_return(loop.time()):
        if not ready:
            time.sleep(0.0005)  # noqa: ASYNC251, TID251 - a thread shall have the interpreter, and nobody else is ready
        await _Turn()


class FakeClock:
    """A `service.core.ports.Clock` for tests.

    Parameters
    ----------
    start
        What `now` says at first; aware UTC.
    autojump
        None: time stands until `advance`. Otherwise real seconds of idleness after which the clock jumps to the next
        sleeper's deadline; 0 is right where no socket, thread or subprocess is involved, 0.01 or so where one is.

    Notes
    -----
    After trio's MockClock. Sleepers wake in the order of their deadlines, then of falling asleep, and whoever is
    woken runs until it waits again before time moves on.
    """

    def __init__(self, start: datetime = MONDAY_MORNING, *, autojump: float | None = None) -> None:
        self._start = start
        self._elapsed = 0.0
        self._jumped = timedelta(0)
        self._autojump = autojump
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._jump_planned = False

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def elapsed(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await _Turn()
            return
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), woken))
        self._plan_jump(loop)
        await woken

    async def sleep_until(self, moment: datetime) -> None:
        longest = self._elapsed + (moment - self.now()).total_seconds() + 1.0
        while (remaining := (moment - self.now()).total_seconds()) > 0 and (left := longest - self._elapsed) > 0:
            await self.sleep(min(remaining, left))

    def jumped(self) -> timedelta:
        return self._jumped

    @property
    def sleepers(self) -> int:
        """How many tasks wait for this clock."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass, waking whoever is due on the way, and everyone who falls asleep and is due again."""
        target = self._elapsed + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            self._wake_next()
            await settle()
        self._elapsed = target
        await settle()

    async def advance_to(self, moment: datetime) -> None:
        """`advance` until `now` is `moment`."""
        await self.advance((moment - self.now()).total_seconds())

    def set(self, moment: datetime) -> None:
        """Step `now` without waking anybody, as an operator or NTP does to a wall clock; `elapsed` stays."""
        self._jumped += moment - self.now()
        self._start = moment - timedelta(seconds=self._elapsed)

    def freeze(self, seconds: float) -> None:
        """Let time pass without waking anybody, as in a process that is stopped; `advance` wakes all who are due."""
        self._elapsed += seconds

    def begin_wrong(self, by: timedelta) -> None:
        """Be wrong by that from the start, as far as the process that begins now knows: it sees no jump."""
        self._start += by

    def _wake_next(self) -> None:
        deadline, _, woken = heapq.heappop(self._sleepers)
        if not woken.done():  # a cancelled sleeper must not move time
            self._elapsed = max(self._elapsed, deadline)
            woken.set_result(None)

    def _plan_jump(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._autojump is not None and not self._jump_planned:
            self._jump_planned = True
            loop.call_later(self._autojump, self._jump, loop)

    def _jump(self, loop: asyncio.AbstractEventLoop) -> None:
        self._jump_planned = False
        if not vars(loop)["_ready"] and self._sleepers:
            self._wake_next()
        if self._sleepers:
            self._plan_jump(loop)
