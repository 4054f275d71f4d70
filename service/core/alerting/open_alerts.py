"""Which alerts are open: what they tell of goes on, and updates them, not told again and not taken for normal.

An alert is open until what it tells of has not come for two weeks, or somebody says that it is no attack. That
something became usual by being done again and again is no reason to forget it; when it is told again is the business
of `revisions`.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from models.detectors import Anomaly
from models.stream import fields
from service.core.alerting.traces import strange_networks

IsClosed = Callable[[Anomaly, datetime, datetime], bool]
"""Whether somebody closed the alert of what an anomaly repeats, told of between two instants."""

IsAttack = Callable[[str], bool]
"""Whether somebody said of the alert with that id that it is an attack."""

OPEN_DAYS = timedelta(days=14)
MOST_OPEN = 20_000
"""Most that is remembered as open; what has not come for longest goes first."""
WEIGHTY_ENOUGH = 1.0
"""How much an intruder must need an operation for an open alert to be updated when it is no longer unusual."""


def never_closed(anomaly: Anomaly, first: datetime, last: datetime) -> bool:
    """Say that nobody closed the alert."""
    return False


def never_attack(alert: str) -> bool:
    """Say that nobody called the alert an attack."""
    return False


class _Open(NamedTuple):
    """Where something was told, when it came first and last, on how many days so far, and how sensitive it is."""

    alert: str
    first: datetime
    last: datetime
    days: int
    weight: float


class OpenAlerts:
    """Remembers of each identity what it was told of: detector, operation, outcome, and from which strange networks."""

    def __init__(self) -> None:
        self._open: dict[str, dict[str, _Open]] = {}
        # What went on: by identity and anomaly, the alert that it updates, and until when it may be looked at again.
        self._updates: dict[str, dict[str, tuple[str, datetime]]] = {}

    def where(self, anomaly: Anomaly, is_closed: IsClosed = never_closed) -> str | None:
        """Return the open alert that tells of the same in an earlier window; None if nothing does."""
        known = self._open.get(anomaly.actor.id, {}).get(self._key(anomaly))
        if known is None or known.first >= anomaly.bucket.start or is_closed(anomaly, known.first, known.last):
            return None
        return known.alert

    def _key(self, anomaly: Anomaly) -> str:
        """Return under what an anomaly is remembered; of what is usual, no detector says from where it came."""
        what, of_actor = _what(anomaly), self._open.get(anomaly.actor.id, {})
        if what in of_actor or "terms" in anomaly.evidence:
            return what
        return min((one for one in of_actor if one.startswith(f"{what} ")), default=what)

    def goes_on(self, anomaly: Anomaly) -> bool:
        """Whether an open alert has to know of `anomaly`, however usual it has become."""
        of_actor = self._open.get(anomaly.actor.id)
        if of_actor is None or anomaly.in_vain or self.where(anomaly) is None:
            return False
        return of_actor[self._key(anomaly)].weight >= WEIGHTY_ENOUGH

    def note(self, anomaly: Anomaly, alert: str) -> int:
        """Remember that `anomaly` was told in `alert`; return on how many days by now, 0 if this is no other day."""
        of_actor = self._open.setdefault(anomaly.actor.id, {})
        what, start = self._key(anomaly), anomaly.bucket.start
        known = of_actor.get(what)
        if known is None or known.alert != alert:
            of_actor[what] = _Open(alert, start, start, 1, anomaly.sensitivity)
            return 1
        another_day = start.date() > known.last.date()
        weight = max(known.weight, anomaly.sensitivity)
        of_actor[what] = _Open(alert, min(known.first, start), max(known.last, start), known.days + another_day, weight)
        return known.days + 1 if another_day else 0

    def update(self, anomaly: Anomaly, alert: str) -> int:
        """Do what `note` does, for what goes on: `homes` knows of it as long as it may be looked at again."""
        self._updates.setdefault(anomaly.actor.id, {})[anomaly.id] = alert, anomaly.bucket.end
        return self.note(anomaly, alert)

    def homes(self) -> Iterator[tuple[str, str]]:
        """Yield what went on lately, by id, each with the alert that it is told in."""
        for of_actor in self._updates.values():
            yield from ((told, alert) for told, (alert, _) in of_actor.items())

    @property
    def alerts(self) -> frozenset[str]:
        """Ids of the alerts that are open."""
        return frozenset(one.alert for of_actor in self._open.values() for one in of_actor.values())

    @property
    def actors(self) -> frozenset[str]:
        """Ids of the identities that an open alert is about."""
        return frozenset(self._open)

    def expire(self, oldest: datetime) -> None:
        """Close what has not come for `OPEN_DAYS` before `oldest`, and what is too much."""
        left = [
            (one.last, actor, what)
            for actor, of_actor in self._open.items()
            for what, one in of_actor.items()
            if one.last > oldest - OPEN_DAYS
        ]
        self._updates = {
            actor: inner
            for actor, of_actor in self._updates.items()
            if (inner := {told: place for told, place in of_actor.items() if place[1] > oldest})
        }
        kept = {(actor, what) for _, actor, what in sorted(left)[-MOST_OPEN:]}
        self._open = {
            actor: left_open
            for actor, of_actor in self._open.items()
            if (left_open := {what: one for what, one in of_actor.items() if (actor, what) in kept})
        }

    def dump(self) -> list[dict[str, Any]]:
        """Plain rows for a snapshot, one an identity."""
        return [
            {
                "actor": actor,
                "told": {
                    what: [one.alert, one.first.isoformat(), one.last.isoformat(), one.days, one.weight]
                    for what, one in sorted(self._open.get(actor, {}).items())
                },
                "updates": {
                    told: [alert, until.isoformat()]
                    for told, (alert, until) in sorted(self._updates.get(actor, {}).items())
                },
            }
            for actor in sorted(self._open.keys() | self._updates.keys())
        ]

    def load(self, rows: Iterable[Any]) -> None:
        """Restore what `dump` gave.

        Raises
        ------
        UnexpectedRow
            If a row has other fields.
        """
        self._open, self._updates = {}, {}
        for row in rows:
            actor, told, updates = fields("open", row, "actor", "told", "updates")
            if told:
                self._open[actor] = {
                    what: _Open(alert, datetime.fromisoformat(first), datetime.fromisoformat(last), days, weight)
                    for what, (alert, first, last, days, weight) in told.items()
                }
            if updates:
                self._updates[actor] = {
                    one: (alert, datetime.fromisoformat(until)) for one, (alert, until) in updates.items()
                }


def is_due(days: int) -> bool:
    """Whether it is time to say that it goes on: on the 2nd, 4th, 8th day and so on.

    >>> [days for days in range(1, 40) if is_due(days)]
    [2, 4, 8, 16, 32]
    """
    return days > 1 and days & (days - 1) == 0


def _what(anomaly: Anomaly) -> str:
    outcome = "in vain" if anomaly.in_vain else "done"
    return " ".join((anomaly.detector, anomaly.cell.action, outcome, *strange_networks(anomaly)))
