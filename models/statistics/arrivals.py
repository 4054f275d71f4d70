"""How often identities of a kind are seen for the first time, from where, and what they do on their first days.

A tenant that makes three managed identities a day, each of which reads a key, is not surprised by a fourth; one in
which nobody has begun for weeks is. Which activities matter, and what such a surprise is worth, is the
detectors' business.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from river.base.anomaly_detector import AnomalyDetector
from river.base.typing import FeatureName

from models.statistics.decay import growth, surprise
from models.statistics.lessons import ByName, by_name
from models.statistics.weights import lightest
from models.stream import Json, fields

STRENGTH = 5.0  # what a prior is worth, in active days for a first one and in first days for all else
PRIOR_FIRST = 0.2
PRIOR_UNKNOWN = 0.5
PRIOR_SORT = 0.05
PRIOR_ACTION = 0.3  # share that one action has of its sort, as far as nothing is known
_COUNTED = _DAYS, _FIRSTS, _UNKNOWN = "days", "firsts", "unknown"
_SORT = "sort "


class Beginnings(NamedTuple):
    """Fading counts of a kind, as far as they say something of one activity; from these alone come all chances.

    Attributes
    ----------
    days
        Active days of its identities.
    firsts
        Those that were somebody's first.
    unknown
        Those of the first days on which somebody came from a network that nobody had used.
    sort
        Those that began with an activity of that sort.
    action
        Those that began with that very action.
    """

    days: float
    firsts: float
    unknown: float
    sort: float
    action: float

    @property
    def first(self) -> float:
        """Chance that an active day is the first of somebody."""
        return (self.firsts + STRENGTH * PRIOR_FIRST) / (self.days + STRENGTH)

    @property
    def from_unknown(self) -> float:
        """Chance that somebody who begins comes from a network that nobody has used."""
        return (self.unknown + STRENGTH * PRIOR_UNKNOWN) / (self.firsts + STRENGTH)

    @property
    def activity(self) -> float:
        """Chance that somebody who begins does it: that of the sort stands behind that of the action."""
        of_sort = (self.sort + STRENGTH * PRIOR_SORT) / (self.firsts + STRENGTH)
        return min(1.0, (self.action + STRENGTH * PRIOR_ACTION * of_sort) / (self.firsts + STRENGTH))

    def and_more(self, identities: float) -> "Beginnings":
        """Return what they were if so many more had begun, from an unknown network and with this."""
        return Beginnings(*(count + identities for count in self))


class Arrivals(AnomalyDetector):
    r"""Chance that somebody begins, and that somebody who begins does this.

    With D the active days of a kind, F those that were somebody's first, and :math:`c_s`, :math:`c_a` the first days
    with an activity of that sort and with that very action, all fading, and s = 5,

    .. math:: p(first) = \frac{F + 0.2 s}{D + s}, \quad
              p(sort) = \frac{c_s + 0.05 s}{F + s}, \quad
              p(action) = \frac{c_a + 0.3 s \, p(sort)}{F + s}

    beta-binomial means, each with a prior from what is known more broadly.

    Parameters
    ----------
    half_life
        Hours after which a day counts half.
    max_actions
        Actions that are counted, over all kinds; the lightest eighth goes for a new one.

    Examples
    --------
    A team at work for two months, then somebody new who lists keys:

    >>> model = Arrivals()
    >>> for day in range(60):
    ...     for person in range(8):
    ...         model.learn_one({"kind": "human", "novel": day == 0, "time": 24.0 * day})
    >>> keys = {"kind": "human", "novel": True, "action": "listkeys/action", "time": 1440.0}
    >>> round(model.score_one(keys), 1)
    4.4

    Where each week brings somebody with that first task, that is ordinary:

    >>> for week in range(60):
    ...     model.learn_one({**keys, "time": 1440.0 + 24.0 * week})
    >>> model.score_one({**keys, "time": 2880.0}) < 1.0
    True
    """

    def __init__(self, half_life: float = 240.0, max_actions: int = 10_000) -> None:
        self.half_life = half_life
        self.max_actions = max_actions
        self.evicted = 0
        self._counts: dict[str, dict[str, float]] = {}
        self._totals: dict[str, float] = {}
        self._actions: dict[tuple[str, str], float] = {}

    def learn_one(self, x: dict[FeatureName, Any]) -> None:
        """Learn an active day of somebody of ``x["kind"]``: if ``x["novel"]``, the first, with ``x["action"]``."""
        days, activities, kind = by_name(), by_name(), str(x.get("kind", "unknown"))
        self.learn_day(kind, days, first=bool(x.get("novel")))
        if x.get("novel") and x.get("action"):
            self.learn_activity(kind, str(x.get("sort", "")), str(x["action"]), days, activities)
        self.teach(days, activities, float(x.get("time", 0.0)))

    def score_one(self, x: dict[FeatureName, Any]) -> float:
        """Return the surprise of ``x["action"]`` on a day that is the first (``x["novel"]``); else that it is not."""
        sort, action = str(x.get("sort", "")), str(x.get("action", ""))
        known = self.known(str(x.get("kind", "unknown")), sort, action, float(x.get("time", 0.0)))
        return surprise(known.first) + surprise(known.activity) if x.get("novel") else surprise(1.0 - known.first)

    @staticmethod
    def learn_day(kind: str, days: ByName, *, first: bool, unknown: bool = False) -> None:
        """Put into `days` an active day: whether it is somebody's first, from a network that nobody had used."""
        counts = days[kind]
        counts[_DAYS] += 1
        counts[_FIRSTS] += first
        counts[_UNKNOWN] += unknown

    @staticmethod
    def learn_activity(
        kind: str, sort: str, action: str, days: ByName, activities: ByName, *, another: bool = False
    ) -> None:
        """Put into `days` and `activities` that somebody began with an action; `another` of a sort that was counted."""
        activities[kind][action] += 1
        days[kind][f"{_SORT}{sort}"] += not another

    def teach(
        self, days: Mapping[str, Mapping[str, int]], activities: Mapping[str, Mapping[str, int]], hours: float
    ) -> None:
        """Apply what the identities active at `hours` taught."""
        weight = growth(hours, self.half_life)
        for kind in sorted(days):
            counts = self._counts.setdefault(kind, {})
            for name, count in sorted(days[kind].items()):
                if count:
                    counts[name] = counts.get(name, 0.0) + count * weight
        self._add_up()
        for kind in sorted(activities):
            for action, count in sorted(activities[kind].items()):
                if (kind, action) not in self._actions:
                    self._make_room()
                self._actions[kind, action] = self._actions.get((kind, action), 0.0) + count * weight

    def known(self, kind: str, sort: str, action: str, hours: float) -> Beginnings:
        """Return what is known of such a beginning, as it counts at `hours`."""
        weight, counts = growth(hours, self.half_life), self._counts.get(kind, {})
        days, firsts, unknown, of_sort = (counts.get(name, 0.0) / weight for name in (*_COUNTED, f"{_SORT}{sort}"))
        return Beginnings(days, firsts, unknown, of_sort, self._actions.get((kind, action), 0.0) / weight)

    def newcomers(self, kind: str, hours: float) -> float:
        """Return how many of the active days of a kind are somebody's first, 1 where nobody is known at all.

        That of the tenant stands behind that of the kind.
        """
        weight = growth(hours, self.half_life)
        share = 1.0
        for counts in (self._totals, self._counts.get(kind, {})):
            firsts, days = counts.get(_FIRSTS, 0.0) / weight, counts.get(_DAYS, 0.0) / weight
            share = (firsts + STRENGTH * share) / (days + STRENGTH)
        return share

    def actions(self) -> int:
        """Return how many actions are counted."""
        return len(self._actions)

    def dump(self) -> Iterator[Json]:
        """Yield the count of evictions, then one row a kind."""
        yield {"evicted": self.evicted}
        kinds = sorted({*self._counts, *(kind for kind, _ in self._actions)})
        for kind in kinds:
            counts = dict[str, Json](sorted(self._counts.get(kind, {}).items()))
            actions: dict[str, Json] = {
                action: count for (of, action), count in sorted(self._actions.items()) if of == kind
            }
            yield {"kind": kind, "counts": counts, "actions": actions}

    def load(self, rows: Iterable[Any]) -> None:
        """Replace everything known by what `dump` gave."""
        self._counts, self._actions, self.evicted = {}, {}, 0
        for number, row in enumerate(rows):
            if number == 0:
                (self.evicted,) = fields("arrivals", row, "evicted")
                continue
            kind, counts, actions = fields("arrivals", row, "kind", "counts", "actions")
            self._counts[str(kind)] = {str(name): float(count) for name, count in counts.items()}
            self._actions |= {(str(kind), str(action)): float(count) for action, count in actions.items()}
        self._add_up()

    def _add_up(self) -> None:
        for name in (_DAYS, _FIRSTS):
            self._totals[name] = sum(self._counts[kind].get(name, 0.0) for kind in sorted(self._counts))

    def _make_room(self) -> None:
        if len(self._actions) < self.max_actions:
            return
        excess = len(self._actions) - self.max_actions
        for key in lightest(self._actions, excess + max(1, self.max_actions // 8)):
            del self._actions[key]
            self.evicted += 1
