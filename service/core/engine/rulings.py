"""Makes the model heed verdicts, each once, between two buckets: what was found benign becomes a habit.

Which buckets come next is decided by `closing`; which verdict counts, by `service.core.verdicts`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from models.detectors import Anomaly, Detector, anomaly_id
from models.statistics import Lessons
from models.stream import Actor, ActorBucket, Bucket, Crowd, Exclusions, Json, fields
from service.core.alerting import Finding
from service.core.verdicts import JudgedCell, Verdict, VerdictKind, Verdicts

LEAST_DAYS, MOST_DAYS = 3, 14
"""Days on which something benign counts as done: as many as it takes to be ordinary, within these."""
PEERS = 5
"""Identities of a kind that count as doing what was found benign for all of it."""
MOST_HEEDED = 20_000
_DAY = timedelta(days=1)
_FRESH = timedelta(days=3)
"""How long evidence of something odd lasts, and more: its half-life is half a day."""


class Rulings:
    """Verdicts, and which of them the model heeds.

    Parameters
    ----------
    detectors
        By name.
    thresholds
        Scores from which each alerts as configured, whatever a budget makes of them.
    width
        Length of a bucket.

    Attributes
    ----------
    verdicts
        Those given; no part of the state: each start of the service reads them anew.
    heeded
        When those took effect that the model heeds, by id.
    """

    def __init__(self, detectors: Mapping[str, Detector], thresholds: Mapping[str, float], width: timedelta) -> None:
        self.verdicts = Verdicts()
        self.heeded: dict[str, datetime] = {}
        self._detectors = detectors
        self._thresholds = {name: thresholds.get(name, one.declaration.threshold) for name, one in detectors.items()}
        self._width = width

    def covering(self, anomaly: Anomaly, now: datetime) -> Verdict | None:
        """Return the verdict by which `anomaly` is answered at `now`."""
        return self.verdicts.covering(anomaly, now, self.heeded)

    def closes(self, anomaly: Anomaly, first: datetime, last: datetime, now: datetime) -> bool:
        """Whether an open alert, that told of what `anomaly` repeats between `first` and `last`, is closed at `now`."""
        return self.verdicts.closes(anomaly, first, last, now)

    def acquits(self, finding: Finding, now: datetime) -> bool:
        """Whether what was told has been found in order by `now`."""
        return self.verdicts.acquits(finding, now)

    def exclusions(self, seen: ActorBucket) -> Exclusions:
        """Return what no detector may learn of a bucket."""
        return self.verdicts.exclusions(seen, self._detectors, self.heeded)

    def overdue(self, closed_until: datetime) -> list[Verdict]:
        """Return those that are not heeded yet although their bucket is closed: they came too late for it."""
        return self.verdicts.due(closed_until - self._width, self.heeded)

    def heed_until(self, start: datetime) -> Iterator[Verdict]:
        """Heed, one after another, what is due before the bucket at `start` is judged."""
        for verdict in self.verdicts.due(start, self.heeded):
            self._heed(verdict)
            yield verdict

    def _heed(self, verdict: Verdict) -> None:
        self.heeded[self.verdicts.id_of(verdict)] = verdict.takes_effect
        if len(self.heeded) > MOST_HEEDED:
            del self.heeded[min(self.heeded, key=lambda key: (self.heeded[key], key))]
        if verdict.kind in {VerdictKind.BENIGN, VerdictKind.BENIGN_ONCE}:
            self._acquit(verdict)
        if verdict.kind is VerdictKind.BENIGN:
            for actor, cells in _by_actor(verdict.cells):
                self._make_habit(actor, cells, verdict.takes_effect)
            if verdict.for_kind:
                self._make_common(verdict)

    def _acquit(self, verdict: Verdict) -> None:
        for actor, cells in _by_actor(verdict.cells):
            actions = {cell.action for cell in cells}
            for name, detector in self._detectors.items():
                findings = {
                    anomaly_id(name, actor.id, action, bucket)
                    for bucket in self._answered(verdict)
                    for action in actions
                }
                detector.acquit(actor.id, actions, findings)

    def _answered(self, verdict: Verdict) -> Iterator[Bucket]:
        """Yield the buckets of which it has answered the same deeds, told or not, as far back as evidence is fresh."""
        until = verdict.takes_effect if verdict.kind is VerdictKind.BENIGN else verdict.end
        bucket = Bucket.of(max(verdict.start, until - _FRESH), self._width)
        while bucket.start < until:
            yield bucket
            bucket = Bucket(bucket.end, self._width)

    def _make_habit(self, actor: Actor, cells: Sequence[JudgedCell], before: datetime) -> None:
        """Let it have done this on days before: as many as make it ordinary today."""
        for number in range(MOST_DAYS):
            self._learn(self._days_before(actor, cells, before, MOST_DAYS - number))
            if number + 1 >= LEAST_DAYS and self._is_ordinary(self._days_before(actor, cells, before, 0)):
                break

    def _make_common(self, verdict: Verdict) -> None:
        """Let a few identities of the same kind, who do nothing else, have done this a day each."""
        for place, (actor, cells) in enumerate(_by_actor(verdict.cells)):
            for number in range(PEERS, 0, -1):
                # No identity's key begins with a separator: keys are stripped of them.
                peer = Actor(f"\x1everdict\x1e{verdict.alert}\x1e{place}\x1e{number}", "a peer", actor.kind)
                self._learn(self._days_before(peer, cells, verdict.takes_effect, number))

    def _days_before(self, actor: Actor, cells: Sequence[JudgedCell], moment: datetime, days: int) -> list[ActorBucket]:
        """Return what was found, at its hours of the day, so many days before the day of `moment`."""
        by_hour: dict[Bucket, dict[str, JudgedCell]] = {}
        midnight = Bucket.of(moment, _DAY).start - days * _DAY
        for cell in cells:
            start = midnight + (cell.bucket_start - Bucket.of(cell.bucket_start, _DAY).start)
            by_hour.setdefault(Bucket.of(start, self._width), {})[cell.action] = cell
        found = []
        for bucket, judged in sorted(by_hour.items()):
            made = sorted((one.cell(bucket) for one in judged.values()), key=lambda one: (one.first_time, one.action))
            found.append(ActorBucket(actor, bucket, tuple(made)))
        return found

    def _learn(self, buckets: Iterable[ActorBucket]) -> None:
        for seen in buckets:
            crowd = Crowd.of([seen])
            for detector in self._detectors.values():
                lessons = Lessons(seen.bucket.hours)
                detector.learn(seen, crowd, (), lessons)
                detector.teach(lessons)

    def _is_ordinary(self, buckets: Collection[ActorBucket]) -> bool:
        return not any(
            anomaly.score >= self._thresholds[name]
            for seen in buckets
            for name, detector in self._detectors.items()
            if not detector.declaration.always
            for anomaly in detector.score(seen, Crowd.of([seen]))
        )

    def dump(self) -> Iterator[dict[str, Json]]:
        """Yield plain rows for a snapshot: what the model heeds."""
        for key, takes_effect in sorted(self.heeded.items()):
            yield {"id": key, "takes_effect": takes_effect.isoformat()}

    def load(self, rows: Iterable[Any]) -> None:
        """Replace what the model heeds by what `dump` gave."""
        pairs = [fields("verdict", row, "id", "takes_effect") for row in rows]
        self.heeded = {str(key): datetime.fromisoformat(takes_effect) for key, takes_effect in pairs}


def _by_actor(cells: Iterable[JudgedCell]) -> list[tuple[Actor, list[JudgedCell]]]:
    found: dict[str, tuple[Actor, list[JudgedCell]]] = {}
    for cell in cells:
        found.setdefault(cell.actor_id, (cell.actor, []))[1].append(cell)
    return [found[key] for key in sorted(found)]
