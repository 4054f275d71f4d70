"""A baseline: the published mathematics of Elastic's ``rare`` function, with an hour for a bucket.

Rebuilt from descriptions, in the generous reading wherever they leave a choice; nobody should take its figures for
those of Elastic's engine. Two of its jobs: rare action by user, and rare failing action of the tenant.
"""

import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy.special import betainc, betaincinv  # type: ignore[import-untyped]  # comes with river, without types

from benchmarks.detection.cells import Floats, Labelled, Scores, by_hour

DECAY = 0.0005  # an active bucket
WRITTEN_BELOW = 0.035
AGEING, FORGOTTEN_AFTER = 0.002, 50  # of an action's own largest score; an hour, hours
KNOTS = (0.0, 70.0, 85.0, 90.0, 95.0, 97.0, 99.0, 99.9, 100.0)
CEILINGS = (0.0, 1.0, 1.2, 1.5, 3.0, 20.0, 50.0, 90.0, 100.0)
PEOPLE = frozenset({"human", "guest"})


class Multinomial:
    """Fading counts of the active buckets in which each action was seen.

    Forward decay: a count is divided by the weight of the newest bucket when it is read.
    """

    def __init__(self) -> None:
        self._counts: dict[str, float] = {}
        self._weight = 1.0

    def update(self, actions: Iterable[str]) -> None:
        """Add one to each distinct action of an active bucket, then let everything fade by one bucket."""
        for action in set(actions):
            self._counts[action] = self._counts.get(action, 0.0) + self._weight
        self._weight *= math.exp(DECAY)

    def tails(self, actions: Sequence[str]) -> Floats:
        """Return, for each of `actions`, the mass of all actions that are at most as likely.

        The mass is averaged over n equally probable parts of the posterior ``Beta(c, A - c)`` of the action's own
        probability, n falling from 7 to 1 as A grows.
        """
        counts = np.sort(np.fromiter(self._counts.values(), float)) / self._weight
        if len(counts) == 1:
            return np.ones(len(actions))
        mass = float(counts.sum())
        probabilities, last = np.unique(counts / mass, return_index=True)
        last = np.append(last[1:], len(counts)) - 1
        known = np.array([self._counts[action] for action in actions]) / self._weight
        means = conditional_means(known, mass)
        reached = np.interp(1.05 * means, np.append(0.0, probabilities), np.append(0.0, np.cumsum(counts / mass)[last]))
        return np.asarray(reached.mean(axis=1), dtype=float)


def conditional_means(counts: Floats, mass: float) -> Floats:
    """Return the mean of ``Beta(c, A - c)`` within each of its n equally probable parts, shape ``(counts, n)``."""
    parts = 7 if mass <= 100.0 else 5 if mass <= 1_000.0 else 3 if mass <= 10_000.0 else 1
    own, rest = counts[:, None], np.maximum(mass - counts, 1e-9)[:, None]
    cuts = betaincinv(own, rest, np.arange(1, parts) / parts)
    below = np.hstack([np.zeros_like(own), betainc(own + 1.0, rest, cuts), np.ones_like(own)])
    return np.asarray(parts * own / mass * np.diff(below, axis=1), dtype=float)


def raw_score(probability: float) -> float:
    """Return the score of a probability before it is normalised, 0 to 100.

    >>> raw_score(0.01), raw_score(1e-4), round(raw_score(1e-50))
    (0.008016032064128256, 1.0, 50)
    """
    if probability > WRITTEN_BELOW:
        return 0.0
    if probability >= 1e-4:
        return (1.0 / probability - 20.0) / 9980.0
    if probability >= 1e-50:
        return 1.0 + 49.0 * math.log(1e-4 / probability) / math.log(1e46)
    return min(100.0, 50.0 + 50.0 * math.log(1e-50 / max(probability, 2.2e-308)) / math.log(1e-50 / 2.2e-308))


def evidence_ceiling(probability: float) -> float:
    """Return the most that a record of that probability can score.

    >>> round(evidence_ceiling(2.6e-3)), round(evidence_ceiling(5.1e-4))
    (50, 75)
    """
    return 5.0 + 95.0 * math.log(0.05 / probability) / math.log(500.0)


