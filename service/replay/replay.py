"""Files instead of a hub, and their own times instead of a clock: the alerts of a week in seconds, the same each time.

Files are merged by time, and the calendar stands where the newest record does; everything else is the very engine
that runs live. Reading options and printing are the command line's business.
"""

import gzip
import heapq
import io
import re
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, islice, pairwise
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple, cast

from models.detectors import Anomaly
from models.stream import EPOCH, ActivityEvent, RecordResult
from service.core.alerting import Alert
from service.core.engine import Engine
from service.core.messages import Message
from service.core.parsing import ActivityLogParser, Parsed, Reject
from service.core.schedule import next_tick
from service.replay.documents import documents

BLOCK = 256
STRAY = timedelta(days=1)
ENOUGH = 2
FARTHEST = datetime(9000, 1, 1, tzinfo=UTC)  # a calendar that ends in 9999 needs room for what comes after
PARTITION = "replay"
READ_AT_ONCE = 1 << 20
_BARE_RECORD = re.compile(rb'\{(?!\s*"records"\s*:)', re.IGNORECASE)


class Summary(NamedTuple):
    """What a replay has read and made of it; times are None when nothing could be read."""

    records: int
    rejects: int
    left_out: int
    results: dict[RecordResult, int]
    clamped: int
    scored: int
    alerts: int
    first: datetime | None
    last: datetime | None


class Replay:
    """Drives an engine through files.

    Parameters
    ----------
    engine
        A fresh one, or one restored from a snapshot.
    every
        Time between two evaluations.
    on_scored, on_alerts, on_reject
        Told of judged cells, of the alerts of each evaluation, and of each rejected record.
    on_read
        Called now and then, for a progress bar.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        every: timedelta,
        on_scored: Callable[[Sequence[Anomaly]], None],
        on_alerts: Callable[[Sequence[Alert]], None],
        on_reject: Callable[[Reject], None],
        on_read: Callable[[], None],
    ) -> None:
        self.engine = engine
        self._every = every
        self._on_scored = on_scored
        self._on_alerts = on_alerts
        self._on_reject = on_reject
        self._on_read = on_read
        self._parser = ActivityLogParser()
        self._results: Counter[RecordResult] = Counter()
        self._counts: Counter[str] = Counter()
        self._now = EPOCH
        self._first: datetime | None = None
        self._due = EPOCH
        self._sequence = -1
        self._group: list[ActivityEvent] = []

    def run(self, files: Iterable[Iterable[bytes]]) -> Summary:
        """Replay files of lines, a record or an envelope each, or one document; returns the totals."""
        streams = [self._events(number, lines) for number, lines in enumerate(files)]
        for arrived, _, event in heapq.merge(*streams) if len(streams) != 1 else streams[0]:
            self._take(event, arrived)
        self._apply()
        if self._first is not None:
            options = self.engine.options
            self._tick_until(self._now + options.bucket + options.lateness + self._every)
        return Summary(
            records=self._counts["records"],
            rejects=self._counts["rejects"],
            left_out=self._counts["left_out"],
            results=dict(self._results),
            clamped=self._counts["clamped"],
            scored=self._counts["scored"],
            alerts=self._counts["alerts"],
            first=self._first,
            last=self._now if self._first else None,
        )

    def _events(self, number: int, lines: Iterable[bytes]) -> Iterator[tuple[datetime, int, ActivityEvent]]:
        """Yield a file's events with the time at which each is there, which never goes back."""
        reached = EPOCH
        blocks = ([event for parsed in block for event in parsed.events] for block in self._blocks(lines))
        for events, following in _with_next(_oldest_first(blocks)):
            coming = [event.time for event in following]
            for event, arrival in zip(events, _arrivals([one.time for one in events], coming, reached), strict=True):
                reached = max(reached, arrival)
                yield reached, number, event

    def _blocks(self, lines: Iterable[bytes]) -> Iterator[list[Parsed]]:
        source = documents(lines)
        while block := list(islice(source, BLOCK)):
            self._on_read()
            found = self._parse(list(filter(None, map(bytes.strip, block))))
            for parsed in found:
                self._counts["records"] += parsed.records
                self._counts["rejects"] += len(parsed.rejects)
                self._counts["left_out"] += sum(parsed.left_out.values())
                for reject in parsed.rejects:
                    self._on_reject(reject)
            yield found

    def _parse(self, lines: list[bytes]) -> list[Parsed]:
        """Parse lines as one envelope if they are bare records, because that is the parser's fast path."""
        if lines and all(map(_BARE_RECORD.match, lines)):
            parsed = self._parser.parse(b'{"records":[' + b",".join(lines) + b"]}")
            # A broken line must not take its neighbours with it.
            if not parsed.rejects:
                return [parsed]
        return [self._parser.parse(line) for line in lines]

    def _take(self, event: ActivityEvent, arrived: datetime) -> None:
        if self._first is None:
            self._first = self._now = arrived
            self._due = next_tick(arrived, self._every)
            self.engine.begin(EPOCH)
        if arrived >= self._due:
            self._apply()
            self._tick_until(arrived)
        self._now = arrived
        self._group.append(event)
        if len(self._group) == BLOCK:
            self._apply()

    def _apply(self) -> None:
        if not self._group:
            return
        self._sequence += 1
        message = Message(PARTITION, self._sequence, str(self._sequence), self._now, b"")
        applied = self.engine.apply(message, self._group)
        self._group.clear()
        self._results.update(applied.results)
        self._counts["clamped"] += applied.clamped
        self._judged(applied.scored)

    def _tick_until(self, moment: datetime) -> None:
        options = self.engine.options
        quiet = self._now + options.horizon + options.window + options.bucket
        while self._due <= moment:
            self._judged(self.engine.idle(PARTITION, self._sequence, self._due))
            alerts = self.engine.evaluate(self._due).alerts
            self._counts["alerts"] += len(alerts)
            self._on_alerts(alerts)
            # Nothing can be found long after the last record: the calendar may skip what the file leaves out.
            after = self._due if self._due < quiet else max(self._due, moment - self._every)
            self._due = next_tick(after, self._every)

    def _judged(self, scored: Sequence[Anomaly]) -> None:
        self._counts["scored"] += len(scored)
        if scored:
            self._on_scored(scored)


