"""From an unbounded surprise to the chance that a user-day gets that far: what makes a threshold an alert budget.

The scale of 0 to 100 is `scoring`'s; which surprises are summed is the detectors' choice.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from river.base.anomaly_detector import AnomalyDetector
from river.base.typing import FeatureName

from models.statistics.lessons import ByNumber, by_number
from models.statistics.scoring import SCORE_PER_DECADE, score
from models.stream import Json, fields

BIN_WIDTH = 0.1  # of a bin of surprise
BINS = 400  # up to a surprise of 40
OFTEN, SELDOM = 0.1, 0.015  # exceedances between which the tail's slope is read
TOLD = 1e9
LEFT_OUT_FROM = 75.0
FLATTEST, STEEPEST = 0.25, 2.0  # powers of ten a unit of surprise


class Known(NamedTuple):
    """What holds for a day.

    Attributes
    ----------
    histogram
        Fading number of user-days by bin of their maximum, those of the day itself left out.
    user_days
        Their sum.
    scores
        Score at the lower end of each bin, and the last one twice.
    silent
        Surprise up to which the score is 0.
    """

    histogram: Sequence[float]
    user_days: float
    scores: Sequence[float]
    silent: float


class Calibration(AnomalyDetector):
    r"""Exceedance probability of the largest surprise of a user-day.

    One value a user-day, its maximum, goes into a histogram that fades daily. The chance that a user-day reaches v is

    .. math:: P(v) = \frac{strength \cdot \pi(v) + \#\{days \ge v\}}{strength + \#days}, \quad
              \pi(v) = \min(1, 10^{-(v - location) \cdot slope})

    as far as one in seventy; beyond, where a handful of attacks would pass for normal, it is extrapolated by the
    slope between one in ten and there. So a young or small tenant is judged by the prior, an old one by
    itself, and the rarest are never judged by each other.
    The table is refreshed when a day is over: within a day, equal surprise means equal score for everybody.

    Parameters
    ----------
    location, slope
        Prior tail: below `location` every user-day, then `slope` powers of ten a unit of surprise.
    cold
        How much further out the prior's `location` is while nothing is known: a tenant that is seen for the first time
        surprises more, and the shift goes as `warmth` comes.
    strength
        User-days that the prior is worth.
    half_life
        Days after which a user-day counts half.

    Attributes
    ----------
    user_days
        Fading number of user-days known, those of the day under way left out.

    Examples
    --------
    From the first day on, a large surprise fires and a small one stays silent:

    >>> model = Calibration()
    >>> model.score_one({"surprise": 11.0}) > 75.0
    True
    >>> model.score_one({"surprise": 3.0})
    0.0
    """

    def __init__(
        self,
        location: float = 0.6,
        slope: float = 0.5,
        cold: float = 3.3,
        strength: float = 200.0,
        half_life: float = 4.0,
    ) -> None:
        self.location = location
        self.slope = slope
        self.cold = cold
        self.strength = strength
        self.half_life = half_life
        self._day = -1
        self._today = [0] * BINS
        self._next: tuple[int, Known] | None = None
        self._hold(_alone(location, slope, cold, strength))

    def learn_one(self, x: dict[FeatureName, Any]) -> None:
        """Learn a user-day of ``x["day"]`` (days from the epoch) whose maximum is ``x["surprise"]``."""
        lessons = by_number()
        self.learn(int(x.get("day", 0)), None, float(x.get("surprise", 0.0)), lessons)
        self.teach(lessons)

    def score_one(self, x: dict[FeatureName, Any]) -> float:
        """Return the score, 0 to 100, of ``x["surprise"]``."""
        return self.score(float(x.get("surprise", 0.0)))

    def learn(self, day: int, before: float | None, now: float, lessons: ByNumber) -> float:
        """Put into `lessons` that the maximum of a user-day rose from `before` (None: it begins) to `now`.

        How unusual that is is read off the table that holds for its day, also if nobody has been taught of the day yet.

        Returns
        -------
        float
            What to give as `before` the next time: `now`, or `TOLD` if this user-day scores so high that somebody is
            told of it. Such a user-day no longer counts: the budget is one of false alerts, and an attack must not
            raise the bar for the next one.
        """
        lessons["raised"][day] += 1
        bins = lessons["bins"]
        if before is not None and before < TOLD:
            bins[_bin(before)] -= 1
        known = self._as_of(day)
        if before == TOLD or _score(now, known.scores, known.silent) >= LEFT_OUT_FROM:
            return TOLD
        bins[_bin(now)] += 1
        return now

    def teach(self, lessons: Mapping[str, Mapping[int, int]]) -> None:
        """Apply how the maxima of user-days moved; the day before is folded in first, if a new one has begun."""
        newest = max(lessons.get("raised", ()), default=self._day)
        if newest > self._day:
            self._hold(self._as_of(newest))
            self._today, self._day = [0] * BINS, newest
        for bin_, moved in lessons.get("bins", {}).items():
            self._today[bin_] += moved
        self._next = None

    @property
    def warmth(self) -> float:
        """0 while the prior is all there is, 1 when as many user-days are known as the prior is worth."""
        return _warmth(self.user_days, self.strength)

    def probability(self, surprise: float) -> float:
        """Return the chance, in [1e-4, 1], that a user-day reaches `surprise`: never rises with it."""
        return math.pow(10.0, -self.score(surprise) / SCORE_PER_DECADE)

    def score(self, surprise: float) -> float:
        """Return the score of `surprise`, 0 to 100."""
        return _score(surprise, self._scores, self._silent)

    def facts(self, surprise: float) -> dict[str, Json]:
        """Return how a surprise becomes a score, for an explanation."""
        return {
            "probability": self.probability(surprise),
            "known": round(self.user_days, 1),
            "score": self.score(surprise),
        }

    def dump(self) -> Iterator[Json]:
        """Yield one row: the day under way, its histogram and the fading one, as pairs of bin and count."""
        today: list[Json] = [[bin_, count] for bin_, count in enumerate(self._today) if count]
        known: list[Json] = [[bin_, count] for bin_, count in enumerate(self._now.histogram) if count]
        yield {"day": self._day, "today": today, "known": known}

    def load(self, rows: Iterable[Any]) -> None:
        """Replace everything known by what `dump` gave."""
        self._today, self._day, histogram = [0] * BINS, -1, [0.0] * BINS
        for row in rows:
            day, today, known = fields("calibration", row, "day", "today", "known")
            self._day = int(day)
            for bin_, count in today:
                self._today[bin_] = int(count)
            for bin_, count in known:
                histogram[bin_] = float(count)
        self._hold(self._table(histogram))

    def _as_of(self, day: int) -> Known:
        """Return what holds on that day: from a new day on, with the one under way folded in; changes nothing."""
        if day <= self._day:
            return self._now
        if self._next is None or self._next[0] != day:
            keep = math.exp2(-min(1000, day - self._day) / self.half_life) if self._day >= 0 else 0.0
            both = zip(self._now.histogram, self._today, strict=True)
            self._next = day, self._table([(known + today) * keep for known, today in both])
        return self._next[1]

    def _hold(self, known: Known) -> None:
        self._now = known
        self.user_days, self._scores, self._silent = known.user_days, known.scores, known.silent

    def _table(self, histogram: Sequence[float]) -> Known:
        prior = self.location, self.slope, self.cold, self.strength
        return _table(histogram, *prior) if any(histogram) else _alone(*prior)


@lru_cache(maxsize=256)
def _alone(location: float, slope: float, cold: float, strength: float) -> Known:
    """Return what a prior says of nothing, with which each detector of every engine begins."""
    return _table([0.0] * BINS, location, slope, cold, strength)


def _warmth(user_days: float, strength: float) -> float:
    return min(1.0, user_days / strength) if strength else 1.0


def _table(histogram: Sequence[float], location: float, slope: float, cold: float, strength: float) -> Known:
    user_days = sum(histogram)
    total = max(1e-9, strength + user_days)
    location += cold * (1.0 - _warmth(user_days, strength))
    exceeded, reached = [], 0.0
    for bin_ in range(BINS - 1, -1, -1):
        reached += histogram[bin_]
        prior = min(1.0, math.pow(10.0, -(bin_ * BIN_WIDTH - location) * slope))
        exceeded.append(min(1.0, (strength * prior + reached) / total))
    exceeded.reverse()
    often, seldom = _crossing(exceeded, OFTEN), _crossing(exceeded, SELDOM)
    steep = min(STEEPEST, max(FLATTEST, math.log10(OFTEN / SELDOM) / max(BIN_WIDTH, seldom - often)))
    for bin_ in range(math.ceil(seldom / BIN_WIDTH), BINS):
        exceeded[bin_] = SELDOM * math.pow(10.0, -(bin_ * BIN_WIDTH - seldom) * steep)
    scores = [score(probability) for probability in (*exceeded, exceeded[-1])]
    silent = max(0.0, next(bin_ for bin_, value in enumerate(scores) if value > 0.0) - 1.0) * BIN_WIDTH
    return Known(histogram, user_days, scores, silent)


def _score(surprise: float, scores: Sequence[float], silent: float) -> float:
    if surprise <= silent:
        return 0.0
    position = min(surprise, (BINS - 1) * BIN_WIDTH) / BIN_WIDTH
    lower = int(position)
    low = scores[lower]
    return low + (scores[lower + 1] - low) * (position - lower)


def _crossing(exceeded: list[float], probability: float) -> float:
    """Return the surprise at which the exceedance falls to `probability`."""
    upper = next((bin_ for bin_, p in enumerate(exceeded) if p <= probability), BINS - 1)
    if upper == 0:
        return 0.0
    before, after = exceeded[upper - 1], exceeded[upper]
    part = math.log(before / probability) / math.log(before / after) if before > after > 0.0 else 1.0
    return (upper - 1 + part) * BIN_WIDTH


def _bin(surprise: float) -> int:
    return min(BINS - 1, max(0, int(surprise / BIN_WIDTH)))
