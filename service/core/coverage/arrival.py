"""How late events reach the hub: finds the coverage gap ``late``, which Azure's export causes and not we.

Judged for the hub as a whole: records go to its partitions in turn, so an export that is late is late in all of them,
and one record that is late by itself is no outage.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pydantic import with_config

from models.stream import EPOCH
from service.core.coverage.gaps import EXACT, GapExtent, GapLimits, OpenGaps, in_order
from service.core.notices import GapKind, Notice


class MessageArrival(NamedTuple):
    """One message with events: when the hub took it, its newest event's time, how many events, how many unjudged."""

    partition: str
    enqueued_time: datetime
    newest: datetime
    records: int
    unjudged: int = 0


@with_config(EXACT)
@dataclass(slots=True)
class LateRun:
    """An unbroken run of late messages.

    Attributes
    ----------
    first, last
        When the hub took the first and the last of them.
    since, until
        From the oldest to the youngest of their newest events.
    partitions, records, unjudged
        Where they came, how many events are in them, and how many of these were too late to be judged.
    over_since
        When the hub took the first message that was not late after all of them; None while the run goes on.
    """

    first: datetime
    last: datetime
    since: datetime
    until: datetime
    partitions: list[str]
    records: int = 0
    unjudged: int = 0
    over_since: datetime | None = None


@with_config(EXACT)
@dataclass(slots=True)
class ArrivalDelays:
    """When the hub took the newest message that was not late, and the run of late ones, if there is one."""

    newest_on_time: datetime = EPOCH
    run: LateRun | None = None

    def note(self, arrival: MessageArrival, gaps: OpenGaps, limits: GapLimits) -> None:
        """Note a message; partitions may be ahead of each other."""
        if arrival.enqueued_time - arrival.newest <= limits.late_by:
            self._note_on_time(arrival.enqueued_time, gap_is_open=GapKind.LATE in gaps.open)
        elif self.run is not None or arrival.enqueued_time > self.newest_on_time:
            self._note_late(arrival)

    def _note_on_time(self, enqueued_time: datetime, *, gap_is_open: bool) -> None:
        self.newest_on_time = max(self.newest_on_time, enqueued_time)
        run = self.run
        if run is None or enqueued_time <= run.last:
            return
        if not gap_is_open:
            self.run = None
        elif run.over_since is None:
            run.over_since = enqueued_time

    def _note_late(self, arrival: MessageArrival) -> None:
        if self.run is None:
            self.run = LateRun(arrival.enqueued_time, arrival.enqueued_time, arrival.newest, arrival.newest, [])
        run = self.run
        if run.over_since is not None and arrival.enqueued_time > run.over_since:
            run.over_since = None
        run.last = max(run.last, arrival.enqueued_time)
        run.since, run.until = min(run.since, arrival.newest), max(run.until, arrival.newest)
        run.partitions = in_order([*run.partitions, arrival.partition])
        run.records += arrival.records
        run.unjudged += arrival.unjudged

    def check(self, now: datetime, gaps: OpenGaps, limits: GapLimits) -> Iterator[Notice]:
        """Yield the notices that are due."""
        run = self.run
        if run is None:
            return
        extent = GapExtent(run.since, run.partitions, late_records=run.records, unjudged_records=run.unjudged)
        if GapKind.LATE not in gaps.open:
            if run.last - run.first >= limits.after:
                # Events may be of any age, and be sent again: what is new is when the hub took them.
                yield gaps.start(GapKind.LATE, extent, run.first.isoformat(), now)
        elif run.over_since is not None and now - run.over_since >= limits.settle:
            self.run = None
            yield gaps.close(GapKind.LATE, extent, run.until, now)
        else:
            yield from gaps.update(GapKind.LATE, extent, now, limits.after)