def percentile_ceiling(below: float, count: int) -> float:
    """Return what a score may become of which the share `below` of `count` scores is smaller."""
    ends = betaincinv(count * below + 1.0 / 3.0, count * (1.0 - below) + 1.0 / 3.0, np.array([0.15, 0.85]))
    return float(np.interp(100.0 * ends, KNOTS, CEILINGS).mean())


class Normaliser:
    """Turns raw scores into those of records: the lowest of four ceilings, of which one job has one set.

    The ceiling against noise does not bind while at least half of all scores are zero, as they are for rare actions,
    but it is computed all the same.
    """

    def __init__(self) -> None:
        self._zeros = 0
        self._scores: list[float] = []
        self._largest: dict[tuple[str, str], tuple[float, int]] = {}

    def update(self, hour: int, scores: Mapping[tuple[str, str], float]) -> None:
        """Take in all scores of a bucket, zeros included."""
        for key, value in scores.items():
            if value > 0.0:
                insort(self._scores, value)
                largest, since = self._largest.get(key, (0.0, hour))
                faded = largest * math.exp(-AGEING * (hour - since)) if hour - since <= FORGOTTEN_AFTER else 0.0
                self._largest[key] = (max(value, faded), hour)
            else:
                self._zeros += 1

    def score(self, key: tuple[str, str], value: float, probability: float) -> float:
        """Return the record's score, 0 to 100, of something that `update` has been told."""
        if value <= 0.0:
            return 0.0
        count = self._zeros + len(self._scores)
        middle = 0.0 if 2 * self._zeros >= count else self._scores[count // 2 - self._zeros]
        noise = max(0.0, 1.0 + 10.0 * (value - middle))
        noise += 100.0 * max(0.0, 2.0 * min(2.0 * self._zeros / count, 1.0) - 1.0)
        percentile = percentile_ceiling((self._zeros + bisect_left(self._scores, value)) / count, count)
        share = value / self._largest[key][0]
        own = 100.0 * min(1.5 * share, 0.5 + 0.5 * share)
        return min(100.0, max(0.0, min(noise, percentile, own, evidence_ceiling(probability))))


def rare_action(cells: Sequence[Labelled], *, people_only: bool) -> Scores:
    """Judge by the job *rare action by user*, threshold 75.

    Parameters
    ----------
    cells
        In order of time.
    people_only
        As shipped the job needs a user's mail address, so machines stay unseen; False lets it see everybody.
    """
    name = "Elastic-like rare action, " + ("people only" if people_only else "everybody")
    return _judge(name, cells, 75.0, [not people_only or cell.kind in PEOPLE for cell in cells], by_user=True)


def rare_failure(cells: Sequence[Labelled]) -> Scores:
    """Judge by the job *rare failing action*: one model of the tenant, failures alone, threshold 50."""
    return _judge("Elastic-like rare failure", cells, 50.0, [cell.failed for cell in cells], by_user=False)


def _judge(
    name: str, cells: Sequence[Labelled], threshold: float, business: Sequence[bool], *, by_user: bool
) -> Scores:
    surprises, scores = np.zeros(len(cells)), np.zeros(len(cells))
    models: dict[str, Multinomial] = {}
    normaliser = Normaliser()
    for hour, numbers in by_hour(cells):
        groups: dict[str, dict[str, list[int]]] = {}
        for number in numbers:
            if business[number]:
                cell = cells[number]
                groups.setdefault(cell.actor if by_user else "", {}).setdefault(cell.action, []).append(number)
        found: dict[tuple[str, str], float] = {}
        for key, actions in groups.items():
            model = models.setdefault(key, Multinomial())
            model.update(actions)
            names = list(actions)
            found.update({(key, action): float(p) for action, p in zip(names, model.tails(names), strict=True)})
        raw = {key: raw_score(probability) for key, probability in found.items()}
        normaliser.update(hour, raw)
        for (key, action), probability in found.items():
            here = groups[key][action]
            surprises[here] = -math.log10(max(probability, 1e-300))
            scores[here] = normaliser.score((key, action), raw[key, action], probability)
    return Scores(name, surprises, scores, threshold)
