"""How late events reach the hub: finds the coverage gap ``late``, which Azure's export causes and not we.

Judged for the hub as a whole, and for each subscription by itself, because each has an export of its own: one that is
late among many that are not must not be taken for one that is quiet. A record that is late by itself is no outage.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import with_config

from models.stream import EPOCH, ActivityEvent
from service.core.coverage.gaps import EXACT, GapExtent, GapLimits, OpenGaps, in_order
from service.core.notices import GapKind, Notice

MOST_SUBSCRIPTIONS = 200
"""Late at once; what goes beyond is not looked at by itself. Anybody who can write to the hub can make up more."""

QUIET = timedelta(days=1)
"""After that long without another late message nobody can say that the export is late any more."""

_SUBSCRIPTION = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


class SubscriptionArrival(NamedTuple):
    """What a message has of one subscription: how many events, and the newest one's time."""

    records: int
    newest: datetime


class MessageArrival(NamedTuple):
    """One message with events: when the hub took it, its newest event's time, how many events, how many unjudged."""

    partition: str
    enqueued_time: datetime
    newest: datetime
    records: int
    unjudged: int = 0
    subscriptions: Mapping[str, SubscriptionArrival] = {}


def by_subscription(events: Iterable[ActivityEvent]) -> dict[str, SubscriptionArrival]:
    """Return what a message has of each subscription; only of ids, because notices speak of them."""
    records: dict[str, int] = {}
    newest: dict[str, datetime] = {}
    for event in events:
        scope, time = event.scope, event.time
        if scope not in newest:
            newest[scope], records[scope] = time, 1
        else:
            records[scope] += 1
            if time > newest[scope]:  # noqa: PLR1730 - half the time of max() on the hot path
                newest[scope] = time
    return {one: SubscriptionArrival(records[one], newest[one]) for one in newest if _SUBSCRIPTION.fullmatch(one)}


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
    told
        Whether it is part of the gap that is open.
    """

    first: datetime
    last: datetime
    since: datetime
    until: datetime
    partitions: list[str]
    records: int = 0
    unjudged: int = 0
    over_since: datetime | None = None
    told: bool = False

    @classmethod
    def of(cls, arrival: MessageArrival) -> "LateRun":
        """Begin a run with its first message, which is still to be taken."""
        return cls(arrival.enqueued_time, arrival.enqueued_time, arrival.newest, arrival.newest, [])

    def take(self, arrival: MessageArrival) -> None:
        """Take one more late message."""
        if self.over_since is not None and arrival.enqueued_time > self.over_since:
            self.over_since = None
        self.last = max(self.last, arrival.enqueued_time)
        self.since, self.until = min(self.since, arrival.newest), max(self.until, arrival.newest)
        self.partitions = in_order([*self.partitions, arrival.partition])
        self.records += arrival.records
        self.unjudged += arrival.unjudged

    def survives(self, on_time: datetime) -> bool:
        """Note that the hub took a message then that was not late; return whether the run is kept."""
        if on_time <= self.last:
            return True
        if self.told and self.over_since is None:
            self.over_since = on_time
        return self.told

    def is_over(self, now: datetime, limits: GapLimits) -> bool:
        """Whether it has been over for long enough, or nothing has been heard of it for very long."""
        settled = self.over_since is not None and now - self.over_since >= limits.settle
        return settled or now - self.last >= QUIET


@with_config(EXACT)
@dataclass(slots=True)
class ArrivalDelays:
    """The run of late messages of the hub as a whole and of each subscription, where there is one.

    `newest_on_time` is when the hub took the newest message that was not late.
    """

    newest_on_time: datetime = EPOCH
    run: LateRun | None = None
    subscriptions: dict[str, LateRun] = field(default_factory=dict)

    def note(self, arrival: MessageArrival, limits: GapLimits) -> None:
        """Note a message; partitions may be ahead of each other."""
        enqueued_time = arrival.enqueued_time
        if enqueued_time - arrival.newest <= limits.late_by:
            self.newest_on_time = max(self.newest_on_time, enqueued_time)
            if self.run is not None and not self.run.survives(enqueued_time):
                self.run = None
        elif self.run is not None or enqueued_time > self.newest_on_time:
            self.run = self.run or LateRun.of(arrival)
            self.run.take(arrival)
        alone = len(arrival.subscriptions) == 1
        for subscription, (records, newest) in arrival.subscriptions.items():
            own = arrival._replace(newest=newest, records=records, unjudged=arrival.unjudged if alone else 0)
            self._note_subscription(subscription, own, limits)

    def _note_subscription(self, subscription: str, arrival: MessageArrival, limits: GapLimits) -> None:
        run = self.subscriptions.get(subscription)
        if arrival.enqueued_time - arrival.newest <= limits.late_by:
            if run is not None and not run.survives(arrival.enqueued_time):
                del self.subscriptions[subscription]
            return
        if run is None:
            if len(self.subscriptions) >= MOST_SUBSCRIPTIONS:
                return
            run = self.subscriptions[subscription] = LateRun.of(arrival)
        run.take(arrival)

    def check(self, now: datetime, gaps: OpenGaps, limits: GapLimits) -> Iterator[Notice]:
        """Yield the notices that are due."""
        for run in self._runs():
            run.told = run.told or run.last - run.first >= limits.after
        for subscription in [
            one for one, run in self.subscriptions.items() if not run.told and run.is_over(now, limits)
        ]:
            del self.subscriptions[subscription]
        told = [run for run in self._runs() if run.told]
        if not told:
            return
        extent = self._extent(told)
        if GapKind.LATE not in gaps.open:
            # Events may be of any age, and be sent again: what is new is when the hub took them.
            yield gaps.start(GapKind.LATE, extent, min(run.first for run in told).isoformat(), now)
        elif all(run.is_over(now, limits) for run in told):
            self.run = None if self.run is not None and self.run.told else self.run
            self.subscriptions = {one: run for one, run in self.subscriptions.items() if not run.told}
            yield gaps.close(GapKind.LATE, extent, max(run.until for run in told), now)
        else:
            yield from gaps.update(GapKind.LATE, extent, now, limits.after)

    def _runs(self) -> Iterator[LateRun]:
        if self.run is not None:
            yield self.run
        yield from self.subscriptions.values()

    def _extent(self, told: list[LateRun]) -> GapExtent:
        # What is late of the hub as a whole has all in it, and is nobody's alone.
        counted = [self.run] if self.run is not None and self.run.told else told
        whose = () if counted is not told else sorted(one for one, run in self.subscriptions.items() if run.told)
        return GapExtent(
            min(run.since for run in told),
            in_order(partition for run in told for partition in run.partitions),
            late_records=sum(run.records for run in counted),
            unjudged_records=sum(run.unjudged for run in counted),
            subscriptions=whose,
        )
