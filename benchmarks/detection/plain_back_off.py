"""A baseline: the hierarchical Pitman-Yor process of the literature, without anything that was added to it here.

No evidence over time, outcome, session, context or calibration; nothing fades.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from benchmarks.detection.cells import Labelled, Scores, by_hour

DISCOUNT, CONCENTRATION = 0.5, 1.0
ACTIONS = 1_000  # the uniform base measure: about as many operations as a tenant ever uses
THRESHOLD = 4.0


class Restaurant:
    """One level: the Pitman-Yor predictive probability of an action, given that of the level above.

    With c observations of the action among n of K kinds, discount d and concentration t,
    ``p = (max(c - d, 0) + (t + d K) p_above) / (n + t)``.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._total = 0

    def probability(self, action: str, above: float) -> float:
        """Return the probability of `action`."""
        own = max(self._counts[action] - DISCOUNT, 0.0) if action in self._counts else 0.0
        return (own + (CONCENTRATION + DISCOUNT * len(self._counts)) * above) / (self._total + CONCENTRATION)

    def add(self, action: str) -> bool:
        """Count one more observation; return whether it is the first, which the level above counts as one of its."""
        self._counts[action] += 1
        self._total += 1
        return self._counts[action] == 1


def plain_back_off(cells: Sequence[Labelled]) -> Scores:
    """Judge by ``-log10 p(action)``, backed off from identity to kind to tenant to uniform; threshold 1 in 10,000.

    A cell of an identity is one observation; a level above counts identities (then kinds), not observations.
    """
    surprises = np.zeros(len(cells))
    tenant = Restaurant()
    kinds: defaultdict[str, Restaurant] = defaultdict(Restaurant)
    people: defaultdict[str, Restaurant] = defaultdict(Restaurant)
    for _, numbers in by_hour(cells):
        for number in numbers:
            cell = cells[number]
            likely = tenant.probability(cell.action, 1.0 / ACTIONS)
            likely = kinds[cell.kind].probability(cell.action, likely)
            surprises[number] = -math.log10(people[cell.actor].probability(cell.action, likely))
        for number in numbers:
            cell = cells[number]
            if people[cell.actor].add(cell.action) and kinds[cell.kind].add(cell.action):
                tenant.add(cell.action)
    return Scores("plain Pitman-Yor back-off", surprises, surprises, THRESHOLD)
