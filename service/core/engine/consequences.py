"""What a verdict does to the model, one identity after another: what was found benign becomes a habit.

Each consequence is a plain value that concerns one identity, so that it can be done wherever that identity is known;
what it teaches the population is handed on to everybody else. When a verdict is applied is decided by `rulings`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from models.detectors import Detector, anomaly_id
from models.statistics import Lessons
from models.stream import IMAGINED, Actor, ActorBucket, Bucket, Crowd
from service.core.verdicts import JudgedCell, Verdict, VerdictKind

LEAST_DAYS, MOST_DAYS = 3, 14
"""Days on which something benign counts as done: as many as it takes to be ordinary, within these."""
PEERS = 5
"""Identities of a kind that count as doing what was found benign for all of it."""
_DAY = timedelta(days=1)
_FRESH = timedelta(days=3)
"""How long evidence of something odd lasts, and more: its half-life is half a day."""


class Acquittal(NamedTuple):
    """Nothing is held against `actor` any more for having done `actions` in the buckets that were `answered`."""

    actor: Actor
    actions: frozenset[str]
    answered: tuple[Bucket, ...]


class NewHabit(NamedTuple):
    """`actor` has done this on days before `before`: on as many as make it ordinary then."""

    actor: Actor
    cells: tuple[JudgedCell, ...]
    before: datetime


class DayOfPeer(NamedTuple):
    """`actor`, who does nothing else, has done this so many days before `before`."""

    actor: Actor
    cells: tuple[JudgedCell, ...]
    before: datetime
    days: int


Consequence = Acquittal | NewHabit | DayOfPeer


def consequences(verdict: Verdict, width: timedelta) -> Iterator[Consequence]:
    """Yield what follows of a verdict that is applied now, in the order in which it is to be done.

    Parameters
    ----------
    verdict
        What somebody found.
    width
        Length of a bucket.
    """
    by_actor = _by_actor(verdict.cells)
    if verdict.kind in {VerdictKind.BENIGN, VerdictKind.BENIGN_ONCE}:
        answered = tuple(_answered(verdict, width))
        for actor, cells in by_actor:
            yield Acquittal(actor, frozenset(cell.action for cell in cells), answered)
    if verdict.kind is VerdictKind.BENIGN:
        for actor, cells in by_actor:
            yield NewHabit(actor, cells, verdict.takes_effect)
        if verdict.for_kind:
            for place, (actor, cells) in enumerate(by_actor):
                for number in range(PEERS, 0, -1):
                    key = f"{IMAGINED}verdict\x1e{verdict.alert}\x1e{place}\x1e{number}"
                    yield DayOfPeer(Actor(key, "a peer", actor.kind), cells, verdict.takes_effect, number)


def _answered(verdict: Verdict, width: timedelta) -> Iterator[Bucket]:
    """Yield the buckets of which it has answered the same activities, told or not, as far back as evidence is fresh."""
    until = verdict.takes_effect if verdict.kind is VerdictKind.BENIGN else verdict.end
    bucket = Bucket.of(max(verdict.start, until - _FRESH), width)
    while bucket.start < until:
        yield bucket
        bucket = Bucket(bucket.end, width)


def _by_actor(cells: Iterable[JudgedCell]) -> list[tuple[Actor, tuple[JudgedCell, ...]]]:
    found: dict[str, tuple[Actor, list[JudgedCell]]] = {}
    for cell in cells:
        found.setdefault(cell.actor_id, (cell.actor, []))[1].append(cell)
    return [(actor, tuple(several)) for _, (actor, several) in sorted(found.items())]


class Compliance:
    """Does to the detectors what follows of a verdict.

    Parameters
    ----------
    detectors
        By name, in the order in which they are taught.
    thresholds
        Scores from which each alerts as configured, whatever a budget makes of them.
    width
        Length of a bucket.
    """

    def __init__(self, detectors: Mapping[str, Detector], thresholds: Mapping[str, float], width: timedelta) -> None:
        self._detectors = detectors
        self._thresholds = {name: thresholds.get(name, one.declaration.threshold) for name, one in detectors.items()}
        self._width = width

    def follow(self, consequence: Consequence) -> list[dict[str, Lessons]]:
        """Do it; return what it has taught the population, in this order and already: others have yet to be taught."""
        match consequence:
            case Acquittal(actor, actions, answered):
                for name, detector in self._detectors.items():
                    findings = {anomaly_id(name, actor.id, action, bucket) for bucket in answered for action in actions}
                    detector.acquit(actor.id, actions, findings)
                return []
            case NewHabit(actor, cells, before):
                return self._make_habit(actor, cells, before)
            case DayOfPeer(actor, cells, before, days):
                return self._learn(self._days_before(actor, cells, before, days))

    def _make_habit(self, actor: Actor, cells: Sequence[JudgedCell], before: datetime) -> list[dict[str, Lessons]]:
        taught = []
        for number in range(MOST_DAYS):
            taught += self._learn(self._days_before(actor, cells, before, MOST_DAYS - number))
            if number + 1 >= LEAST_DAYS and self._is_ordinary(self._days_before(actor, cells, before, 0)):
                break
        return taught

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

    def _learn(self, buckets: Iterable[ActorBucket]) -> list[dict[str, Lessons]]:
        taught = []
        for seen in buckets:
            crowd = Crowd.of([seen])
            lessons = {name: Lessons(seen.bucket.hours) for name in self._detectors}
            for name, detector in self._detectors.items():
                detector.learn(seen, crowd, (), lessons[name])
                detector.teach(lessons[name])
            taught.append(lessons)
        return taught

    def _is_ordinary(self, buckets: Collection[ActorBucket]) -> bool:
        return not any(
            anomaly.score >= self._thresholds[name]
            for seen in buckets
            for name, detector in self._detectors.items()
            if not detector.declaration.always
            for anomaly in detector.score(seen, Crowd.of([seen]))
        )
