"""The one place that asks what time it is, or waits; everybody else is handed a `Clock`."""

# This is the file that the ban on asking the time makes an exception for.
# ruff: noqa: TID251

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

JUMP_SECONDS = 1.0
"""What the calendar gains or loses at once to count as set; what is less is how clocks are disciplined."""

_AT_ONCE = 0.1  # seconds within which calendar and stopwatch have to be read to be compared
_LOOK_AGAIN = 60.0


class SystemClock:
    """The machine's clock, as the `Clock` of `service.core.ports`.

    Parameters
    ----------
    calendar
        Unix time in seconds, which an operator or a time service may set.
    stopwatch
        Seconds that only ever go on.
    """

    def __init__(
        self, calendar: Callable[[], float] = time.time, stopwatch: Callable[[], float] = time.monotonic
    ) -> None:
        self._calendar = calendar
        self._stopwatch = stopwatch
        self._apart = calendar() - stopwatch()
        self._jumped = 0.0

    def now(self) -> datetime:
        """Return the present, aware UTC."""
        before, unix, after = self._stopwatch(), self._calendar(), self._stopwatch()
        if after - before < _AT_ONCE:
            apart = unix - before
            if abs(apart - self._apart) >= JUMP_SECONDS:
                self._jumped += apart - self._apart
            self._apart = apart
        return datetime.fromtimestamp(unix, UTC)

    def jumped(self) -> timedelta:
        """Return by how much the calendar had been set since this object was made when `now` was last asked."""
        return timedelta(seconds=self._jumped)

    def elapsed(self) -> float:
        """Return seconds on the monotonic clock."""
        return self._stopwatch()

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass on the running loop; none, if negative."""
        await asyncio.sleep(max(0.0, seconds))

    async def sleep_until(self, moment: datetime) -> None:
        """Let time pass until `now` is at least `moment`, but no longer than that is away now (and a second).

        Looks again every minute: a calendar that is set forward gets there sooner, and one that is set back never does.
        """
        longest = self.elapsed() + (moment - self.now()).total_seconds() + JUMP_SECONDS
        while (remaining := (moment - self.now()).total_seconds()) > 0 and (left := longest - self.elapsed()) > 0:
            await self.sleep(min(remaining, left, _LOOK_AGAIN))
