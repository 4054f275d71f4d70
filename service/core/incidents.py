"""Incidents: the alerts of one identity, or about one operation, that follow each other within twelve hours.

Which alerts make one is worked out from them alone, so that nothing has to be kept; what people have said of one is
kept under an alert of it, by whoever has a place for it.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
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
    """What somebody has said of an incident: its state, whose it is, who said so, and when."""

    state: IncidentState
    assignee: str
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
        What was said of it last; None if nothing was.
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
        """What was said of it; one that was closed before there was news of it is new again."""
        if self.handling is None:
            return IncidentState.NEW
        newest = max(one.found_at for one in self.alerts)
        reopened = self.handling.state is IncidentState.CLOSED and newest > self.handling.at
        return IncidentState.NEW if reopened else self.handling.state

    @property
    def assignee(self) -> str:
        """Whose it is; empty if nobody's."""
        return self.handling.assignee if self.handling else ""


def incidents(alerts: Iterable[_A], handled: Mapping[str, Handling] = {}) -> list[Incident[_A]]:
    """Return what `alerts` make, in whatever order they come: the newest incident first.

    Parameters
    ----------
    alerts
        Each once.
    handled
        What was said, by the id of any alert of an incident; what was said last holds.

    Examples
    --------
    >>> incidents([])
    []
    """
    by_subject: dict[str, list[_A]] = {}
    for one in sorted(alerts, key=lambda one: (one.window_start, one.id)):
        by_subject.setdefault(one.subject, []).append(one)
    found = [
        Incident(tuple(group), _last_said(group, handled)) for told in by_subject.values() for group in _groups(told)
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


def _last_said(alerts: Iterable[AlertLike], handled: Mapping[str, Handling]) -> Handling | None:
    said = [handled[one.id] for one in alerts if one.id in handled]
    return max(said, key=lambda one: one.at, default=None)
