"""Masquerades among shell commands (Schonlau et al. 2001): which blocks of 100 are another person's.

Each block is a user's day, the score of a block is made of the surprises of its cells.
"""

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.cells import Floats, Scores, Trial
from benchmarks.detection.metrics import judged, roc_auc

FALSE_ALARMS = (0.01, 0.05)
HOW = """\
The set is half of the published one, and is judged as a stream in which what is missed is learnt; a block's score is
the sum, or the largest, of the surprises of its cells."""


def hits_at(truth: NDArray[np.bool_], values: Floats, false_alarms: float) -> float:
    """Return the share of true blocks above the lowest threshold that at most that share of the others exceeds."""
    others = np.sort(values[~truth])[::-1]
    bar = others[int(false_alarms * len(others))]
    return float(np.mean(values[truth] > bar))


def block_figures(trial: Trial, scores: Scores) -> dict[str, float]:
    """Return the figures of one method: ROC area of blocks by the sum and the largest of their surprises, and hits."""
    cells, scores = judged(trial, scores)
    blocks: dict[tuple[str, int], list[int]] = {}
    for number, cell in enumerate(cells):
        blocks.setdefault(cell.user_day, []).append(number)
    truth = np.array([any(cells[number].campaign for number in numbers) for numbers in blocks.values()], dtype=bool)
    total = np.array([scores.surprise[numbers].sum() for numbers in blocks.values()])
    largest = np.array([scores.surprise[numbers].max() for numbers in blocks.values()])
    return {
        "blocks": float(len(truth)),
        "masquerades": float(truth.sum()),
        "AUC, sum": roc_auc(truth, total),
        "AUC, largest": roc_auc(truth, largest),
        **{f"hits at {share:.0%} false, sum": hits_at(truth, total, share) for share in FALSE_ALARMS},
    }
