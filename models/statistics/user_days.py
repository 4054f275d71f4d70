"""From a surprise to a score, for a detector that has something to judge on few days of few identities.

Calibration as such is `calibration`'s; here it is asked about those days alone, and how seldom they come is put in.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from river.base.anomaly_detector import AnomalyDetector
from river.base.typing import FeatureName

from models.statistics.calibration import Calibration
from models.statistics.lessons import ByNumber, by_number
from models.statistics.rhythm import day_of
from models.statistics.scoring import SCORE_PER_DECADE
from models.stream import Json, fields

KNOWN_WELL = 200.0  # user-days from which on scores are fully trusted
LEAST_SHARE = 1e-4


class UserDayState:
    """What such a detector remembers of any identity: last activity, its newest day, and that day's largest surprise.

    Attributes
    ----------
    last_hours
        Newest bucket, in hours from the epoch.
    day
        Its day from the epoch, -1 before the first.
    worst
        Largest surprise of that day; 0 if there was nothing to judge.
    """

    __slots__ = ("day", "last_hours", "worst")

    def __init__(self) -> None:
        self.last_hours = 0.0
        self.day = -1
        self.worst = 0.0

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        return {"last_hours": self.last_hours, "day": self.day, "worst": self.worst}

    def restore(self, row: Any) -> None:
        """Become what `row` gave."""
        last_hours, day, worst = fields("user-day", row, "last_hours", "day", "worst")
        self.last_hours, self.day, self.worst = float(last_hours), day_of(24.0 * int(day)), float(worst)


class UserDays(AnomalyDetector):
    r"""Exceedance probability of the largest surprise of a user-day, most of which hold none.

    .. math:: P(v) = looks \cdot share \cdot P(v \mid judged), \quad
              share = \frac{strength \cdot prior + judged}{strength + days}

    with days all user-days and judged those that held a surprise of at least `floor`; the conditional probability is
    `Calibration`'s. Both counts fade and are taken over when a day is over.

    Parameters
    ----------
    floor
        Least surprise that is judged at all; below it, the score is 0.
    prior
        Share of user-days with something to judge, before any is known.
    slope
        Powers of ten by which judged days become rarer for each unit of surprise, before any are known.
    location
        Surprise that every judged day reaches, likewise.
    cold
        How much further out that is in a tenant that is seen for the first time.
    strength, judged_strength
        What `prior` is worth in user-days, and `location` with `slope` in judged ones.
    half_life
        Days after which a user-day counts half.
    looks
        How many detectors of this sort look at every user-day: the chance that any of them gets so far is at most so
        many times the chance that one does (Bonferroni). It keeps several seldom asked from outshouting one that knows
        more.

    Examples
    --------
    >>> model = UserDays(floor=1.0, prior=0.01)
    >>> model.score_one({"surprise": 0.5}), round(model.score_one({"surprise": 1.0}), 2)
    (0.0, 50.0)
    """

    def __init__(
        self,
        floor: float = 1.0,
        prior: float = 0.02,
        location: float = 1.0,
        slope: float = 0.5,
        cold: float = 0.0,
        strength: float = 200.0,
        judged_strength: float = 50.0,
        half_life: float = 7.0,
        looks: float = 1.0,
    ) -> None:
        self.floor = floor
        self.prior = prior
        self.location = location
        self.slope = slope
        self.cold = cold
        self.strength = strength
        self.judged_strength = judged_strength
        self.half_life = half_life
        self.looks = looks
        self._tail = Calibration(location, slope, cold, judged_strength, half_life)
        self._day = -1
        self._today = [0, 0]
        self._known = [0.0, 0.0]
        self._refresh()

    def learn_one(self, x: dict[FeatureName, Any]) -> None:
        """Learn a user-day of ``x["day"]`` (days from the epoch) whose maximum is ``x["surprise"]``."""
        lessons = by_number()
        self.learn(UserDayState(), 24.0 * int(x.get("day", 0)), lessons, float(x.get("surprise", 0.0)))
        self.teach(lessons)

    def score_one(self, x: dict[FeatureName, Any]) -> float:
        """Return the score, 0 to 100, of ``x["surprise"]``."""
        return self.score(float(x.get("surprise", 0.0)))

    def learn(self, memory: UserDayState, hours: float, lessons: ByNumber, worst: float = 0.0) -> None:
        """Learn that an identity was active at `hours`, with `worst` its largest surprise there."""
        memory.last_hours = max(memory.last_hours, hours)
        day = day_of(hours)
        if day == memory.day and worst < self.floor:
            return
        if day > memory.day:
            memory.day, memory.worst = day, 0.0
            lessons["days"][day] += 1
        if worst >= self.floor and worst > memory.worst and day == memory.day:
            before = memory.worst or None
            lessons["judged"][day] += before is None
            memory.worst = self._tail.learn(day, before, worst, lessons)

    def teach(self, lessons: Mapping[str, Mapping[int, int]]) -> None:
        """Apply how many user-days began, and how many were judged; days are folded in when a new one has begun."""
        days = lessons.get("days", {})
        newest = max(days, default=self._day)
        if newest > self._day:
            self._fold(newest)
        self._today[0] += sum(days.values())
        self._today[1] += sum(lessons.get("judged", {}).values())
        self._tail.teach(lessons)

    @property
    def warmth(self) -> float:
        """0 while the priors are all there is, 1 when as many user-days are known as make a share."""
        return min(1.0, self._known[0] / KNOWN_WELL)

    def probability(self, surprise: float) -> float:
        """Return the chance that a user-day reaches `surprise`: never rises with it."""
        return math.pow(10.0, -self.score(surprise) / SCORE_PER_DECADE)

    def score(self, surprise: float) -> float:
        """Return the score of `surprise`, 0 to 100."""
        return 0.0 if surprise < self.floor else min(100.0, max(0.0, self._base + self._tail.score(surprise)))

    def facts(self, surprise: float) -> dict[str, Json]:
        """Return how a surprise becomes a score, for an explanation."""
        return {
            "probability": self.probability(surprise),
            "share_judged": self._share,
            "looks": self.looks,
            "known": round(self._known[0], 1),
            "score": self.score(surprise),
        }

    def dump(self) -> Iterator[Json]:
        """Yield the days, then what the tail yields."""
        yield {"day": self._day, "today": list[Json](self._today), "known": list[Json](self._known)}
        yield from self._tail.dump()

    def load(self, rows: Iterable[Any]) -> None:
        """Replace everything known by what `dump` gave."""
        self._day, self._today, self._known = -1, [0, 0], [0.0, 0.0]
        first, *tail = [*rows] or [None]
        if first is not None:
            day, today, known = fields("user_days", first, "day", "today", "known")
            self._day, self._today = int(day), [int(count) for count in today]
            self._known = [float(count) for count in known]
        self._tail.load(tail)
        self._refresh()

    def _fold(self, day: int) -> None:
        keep = math.exp2(-min(1000, day - self._day) / self.half_life) if self._day >= 0 else 0.0
        self._known = [(known + today) * keep for known, today in zip(self._known, self._today, strict=True)]
        self._today = [0, 0]
        self._day = day
        self._refresh()

    def _refresh(self) -> None:
        days, judged = self._known
        self._share = min(1.0, max(LEAST_SHARE, (self.strength * self.prior + judged) / (self.strength + days)))
        self._base = -SCORE_PER_DECADE * math.log10(self.looks * self._share)
