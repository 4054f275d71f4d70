"""What other thresholds would have given in days that were: how many a day, whom besides, and which alerts not.

Scores and alerts of the past are arguments, whoever kept them. What a budget will do in days to come is `budget`'s.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from models.detectors import DETECTORS
from models.stream import Actor
from service.core.alerting.budget import DEFAULT_THRESHOLD, Budget
from service.core.alerting.score_history import Day, History, Profile, day_begins, day_number

_DAY = timedelta(days=1)


class InForce(NamedTuple):
    """The thresholds that alert now, by detector, and the budget that moves them, if there is one."""

    thresholds: Mapping[str, float]
    alerts_per_day: float | None = None


AS_DELIVERED = InForce({name: kind.declaration.threshold for name, kind in sorted(DETECTORS.items())})
"""What holds where nothing is configured."""


def is_movable(detector: str) -> bool:
    """Whether thresholds may be moved: not that of a detector that is there to say the same thing every time.

    >>> is_movable("rare_action"), is_movable("watch_list"), is_movable("one of your own")
    (True, False, True)
    """
    return detector not in DETECTORS or not DETECTORS[detector].declaration.always


class Peak(NamedTuple):
    """What an identity's hour came to: the highest score of each detector, and the operation that has it."""

    actor: Actor
    start: datetime
    scores: Mapping[str, tuple[float, str]]

    def reaches(self, thresholds: Mapping[str, float]) -> bool:
        """Whether it would have alerted.

        >>> from models.stream import EPOCH, ActorKind
        >>> one = Peak(Actor("t/ann", "ann", ActorKind.HUMAN), EPOCH, {"rare_action": (61.0, "a/write")})
        >>> one.reaches({"rare_action": 60.0}), one.reaches({"rare_action": 62.0})
        (True, False)
        """
        for name, (score, _) in self.scores.items():  # noqa: SIM110 - asked of every hour: a generator takes twice as long
            if score >= thresholds.get(name, DEFAULT_THRESHOLD):
                return True
        return False

    def highest(self, thresholds: Mapping[str, float]) -> tuple[str, float, str]:
        """Return the detector, score and operation that are furthest above their thresholds."""
        name, (score, action) = max(
            self.scores.items(), key=lambda one: (one[1][0] - thresholds.get(one[0], DEFAULT_THRESHOLD), one[0])
        )
        return name, score, action


class FindingLike(Protocol):
    """What has to be known of a finding to tell which thresholds it reaches, and whose it is."""

    @property
    def detector(self) -> str:
        """Which detector found it."""
        ...

    @property
    def score(self) -> float:
        """How unusual it is."""
        ...

    @property
    def actor_id(self) -> str:
        """Whose it is, where its alert is about several."""
        ...

    @property
    def bucket_start(self) -> datetime:
        """When its bucket begins."""
        ...


class ToldLike(Protocol):
    """What has to be known of an alert that was told."""

    @property
    def id(self) -> str:
        """Identity of the alert."""
        ...

    @property
    def actor_id(self) -> str:
        """Whom it is about."""
        ...

    @property
    def window_start(self) -> datetime:
        """When its window begins."""
        ...

    @property
    def findings(self) -> Sequence[FindingLike]:
        """What it tells of."""
        ...


class TrialDay(NamedTuple):
    """A day: how many identities did anything, and how many would have been alerted, by now's thresholds and others."""

    begins: datetime
    active: int
    now: int
    tried: int


class Trial(NamedTuple):
    """What came of trying thresholds on the past.

    Attributes
    ----------
    tried
        The thresholds.
    days
        Oldest first.
    appearing
        Of each identity's day that would be told of besides, the hour that is furthest above; the newest day first.
    vanishing
        Alerts that would not have been told, the newest first.
    """

    tried: Mapping[str, float]
    days: Sequence[TrialDay]
    appearing: Sequence[Peak]
    vanishing: Sequence[ToldLike]

    def a_day(self, present: datetime) -> tuple[float, float]:
        """Return how many identities a day would have been alerted, by now's thresholds and by those tried.

        A day that is not over at `present` does not count, unless there is no other.
        """
        days = [day for day in self.days if day.begins + _DAY <= present] or self.days
        count = len(days) or 1
        return sum(day.now for day in days) / count, sum(day.tried for day in days) / count


