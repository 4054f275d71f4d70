"""Files instead of a hub, and their own times instead of a clock: the alerts of a week in seconds, the same each time.

Files are merged by time, and the calendar stands where the newest record does; everything else is the very engine
that runs live. Reading options and printing are the command line's business.
"""

import gzip
import heapq
import io
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import NamedTuple, cast

from models.anomalies import Anomaly
from models.buckets import Seen
from models.events import ActivityEvent
from models.windows import EPOCH
from service.activity_log import ActivityLogParser, Parsed, Reject
from service.alerts import Alert
from service.engine import Engine
from service.ports import Message
from service.scheduler import next_tick

BLOCK = 256
STRAY = timedelta(days=1)
PARTITION = "replay"


class Summary(NamedTuple):
    """What a replay has read and made of it; times are None when nothing could be read."""

    records: int
    rejects: int
    left_out: int
    seen: dict[Seen, int]
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
        self._seen: Counter[Seen] = Counter()
        self._counts: Counter[str] = Counter()
        self._now = EPOCH
        self._first: datetime | None = None
        self._due = EPOCH
        self._sequence = -1

    def run(self, files: Iterable[Iterable[bytes]]) -> Summary:
        """Replay files of lines, a record or an envelope each; returns the totals."""
        for _, _, parsed in heapq.merge(*(self._blocks(number, lines) for number, lines in enumerate(files))):
            self._counts["records"] += parsed.records
            self._counts["rejects"] += len(parsed.rejects)
            self._counts["left_out"] += sum(parsed.left_out.values())
            for reject in parsed.rejects:
                self._on_reject(reject)
            if parsed.events:
                self._replay(parsed.events)
        if self._first is not None:
            options = self.engine.options
            self._tick_until(self._now + options.bucket + options.lateness + self._every)
        return Summary(
            records=self._counts["records"],
            rejects=self._counts["rejects"],
            left_out=self._counts["left_out"],
            seen=dict(self._seen),
            clamped=self._counts["clamped"],
            scored=self._counts["scored"],
            alerts=self._counts["alerts"],
            first=self._first,
            last=self._now if self._first else None,
        )

    def _blocks(self, number: int, lines: Iterable[bytes]) -> Iterator[tuple[datetime, int, Parsed]]:
        """Yield parsed blocks of lines with a time to merge them by, which never goes back."""
        newest = EPOCH
        source = iter(lines)
        while block := list(islice(source, BLOCK)):
            self._on_read()
            for body in _bodies([line.strip() for line in block]):
                parsed = self._parser.parse(body)
                if parsed.events:
                    newest = max(newest, min(event.time for event in parsed.events))
                yield newest, number, parsed

    def _replay(self, events: Sequence[ActivityEvent]) -> None:
        ceiling = _ceiling([event.time for event in events])
        if self._first is None:
            self._first = min(event.time for event in events)
            self._now = self._first
            self._due = next_tick(self._first, self._every)
            self.engine.begin(self._first - self.engine.options.bucket)
        group: list[ActivityEvent] = []
        for event in events:
            arrived = max(self._now, min(event.time, ceiling))
            if arrived >= self._due:
                self._apply(group)
                group = []
                self._tick_until(arrived)
            self._now = arrived
            group.append(event)
        self._apply(group)

    def _apply(self, group: Sequence[ActivityEvent]) -> None:
        self._sequence += 1
        message = Message(PARTITION, self._sequence, str(self._sequence), self._now, b"")
        applied = self.engine.apply(message, group)
        self._seen.update(applied.seen)
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


def _bodies(lines: list[bytes]) -> Iterator[bytes]:
    """Yield lines as message bodies: bare records as one envelope, because that is the parser's fast path."""
    if all(line.startswith(b"{") and not line.startswith(b'{"records"') for line in lines if line):
        yield b'{"records":[' + b",".join(line for line in lines if line) + b"]}"
    else:
        yield from (line for line in lines if line)


def _ceiling(times: Sequence[datetime]) -> datetime:
    """Return the newest time that is not a stray one, more than a day ahead of nearly all its neighbours."""
    ordered = sorted(times)
    for at in range(len(ordered) // 2 + 1, len(ordered)):
        if ordered[at] - ordered[at - 1] > STRAY and len(ordered) - at <= 2:
            return ordered[at - 1]
    return ordered[-1]


class Lines:
    """A file of lines, gzipped or not, that knows how far it has been read; ``-`` is standard input.

    Raises
    ------
    OSError
        If it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self.size = 0 if path == "-" else Path(path).stat().st_size
        self._raw = sys.stdin.buffer if path == "-" else Path(path).open("rb")  # noqa: SIM115 - closed by `close`
        self._countable = path != "-"

    def __iter__(self) -> Iterator[bytes]:
        packed = cast("io.BufferedReader", self._raw).peek(2)[:2] == b"\x1f\x8b"
        return iter(gzip.open(self._raw) if packed else self._raw)

    @property
    def position(self) -> int:
        """Bytes of the file read so far; always 0 for standard input."""
        return self._raw.tell() if self._countable else 0

    def close(self) -> None:
        """Close the file."""
        if self._countable:
            self._raw.close()
