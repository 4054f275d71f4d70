"""From "so many alerts a day" to the threshold of each detector, and back: what each threshold would have given.

A budget moves all thresholds together, by whole points, once a day of event time. It reckons from what the scores
promise and from what the history shows; finding what is unusual is left to the detectors.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from models.statistics import SCORE_PER_DECADE
from models.stream import Json, UnexpectedRow, fields
from service.core.alerting.score_history import DAYS, LOWEST, History, day_number

DEFAULT_THRESHOLD = 75.0
"""Of a detector that is configured with none."""

HIGHEST = 100.0
PROMISE_DAYS = 7
"""Days of history that weigh as much as what the scores promise."""

CUT = 4.0
"""A day counts for at most so many times the budget: what goes beyond is an event, not a habit."""

UP, DOWN = 1, 2
"""Points that the correction may rise and fall a day."""

MOST_UP, MOST_DOWN = 15, 20
"""Points that the history may take the thresholds above and below what the scores promise."""

THRESHOLDS = tuple(range(LOWEST, 100, 5))
BUDGETS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0)


class Budget:
    """The thresholds in force.

    Parameters
    ----------
    thresholds
        Configured threshold of each detector: what holds without a budget, and where a budget starts from.
    alerts_per_day
        Identities alerted a day that are wanted on average, at the most; None leaves the thresholds where they are.
    history
        What has been seen so far; fed by the engine. The threshold of a detector that it does not follow never moves,
        and what that finds is no part of the budget: it was asked for.

    Attributes
    ----------
    expected
        Identities a day that the newest thresholds would have alerted in the days of the history.
    least
        Score that no threshold is ever below, whatever the day: most cells need no closer look.

    Notes
    -----
    With *n* days of history, A active identities a day, and thresholds t_i, a shift s of all thresholds is expected
    to alert

    ``(7 * A * sum_i 10^(-(t_i + s) / 25) + sum_days min(alerted(s), 4 * budget)) / (7 + n)``

    identities a day: the promise of the scores, and what was. The *promised* shift is the least whose promise alone
    keeps the budget, the *wanted* one the least whose expectation does. The shift in force is the promised one
    plus a correction, which follows the wanted one by at most one point up and two points down a day, and stays
    between 20 points below and 15 above. So a flood of alerts makes the next day's thresholds one point higher,
    which is a tenth fewer alerts; a month of floods no more than 15 points, a quarter of what the promise would give.

    Examples
    --------
    >>> budget = Budget({"rare_action": 57.0}, 5.0, History(["rare_action"]))
    >>> budget.thresholds()
    {'rare_action': 57.0}
    """

    def __init__(self, thresholds: Mapping[str, float], alerts_per_day: float | None, history: History) -> None:
        self.alerts_per_day = alerts_per_day
        self.history = history
        self._start = tuple(thresholds.get(name, DEFAULT_THRESHOLD) for name in history.detectors)
        self._places = {name: place for place, name in enumerate(history.detectors)}
        self._fixed = {name: one for name, one in thresholds.items() if name not in self._places}
        self.least = min(
            [
                *thresholds.values(),
                *self._start,
                DEFAULT_THRESHOLD,
                *([float(LOWEST)] if alerts_per_day is not None else []),
            ]
        )
        self.expected = 0.0
        self._correction = 0
        self._shifts: dict[int, int] = {}

    def threshold(self, detector: str, time: datetime) -> float:
        """Return the least score of `detector` that alerts at `time`.

        A day keeps its thresholds for ever; one that has yet to get its own has those of the day before.
        """
        place = self._places.get(detector)
        if place is None:
            return self._fixed.get(detector, DEFAULT_THRESHOLD)
        return self._start[place] if not self._shifts else self._shifted(self._shift(day_number(time)))[place]

    def thresholds(self) -> dict[str, float]:
        """Return the newest thresholds, by detector."""
        return {**self._moved(), **self._fixed}

    def _moved(self) -> dict[str, float]:
        newest = max(self._shifts, default=0)
        return dict(zip(self.history.detectors, self._shifted(self._shifts.get(newest, 0)), strict=True))

    def settle(self) -> None:
        """Set the thresholds of the days to come; to be called whenever a day of the history is over."""
        if self.alerts_per_day is not None:
            self._move(self.alerts_per_day)
        self.expected = self._expected()

    def _expected(self) -> float:
        return self.history.alerted(tuple(self._moved().values()))

    def _move(self, budget: float) -> None:
        promised, wanted = self._promised(budget), self._wanted(budget)
        step = max(self._correction - DOWN, min(self._correction + UP, wanted - promised))
        self._correction = max(-MOST_DOWN, min(MOST_UP, step))
        day = self.history.days[-1].number + 1
        self._shifts[day] = promised + self._correction
        self._shifts = {known: shift for known, shift in self._shifts.items() if known > day - DAYS}

    def outlook(self, alerts_per_day: float) -> dict[str, float]:
        """Return the thresholds that a budget would settle at, were the days to come like those in the history."""
        promised, wanted = self._promised(alerts_per_day), self._wanted(alerts_per_day)
        shift = promised + max(-MOST_DOWN, min(MOST_UP, wanted - promised))
        return dict(zip(self.history.detectors, self._shifted(shift), strict=True))

    def _shift(self, day: int) -> int:
        before = [known for known in self._shifts if known <= day]
        return self._shifts[max(before)] if before else 0

    def _shifted(self, shift: int) -> tuple[float, ...]:
        return tuple(max(min(float(LOWEST), start), min(HIGHEST, start + shift)) for start in self._start)

    def _range(self) -> range:
        """Every shift that makes a difference: from all thresholds at the bottom to all at the top."""
        return range(LOWEST - round(max(self._start, default=0.0)), round(HIGHEST - min(self._start, default=0.0)) + 1)

    def _promise(self, shift: int) -> float:
        tails = (math.pow(10.0, -threshold / SCORE_PER_DECADE) for threshold in self._shifted(shift))
        return self.history.active() * sum(tails)

    def _promised(self, budget: float) -> int:
        return self._least(lambda shift: self._promise(shift) <= budget)

    def _wanted(self, budget: float) -> int:
        days = self.history.days

        def keeps(shift: int) -> bool:
            thresholds = self._shifted(shift)
            seen = sum(min(CUT * budget, day.alerted(thresholds)) for day in days)
            return (PROMISE_DAYS * self._promise(shift) + seen) / (PROMISE_DAYS + len(days)) <= budget

        return self._least(keeps)

    def _least(self, keeps: Callable[[int], bool]) -> int:
        """Return the least shift that keeps a budget, else the greatest: a higher one never alerts more."""
        shifts = self._range()
        place = bisect_left(shifts, True, key=keeps)
        return shifts[min(place, len(shifts) - 1)]

    def dump(self) -> Iterator[Json]:
        """Yield plain rows: those of the history, the correction, and each day's shift."""
        for row in self.history.dump():
            yield {"part": "history", "row": row}
        yield {"part": "correction", "row": {"points": self._correction}}
        for day, shift in sorted(self._shifts.items()):
            yield {"part": "shift", "row": {"day": day, "points": shift}}

    def load(self, rows: Iterable[Any]) -> None:
        """Replace everything by what `dump` gave; without a budget the thresholds are those configured."""
        history: list[Any] = []
        correction, shifts = 0, dict[int, int]()
        for part, row in (fields("row", tagged, "part", "row") for tagged in rows):
            match part:
                case "history":
                    history.append(row)
                case "correction":
                    (correction,) = fields("correction", row, "points")
                case "shift":
                    day, points = fields("shift", row, "day", "points")
                    shifts[int(day)] = int(points)
                case _:
                    raise UnexpectedRow(f"unknown part {part!r}")
        self.history.load(history)
        budgeted = self.alerts_per_day is not None
        self._correction, self._shifts = (int(correction), shifts) if budgeted else (0, {})
        self.expected = self._expected()


