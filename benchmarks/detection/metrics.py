"""From scores and truth to figures, one function each; knows nothing of where either came from."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.cells import Floats, Labelled, Scores, Told, Trial

SHOWN = 3  # findings of a user-day that an analyst reads
BUDGETS = (1, 5, 20)
LEVELS = (25.0, 40.0, 50.0, 60.0, 75.0, 90.0)
UserDay = tuple[str, int]


def average_precision(truth: NDArray[np.bool_], values: Floats) -> float:
    """Return the area under the precision-recall curve as a sum of steps; equal values are one step.

    >>> import numpy as np
    >>> round(average_precision(np.array([True, False, True]), np.array([3.0, 2.0, 1.0])), 4)
    0.8333
    """
    if not truth.any():
        return float("nan")
    order = np.argsort(-values, kind="stable")
    hits = np.cumsum(truth[order])
    last = np.append(np.nonzero(np.diff(values[order]))[0], len(values) - 1)
    precision, recall = hits[last] / (last + 1.0), hits[last] / hits[-1]
    return float(np.sum(precision * np.diff(np.append(0.0, recall))))


def roc_auc(truth: NDArray[np.bool_], values: Floats) -> float:
    """Return the chance that something true has a higher value than something false; equal ones count half.

    >>> import numpy as np
    >>> roc_auc(np.array([True, False, False]), np.array([1.0, 1.0, 0.0]))
    0.75
    """
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return float("nan")
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[place]
    return float((ranks[truth].sum() - positives * (positives + 1) / 2.0) / (positives * negatives))


def ranked_days(cells: Sequence[Labelled], values: Floats) -> dict[int, list[tuple[UserDay, list[int]]]]:
    """Return for each day its user-days, highest value first, with the numbers of the cells that an analyst sees.

    User-days without an opinion are left out. Equal values are put in an arbitrary but fixed order.
    """
    opinions: defaultdict[UserDay, list[int]] = defaultdict(list)
    for number in np.nonzero(values > 0.0)[0].tolist():
        opinions[cells[number].user_day].append(number)
    days: defaultdict[int, list[tuple[UserDay, list[int]]]] = defaultdict(list)
    for user_day, numbers in opinions.items():
        shown = sorted(numbers, key=lambda n: (-values[n], _lot(cells[n].action, cells[n].hour)))[:SHOWN]
        days[user_day[1]].append((user_day, shown))
    for entries in days.values():
        entries.sort(key=lambda entry: (-values[entry[1][0]], _lot(*entry[0])))
    return dict(days)


def _lot(name: str, number: int) -> int:
    return crc32(f"{name}\x1f{number}".encode())


def best_ranks(cells: Sequence[Labelled], values: Floats) -> dict[str, int]:
    """Return for each attack the best rank, from 1, of a user-day in its day that shows it.

    A user-day shows an attack whose cell is among its top three. Attacks that no user-day shows are left out.
    """
    ranks: dict[str, int] = {}
    for entries in ranked_days(cells, values).values():
        for rank, (_, shown) in enumerate(entries, 1):
            for campaign in {cells[number].campaign for number in shown} - {""}:
                ranks[campaign] = min(rank, ranks.get(campaign, rank))
    return ranks


def found_within(cells: Sequence[Labelled], values: Floats, budget: int) -> set[str]:
    """Return the attacks that the first `budget` user-days of some day show."""
    return {campaign for campaign, rank in best_ranks(cells, values).items() if rank <= budget}


def budget_curve(trial: Trial, scores: Scores, budgets: Sequence[int]) -> dict[int, float]:
    """Return the share of attacks found within each of several daily budgets."""
    cells, scores = judged(trial, scores)
    planted = max(1, len({cell.campaign for cell in cells} - {""}))
    ranks = best_ranks(cells, scores.surprise).values()
    return {budget: sum(rank <= budget for rank in ranks) / planted for budget in budgets}


def findable_within(cells: Sequence[Labelled], budget: int) -> int:
    """Return how many attacks even perfect knowledge could show in `budget` user-days a day.

    A maximum matching of attacks to places in days (augmenting paths).
    """
    places: defaultdict[str, dict[tuple[int, int], None]] = defaultdict(dict)
    for cell in cells:
        if cell.campaign:
            places[cell.campaign].update(dict.fromkeys((cell.hour // 24, place) for place in range(budget)))
    holder: dict[tuple[int, int], str] = {}

    def seat(campaign: str, tried: set[tuple[int, int]]) -> bool:
        for place in places[campaign]:
            if place not in tried:
                tried.add(place)
                if place not in holder or seat(holder[place], tried):
                    holder[place] = campaign
                    return True
        return False

    return sum(seat(campaign, set()) for campaign in sorted(places))


def told_cells(cells: Sequence[Labelled], scores: Scores) -> list[Told]:
    """Return what a method told; one that was not run as a service tells when an hour is over."""
    if scores.told is not None:
        return list(scores.told)
    return [
        Told((cells[number].hour + 1) * 3600.0, cells[number].key)
        for number in np.nonzero(scores.score >= scores.threshold)[0].tolist()
    ]


class Alerting(NamedTuple):
    """What a threshold gives: delays of the attacks found, in seconds, and wrongly accused user-days."""

    delays: dict[str, float]
    false: set[UserDay]


def alerting(cells: Sequence[Labelled], campaigns: Mapping[str, float], told: Collection[Told]) -> Alerting:
    """Hold what was told against the truth.

    An attack is found by a finding of one of its cells; an identity's day on which no attack used it is wrongly
    accused by any finding. Only `cells` count.
    """
    truth = {cell.key: cell.campaign for cell in cells}
    attacked = {cell.user_day for cell in cells if cell.campaign}
    delays: dict[str, float] = {}
    false: set[UserDay] = set()
    for time, key in told:
        if campaign := truth.get(key):
            delays[campaign] = min(delays.get(campaign, np.inf), time - campaigns[campaign])
        elif key in truth and (key[0], key[2] // 24) not in attacked:
            false.add((key[0], key[2] // 24))
    return Alerting(delays, false)


def found_at_rate(cells: Sequence[Labelled], values: Floats, false_days: float) -> set[str]:
    """Return the attacks above that threshold, chosen in hindsight, that accuses `false_days` user-days wrongly."""
    attacked = {cell.user_day for cell in cells if cell.campaign}
    worst: dict[UserDay, float] = {}
    for cell, value in zip(cells, values.tolist(), strict=True):
        if value > 0.0 and cell.user_day not in attacked:
            worst[cell.user_day] = max(worst.get(cell.user_day, 0.0), value)
    ordered = sorted(worst.values(), reverse=True)
    bar = ordered[int(false_days)] if len(ordered) > int(false_days) else 0.0
    return {cell.campaign for cell, value in zip(cells, values.tolist(), strict=True) if cell.campaign and value > bar}


def reliability(trial: Trial, scores: Scores) -> dict[float, tuple[float, float]]:
    """Return, for some scores, which share of user-days without an attack reaches them, and which share is promised.

    A score promises ``10**(-score / 25)``; a user-day has at least one cell.
    """
    cells, scores = judged(trial, scores)
    attacked = {cell.user_day for cell in cells if cell.campaign}
    worst: dict[UserDay, float] = {}
    for cell, value in zip(cells, scores.score.tolist(), strict=True):
        if cell.user_day not in attacked:
            worst[cell.user_day] = max(worst.get(cell.user_day, 0.0), value)
    values = np.array(list(worst.values()))
    if not len(values):
        return {}
    return {level: (float(np.mean(values >= level)), 10.0 ** (-level / 25.0)) for level in LEVELS}


def judged(trial: Trial, scores: Scores) -> tuple[list[Labelled], Scores]:
    """Leave out what only teaches."""
    keep = np.array([cell.hour >= trial.judged_from for cell in trial.cells], dtype=bool)
    cells = [cell for cell, kept in zip(trial.cells, keep.tolist(), strict=True) if kept]
    return cells, scores._replace(surprise=scores.surprise[keep], score=scores.score[keep])


def ceiling(trial: Trial) -> dict[str, float]:
    """Return the shares of attacks that could be found at best, by the names that `figures` gives them."""
    cells = [cell for cell in trial.cells if cell.hour >= trial.judged_from]
    planted = max(1, len({cell.campaign for cell in cells} - {""}))
    return {f"in {n} a day": findable_within(cells, n) / planted for n in BUDGETS}


def by_style(trial: Trial, scores: Scores, within: int) -> dict[str, tuple[int, int, int]]:
    """Return for each style of attack how many there were, were found within a daily budget, and were told."""
    cells, scores = judged(trial, scores)
    found = found_within(cells, scores.surprise, within)
    delays = alerting(cells, trial.campaigns, told_cells(cells, scores)).delays
    counts: dict[str, tuple[int, int, int]] = {}
    for campaign in sorted({cell.campaign for cell in cells} - {""}):
        style = trial.styles.get(campaign, "")
        planted, shown, told = counts.get(style, (0, 0, 0))
        counts[style] = (planted + 1, shown + (campaign in found), told + (campaign in delays))
    return counts


def figures(trial: Trial, scores: Scores) -> dict[str, float]:
    """Return every figure of one method on one trial, by the name of its column; shares are within 0 and 1."""
    cells, scores = judged(trial, scores)
    truth = np.array([bool(cell.campaign) for cell in cells], dtype=bool)
    failed = np.array([cell.failed for cell in cells], dtype=bool)
    planted = max(1, len({cell.campaign for cell in cells} - {""}))
    result = alerting(cells, trial.campaigns, told_cells(cells, scores))
    ranks = best_ranks(cells, scores.surprise).values()
    thousands_of_days = trial.identities / 1000.0 * trial.days
    return {
        "AP": average_precision(truth, scores.surprise),
        "AUC": roc_auc(truth, scores.surprise),
        **{f"in {n} a day": sum(rank <= n for rank in ranks) / planted for n in BUDGETS},
        "alerted": len(result.delays) / planted,
        "false per 1,000 a day": len(result.false) / thousands_of_days,
        "at 1 false": len(found_at_rate(cells, scores.surprise, thousands_of_days)) / planted,
        "failures AP": average_precision(truth[failed], scores.surprise[failed]),
        "delay, minutes": float(np.median(list(result.delays.values()))) / 60.0 if result.delays else float("nan"),
    }
