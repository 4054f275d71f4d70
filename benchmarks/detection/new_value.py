"""A baseline: the recipe that most products ship, "first time that this identity does this"."""

from collections.abc import Sequence

import numpy as np

from benchmarks.detection.cells import Labelled, Scores, by_hour


def new_value(cells: Sequence[Labelled], *, learning_days: float = 7.0) -> Scores:
    """Flag each action that is new to its identity, once the identity has been known for `learning_days`.

    Only yes and no: what is flagged within a day has no order.
    """
    flagged = np.zeros(len(cells))
    since: dict[str, int] = {}
    known: dict[str, set[str]] = {}
    for hour, numbers in by_hour(cells):
        for number in numbers:
            cell = cells[number]
            learnt = hour - since.setdefault(cell.actor, hour) >= learning_days * 24
            actions = known.setdefault(cell.actor, set())
            flagged[number] = learnt and cell.action not in actions
            actions.add(cell.action)
    return Scores(f"new value, {learning_days:g} days of learning", flagged, flagged, 1.0)
