"""Time that runs fast, and the service in it: a calendar paced over the stopwatch, in two processes alike.

`python -m demo.compressed` runs the very application of `unwonted run`, with this clock instead of the machine's; its
standard input tells it how time passes. What is fed to it and what is made of its alerts is decided elsewhere; what it
made of everything else, it leaves in a file.
"""

import argparse
import asyncio
import signal
import sys
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self, TextIO

from demo.judged import Overheard, write_judged
from service.app import App
from service.clock import SystemClock
from service.core.ports import Clock
from service.monitoring import Redactor, configure
from service.settings import load, secrets
from service.wiring import build_components


class Stretch(NamedTuple):
    """A stretch of the calendar: `moment` at `since` on the stopwatch, and from there `rate` times as fast.

    Examples
    --------
    >>> from datetime import UTC
    >>> stretch = Stretch(900.0, 12.5, datetime(2026, 3, 2, 9, tzinfo=UTC))
    >>> stretch.at(13.5).isoformat()
    '2026-03-02T09:15:00+00:00'
    >>> Stretch.parse(stretch.line()) == stretch
    True
    """

    rate: float
    since: float
    moment: datetime

    def at(self, elapsed: float) -> datetime:
        """Return what the calendar says at `elapsed` on the stopwatch."""
        return self.moment + timedelta(seconds=max(0.0, elapsed - self.since) * self.rate)

    def line(self) -> str:
        """Return the stretch as a line of text."""
        return f"{self.rate!r} {self.since!r} {self.moment.isoformat()}\n"

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read what `line` wrote; raises ValueError for anything else."""
        rate, since, moment = line.split()
        return cls(float(rate), float(since), datetime.fromisoformat(moment))


class CompressedClock:
    """A `service.core.ports.Clock` whose calendar stands still until told how to run; its stopwatch is the machine's.

    The machine's stopwatch is the same in all of its processes: clocks that `follow` equal stretches agree.

    Parameters
    ----------
    moment
        What the calendar says at first; aware UTC.
    stopwatch
        Measures real seconds.
    """

    def __init__(self, moment: datetime, stopwatch: Clock | None = None) -> None:
        self._stopwatch = stopwatch or SystemClock()
        self._stretch = Stretch(0.0, self._stopwatch.elapsed(), moment)
        self._changed = asyncio.Event()

    def now(self) -> datetime:
        """Return what the calendar says."""
        return self._stretch.at(self._stopwatch.elapsed())

    def elapsed(self) -> float:
        """Return real seconds from an arbitrary origin."""
        return self._stopwatch.elapsed()

    async def sleep(self, seconds: float) -> None:
        """Let real `seconds` pass."""
        await self._stopwatch.sleep(seconds)

    async def sleep_until(self, moment: datetime) -> None:
        """Wait until the calendar says `moment`, at whatever pace it gets there."""
        while (remaining := (moment - self.now()).total_seconds()) > 0:
            waits: set[asyncio.Future[object]] = {asyncio.ensure_future(self._changed.wait())}
            if self._stretch.rate > 0:
                waits.add(asyncio.ensure_future(self._stopwatch.sleep(remaining / self._stretch.rate)))
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    def jumped(self) -> timedelta:
        """Return nothing: this calendar changes its pace, and is never set."""
        return timedelta(0)

    def run(self, rate: float) -> Stretch:
        """Let the calendar run on `rate` times as fast as the stopwatch; return what other clocks are to `follow`."""
        stretch = Stretch(rate, self.elapsed(), self.now())
        self.follow(stretch)
        return stretch

    def follow(self, stretch: Stretch) -> None:
        """Let the calendar run as `stretch` says, and wake whoever waits for it to think again."""
        self._stretch = stretch
        self._changed.set()
        self._changed = asyncio.Event()


async def serve(config: Path, moment: datetime, judged: TextIO) -> None:
    """Run the service until SIGTERM, or until standard input ends: nobody is left to serve then.

    Parameters
    ----------
    config
        The service's configuration.
    moment
        What the calendar says at first.
    judged
        Where to write what was thought of each operation from then on.
    """
    settings = load(config, {})
    configure(level=settings.log.level, style=settings.log.format, redactor=Redactor(secrets(settings)))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    clock = CompressedClock(moment)
    listening = asyncio.create_task(_listen(clock, stop))
    components = build_components(settings, clock)
    overheard = Overheard(components.telemetry, partial(write_judged, judged, since=moment))
    await App(components._replace(telemetry=overheard)).run(stop)
    listening.cancel()


async def _listen(clock: CompressedClock, stop: asyncio.Event) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        clock.follow(Stretch.parse(line.decode()))
    stop.set()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m demo.compressed", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="the service's configuration")
    parser.add_argument("--moment", type=datetime.fromisoformat, required=True, help="what the calendar says at first")
    parser.add_argument("--judged", type=Path, required=True, help="where to write what was thought of each operation")
    options = parser.parse_args()
    with options.judged.open("w", encoding="utf-8") as judged:
        asyncio.run(serve(options.config, options.moment, judged))


if __name__ == "__main__":
    main()
