"""How late the hub is given the events: the kind ``late``, which is Azure's export's doing and not ours.

Judged for the hub as a whole: records go to its partitions in turn, so an export that is late is late in all of them,
and one record that is late by itself is no outage.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pydantic import with_config

from models.stream import EPOCH
from service.core.coverage.gaps import EXACT, GapExtent, GapLimits, OpenGaps, merged
from service.core.notices import GapKind, Notice


class Arrived(NamedTuple):
    """One message with events in it: when the hub took it, its newest event's time, how many, how many too late."""

    partition: str
    enqueued_time: datetime
    newest: datetime
    records: int
    unjudged: int = 0


@with_config(EXACT)
@dataclass(slots=True)
class Delay:
    """An unbroken run of late messages, `first` to `last` as enqueued; `since` to `until` are their events' times.

    `over_since` is when the first message that was not late came after all of them, if one has.
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
class ArrivalDelay:
    """The newest message that was not late, and the run of late ones, if there is one."""

    on_time: datetime = EPOCH
    delay: Delay | None = None

    def note(self, one: Arrived, gaps: OpenGaps, limits: GapLimits) -> None:
        """Note a message; partitions may be ahead of each other."""
        if one.enqueued_time - one.newest <= limits.late_by:
            self._punctual(one.enqueued_time, told=GapKind.LATE in gaps.open)
        elif self.delay is not None or one.enqueued_time > self.on_time:
            self._late(one)

    def _punctual(self, enqueued_time: datetime, *, told: bool) -> None:
        self.on_time = max(self.on_time, enqueued_time)
        delay = self.delay
        if delay is None or enqueued_time <= delay.last:
            return
        if not told:
            self.delay = None
        elif delay.over_since is None:
            delay.over_since = enqueued_time

    def _late(self, one: Arrived) -> None:
        if self.delay is None:
            self.delay = Delay(one.enqueued_time, one.enqueued_time, one.newest, one.newest, [])
        delay = self.delay
        if delay.over_since is not None and one.enqueued_time > delay.over_since:
            delay.over_since = None
        delay.last = max(delay.last, one.enqueued_time)
        delay.since, delay.until = min(delay.since, one.newest), max(delay.until, one.newest)
        delay.partitions = merged(delay.partitions, [one.partition])
        delay.records += one.records
        delay.unjudged += one.unjudged

    def look(self, now: datetime, gaps: OpenGaps, limits: GapLimits) -> Iterator[Notice]:
        """Say what is news."""
        delay = self.delay
        if delay is None:
            return
        extent = GapExtent(delay.since, delay.partitions, late=delay.records, unjudged=delay.unjudged)
        if GapKind.LATE not in gaps.open:
            if delay.last - delay.first >= limits.after:
                # Events may be of any age, and be sent again: what is new is when the hub took them.
                yield gaps.begin(GapKind.LATE, extent, delay.first.isoformat(), now)
        elif delay.over_since is not None and now - delay.over_since >= limits.settle:
            self.delay = None
            yield gaps.end(GapKind.LATE, extent, delay.until, now)
        else:
            yield from gaps.go_on(GapKind.LATE, extent, now, limits.after)
