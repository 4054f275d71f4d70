"""From an unbounded surprise to the chance that a user-day gets that far: what makes a threshold an alert budget.

The scale of 0 to 100 is `scoring`'s; which surprises are summed is the detectors' choice.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from river import base

from models.statistics.scoring import SCORE_PER_DECADE, score
from models.stream import Json

WIDTH = 0.1  # of a bin of surprise
BINS = 400  # up to a surprise of 40
OFTEN, SELDOM = 0.1, 0.015  # exceedances between which the tail's slope is read
TOLD = 1e9
LEFT_OUT_FROM = 75.0
FLATTEST, STEEPEST = 0.25, 2.0  # powers of ten a unit of surprise


class Calibration(base.AnomalyDetector):
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
        self._known = [0.0] * BINS
        self._refresh()

    def learn_one(self, x: dict[base.typing.FeatureName, Any]) -> None:
        """Learn a user-day of ``x["day"]`` (days from the epoch) whose maximum is ``x["surprise"]``."""
        self.learn(int(x.get("day", 0)), None, float(x.get("surprise", 0.0)))

    def score_one(self, x: dict[base.typing.FeatureName, Any]) -> float:
        """Return the score, 0 to 100, of ``x["surprise"]``."""
        return self.score(float(x.get("surprise", 0.0)))

    def learn(self, day: int, before: float | None, now: float) -> float:
        """Raise the maximum of one user-day from `before` (None: a user-day that begins) to `now`.

        Returns
        -------
        float
            What to give as `before` the next time: `now`, or `TOLD` if this user-day scores so high that somebody is
            told of it. Such a user-day no longer counts: the budget is one of false alerts, and an attack must not
            raise the bar for the next one.
        """
        if day > self._day:
            self._fold(day)
        if before is not None and before < TOLD:
            self._today[_bin(before)] -= 1
        if before == TOLD or self.score(now) >= LEFT_OUT_FROM:
            return TOLD
        self._today[_bin(now)] += 1
        return now

    @property
    def warmth(self) -> float:
        """0 while the prior is all there is, 1 when as many user-days are known as the prior is worth."""
        return min(1.0, self.user_days / self.strength) if self.strength else 1.0

    def probability(self, surprise: float) -> float:
        """Return the chance, in [1e-4, 1], that a user-day reaches `surprise`: never rises with it."""
        return math.pow(10.0, -self.score(surprise) / SCORE_PER_DECADE)

    def score(self, surprise: float) -> float:
        """Return the score of `surprise`, 0 to 100."""
        if surprise <= self._silent:
            return 0.0
        position = min(surprise, (BINS - 1) * WIDTH) / WIDTH
        lower = int(position)
        low = self._scores[lower]
        return low + (self._scores[lower + 1] - low) * (position - lower)

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
        known: list[Json] = [[bin_, count] for bin_, count in enumerate(self._known) if count]
        yield [self._day, today, known]

    def load(self, rows: Iterable[Any]) -> None:
        """Replace everything known by what `dump` gave."""
        self._today, self._known, self._day = [0] * BINS, [0.0] * BINS, -1
        for day, today, known in rows:
            self._day = int(day)
            for bin_, count in today:
                self._today[bin_] = int(count)
            for bin_, count in known:
                self._known[bin_] = float(count)
        self._refresh()

    def _fold(self, day: int) -> None:
        keep = math.exp2(-min(1000, day - self._day) / self.half_life) if self._day >= 0 else 0.0
        self._known = [(known + today) * keep for known, today in zip(self._known, self._today, strict=True)]
        self._today = [0] * BINS
        self._day = day
        self._refresh()

    def _refresh(self) -> None:
        self.user_days = sum(self._known)
        total = max(1e-9, self.strength + self.user_days)
        location = self.location + self.cold * (1.0 - self.warmth)
        exceeded, reached = [], 0.0
        for bin_ in range(BINS - 1, -1, -1):
            reached += self._known[bin_]
            prior = min(1.0, math.pow(10.0, -(bin_ * WIDTH - location) * self.slope))
            exceeded.append(min(1.0, (self.strength * prior + reached) / total))
        exceeded.reverse()
        often, seldom = _crossing(exceeded, OFTEN), _crossing(exceeded, SELDOM)
        slope = min(STEEPEST, max(FLATTEST, math.log10(OFTEN / SELDOM) / max(WIDTH, seldom - often)))
        for bin_ in range(math.ceil(seldom / WIDTH), BINS):
            exceeded[bin_] = SELDOM * math.pow(10.0, -(bin_ * WIDTH - seldom) * slope)
        self._scores = [score(probability) for probability in (*exceeded, exceeded[-1])]
        self._silent = max(0.0, next(bin_ for bin_, value in enumerate(self._scores) if value > 0.0) - 1.0) * WIDTH


def _crossing(exceeded: list[float], probability: float) -> float:
    """Return the surprise at which the exceedance falls to `probability`."""
    upper = next((bin_ for bin_, p in enumerate(exceeded) if p <= probability), BINS - 1)
    if upper == 0:
        return 0.0
    before, after = exceeded[upper - 1], exceeded[upper]
    part = math.log(before / probability) / math.log(before / after) if before > after > 0.0 else 1.0
    return (upper - 1 + part) * WIDTH


def _bin(surprise: float) -> int:
    return min(BINS - 1, max(0, int(surprise / WIDTH)))
