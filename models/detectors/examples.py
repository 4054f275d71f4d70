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


class Activity(NamedTuple):
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
    before: Sequence[Activity]
    then: Sequence[Activity]
    says: str | None = None
    places: Mapping[str, Place] = {}
    watched: Sequence[Watched] = ()

    def given(self) -> dict[str, Any]:
        """Return what the service would give to a detector that takes it."""
        return {"locate": self.places.get, "watched": self.watched}

    def hours(self) -> Iterator[tuple[list[ActorBucket], Crowd]]:
        """Yield what everybody did in each hour, oldest first; the last of them is the one to judge."""
        ordered = sorted([*self.before, *self.then], key=lambda activity: (activity.time, activity.who, activity.what))
        for _, activities in groupby(ordered, key=lambda activity: (activity.time - MONDAY) // HOUR):
            buckets = OpenBuckets(HOUR, HOUR)
            for activity in activities:
                buckets.observe(_event(activity))
            yield from buckets.peek(MONDAY)


def daily(days: Iterable[int], *who: str, what: str = WORK, **rest: Any) -> list[Activity]:
    """Return that each of these did it on each of these days; `rest` is as in `Activity`.

    >>> [(activity.who, activity.day) for activity in daily(range(2), "ann", "ben")]
    [('ann', 0), ('ben', 0), ('ann', 1), ('ben', 1)]
    """
    return [Activity(name, what, day, **rest) for day in days for name in who]


def _event(activity: Activity) -> ActivityEvent:
    actor = Actor(f"tenant/{activity.who}", activity.who, activity.kind)
    operation = f"{activity.what}/{activity.time.isoformat()}"
    return ActivityEvent(
        activity.time,
        actor,
        activity.what,
        activity.what,
        activity.ended,
        operation,
        scope=activity.scope,
        address=activity.source,
    )


def weekdays(days: int) -> list[int]:
    """Return the days from Monday to Friday among the first so many.

    >>> weekdays(9)
    [0, 1, 2, 3, 4, 7, 8]
    """
    return [day for day in range(days) if day % 7 < 5]
