"""Small histories that show what a detector finds and what it leaves alone: who did what, when, from where.

Each detector brings one in which it speaks and one in which it is silent. They are played by `registry.play`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from models.detectors.watched import Watched
from models.statistics import Place
from models.stream import ActivityEvent, Actor, ActorBucket, ActorKind, Crowd, OpenBuckets, Outcome

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEAM = ("ann", "ben", "cem", "dora", "emil", "fay", "gus", "hana")
OFFICE, ELSEWHERE = "10.0.1.1", "198.51.100.7"
WORK = "microsoft.web/sites/write"


class Deed(NamedTuple):
    """One thing that somebody did.

    Attributes
    ----------
    who, what
        A name that is an identity, and a case-folded operation.
    day, hour
        When: days from a Monday, and hours into the day.
    ended
        How it ended.
    source
        Address that it came from.
    kind
        Sort of identity.
    scope
        Subscription in which it happened.
    """

    who: str
    what: str
    day: int
    hour: float = 9.0
    ended: Outcome = Outcome.SUCCESS
    source: str = OFFICE
    kind: ActorKind = ActorKind.HUMAN
    scope: str = "subscription"

    @property
    def time(self) -> datetime:
        """When it happened, aware UTC."""
        return MONDAY + timedelta(days=self.day, hours=self.hour)


class Example(NamedTuple):
    """A small history, what happens at its end, and what must come of that.

    Attributes
    ----------
    summary
        What happens, in one sentence.
    before
        What is learnt, in any order.
    then
        What is judged: all of it within one hour, after everything in `before`.
    says
        How the reason of what is told begins; None if nothing may reach the detector's threshold.
    places
        Where addresses are, for detectors that need to know.
    watched
        What is on the watch list.
    """

    summary: str
    before: Sequence[Deed]
    then: Sequence[Deed]
    says: str | None = None
    places: Mapping[str, Place] = {}
    watched: Sequence[Watched] = ()

    def given(self) -> dict[str, Any]:
        """Return what the service would give to a detector that takes it."""
        return {"locate": self.places.get, "watched": self.watched}

    def hours(self) -> Iterator[tuple[list[ActorBucket], Crowd]]:
        """Yield what everybody did in each hour, oldest first; the last of them is the one to judge."""
        ordered = sorted([*self.before, *self.then], key=lambda deed: (deed.time, deed.who, deed.what))
        for _, deeds in groupby(ordered, key=lambda deed: (deed.time - MONDAY) // HOUR):
            buckets = OpenBuckets(HOUR, HOUR)
            for deed in deeds:
                buckets.observe(_event(deed))
            yield from buckets.peek(MONDAY)


def daily(days: Iterable[int], *who: str, what: str = WORK, **rest: Any) -> list[Deed]:
    """Return that each of these did it on each of these days; `rest` is as in `Deed`.

    >>> [(deed.who, deed.day) for deed in daily(range(2), "ann", "ben")]
    [('ann', 0), ('ben', 0), ('ann', 1), ('ben', 1)]
    """
    return [Deed(name, what, day, **rest) for day in days for name in who]


def _event(deed: Deed) -> ActivityEvent:
    actor = Actor(f"tenant/{deed.who}", deed.who, deed.kind)
    operation = f"{deed.what}/{deed.time.isoformat()}"
    return ActivityEvent(
        deed.time, actor, deed.what, deed.what, deed.ended, operation, scope=deed.scope, address=deed.source
    )


def weekdays(days: int) -> list[int]:
    """Return the days from Monday to Friday among the first so many.

    >>> weekdays(9)
    [0, 1, 2, 3, 4, 7, 8]
    """
    return [day for day in range(days) if day % 7 < 5]
