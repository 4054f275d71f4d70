"""Swim lanes: identities, the most unusual first, with the highest score of each of their days; found and narrowed.

What is sought in is history; how a page of lanes is drawn is the template's.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from models.stream import EPOCH, Bucket
from service.console.api_models import DayOfLane, LaneLine, Lanes
from service.console.asking import HtmlPage, NotPossible, PageQuery
from service.console.search_page import SHORTEST_SEARCH, found_alerts, held_in_hours
from service.core.alerting import LOWEST
from service.history import History, Lane, LaneDay

LANES_SHOWN = 30
_FIRST_DAYS = 28
_MOST_DAYS = 92
_OVERVIEW_DAYS, _MOST_OVERVIEW_DAYS = 90, 400
_MOST_SOUGHT = 200
_MOST_PASSED = 10_000
_HOURS_LOOKED_AT = 300
_LEVELS = (LOWEST, 58.0, 75.0, 90.0)
_DAY = timedelta(days=1)


class DayPlace(NamedTuple):
    """A day of a lane: how unusual it was (0 to 4), what of it is known, and the alert that was told of it."""

    begins: datetime
    level: int
    day: LaneDay | None
    alert: str


class ShownLane(NamedTuple):
    """An identity's lane with a place for every day."""

    lane: Lane
    places: Sequence[DayPlace]


class Overview(NamedTuple):
    """A day of the bar over all lanes: how many identities were unusual, where its bar stands, if it is chosen."""

    begins: datetime
    number: int
    x: float
    width: float
    height: float
    chosen: bool


class Sought(NamedTuple):
    """What was asked: from when, until before when, for what, and how many lanes to pass over."""

    since: datetime
    until: datetime
    text: str
    begin: int


def explorer_page(history: History, asked: PageQuery) -> HtmlPage:
    """Answer ``/explorer``."""
    sought = _sought(asked)
    lanes = _lanes(history, asked, sought, LANES_SHOWN + 1)
    days = [sought.since + number * _DAY for number in range((sought.until - sought.since) // _DAY)]
    told = _told(history, sought)
    return HtmlPage(
        "explorer.html",
        {
            "sought": sought,
            "short": _is_too_short(sought.text),
            "last": sought.until - _DAY,
            "days": days,
            "lanes": [_shown(one, days, told) for one in lanes[:LANES_SHOWN]],
            "overview": _overview(history, asked.now, sought),
            "newest": _address(sought, 0) if sought.begin else "",
            "more": _address(sought, sought.begin + LANES_SHOWN) if len(lanes) > LANES_SHOWN else "",
        },
    )


def lanes_answer(history: History, asked: PageQuery) -> Lanes:
    """Answer ``/api/v1/explorer``.

    Raises
    ------
    NotPossible
        What is sought is too short.
    """
    sought = _sought(asked)
    if _is_too_short(sought.text):
        raise NotPossible(f"q should have at least {SHORTEST_SEARCH} characters")
    told = _told(history, sought)
    lanes = _lanes(history, asked, sought, asked.number("limit", LANES_SHOWN, _MOST_SOUGHT))
    return Lanes(
        since=sought.since,
        until=sought.until,
        lanes=tuple(
            LaneLine(
                id=one.actor.id,
                name=one.actor.name,
                kind=one.actor.kind,
                days=tuple(
                    DayOfLane(
                        begins=day.begins,
                        score=day.score,
                        hours=day.hours,
                        alert=told.get((one.actor.id, day.begins), ""),
                    )
                    for day in one.days
                ),
            )
            for one in lanes
        ),
    )


def _sought(asked: PageQuery) -> Sought:
    tomorrow = Bucket.of(asked.now, _DAY).end
    last = asked.day("until", tomorrow - _DAY)
    until = min(last, tomorrow - _DAY) + _DAY
    since = asked.day("since", until - _FIRST_DAYS * _DAY)
    if not until - _MOST_DAYS * _DAY <= since < until:
        since = max(EPOCH, until - (_MOST_DAYS if since < until else 1) * _DAY)
    return Sought(since, until, asked.text("q"), asked.number("from", 0, _MOST_PASSED))


def _is_too_short(text: str) -> bool:
    """Whether something is sought, but so little that nearly everybody has it.

    >>> _is_too_short(""), _is_too_short("a"), _is_too_short("an")
    (False, True, False)
    """
    return 0 < len(text) < SHORTEST_SEARCH


def _lanes(history: History, asked: PageQuery, sought: Sought, limit: int) -> list[Lane]:
    text = sought.text
    among: list[str] | None = None
    if _is_too_short(text):
        return []
    if text:
        people = [one.actor.id for one in history.identities(text, limit=_MOST_SOUGHT)]
        told = [one.alert.subject for one in found_alerts(history, text, asked)]
        unusual = history.done(sought.since, sought.until, least=LOWEST, limit=_HOURS_LOOKED_AT)
        among = list(dict.fromkeys([*people, *told, *held_in_hours(unusual, text)]))[:_MOST_SOUGHT]
    return history.lanes(sought.since, sought.until, among=among, limit=limit, offset=sought.begin)


def _told(history: History, sought: Sought) -> dict[tuple[str, datetime], str]:
    """Return the worst alert of each identity's day."""
    alerts = sorted(history.alerts(sought.since, sought.until), key=lambda one: one.score)
    return {(one.subject, Bucket.of(one.window_start, _DAY).start): one.id for one in alerts}


def _shown(lane: Lane, days: Sequence[datetime], told: dict[tuple[str, datetime], str]) -> ShownLane:
    known = {day.begins: day for day in lane.days}
    return ShownLane(
        lane,
        [DayPlace(day, _level(known.get(day)), known.get(day), told.get((lane.actor.id, day), "")) for day in days],
    )


def _level(day: LaneDay | None) -> int:
    """Return how unusual a day was.

    >>> _level(None), _level(LaneDay(EPOCH, 39.0, 1)), _level(LaneDay(EPOCH, 58.0, 1)), _level(LaneDay(EPOCH, 99.0, 1))
    (0, 0, 2, 4)
    """
    return sum(day.score >= least for least in _LEVELS) if day else 0


def _overview(history: History, now: datetime, sought: Sought) -> list[Overview]:
    """Return the days until today: 90, or as many more as it takes to show those that were chosen, 400 at most."""
    ends = max(Bucket.of(now, _DAY).end, sought.until)
    begins = max(min(ends - _OVERVIEW_DAYS * _DAY, sought.since), ends - _MOST_OVERVIEW_DAYS * _DAY)
    counts = history.unusual_days(begins, ends)
    most = max(counts.values(), default=1)
    number = (ends - begins) // _DAY
    days = [begins + place * _DAY for place in range(number)]
    return [
        Overview(
            day,
            count,
            100.0 * place / number,
            100.0 / number,
            100.0 * count / most,
            sought.since <= day < sought.until,
        )
        for place, day in enumerate(days)
        for count in [counts.get((day - EPOCH) // _DAY, 0)]
    ]


def _address(sought: Sought, begin: int) -> str:
    query = {"since": f"{sought.since:%Y-%m-%d}", "until": f"{sought.until - _DAY:%Y-%m-%d}"}
    query |= {"q": sought.text} if sought.text else {}
    return f"/explorer?{urlencode({**query, **({'from': begin} if begin else {})}, errors='replace')}"
