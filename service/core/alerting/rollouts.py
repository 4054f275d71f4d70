"""Which operations many identities take up within days, so that it is told once, and not of each of them.

Only established identities count: who is fresh vouches for nobody. Who does something sensitive from a network new to
them is counted with those alone who come from there, too. Which alert a finding is in is the log's work (`alert_log`).
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from models.detectors import Anomaly
from models.stream import Bucket, fields
from service.core.alerting.traces import days_known, strange_networks

ROLLOUT_FROM = 5
"""Identities that take up an operation within `ROLLOUT_DAYS` from which on it is told as a roll-out."""
WEIGHTY = 1.0
VERY_MANY = 2
"""So many times as many are needed for an operation that intruders need as much as `WEIGHTY` says."""
TENURE = 7
"""Active days that an identity must have had to be counted."""
ROLLOUT_DAYS = timedelta(days=7)
MOST_TAKEN_UP = 20_000
"""Most pairs of operation and identity that are remembered; the operations of the fewest go first."""
MOST_ADOPTERS = 2_000
"""Most identities that are counted for one operation: those that took it up first."""


class _TakenUp(NamedTuple):
    """When somebody took an operation up, as far as is known, and by which name they go."""

    since: datetime
    name: str


def way(anomaly: Anomaly) -> str:
    """Return in which way something is new: its operation, if that is sensitive also from where; empty if none counts.

    It counts if an established identity did something that did not only fail.
    """
    days = days_known(anomaly)
    if days is None or days < TENURE or anomaly.in_vain:
        return ""
    strange = strange_networks(anomaly) if anomaly.sensitivity >= WEIGHTY else ()
    return f"{anomaly.cell.action} from {', '.join(strange)}" if strange else anomaly.cell.action


class Rollouts:
    """Counts who takes up what.

    Parameters
    ----------
    window
        Length of the aligned windows within which it does not matter who came first.
    group_from
        Identities from which on an operation is a roll-out; twice as many for a sensitive one.
    """

    def __init__(self, window: timedelta, group_from: int = ROLLOUT_FROM) -> None:
        self._window = window
        self._group_from = group_from
        self._taken_up: dict[str, dict[str, _TakenUp]] = {}
        self._leaders: dict[str, str] = {}
        # Made of these when asked for: when each was taken up, in order, and who is told under a leader.
        self._times: dict[str, list[datetime]] = {}
        self._names: dict[str, dict[str, str]] = {}

    def note(self, anomalies: Iterable[Anomaly]) -> None:
        """Count all that an evaluation looks at, in any order, counted before or not."""
        counted = [(key, anomaly) for anomaly in anomalies if (key := way(anomaly))]
        for key, anomaly in counted:
            actor, start = anomaly.actor, anomaly.bucket.start
            by = self._taken_up.setdefault(key, {})
            known = by.get(actor.id, _TakenUp(start, actor.name))
            # The greatest of several names: it must not depend on which record came first.
            by[actor.id] = _TakenUp(min(known.since, start), max(known.name, actor.name))
        self._keep_bounds()
        self._times, self._names = {}, {}
        begun = {key for key, anomaly in counted if key not in self._leaders and self._many(key, anomaly)}
        # What most take up leads; of equal ones the first by name.
        for key in sorted(begun, key=lambda one: (-len(self._taken_up[one]), one)):
            self._leaders[key] = self._leader(key)
        # What is sensitive takes fewer if they are of a roll-out already.
        beside = {key for key, anomaly in counted if key not in self._leaders and self._many(key, anomaly, times=1)}
        for key in sorted(beside):
            leader = self._leader(key)
            if leader != key:
                self._leaders[key] = leader

    def leader(self, anomaly: Anomaly) -> str | None:
        """Return under which way `anomaly`, noted before, is told; None for the first who take something up.

        That is its own, or another that mostly the same identities take up.
        """
        key = way(anomaly)
        leader = self._leaders.get(key)
        times = VERY_MANY if leader == key else 1
        return leader if leader is not None and self._many(key, anomaly, times) else None

    def names(self, leader: str) -> Mapping[str, str]:
        """Return who has taken up anything that is told under `leader`: names by id."""
        names = self._names.get(leader)
        if names is None:
            names = self._names[leader] = {}
            for key in (key for key, one in self._leaders.items() if one == leader):
                for actor, taken_up in self._taken_up[key].items():
                    names[actor] = max(names.get(actor, ""), taken_up.name)
        return names

    def _many(self, key: str, anomaly: Anomaly, times: int = VERY_MANY) -> bool:
        """Whether enough took it up by the end of the anomaly's window; so many times as many, if it is sensitive."""
        begun = self._times.get(key)
        if begun is None:
            begun = self._times[key] = sorted(one.since for one in self._taken_up.get(key, {}).values())
        until = Bucket.of(anomaly.bucket.start, self._window).end
        needed = self._group_from * (times if anomaly.sensitivity >= WEIGHTY else 1)
        return bisect_left(begun, until) - bisect_left(begun, until - ROLLOUT_DAYS) >= needed

    def _leader(self, key: str) -> str:
        """Return under which way `key` is told: another one if half of those take it up, too."""
        who = self._taken_up[key].keys()
        shared = {one: len(who & self._taken_up[one].keys()) for one in set(self._leaders.values())}
        best = min(shared, key=lambda one: (-shared[one], one), default=key)
        return best if 2 * shared.get(best, 0) >= len(who) else key

    def _keep_bounds(self) -> None:
        for key, by in self._taken_up.items():
            if len(by) > MOST_ADOPTERS:
                first = sorted(by.items(), key=lambda one: (one[1].since, one[0]))
                self._taken_up[key] = dict(first[:MOST_ADOPTERS])
        entries = sum(map(len, self._taken_up.values()))
        if entries <= MOST_TAKEN_UP:
            return
        leaders = set(self._leaders.values())
        for key in sorted(self._taken_up, key=lambda one: (one in leaders, len(self._taken_up[one]), one)):
            entries -= len(self._taken_up[key])
            self._taken_up[key] = {}
            if entries <= MOST_TAKEN_UP:
                break
        self._drop_empty()

    def _drop_empty(self) -> None:
        """Forget what nobody takes up any more, unless something else is told under it."""
        leaders = {leader for key, leader in self._leaders.items() if self._taken_up[key]}
        for key in [key for key, by in self._taken_up.items() if not by and key not in leaders]:
            del self._taken_up[key]
            self._leaders.pop(key, None)

    def expire(self, oldest: datetime) -> None:
        """Forget who took something up so long ago that it cannot count for a window that ends after `oldest`."""
        for key, by in self._taken_up.items():
            if any(one.since <= oldest - ROLLOUT_DAYS for one in by.values()):
                left = {actor: one for actor, one in by.items() if one.since > oldest - ROLLOUT_DAYS}
                self._taken_up[key] = left
        self._drop_empty()
        self._times, self._names = {}, {}

    def dump(self) -> list[dict[str, Any]]:
        """Plain rows for a snapshot, one a way."""
        return [
            {
                "way": key,
                "leader": self._leaders.get(key, ""),
                "taken_up": {actor: [one.since.isoformat(), one.name] for actor, one in sorted(by.items())},
            }
            for key, by in sorted(self._taken_up.items())
        ]

    def load(self, rows: Iterable[Any]) -> None:
        """Restore what `dump` gave.

        Raises
        ------
        UnexpectedRow
            If a row has other fields.
        """
        self._taken_up, self._leaders = {}, {}
        self._times, self._names = {}, {}
        for row in rows:
            key, leader, by = fields("rollout", row, "way", "leader", "taken_up")
            self._taken_up[key] = {
                actor: _TakenUp(datetime.fromisoformat(since), name) for actor, (since, name) in by.items()
            }
            if leader:
                self._leaders[key] = leader
