"""How often an identity does anything new, or is anywhere new: hazards learnt over the tenant, and personal factors.

They make a curious administrator's next first time less surprising, and that of a managed identity that has never
changed very surprising. Which new thing it is, is left to `backoff`.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from river.base.anomaly_detector import AnomalyDetector
from river.base.typing import FeatureName

from models.statistics.decay import growth, surprise
from models.statistics.lessons import ByNumber, by_number
from models.stream import Json, fields

STAGES = 24  # log2 of active buckets: enough for two thousand years of hours
PRIOR_STRENGTH = 20.0  # active buckets' worth of belief that a stage is like the one before it, a step lower
LEAST = 0.002
STEP = math.sqrt(0.5)  # by which the hazard falls from stage to stage, as far as nothing is known
REFRESHED_AFTER = 0.03  # share of new lessons from which the hazards are worked out again
PERSONAL_STRENGTH = 2.0  # novel buckets' worth of belief that an identity is like its kind
MOST_TYPICAL = 3.0  # personal factor up to which an identity teaches its kind
MOST_CURIOUS = 2.0  # and up to which it counts for what is guarded
MOST_HAZARD = 2.5  # times the prior's: most that the hazard of a stage counts for what is guarded


def stage_of(buckets: int) -> int:
    """Return the experience stage of an identity with that many active buckets: 0, 1, 2-3, 4-7 and so on.

    >>> [stage_of(n) for n in (0, 1, 2, 3, 4, 1000)]
    [0, 1, 2, 2, 3, 10]
    """
    return min(STAGES - 1, buckets.bit_length())


def prior_hazard(stage: int) -> float:
    """Return the chance of anything new in an active bucket before anything is learnt: falls with experience.

    >>> [round(prior_hazard(stage), 2) for stage in (0, 3, 6, 10)]
    [0.9, 0.32, 0.11, 0.03]
    """
    return max(LEAST, 0.9 * STEP**stage)


class NoveltyRate(AnomalyDetector):
    r"""Probability that an identity does something new in its next active bucket, in one or several aspects.

    With h the hazard of a kind of identity at an experience stage (novel buckets over active buckets, both fading,
    plus a prior that continues the stage before it), and :math:`H(n)` its sum over an identity's n active buckets so
    far, of which s were novel,

    .. math:: \nu = h(kind, stage(n)) \cdot \frac{s + 2}{H(n) + 2}

    An identity that does new things three times as often as its kind teaches it nothing: in a stage that few have
    reached, it would be what is usual there.

    Hazards are worked out again when time moves on to another bucket and enough has been learnt since: within one
    bucket it does not matter who is learnt first.

    Parameters
    ----------
    aspects
        In how many ways a bucket can be novel: each has hazards of its own.
    half_life
        Hours after which a bucket counts half.

    Examples
    --------
    A managed identity, a hundred hours of the same, then something new:

    >>> model = NoveltyRate()
    >>> for hour in range(100):
    ...     model.learn_one({"kind": "managed_identity", "buckets": hour, "novel": hour == 0, "time": float(hour)})
    >>> steady = {"kind": "managed_identity", "buckets": 100, "seen": 1, "time": 100.0}
    >>> model.score_one({**steady, "novel": True}) > 1.5
    True

    That nothing new happens surprises nobody:

    >>> model.score_one({**steady, "novel": False}) < 0.1
    True
    """

    def __init__(self, aspects: int = 1, half_life: float = 1440.0) -> None:
        self.aspects = aspects
        self.half_life = half_life
        self._counts: dict[str, list[list[float]]] = {}
        self._hours = -math.inf
        self._learnt, self._used = 0, 0
        self._hazards: dict[str, list[Hazards]] = {}

    def learn_one(self, x: dict[FeatureName, Any]) -> None:
        """Learn that an identity of ``x["kind"]`` with ``x["buckets"]`` behind it did (``x["novel"]``) a new thing."""
        novel, lessons = [bool(x.get("novel"))] * self.aspects, by_number()
        self.learn(str(x.get("kind", "unknown")), int(x.get("buckets", 0)), novel, lessons)
        self.teach(lessons, float(x.get("time", 0.0)))

    def score_one(self, x: dict[FeatureName, Any]) -> float:
        """Return the surprise of ``x["novel"]``, for an identity that did new things in ``x["seen"]`` buckets."""
        rate = self.rate(str(x.get("kind", "unknown")), int(x.get("buckets", 0)), int(x.get("seen", 0)))
        return surprise(rate if x.get("novel") else 1.0 - rate)

    @staticmethod
    def learn(kind: str, buckets: int, novel: Sequence[bool], lessons: ByNumber) -> None:
        """Put into `lessons` one active bucket of an identity that had `buckets` before; `novel` by aspect.

        A number there is a stage, plus `STAGES` times the aspect in which such a bucket was novel: 0 counts all.
        """
        stage, counts = stage_of(buckets), lessons[kind]
        counts[stage] += 1
        for aspect, new in enumerate(novel, 1):
            if new:
                counts[STAGES * aspect + stage] += 1

    def teach(self, lessons: Mapping[str, Mapping[int, int]], hours: float) -> None:
        """Apply what the active buckets at `hours` taught; hazards are worked out first, if time has moved on."""
        if hours > self._hours and any(lessons.values()):
            self._move_on(hours)
        weight = growth(hours, self.half_life)
        for kind in sorted(lessons):
            table = self._counts.get(kind)
            if table is None:
                table = self._counts[kind] = [[0.0] * (1 + self.aspects) for _ in range(STAGES)]
            for number, count in sorted(lessons[kind].items()):
                aspect, stage = divmod(number, STAGES)
                table[stage][aspect] += count * weight
                self._learnt += 0 if aspect else count

    def rate(self, kind: str, buckets: int, seen: int, aspect: int = 0, guarded: bool = False) -> float:
        """Return the probability of anything new for an identity with `buckets` active buckets, `seen` novel ones.

        For what is `guarded`, there is a bound on how much novelty an identity, and those who are as experienced, can
        make us used to.
        """
        hazard, personal = self._hazard(kind, buckets, seen, aspect)
        if guarded:
            hazard = min(hazard, MOST_HAZARD * prior_hazard(stage_of(buckets)))
            personal = min(personal, MOST_CURIOUS)
        return min(0.99, hazard * personal)

    def is_typical(self, kind: str, buckets: int, seen: int) -> bool:
        """Whether such an identity is not much more curious than its kind, and may teach it."""
        return self._hazard(kind, buckets, seen, 0)[1] <= MOST_TYPICAL

    def _hazard(self, kind: str, buckets: int, seen: int, aspect: int) -> tuple[float, float]:
        """Return the hazard of the kind at that stage, and the factor for an identity of its own."""
        known = self._hazards.get(kind)
        hazards, before = known[aspect] if known is not None else PRIOR
        stage = stage_of(buckets)
        expected = before[stage] + (buckets - (1 << stage >> 1)) * hazards[stage]
        return hazards[stage], (seen + PERSONAL_STRENGTH) / (expected + PERSONAL_STRENGTH)

    def dump(self) -> Iterator[Json]:
        """Yield the time and number of lessons, then one row a kind: its counts and its hazards as last refreshed."""
        yield {"hours": self._hours if self._counts else None, "learnt": self._learnt, "used": self._used}
        for kind in sorted(self._counts):
            hazards = self._hazards.get(kind)
            counts: list[Json] = [list[Json](entry) for entry in self._counts[kind]]
            rows: Json = None if hazards is None else [list[Json](hazard) for hazard, _ in hazards]
            yield {"kind": kind, "counts": counts, "hazards": rows}

    def load(self, rows: Iterable[Any]) -> None:
        """Replace everything known by what `dump` gave."""
        self._counts, self._hazards, self._hours, self._learnt, self._used = {}, {}, -math.inf, 0, 0
        for number, row in enumerate(rows):
            if number == 0:
                hours, learnt, used = fields("novelty", row, "hours", "learnt", "used")
                self._hours = -math.inf if hours is None else float(hours)
                self._learnt, self._used = int(learnt), int(used)
                continue
            kind, counts, hazards = fields("novelty", row, "kind", "counts", "hazards")
            self._counts[kind] = [[float(count) for count in entry] for entry in counts]
            if hazards is not None:
                self._hazards[kind] = [_cumulated([float(value) for value in aspect]) for aspect in hazards]

    def _move_on(self, hours: float) -> None:
        if self._learnt - self._used > REFRESHED_AFTER * self._used:
            weight = growth(self._hours, self.half_life)
            for kind, table in self._counts.items():
                self._hazards[kind] = [_cumulated(_smoothed(table, a, weight)) for a in range(1, 1 + self.aspects)]
            self._used = self._learnt
        self._hours = hours


Hazards = tuple[list[float], list[float]]


def _smoothed(table: Sequence[Sequence[float]], aspect: int, weight: float) -> list[float]:
    """Return the hazard of each stage; one that few identities have reached continues the one before it."""
    hazards, prior = [], prior_hazard(0)
    for entry in table:
        seen, novel = entry[0] / weight, entry[aspect] / weight
        hazards.append((novel + PRIOR_STRENGTH * prior) / (seen + PRIOR_STRENGTH))
        prior = max(LEAST, STEP * hazards[-1])
    return hazards


def _cumulated(hazards: list[float]) -> Hazards:
    """Return the hazards and, for each stage, how many novel buckets are expected before it begins."""
    before, total = [], 0.0
    for stage, hazard in enumerate(hazards):
        before.append(total)
        total += hazard * max(1, 1 << stage >> 1)
    return hazards, before


PRIOR = _cumulated([prior_hazard(stage) for stage in range(STAGES)])