def _oldest_first(blocks: Iterator[list[ActivityEvent]]) -> Iterator[list[ActivityEvent]]:
    """Turn a file that begins with the newest, as Azure's own lists do; such a one is held as a whole."""
    first = next(filter(None, blocks), [])
    times = [event.time for event in first]
    falls = sum(later < earlier for earlier, later in pairwise(times))
    rises = sum(later > earlier for earlier, later in pairwise(times))
    if falls <= 2 * rises:
        yield from chain([first], blocks)
        return
    events = list(chain(first, *blocks))
    events.reverse()  # before the sorting, which leaves equals in their order
    events.sort(key=attrgetter("time"))
    for start in range(0, len(events), BLOCK):
        yield events[start : start + BLOCK]


def _with_next(blocks: Iterator[list[ActivityEvent]]) -> Iterator[tuple[list[ActivityEvent], list[ActivityEvent]]]:
    """Pair each block with the one after it."""
    block = next(blocks, None)
    while block is not None:
        following = next(blocks, None)
        yield block, following or []
        block = following


def _arrivals(times: Sequence[datetime], coming: Sequence[datetime], newest: datetime) -> list[datetime]:
    """Return when each event came, at the latest: at its own time, unless that is a stray one.

    A time more than a day ahead of all before it is stray if most of what comes after it is more than a day older:
    were it believed, all of that would be too late.
    """
    found = []
    for at, time in enumerate(times):
        arrival = min(time, FARTHEST)
        if time > newest + STRAY:
            later = [*times[at + 1 :], *coming]
            older = [one for one in later if one < time - STRAY]
            if len(older) * 2 > len(later) >= ENOUGH:
                arrival = max(newest, min(older))
        newest = max(newest, arrival)
        found.append(arrival)
    return found


class Lines:
    """A file of lines, gzipped or not, that knows how far it has been read; ``-`` is standard input.

    Raises
    ------
    OSError
        If it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self.name = "standard input" if path == "-" else path
        self.size = 0 if path == "-" else Path(path).stat().st_size
        raw = sys.stdin.buffer if path == "-" else Path(path).open("rb", buffering=0)  # noqa: SIM115 - closed by `close`
        self._raw = io.BufferedReader(cast("io.RawIOBase", raw), READ_AT_ONCE)
        self._countable = path != "-"

    def __iter__(self) -> Iterator[bytes]:
        try:
            packed = self._raw.peek(2)[:2] == b"\x1f\x8b"
            yield from gzip.GzipFile(fileobj=self._raw) if packed else self._raw
        except (OSError, EOFError, zlib.error) as error:
            raise OSError(f"{self.name} cannot be read to its end: {error}") from error

    @property
    def position(self) -> int:
        """Bytes of the file read so far; always 0 for standard input."""
        return self._raw.tell() if self._countable else 0

    def close(self) -> None:
        """Close the file."""
        if self._countable:
            self._raw.close()
