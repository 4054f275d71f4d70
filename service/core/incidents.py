"""Incidents: the alerts of one identity, or about one operation, that follow each other within twelve hours.

Which alerts make one is worked out from them alone, so that nothing has to be kept. How far people are with one follows
from the verdicts on its alerts, and from what they have set themselves, which is kept under an alert of it by whoever
has a place for it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Generic, NamedTuple, Protocol, TypeVar

from models.statistics import Severity

APART = timedelta(hours=12)
"""How long after the end of one alert's window the next one's begins at most, if they belong together."""


class IncidentState(StrEnum):
    """How far people are with an incident."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class AlertLike(Protocol):
    """What has to be known of an alert to tell which incident it belongs to."""

    @property
    def id(self) -> str:
        """Identity of the alert."""
        ...

    @property
    def subject(self) -> str:
        """Whom or what it is about."""
        ...

    @property
    def window_start(self) -> datetime:
        """When its window begins."""
        ...

    @property
    def window_end(self) -> datetime:
        """When its window ends."""
        ...

    @property
    def found_at(self) -> datetime:
        """When there was news of it last."""
        ...

    @property
    def severity(self) -> Severity:
        """How severe it is."""
        ...

    @property
    def score(self) -> float:
        """Its highest score."""
        ...


class Handling(NamedTuple):
    """How far somebody is with an incident: its state, whose it is, who set that, and when."""

    state: IncidentState
    assignee: str
    by: str
    at: datetime


class GivenVerdict(NamedTuple):
    """A verdict on an alert: whether it ends the matter, which that of an attack does not; who gave it, and when."""

    ends: bool
    by: str
    at: datetime


_A = TypeVar("_A", bound=AlertLike)


class Incident(NamedTuple, Generic[_A]):
    """Alerts that belong together, oldest first.

    Attributes
    ----------
    alerts
        At least one.
    handling
        What was set last, by hand or by a verdict; None if nothing was.
    """

    alerts: tuple[_A, ...]
    handling: Handling | None = None

    @property
    def id(self) -> str:
        """The id of its first alert."""
        return self.alerts[0].id

    @property
    def subject(self) -> str:
        """Whom or what all its alerts are about."""
        return self.alerts[0].subject

    @property
    def start(self) -> datetime:
        """When the first window begins."""
        return self.alerts[0].window_start

    @property
    def end(self) -> datetime:
        """When the last window ends."""
        return max(one.window_end for one in self.alerts)

    @property
    def worst(self) -> _A:
        """The most severe alert, of equal ones the one that scores highest."""
        return max(self.alerts, key=lambda one: (one.severity.rank, one.score, one.id))

    @property
    def state(self) -> IncidentState:
        """How far people are; one that was closed before there was news of it is new again."""
        if self.handling is None:
            return IncidentState.NEW
        newest = max(one.found_at for one in self.alerts)
        reopened = self.handling.state is IncidentState.CLOSED and newest > self.handling.at
        return IncidentState.NEW if reopened else self.handling.state

    @property
    def assignee(self) -> str:
        """Whose it is; empty if nobody's."""
        return self.handling.assignee if self.handling else ""

    @property
    def revision(self) -> str:
        """Differs whenever there is news of it: of its alerts, or of how far people are with it."""
        news = [f"{one.id} {one.found_at.isoformat()}" for one in self.alerts]
        seen = "\n".join([*news, *map(str, self.handling or ())])
        return sha256(seen.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def incidents(
    alerts: Iterable[_A], handled: Mapping[str, Handling] = {}, answers: Mapping[str, GivenVerdict] = {}
) -> list[Incident[_A]]:
    """Return what `alerts` make, in whatever order they come: the newest incident first.

    Parameters
    ----------
    alerts
        Each once.
    handled
        What was set by hand, by the id of any alert of an incident; what was set last holds.
    answers
        The verdict on each alert that has one, by its id. Once all alerts of an incident have one, it is closed; one
        with an attack in it is acknowledged instead, and closed by hand.

    Examples
    --------
    >>> incidents([])
    []
    """
    by_subject: dict[str, list[_A]] = {}
    for one in sorted(alerts, key=lambda one: (one.window_start, one.id)):
        by_subject.setdefault(one.subject, []).append(one)
    found = [
        Incident(tuple(group), _handling(group, handled, answers))
        for told in by_subject.values()
        for group in _groups(told)
    ]
    return sorted(found, key=lambda one: (one.end, one.start, one.id), reverse=True)


class PlaceInIncident(NamedTuple):
    """Of which incident an alert is a part, by its id, and which of its alerts it is, from 1."""

    incident: str
    number: int


def place_in_incident(alert: AlertLike, remembered: Iterable[AlertLike]) -> PlaceInIncident:
    """Return the place of `alert` among those that are remembered, itself included or not, in whatever order.

    It follows from them alone: whoever remembers the same alerts, after whatever crash, gives it the same place.
    """
    together = {one.id: one for one in remembered if one.subject == alert.subject} | {alert.id: alert}
    ordered = sorted(together.values(), key=lambda one: (one.window_start, one.id))
    [ids] = [ids for group in _groups(ordered) if alert.id in (ids := [one.id for one in group])]
    return PlaceInIncident(ids[0], ids.index(alert.id) + 1)


def _groups(alerts: Iterable[_A]) -> Iterator[list[_A]]:
    group: list[_A] = []
    end = None
    for one in alerts:
        if end is not None and one.window_start - end > APART:
            yield group
            group, end = [], None
        group.append(one)
        end = one.window_end if end is None else max(end, one.window_end)
    if group:
        yield group


def _handling(
    alerts: Sequence[AlertLike], handled: Mapping[str, Handling], answers: Mapping[str, GivenVerdict]
) -> Handling | None:
    """Return what was set last, by hand or by the verdicts."""
    by_hand = max((handled[one.id] for one in alerts if one.id in handled), key=lambda one: one.at, default=None)
    assignee = by_hand.assignee if by_hand else ""
    given = [answers[one.id] for one in alerts if one.id in answers]
    attacks = [one for one in given if not one.ends]
    if attacks:
        last = max(attacks, key=lambda one: one.at)
        by_verdict = Handling(IncidentState.ACKNOWLEDGED, assignee or last.by, last.by, last.at)
    elif len(given) == len(alerts):
        last = max(given, key=lambda one: one.at)
        by_verdict = Handling(IncidentState.CLOSED, assignee, last.by, last.at)
    else:
        return by_hand
    return by_hand if by_hand and by_hand.at >= by_verdict.at else by_verdict