class Outlook(NamedTuple):
    """What would have been alerted, from what the history holds.

    Attributes
    ----------
    days, active
        Days that are over, and identities active on one of them, on average.
    detectors
        Names, in the order of every row.
    budget
        The one in force; None if thresholds are given instead.
    thresholds
        In force, a detector.
    in_force
        Identities a day that these would have alerted.
    by_threshold
        ``(threshold, identities a day by each detector alone, and by all together)``.
    by_budget
        ``(identities a day, thresholds, what these would have alerted a day)``.
    """

    days: int
    active: float
    detectors: Sequence[str]
    budget: float | None
    thresholds: Sequence[float]
    in_force: float
    by_threshold: Sequence[tuple[float, Sequence[float], float]]
    by_budget: Sequence[tuple[float, Sequence[float], float]]


def outlook(budget: Budget) -> Outlook:
    """Say what thresholds of 40, 45 … 95 and budgets of 1 to 50 a day would have given."""
    history = budget.history
    detectors = history.detectors
    off = HIGHEST + 1.0
    rows = []
    for threshold in map(float, THRESHOLDS):
        alone = [history.alerted([threshold if one == name else off for one in detectors]) for name in detectors]
        rows.append((threshold, alone, history.alerted([threshold] * len(detectors))))
    budgets = []
    for wanted in sorted({*BUDGETS, *([budget.alerts_per_day] if budget.alerts_per_day else [])}):
        thresholds = list(budget.outlook(wanted).values())
        budgets.append((wanted, thresholds, history.alerted(thresholds)))
    in_force = budget.thresholds()
    now = [in_force[name] for name in detectors]
    return Outlook(
        days=len(history.days),
        active=history.active(),
        detectors=detectors,
        budget=budget.alerts_per_day,
        thresholds=now,
        in_force=history.alerted(now),
        by_threshold=rows,
        by_budget=budgets,
    )
