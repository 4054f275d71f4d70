"""The geometry of the small charts: where each bar and square stands; how they are drawn is the templates'.

All widths are shares of a hundred, so that a chart is as wide as there is room.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from service.console.words import term_words

_LEVELS = 4
_BINS = 24
_LEAST_SHOWN = 0.05
_REST = "Smaller things"


class Fall(NamedTuple):
    """One step of a waterfall: what it is called, how much it adds, and where its bar stands."""

    label: str
    value: float
    x: float
    width: float
    kind: str


def waterfall(terms: Mapping[str, float], total: float) -> list[Fall]:
    """Return the steps that lead from nothing to `total`: what adds most first, what takes off last, then the sum.

    >>> [(fall.label, round(fall.x), round(fall.width), fall.kind) for fall in waterfall({"hour": 1, "busy": -0.5}, .5)]
    [('At this hour', 0, 100, 'more'), ('Allowance for how much it does', 50, 50, 'less'), ('Total', 0, 50, 'total')]
    """
    steps = [(term_words(name), value) for name, value in terms.items() if abs(value) >= _LEAST_SHOWN]
    steps.sort(key=lambda one: -one[1])
    rest = sum(value for value in terms.values() if abs(value) < _LEAST_SHOWN)
    if abs(rest) >= _LEAST_SHOWN:
        steps.append((_REST, rest))
    sums = [0.0]
    for _, value in steps:
        sums.append(sums[-1] + value)
    low, high = min(*sums, total, 0.0), max(*sums, total, 1e-9)
    unit = 100.0 / (high - low)
    falls = [
        Fall(
            label,
            value,
            (min(before, before + value) - low) * unit,
            abs(value) * unit,
            "more" if value > 0 else "less",
        )
        for (label, value), before in zip(steps, sums, strict=False)
    ]
    start, end = min(0.0, total), max(0.0, total)
    return [*falls, Fall("Total", total, (start - low) * unit, (end - start) * unit, "total")]


class Share(NamedTuple):
    """A row of a bar chart: how much, and how much that is of the most."""

    label: str
    value: float
    width: float
    marked: bool = False


def shares(counted: Iterable[tuple[str, float]], marked: Iterable[str] = ()) -> list[Share]:
    """Return bars in the order given, the longest a hundred wide.

    >>> shares([("a", 4.0), ("b", 1.0)], ["b"])[1]
    Share(label='b', value=1.0, width=25.0, marked=True)
    """
    rows, hot = list(counted), set(marked)
    most = max((value for _, value in rows), default=0.0) or 1.0
    return [Share(label, value, 100.0 * value / most, label in hot) for label, value in rows]


class Square(NamedTuple):
    """One hour of the week: where it stands, how full it is (0 to 4), and how often something was done in it."""

    day: int
    hour: int
    level: int
    active: int
    now: bool


def week(hours: Iterable[datetime], now: Iterable[datetime] = ()) -> list[Square]:
    """Return all hours of the week with how many of `hours` fall in each; those of `now` are marked.

    >>> from datetime import UTC
    >>> [one for one in week([datetime(2026, 3, 2, 9, tzinfo=UTC)]) if one.active]
    [Square(day=0, hour=9, level=4, active=1, now=False)]
    """
    counts: dict[tuple[int, int], int] = {}
    for moment in hours:
        place = (moment.weekday(), moment.hour)
        counts[place] = counts.get(place, 0) + 1
    most = max(counts.values(), default=1)
    marked = {(moment.weekday(), moment.hour) for moment in now}
    return [
        Square(day, hour, -(-_LEVELS * count // most), count, (day, hour) in marked)
        for day in range(7)
        for hour in range(24)
        for count in [counts.get((day, hour), 0)]
    ]


class Tick(NamedTuple):
    """A bar of a sparkline: where, how high out of a hundred."""

    x: float
    height: float


def spark(points: Sequence[tuple[datetime, float]], first: datetime, last: datetime) -> list[Tick]:
    """Return scores over time in 24 bins from `first` to `last`, the highest of each; empty bins are left out."""
    width = max((last - first) / _BINS, timedelta(minutes=1))
    highest: dict[int, float] = {}
    for moment, score in points:
        place = min(_BINS - 1, max(0, int((moment - first) / width)))
        highest[place] = max(highest.get(place, 0.0), score)
    return [Tick(100.0 * place / _BINS, max(8.0, score)) for place, score in sorted(highest.items())]
