"""How soon a fresh installation is of use: what is found by day since the first event."""

from collections.abc import Mapping, Sequence

from benchmarks.detection.cells import Scores
from benchmarks.detection.metrics import alerting, found_within, judged, told_cells
from benchmarks.detection.tenants import Outcome

STRETCHES = ((1, 1), (2, 2), (3, 3), (4, 6), (7, 9), (10, 13))  # first and last day, 0 is that of the first event
WITHIN = 5


def label(first: int, last: int) -> str:
    """Name a stretch of days, counted from 1 as people do."""
    return f"day {first + 1}" if first == last else f"days {first + 1} to {last + 1}"


def by_stretch(outcomes: Sequence[Outcome]) -> dict[str, dict[str, tuple[int, int, int, float]]]:
    """Pool several trials: by method and stretch attacks begun, found, alerted, and false user-days per 1,000 a day."""
    result: dict[str, dict[str, tuple[int, int, int, float]]] = {}
    for method in outcomes[0].methods:
        singles = [
            _of_one(outcome, next(one for one in outcome.methods if one.name == method.name)) for outcome in outcomes
        ]
        result[method.name] = {
            name: (
                sum(single[name][0] for single in singles),
                sum(single[name][1] for single in singles),
                sum(single[name][2] for single in singles),
                sum(single[name][3] for single in singles) / len(singles),
            )
            for name in singles[0]
        }
    return result


def _of_one(outcome: Outcome, scores: Scores) -> Mapping[str, tuple[int, int, int, float]]:
    trial = outcome.trial
    cells, scores = judged(trial, scores)
    start = min(cell.hour for cell in trial.cells) // 24
    found = found_within(cells, scores.surprise, WITHIN)
    result = alerting(cells, trial.campaigns, told_cells(cells, scores))
    present = {cell.campaign for cell in cells} - {""}
    begun = {name: int(trial.campaigns[name] // 86_400) - start for name in present}
    rows = {}
    for first, last in STRETCHES:
        here = {name for name, day in begun.items() if first <= day <= last}
        false = sum(first <= day - start <= last for _, day in result.false)
        rate = false / (last - first + 1) / trial.identities * 1000.0
        rows[label(first, last)] = (len(here), len(here & found), len(here & result.delays.keys()), rate)
    return rows
