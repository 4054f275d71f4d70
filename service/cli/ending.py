"""Ends the process when asked to: in order if it can, and by force if it has not ended within the grace period.

How it ends in order is the application's business. Force is for what nothing in the process can hurry: a library that
does not let go of a task, a file system that hangs, an event loop that is stuck.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import structlog

_LOG_WITHIN = 1.0  # seconds: who reads the log may be what hangs

_log = structlog.get_logger("unwonted")


class Ending:
    """The end of the process, which the first SIGTERM or SIGINT asks for.

    Parameters
    ----------
    grace
        Seconds until what has not ended is ended by force.
    code
        Exit code of an end by force.
    """

    def __init__(self, grace: float, code: int) -> None:
        self._grace = grace
        self._code = code
        self._asked = False
        self._over = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @contextmanager
    def on_signals(self, stop: asyncio.Event) -> Iterator[None]:
        """Set `stop` at the first signal; whatever is left when the context is left has the grace period as well.

        Not by asyncio's own handlers, which a loop that is stuck never calls.
        """
        loop = self._loop = asyncio.get_running_loop()

        def handle(_: int, __: FrameType | None) -> None:
            self.ask()
            with suppress(RuntimeError):  # the loop is closed already
                loop.call_soon_threadsafe(stop.set)

        before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            self.ask()
            for number, handler in before.items():
                signal.signal(number, handler)

    def ask(self) -> None:
        """Begin to count; a second time changes nothing."""
        if not self._asked:
            self._asked = True
            threading.Thread(target=self._insist, name="ending", daemon=True).start()

    def over(self) -> None:
        """Stop counting: the process ends by itself."""
        self._over.set()

    def _insist(self) -> None:
        if self._over.wait(self._grace):
            return
        telling = threading.Thread(target=self._tell, daemon=True)
        telling.start()
        telling.join(_LOG_WITHIN)
        os._exit(self._code)

    def _tell(self) -> None:
        waiting: list[str] = []
        with suppress(RuntimeError):  # tasks begin and end meanwhile
            waiting = sorted(task.get_name() for task in asyncio.all_tasks(self._loop))
        _log.error("end_forced", seconds=self._grace, tasks=waiting)