class _Telling(NamedTuple):
    """A peak that would have been told of, the identity's day that it is part of, and by which thresholds."""

    peak: Peak
    day: tuple[int, str]
    by_now: bool
    by_tried: bool


def try_thresholds(
    peaks: Sequence[Peak],
    alerts: Iterable[ToldLike],
    active: Mapping[int, int],
    now: Mapping[str, float],
    tried: Mapping[str, float],
) -> Trial:
    """Compare thresholds with those in force.

    Parameters
    ----------
    peaks
        Hours with a score of 40 or more, of whole days.
    alerts
        What was told of those days.
    active
        How many identities did anything, by the day's number.
    now, tried
        Thresholds by detector.
    """
    told = list(alerts)
    telling = [
        _Telling(one, (day_number(one.start), one.actor.id), by_now, by_tried)
        for one in peaks
        for by_now, by_tried in ((one.reaches(now), one.reaches(tried)),)
        if by_now or by_tried
    ]
    alerted_now = Counter(day for day, _ in {one.day for one in telling if one.by_now})
    alerted_tried = Counter(day for day, _ in {one.day for one in telling if one.by_tried})
    days = [
        TrialDay(day_begins(day), count, alerted_now[day], alerted_tried[day]) for day, count in sorted(active.items())
    ]
    return Trial(
        tried,
        days,
        _appearing(telling, told, tried),
        sorted(
            (one for one in told if _tells(one, now) and not _tells(one, tried)),
            key=lambda one: (one.window_start, one.id),
            reverse=True,
        ),
    )


def thresholds_within(
    peaks: Iterable[Peak], active: Mapping[int, int], start: Mapping[str, float], alerts_per_day: float
) -> dict[str, float]:
    """Return the thresholds that a budget would settle at, were the days to come like these."""
    history = History(filter(is_movable, start))
    worst: dict[int, dict[str, list[int]]] = {day: {} for day in active}
    places = {name: place for place, name in enumerate(history.detectors)}
    for peak in peaks:
        ours = worst.setdefault(day_number(peak.start), {})
        points = ours.get(peak.actor.id)
        if points is None:
            points = ours[peak.actor.id] = [0] * len(places)
        for name, (score, _) in peak.scores.items():
            if (place := places.get(name)) is not None and score > points[place]:
                points[place] = int(score)
    for day, identities in sorted(worst.items()):
        profiles: Counter[Profile] = Counter(map(tuple, identities.values()))
        history.days.append(Day(day, active.get(day, len(identities)), profiles))
    return {**start, **Budget(start, alerts_per_day, history).outlook(alerts_per_day)}


def _appearing(peaks: Iterable[_Telling], alerts: Iterable[ToldLike], tried: Mapping[str, float]) -> list[Peak]:
    told = {
        (finding.actor_id or alert.actor_id, finding.bucket_start) for alert in alerts for finding in alert.findings
    }
    told_days = {(day_number(start), who) for who, start in told}
    best: dict[tuple[int, str], Peak] = {}
    for peak, key, by_now, by_tried in peaks:
        if key in told_days or not by_tried:
            continue
        if by_now:
            told_days.add(key)  # told already, or joined to what others do: lower thresholds are not what adds it
            best.pop(key, None)
            continue
        known = best.get(key)
        if known is None or _margin(peak, tried) > _margin(known, tried):
            best[key] = peak
    return sorted(
        best.values(), key=lambda one: (day_number(one.start), _margin(one, tried), one.actor.id), reverse=True
    )


def _margin(peak: Peak, thresholds: Mapping[str, float]) -> float:
    name, score, _ = peak.highest(thresholds)
    return score - thresholds.get(name, DEFAULT_THRESHOLD)


def _tells(alert: ToldLike, thresholds: Mapping[str, float]) -> bool:
    return any(one.score >= thresholds.get(one.detector, DEFAULT_THRESHOLD) for one in alert.findings)
