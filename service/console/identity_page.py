"""The page of an identity: who it is, when it acts, what it usually does and from where, and what was told of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from models.stream import EPOCH
from service.console.alert_page import network_words, newest, rows_of
from service.console.asking import HtmlPage, NotThere, PageQuery
from service.console.charts import Share, Square, shares, week
from service.console.incident_list import listed_incident
from service.history import AlertSummary, History, Hour, HourMark

SHOWN_DAYS = 90
HABIT_DAYS = 28
"""How many of the last days are read in full: operations, networks, what was done for the first time."""
_MOST = 12
_LATEST_ROWS = 60


class First(NamedTuple):
    """An operation that was done for the first time in what is read in full, and when."""

    action: str
    time: datetime


class Habits(NamedTuple):
    """What the last weeks were made of.

    Attributes
    ----------
    operations
        In how many hours each was done, the most usual first.
    others
        How many more operations there are.
    networks
        In how many hours it came from each.
    firsts
        What was done for the first time, the latest first; empty if history does not go back further.
    days
        How many days this comes from.
    """

    operations: list[Share]
    others: int
    networks: list[Share]
    firsts: list[First]
    days: int


def identity_page(history: History, asked: PageQuery) -> HtmlPage:
    """Answer ``/identity?id=ID``.

    Raises
    ------
    NotThere
        Nobody has that id.
    """
    wanted = asked.exact("id")
    identity = history.identity(wanted)
    if identity is None:
        raise NotThere("no identity has this id, or it has done nothing for as long as history goes")
    last = identity.last_seen
    marks = history.marks(wanted, last - timedelta(days=SHOWN_DAYS))
    alerts = history.alerts(EPOCH, subject=wanted, limit=200)
    read = newest([mark for mark in marks if mark.start >= last - timedelta(days=HABIT_DAYS)])
    recent = list(history.hours(wanted, read[0].start)) if read else []
    return HtmlPage(
        "identity.html",
        {
            "identity": identity,
            "ownership": asked.live.owners.of_actor(identity.actor),
            "week": _week(marks),
            "points": _points(marks, alerts),
            "habits": habits(recent, identity.first_seen),
            "can_ask": asked.live.what_if is not None,
            "hours": len(marks),
            "active_days": len({mark.start.date() for mark in marks}),
            "incidents": [listed_incident(one) for one in history.incidents(EPOCH, subject=wanted)],
            "rows": list(rows_of(recent[-24:]))[-_LATEST_ROWS:][::-1],
        },
    )


def habits(hours: Sequence[Hour], first_seen: datetime) -> Habits:
    """Sum up what `hours`, oldest first, are made of."""
    names: dict[str, str] = {}
    done: Counter[str] = Counter()
    came: Counter[str] = Counter()
    firsts: dict[str, datetime] = {}
    for hour in hours:
        for cell in hour.seen.cells:
            names.setdefault(cell.action, cell.action_name)
            done[cell.action] += 1
            firsts.setdefault(cell.action, cell.first_time)
        came.update({network_words(address) for cell in hour.seen.cells for address in cell.addresses})
    begins = hours[0].seen.bucket.start if hours else first_seen
    # What happens on the first day of all is new only because nothing is known before.
    settled = begins + timedelta(days=1)
    return Habits(
        shares((names[action], float(count)) for action, count in done.most_common(_MOST)),
        max(0, len(done) - _MOST),
        shares((name, float(count)) for name, count in came.most_common(_MOST)),
        [
            First(names[action], time)
            for action, time in sorted(firsts.items(), key=lambda one: one[1], reverse=True)
            if time >= settled
        ][:_MOST],
        max(1, round((hours[-1].seen.bucket.start - begins) / timedelta(days=1))) if hours else 0,
    )


def _week(marks: Iterable[HourMark]) -> list[Square]:
    return week(mark.start for mark in marks if not mark.late)


def _points(marks: Iterable[HourMark], alerts: Iterable[AlertSummary]) -> list[list[float | None]]:
    """Return what the timeline draws: hours as Unix seconds, the highest score of each, and that of an alert."""
    scores: dict[float, float] = {}
    for mark in marks:
        at = mark.start.timestamp()
        scores[at] = max(scores.get(at, 0.0), mark.score)
    told: dict[float, float] = {}
    for alert in alerts:
        at = alert.window_start.timestamp()
        told[at] = max(told.get(at, 0.0), alert.score)
    times = sorted({*scores, *(at for at in told if not scores or at >= min(scores))})
    return [
        [*times],
        [round(scores[at], 1) if at in scores else None for at in times],
        [round(told[at], 1) if at in told else None for at in times],
    ]
