"""Files instead of a hub, and their own times instead of a clock: the alerts of a week in seconds, the same each time.

What is read is parsed and put in order first (`ordering`); then the calendar stands where the newest event does, and
everything else is the very engine that runs live. Finding and opening files is for `service.documents`, options and
printing are the command line's business.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from models.detectors import Anomaly
from models.stream import EPOCH, ActivityEvent, RecordResult
from service.core.alerting import Alert
from service.core.engine import ClosedBucket, Engine, Evaluation
from service.core.messages import Message
from service.core.parsing import Reject
from service.core.schedule import next_tick
from service.documents import Batch, RecordPlace
from service.replay.contents import Contents
from service.replay.intake import BLOCK, Intake
from service.replay.ordering import RUN, Order

PARTITION = "replay"


class Summary(NamedTuple):
    """What a replay has read and made of it; times are None when nothing could be read.

    `left_out` counts what is recognised and nobody's doing, by what it is; `by_arrival` says in which order the events
    were taken.
    """

    records: int
    rejects: int
    left_out: Mapping[str, int]
    results: dict[RecordResult, int]
    clamped: int
    scored: int
    alerts: int
    first: datetime | None
    last: datetime | None
    contents: tuple[Contents, ...] = ()
    by_arrival: bool = False


class Replay:
    """Drives an engine through files.

    Parameters
    ----------
    engine
        A fresh one, or one restored from a snapshot.
    every
        Time between two evaluations.
    on_scored, on_alerts, on_reject
        Told of judged cells, of the alerts of each evaluation, and of each rejected record and its place.
    on_read
        Called now and then with how many events were taken out of how many, for a progress bar; ``(0, 0)`` while it
        is not known yet how many there are.
    order
        In which order events are taken: see `ordering`.
    run
        Events that are held in memory while they are put in order.
    on_closed, on_evaluated
        Told of buckets that were closed, as the engine took them, and of each evaluation, whatever came of it.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        every: timedelta,
        on_scored: Callable[[Sequence[Anomaly]], None],
        on_alerts: Callable[[Sequence[Alert]], None],
        on_reject: Callable[[Reject, RecordPlace], None],
        on_read: Callable[[int, int], None],
        order: Order = "auto",
        run: int = RUN,
        on_closed: Callable[[Sequence[ClosedBucket]], None] | None = None,
        on_evaluated: Callable[[Evaluation], None] = lambda evaluation: None,
    ) -> None:
        self.engine = engine
        engine.keeps_closed = on_closed is not None
        self._on_closed = on_closed
        self._on_evaluated = on_evaluated
        self._every = every
        self._on_scored = on_scored
        self._on_alerts = on_alerts
        self._intake = Intake(engine.options.horizon, on_reject=on_reject, on_read=on_read, order=order, run=run)
        self._results: Counter[RecordResult] = Counter()
        self._counts: Counter[str] = Counter()
        self._now = EPOCH
        self._first: datetime | None = None
        self._due = EPOCH
        self._sequence = -1
        self._group: list[ActivityEvent] = []

    def run(self, batches: Iterable[Batch]) -> Summary:
        """Replay the records of documents; returns the totals.

        Raises
        ------
        OSError
            If temporary files cannot be written.
        """
        for arrived, event in self._intake.events(batches):
            self._take(event, arrived)
        self._apply()
        if self._first is not None:
            options = self.engine.options
            self._tick_until(self._now + options.bucket + options.lateness + self._every)
        read = self._intake.counts
        return Summary(
            records=read["records"],
            rejects=read["rejects"],
            left_out=dict(self._intake.left_out),
            results=dict(self._results),
            clamped=self._counts["clamped"],
            scored=self._counts["scored"],
            alerts=self._counts["alerts"],
            first=self._first,
            last=self._now if self._first else None,
            contents=self._intake.contents(),
            by_arrival=self._intake.by_arrival,
        )

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
            evaluation = self.engine.evaluate(self._due)
            alerts = evaluation.alerts
            self._counts["alerts"] += len(alerts)
            self._on_alerts(alerts)
            self._on_evaluated(evaluation)
            # Nothing can be found long after the last record: the calendar may skip what the file leaves out.
            after = self._due if self._due < quiet else max(self._due, moment - self._every)
            self._due = next_tick(after, self._every)

    def _judged(self, scored: Sequence[Anomaly]) -> None:
        self._counts["scored"] += len(scored)
        if self._on_closed is not None and (closed := self.engine.take_closed()):
            self._on_closed(closed)
        if scored:
            self._on_scored(scored)
