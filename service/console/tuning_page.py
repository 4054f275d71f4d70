"""Thresholds and a budget tried on the past: how many a day, whom besides, which alerts not, and what to configure.

What would have alerted is worked out by `service.core.alerting`; configuring it is left to people.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from models.stream import Bucket
from service.console.alert_page import in_short
from service.console.api import line_of_alert
from service.console.api_models import Appearing, Tuning, TuningDay
from service.console.asking import HtmlPage, PageQuery
from service.core.alerting import (
    LOWEST,
    InForce,
    Peak,
    Trial,
    day_begins,
    day_number,
    is_movable,
    thresholds_within,
    try_thresholds,
)
from service.history import AlertSummary, History

_DAYS_TRIED = (7, 14, 28)
_LEAST, _MOST = LOWEST, 100
_MOST_MOVED = 30
_MOST_LISTED = 50
_MOST_BUDGET = 1_000_000
_DAY = timedelta(days=1)


class Slider(NamedTuple):
    """One detector's threshold: what holds now, and what is tried."""

    name: str
    now: float
    tried: int


class DayBar(NamedTuple):
    """A day of the chart: where it stands, and how high its two bars are, in shares of a hundred."""

    begins: datetime
    now: int
    tried: int
    x: float
    width: float
    now_height: float
    tried_height: float


class Tried(NamedTuple):
    """What was asked, and what came of it."""

    since: datetime
    until: datetime
    days: int
    moved: int
    budget: int
    sliders: Sequence[Slider]
    trial: Trial
    vanishing: Sequence[AlertSummary]


def tuning_page(history: History, asked: PageQuery) -> HtmlPage:
    """Answer ``/tuning``."""
    tried = try_out(history, asked)
    trial = tried.trial
    now, then = trial.a_day(asked.now)
    names = {*filter(is_movable, asked.live.in_force.thresholds), "all", "budget"}
    kept = {name: value[:10] for name, value in asked.query.items() if name in names}
    return HtmlPage(
        "tuning.html",
        {
            "tried": tried,
            "last": tried.until - _DAY,
            "in_force": asked.live.in_force,
            "choices": _DAYS_TRIED,
            "bounds": (_LEAST, _MOST, _MOST_MOVED),
            "bars": day_bars(trial),
            "most": max((max(day.now, day.tried) for day in trial.days), default=0),
            "now": now,
            "then": then,
            "appearing": [(one, *one.highest(trial.tried)) for one in trial.appearing[:_MOST_LISTED]],
            "vanishing": [(one, in_short(one)) for one in tried.vanishing[:_MOST_LISTED]],
            "yaml": to_configure(asked.live.in_force, tried),
            "before": f"/tuning?{urlencode({**kept, 'days': tried.days, 'until': f'{tried.since:%Y-%m-%d}'})}",
        },
    )


def tuning_answer(history: History, asked: PageQuery) -> Tuning:
    """Answer ``/api/v1/tuning``."""
    tried = try_out(history, asked)
    trial = tried.trial
    return Tuning(
        since=tried.since,
        until=tried.until,
        in_force=dict(asked.live.in_force.thresholds),
        tried=dict(trial.tried),
        days=tuple(TuningDay(**day._asdict()) for day in trial.days),
        appearing=tuple(_appearing(one, trial.tried) for one in trial.appearing),
        vanishing=tuple(map(line_of_alert, tried.vanishing)),
        yaml=to_configure(asked.live.in_force, tried),
    )


def try_out(history: History, asked: PageQuery) -> Tried:
    """Try what is asked for on the last days, or on as many before a day."""
    days = min(one for one in _DAYS_TRIED if one >= asked.number("days", _DAYS_TRIED[0], _DAYS_TRIED[-1]))
    tomorrow = Bucket.of(asked.now, _DAY).end
    until = min(asked.day("until", tomorrow), tomorrow)
    since = until - days * _DAY
    moved, budget = _signed(asked.text("all")), asked.number("budget", 0, _MOST_BUDGET)
    now = asked.live.in_force.thresholds
    sliders = [Slider(name, limit, _slid(asked, name, limit)) for name, limit in now.items() if is_movable(name)]
    start = dict(now) | {
        one.name: one.now if moved == 0 and one.tried == round(one.now) else _points(one.tried + moved)
        for one in sliders
    }
    least = max(_LEAST, min([*now.values(), *start.values()], default=_LEAST))
    peaks, active = history.peaks(since, until, least=least), history.active(since, until)
    tried = start
    if budget:
        tried = _kept(peaks, active, start, budget, asked.now)
        if min(tried.values(), default=least) < least:
            # Hours below what holds now seldom matter, and are most of them: fetched where a budget allows for more.
            peaks = history.peaks(since, until, least=_LEAST)
            tried = _kept(peaks, active, start, budget, asked.now)
    summaries = {one.id: one for one in history.alerts(since, until)}
    trial = try_thresholds(peaks, history.told(summaries), active, now, tried)
    vanishing = [summaries[one.id] for one in trial.vanishing]
    return Tried(since, until, days, moved, budget, sliders, trial, vanishing)


def _kept(
    peaks: Sequence[Peak], active: Mapping[int, int], start: Mapping[str, float], budget: int, present: datetime
) -> dict[str, float]:
    """Return the thresholds that keep a budget on the days that are over."""
    whole = {day: count for day, count in active.items() if day_begins(day + 1) <= present} or active
    over = [one for one in peaks if day_number(one.start) in whole]
    return thresholds_within(over, whole, start, float(budget))


def day_bars(trial: Trial) -> list[DayBar]:
    """Return the bars of each day."""
    most = max((max(day.now, day.tried) for day in trial.days), default=0) or 1
    width = 100.0 / max(1, len(trial.days))
    return [
        DayBar(day.begins, day.now, day.tried, place * width, width, 100.0 * day.now / most, 100.0 * day.tried / most)
        for place, day in enumerate(trial.days)
    ]


def to_configure(in_force: InForce, tried: Tried) -> str:
    """Return what would have to stand in the configuration for it; empty if it is what holds now."""
    lines = []
    if tried.budget and tried.budget != in_force.alerts_per_day:
        lines += ["alerting:", f"  alerts_per_day: {tried.budget}"]
    changed = {
        one.name: round(_points(one.tried + tried.moved))
        for one in tried.sliders
        if one.tried != round(one.now) or tried.moved
    }
    if changed:
        lines.append("detectors:")
    for name, threshold in changed.items():
        lines += [f"  {name}:", f"    threshold: {threshold}"]
    return "\n".join(lines)


def _slid(asked: PageQuery, name: str, limit: float) -> int:
    return max(_LEAST, asked.number(name, round(limit), _MOST))


def _points(wanted: int) -> float:
    return float(max(_LEAST, min(_MOST, wanted)))


def _signed(text: str) -> int:
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    return sign * min(int(digits), _MOST_MOVED) if digits.isascii() and digits.isdigit() and len(digits) < 4 else 0


def _appearing(peak: Peak, tried: Mapping[str, float]) -> Appearing:
    detector, score, action = peak.highest(tried)
    return Appearing(
        identity=peak.actor.id,
        name=peak.actor.name,
        kind=peak.actor.kind,
        start=peak.start,
        detector=detector,
        score=score,
        action=action,
    )
