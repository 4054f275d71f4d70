"""Lets a stream that catches up wait for its history, which is written more slowly; never for a file that hangs."""

from typing import Final

from service.core.ports import Clock
from service.history.recorder import Recorder

_LOOK_EVERY: Final = 0.01  # seconds
_STUCK_AFTER: Final = 2.0  # seconds in which nothing was written: to write what is written at once takes a tenth
_LONGEST: Final = 15.0  # seconds, in which hours of some 100,000 identities are written


class Room:
    """Whoever brings entries waits here before, so that none has to be dropped.

    Live, there is always room: an hour is closed once. Only messages that have waited in the hub for hours close one
    after the other in seconds.

    Parameters
    ----------
    recorder
        What is to have room.
    clock
        Measures the waiting.
    """

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock
        self._stuck_at: int | None = None

    async def wait(self, since: float | None = None) -> float:
        """Return when there is room, or nothing was written for two seconds; then at once until something is.

        Everything else has its turn meanwhile: what is brought next is packed without a pause.

        Parameters
        ----------
        since
            What this returned for the first of several parts: all of them together wait for fifteen seconds.
        """
        await self._clock.sleep(0.0)
        moved = self._clock.elapsed()
        began = moved if since is None else since
        written = self._recorder.written
        if written == self._stuck_at:
            return began
        self._stuck_at = None
        while self._recorder.is_full and self._clock.elapsed() - began < _LONGEST:
            await self._clock.sleep(_LOOK_EVERY)
            if self._recorder.written != written:
                written, moved = self._recorder.written, self._clock.elapsed()
            elif self._clock.elapsed() - moved >= _STUCK_AFTER:
                self._stuck_at = written
                break
        return began
