"""A survival function: how far something gets, when each rung is reached by a share of those that reached the last.

For counts and lengths with long tails: failing operations in a quarter of an hour, days of silence. What a rung stands
for, and how often one identity has stood on it, is the owners' business.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from river.base.anomaly_detector import AnomalyDetector
from river.base.typing import FeatureName

from models.statistics.decay import growth, surprise
from models.statistics.lessons import ByNumber, by_number
from models.stream import Json, fields

_TENANT = ""
FULL = 255  # a count's largest value: then all are halved, so that old habits fade


def reached(own: bytes, rung: int) -> bytes:
    """Return an identity's counts, rung by rung, after it has got as far as `rung` once more.

    >>> list(reached(reached(b"", 2), 0))
    [2, 1, 1]
    """
    counts = bytearray(own.ljust(rung + 1, b"\0"))
    if counts[0] == FULL:
        counts = bytearray(count // 2 for count in bytes(counts))
    for reached in range(rung + 1):
        counts[reached] += 1
    return bytes(counts)


def halved(own: bytes) -> bool:
    """Whether an identity's counts may have been halved, and so tell of its last times alone.

    >>> halved(reached(b"", 2)), halved(bytes([FULL // 2 + 1]))
    (False, True)
    """
    return bool(own) and 2 * own[0] >= FULL


class SurvivalFunction(AnomalyDetector):
    r"""Chance of getting at least to a rung, from the tenant to a group to one identity.

    With :math:`c_j` the fading number of times that rung j was reached, the chance to go on from rung j - 1 is

    .. math:: q_j = \frac{c_j + s \, q_j^{parent}}{c_{j-1} + s}

    a beta-binomial mean with the parent's as its prior: the group's behind the identity's, the tenant's behind the
    group's, and `prior` behind that, so that a rung which nobody has reached yet is half as likely as the one below.
    The chance of rung k is the product of its :math:`q_j`: a discrete-time survival curve [1]_.

    Rung by rung, an identity that often gets a little way is nearly as likely as its kind to go on from there: few of
    its times speak of the higher rungs. With `whole_strength` w, all times that got as far as half of them do, to rung
    i, speak of the whole way from there, and the smaller of the two chances counts:

    .. math:: \prod_{j \le i} q_j \cdot \frac{c_k + w \prod_{j > i} q_j^{parent}}{c_i + w}

    Parameters
    ----------
    rungs
        Number of rungs; what gets further counts as the last.
    prior
        Chance to go on where nothing is known, in (0, 1).
    strength, own_strength
        What the parent's word is worth to a group and to an identity, in times that the rung below was reached.
    half_life
        Hours after which a time counts half.
    whole_strength
        What the parent's word of the whole way is worth to an identity, in times; 0 to go rung by rung alone.

    References
    ----------
    .. [1] Cox (1972). Regression models and life-tables. Journal of the Royal Statistical Society B.

    Examples
    --------
    People are away for a night or a weekend; one of them stays away for weeks:

    >>> model = SurvivalFunction()
    >>> for day in range(200):
    ...     model.learn_one({"kind": "human", "rung": 1 if day % 5 == 0 else 0, "time": 24.0 * day})
    >>> absence = {"kind": "human", "time": 4800.0}
    >>> round(model.score_one({**absence, "rung": 1}), 1), model.score_one({**absence, "rung": 5}) > 2.0
    (0.7, True)

    Somebody who always stays away so long surprises less:

    >>> monthly = bytes([4, 4, 4, 4, 4, 4])
    >>> model.score_one({**absence, "rung": 5, "own": monthly}) < 1.0
    True
    """

    def __init__(
        self,
        rungs: int = 8,
        prior: float = 0.5,
        strength: float = 4.0,
        own_strength: float = 2.0,
        half_life: float = 1440.0,
        whole_strength: float = 0.0,
    ) -> None:
        self.rungs = rungs
        self.prior = prior
        self.strength = strength
        self.own_strength = own_strength
        self.half_life = half_life
        self.whole_strength = whole_strength
        self._counts: dict[str, list[float]] = {_TENANT: [0.0] * (rungs + 1)}

    def learn_one(self, x: dict[FeatureName, Any]) -> None:
        """Learn that somebody of ``x["kind"]`` got as far as ``x["rung"]``."""
        lessons = by_number()
        self.learn(str(x.get("kind", "unknown")), int(x.get("rung", 0)), lessons)
        self.teach(lessons, float(x.get("time", 0.0)))

    def score_one(self, x: dict[FeatureName, Any]) -> float:
        """Return the surprise of ``x["rung"]``, to somebody with the counts ``x["own"]``."""
        steps = self.steps(str(x.get("kind", "unknown")), int(x.get("rung", 0)), float(x.get("time", 0.0)))
        return surprise(self.probability(steps, x.get("own", b"")))

    def learn(self, group: str, rung: int, lessons: ByNumber) -> None:
        """Put into `lessons` that somebody of `group` got as far as `rung`."""
        lessons[group][min(rung, self.rungs)] += 1

    def teach(self, lessons: Mapping[str, Mapping[int, int]], hours: float) -> None:
        """Apply how many got how far at `hours`."""
        weight = growth(hours, self.half_life)
        tenant = self._counts[_TENANT]
        for group in sorted(lessons):
            counts = self._counts.get(group)
            if counts is None:
                counts = self._counts[group] = [0.0] * (self.rungs + 1)
            for rung, times in sorted(lessons[group].items()):
                for reached in range(rung + 1):
                    tenant[reached] += times * weight
                    counts[reached] += times * weight

    def steps(self, group: str, rung: int, hours: float) -> list[float]:
        """Return the chances to go on, from each rung below `rung` to the next, of anybody of `group`."""
        weight, tenant = growth(hours, self.half_life), self._counts[_TENANT]
        known, chances = self._counts.get(group, tenant), []
        for at in range(min(rung, self.rungs)):
            chance = self.prior
            for counts in (tenant, known):
                chance = (counts[at + 1] / weight + self.strength * chance) / (counts[at] / weight + self.strength)
            chances.append(chance)
        return chances

    def probability(self, steps: Sequence[float], own: bytes = b"") -> float:
        """Return the chance of getting up all of `steps`, for somebody who has stood on the rungs `own` times."""
        counts = own.ljust(len(steps) + 1, b"\0")[: len(steps) + 1]
        strength, whole = self.own_strength, self.whole_strength
        ways = [1.0]
        for at, chance in enumerate(steps):
            ways.append(ways[-1] * (counts[at + 1] + strength * chance) / (counts[at] + strength))
        if not whole:
            return ways[-1]
        usual = sum(2 * count >= counts[0] for count in counts) - 1  # counts never rise
        onwards = (counts[len(steps)] + whole * math.prod(steps[usual:])) / (counts[usual] + whole)
        return min(ways[-1], ways[usual] * onwards)

    def dump(self) -> Iterator[Json]:
        """Yield one row a group, the tenant's (without a name) first: how often each rung was reached."""
        for group in sorted(self._counts):
            yield {"group": group, "reached": list[Json](self._counts[group])}

    def load(self, rows: Iterable[Any]) -> None:
        """Replace everything known by what `dump` gave."""
        self._counts = {_TENANT: [0.0] * (self.rungs + 1)}
        for row in rows:
            group, counts = fields("survival", row, "group", "reached")
            self._counts[str(group)] = [float(count) for count in counts]
