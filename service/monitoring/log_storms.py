"""Keeps a storm of lines that say the same from filling the log: so many a minute are written, the rest are counted.

Lines are alike if their event, level, logger and sink are; what a library logs, if its logger and level are. What is in
a line otherwise does not count, because whoever causes a storm can make each of its lines another one.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TextIO

import structlog

MOST_ALIKE = 100
WINDOW_SECONDS = 60.0
_MOST_KEYS = 256


class LineKind(NamedTuple):
    """What alike lines have in common."""

    logger: str
    level: int
    event: str = ""
    sink: str = ""


class LinesLeftOut(NamedTuple):
    """How many lines of a kind were not written within so many seconds."""

    kind: LineKind
    lines: int
    seconds: float


@dataclass(slots=True)
class _Window:
    began: float
    lines: int = 0


class LogStorms:
    """Says of each line whether it is to be written.

    Parameters
    ----------
    elapsed
        Seconds on a clock that never goes back.
    most, seconds
        Lines of a kind that are written within so many seconds from the first.

    Examples
    --------
    >>> time = 0.0
    >>> storms, line = LogStorms(lambda: time, most=2, seconds=60.0), LineKind("unwonted", logging.WARNING, "retried")
    >>> [storms.admits(line) for _ in range(5)], list(storms.over())
    ([True, True, False, False, False], [])
    >>> time = 60.0
    >>> [(one.lines, one.seconds) for one in storms.over()], storms.admits(line)
    ([(3, 60.0)], True)
    """

    def __init__(
        self, elapsed: Callable[[], float], *, most: int = MOST_ALIKE, seconds: float = WINDOW_SECONDS
    ) -> None:
        self._elapsed = elapsed
        self._most = most
        self._seconds = seconds
        self._windows: dict[LineKind, _Window] = {}  # in the order in which they began

    def admits(self, kind: LineKind) -> bool:
        """Count a line, and return whether it is to be written; ask for what is `over` before."""
        window = self._windows.get(kind)
        if window is None:
            window = self._windows[kind] = _Window(self._elapsed())
        window.lines += 1
        return window.lines <= self._most

    def over(self) -> Iterator[LinesLeftOut]:
        """Yield what was left out of windows that are over, and forget these; of the oldest, if there are too many."""
        now = self._elapsed()
        while self._windows:
            kind, window = next(iter(self._windows.items()))
            if now - window.began < self._seconds and len(self._windows) <= _MOST_KEYS:
                return
            yield from self._forget(kind, now)

    def all_left_out(self) -> Iterator[LinesLeftOut]:
        """Yield what was left out of every window, and forget them all: this is the end."""
        for kind in list(self._windows):
            yield from self._forget(kind, self._elapsed())

    def _forget(self, kind: LineKind, now: float) -> Iterator[LinesLeftOut]:
        window = self._windows.pop(kind, None)  # None: telling of another one had it forgotten meanwhile
        if window is not None and window.lines > self._most:
            yield LinesLeftOut(kind, window.lines - self._most, round(now - window.began, 1))


class CalmHandler(logging.StreamHandler[TextIO]):
    """Writes lines to a stream, but for those that a storm has too many of.

    What was left out is told in a line of its own, ``log_lines_left_out``, when the next line comes that is written, or
    at the end. What ends the process is always written.
    """

    def __init__(self, stream: TextIO, storms: LogStorms) -> None:
        super().__init__(stream)
        self._storms = storms

    def handle(self, record: logging.LogRecord) -> bool:
        """Write a line, or leave it out."""
        self.acquire()
        try:
            for left_out in self._storms.over():
                _tell(left_out)
            if record.levelno < logging.CRITICAL and not self._storms.admits(_kind(record)):
                return False
            return bool(super().handle(record))
        finally:
            self.release()

    def close(self) -> None:
        """Tell what has been left out, and let go of the stream."""
        for left_out in self._storms.all_left_out():
            _tell(left_out)
        super().close()


def _kind(record: logging.LogRecord) -> LineKind:
    if isinstance(record.msg, dict):
        return LineKind(record.name, record.levelno, str(record.msg.get("event")), str(record.msg.get("sink", "")))
    return LineKind(record.name, record.levelno)


def _tell(left_out: LinesLeftOut) -> None:
    kind = left_out.kind
    what = {"of": kind.event or kind.logger, "count": left_out.lines, "seconds": left_out.seconds}
    structlog.get_logger("unwonted").log(
        kind.level, "log_lines_left_out", **what, **({"sink": kind.sink} if kind.sink else {})
    )
