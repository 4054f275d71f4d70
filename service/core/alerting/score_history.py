"""How unusual each identity's day was, for four weeks back: what any threshold would have alerted.

A day of event time that is over is kept as counts without names, and forgotten after four weeks. What is made of it, a
budget or a table, is left to `budget`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from models.detectors import Anomaly
from models.stream import EPOCH, ActorBucket, BottomKSample, Json, UnexpectedRow, fields

DAYS = 28
LOWEST = 40
"""Scores below it are not kept: one identity-day in forty gets that far, so it is no threshold for anybody."""

MOST_FOLLOWED = 20_000
"""Identities of one day whose scores are followed; beyond so many, who is counted does not matter any more."""

MOST_PROFILES = 500
"""Different profiles kept of a day; beyond them only each identity's highest score counts, not how they go together."""

COUNTED = 1_024
"""Identities of a day that are counted one by one; beyond it their number is estimated, to within a few per cent."""

_DAY = timedelta(days=1)

Profile = tuple[int, ...]
"""Largest score of an identity's day in whole points, a detector; 0 where it stayed below 40."""


class Day(NamedTuple):
    """One day of event time.

    Attributes
    ----------
    number
        Days since 1970.
    active
        Distinct identities that did anything.
    profiles
        How many identity-days had which largest scores; those that stayed below 40 everywhere are left out.

    Examples
    --------
    >>> day = Day(20_000, active=300, profiles={(57, 0): 2, (41, 80): 1})
    >>> day.alerted([57.0, 65.0]), day.alerted([60.0, 100.0])
    (3, 0)
    """

    number: int
    active: int
    profiles: Mapping[Profile, int]

    def alerted(self, thresholds: Sequence[float]) -> int:
        """Return how many identities would have been alerted, a threshold a detector; exact for whole points."""
        floors = [max(LOWEST, int(threshold)) for threshold in thresholds]
        return sum(
            identities
            for profile, identities in self.profiles.items()
            if any(points >= floor for points, floor in zip(profile, floors, strict=True))
        )


class History:
    """The last 28 days that are over, and the one under way.

    Parameters
    ----------
    detectors
        Names, in the order of every profile.

    Attributes
    ----------
    detectors
        As given.
    days
        Those that are over, the oldest first.
    """

    def __init__(self, detectors: Iterable[str]) -> None:
        self.detectors = tuple(detectors)
        self.days: list[Day] = []
        self._places = {name: place for place, name in enumerate(self.detectors)}
        self._day: int | None = None
        self._active: BottomKSample[None] = BottomKSample(COUNTED)
        self._worst: dict[str, list[int]] = {}

    def finish(self, complete_until: datetime) -> bool:
        """Close the day under way if event time is complete beyond it; returns whether one ended."""
        if self._day is None or complete_until < day_begins(self._day + 1):
            return False
        self.days.append(Day(self._day, self._count(), self._profiles()))
        self._day = None
        self._active, self._worst = BottomKSample(COUNTED), {}
        self.days = [day for day in self.days if day.number > self.days[-1].number - DAYS]
        return True

    def observe(self, buckets: Iterable[ActorBucket], anomalies: Iterable[Anomaly]) -> None:
        """Take in what closed together and what was found in it; what comes late counts for the day under way."""
        for seen in buckets:
            if self._day is None:
                begun = day_number(seen.bucket.start)
                self._day = max(begun, self.days[-1].number + 1) if self.days else begun
            if self._active.admits(seen.actor.id):
                self._active.put(seen.actor.id, None)
        for anomaly in anomalies:
            if anomaly.score >= LOWEST and anomaly.detector in self._places:
                self._raise(anomaly)

    def _raise(self, anomaly: Anomaly) -> None:
        worst = self._worst.get(anomaly.actor.id)
        if worst is None:
            if len(self._worst) >= MOST_FOLLOWED:
                return
            worst = self._worst[anomaly.actor.id] = [0] * len(self.detectors)
        place = self._places[anomaly.detector]
        worst[place] = max(worst[place], int(anomaly.score))

    def active(self) -> float:
        """Return how many identities are active on a day, on average; 0 before a first day is over."""
        return sum(day.active for day in self.days) / len(self.days) if self.days else 0.0

    def alerted(self, thresholds: Sequence[float]) -> float:
        """Return how many identities a day would have been alerted on average; 0 before a first day is over."""
        return sum(day.alerted(thresholds) for day in self.days) / len(self.days) if self.days else 0.0

    def _count(self) -> int:
        kept = len(self._active.sample())
        return self._active.estimate(kept)

    def _profiles(self) -> dict[Profile, int]:
        profiles = Counter(map(tuple, self._worst.values()))
        if len(profiles) > MOST_PROFILES:
            profiles = Counter(map(_highest_alone, profiles.elements()))
        return dict(sorted(profiles.items()))

    def dump(self) -> Iterator[Json]:
        """Yield plain rows in a stable order: the detectors, each day, and the day under way."""
        yield {"part": "detectors", "row": {"names": list[Json](self.detectors)}}
        for day in self.days:
            profiles: list[Json] = [{"scores": list[Json](scores), "days": n} for scores, n in day.profiles.items()]
            yield {"part": "day", "row": {"number": day.number, "active": day.active, "profiles": profiles}}
        if self._day is not None:
            active: dict[str, Json] = {
                "threshold": self._active.threshold, "active": list[Json](sorted(self._active.entries)),
            }  # fmt: skip
            yield {"part": "under_way", "row": {"number": self._day, **active}}
        for actor, worst in sorted(self._worst.items()):
            yield {"part": "worst", "row": {"actor": actor, "scores": list[Json](worst)}}

    def load(self, rows: Iterable[Any]) -> None:
        """Replace everything by what `dump` gave; a detector that is new has alerted nobody so far."""
        self.days, self._worst = [], {}
        self._day, self._active = None, BottomKSample(COUNTED)
        known = self.detectors
        for part, row in (fields("row", tagged, "part", "row") for tagged in rows):
            match part:
                case "detectors":
                    (names,) = fields("detectors", row, "names")
                    known = tuple(names)
                case "day":
                    number, active, profiles = fields("day", row, "number", "active", "profiles")
                    kept: Counter[Profile] = Counter()
                    for profile in profiles:
                        scores, identities = fields("profile", profile, "scores", "days")
                        kept[self._of(known, scores)] += identities
                    self.days.append(Day(number, active, dict(sorted(kept.items()))))
                case "under_way":
                    self._day, threshold, keys = fields("day under way", row, "number", "threshold", "active")
                    self._active.threshold, self._active.entries = threshold, dict.fromkeys(keys)
                case "worst":
                    actor, scores = fields("worst", row, "actor", "scores")
                    self._worst[actor] = list(self._of(known, scores))
                case _:
                    raise UnexpectedRow(f"unknown part {part!r}")

    def _of(self, known: Sequence[str], profile: Sequence[int]) -> Profile:
        told = dict(zip(known, profile, strict=True))
        return tuple(told.get(name, 0) for name in self.detectors)


def day_number(time: datetime) -> int:
    """Return the day that `time` falls in: days since 1970.

    >>> from datetime import UTC
    >>> day_number(datetime(1970, 1, 2, 23, 59, tzinfo=UTC))
    1
    """
    return (time - EPOCH) // _DAY


def day_begins(number: int) -> datetime:
    """Return the first instant of a day."""
    return EPOCH + number * _DAY


def _highest_alone(profile: Profile) -> Profile:
    highest = max(range(len(profile)), key=lambda place: profile[place])
    return tuple(points if place == highest else 0 for place, points in enumerate(profile))
