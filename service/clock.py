"""The one place that asks what time it is, or waits; everybody else is handed a `Clock`."""

# This is the file that the ban on asking the time makes an exception for.
# ruff: noqa: TID251

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """The machine's clock, as the `Clock` of `service.core.ports`."""

    def now(self) -> datetime:
        """Return the present, aware UTC."""
        return datetime.now(UTC)

    def elapsed(self) -> float:
        """Return seconds on the monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass on the running loop; none, if negative."""
        await asyncio.sleep(max(0.0, seconds))

    async def sleep_until(self, moment: datetime) -> None:
        """Let time pass until `now` is at least `moment`; looks again every minute, as the clock may be set."""
        while (remaining := (moment - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - a clock has no event to wait for
            await asyncio.sleep(min(remaining, 60.0))
