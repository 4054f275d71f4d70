"""The form of a suppression: filled in from an alert, with what it would have kept back, and the YAML to commit.

What may stand in an entry, and how it is written, is `service.suppressions`' business; nothing is written here.
"""

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from models.detectors import DETECTORS, Anomaly
from models.stream import names_of
from service.console.api_models import KeptBack, SuppressionTrial
from service.console.asking import HtmlPage, NotThere, PageQuery
from service.core.alerting import (
    DEFAULT_THRESHOLD,
    LOWEST,
    Alert,
    InForce,
    Suppression,
    Suppressions,
    UnusableSuppressions,
)
from service.history import History
from service.suppressions import as_yaml, checked_values, end_of, written

TRIED_DAYS = 28
"""How far back it is tried."""
_SELECTORS = ("actor", "action", "subscription", "detector")
_TEXTS = (*_SELECTORS, "until", "reason", "owner")
_MOST_SHOWN = 50
_SO_LONG = "7d"
_CHOICES = {"yes": True, "no": False}


class TriedSuppression(NamedTuple):
    """What was filled in, and what comes of it.

    Attributes
    ----------
    fields
        What stands in the form.
    problems
        Why it is no suppression yet, a line each.
    entry
        The suppression; None if there are problems.
    kept_back
        What it would have kept back in the last weeks, the newest first.
    """

    alert: Alert
    fields: Mapping[str, str]
    problems: Sequence[str]
    entry: Suppression | None
    kept_back: Sequence[Anomaly]


def suppress_page(history: History, asked: PageQuery) -> HtmlPage:
    """Answer ``/alerts/ID/suppress``.

    Raises
    ------
    NotThere
        No alert has that id.
    """
    tried = try_suppression(history, asked)
    return HtmlPage(
        "suppress.html",
        {
            "tried": tried,
            "asked": "reason" in asked.query,
            "days": TRIED_DAYS,
            "detectors": sorted(DETECTORS),
            "shown": tried.kept_back[:_MOST_SHOWN],
            "identities": len({one.actor.id for one in tried.kept_back}),
            "yaml": as_yaml(tried.entry).rstrip() if tried.entry else "",
            "command": command_line_of(tried.entry) if tried.entry else "",
        },
    )


def suppression_answer(history: History, asked: PageQuery) -> SuppressionTrial:
    """Answer ``/api/v1/alerts/ID/suppress``.

    Raises
    ------
    NotThere
        No alert has that id.
    """
    tried = try_suppression(history, asked)
    return SuppressionTrial(
        problems=tuple(tried.problems),
        yaml=as_yaml(tried.entry) if tried.entry else "",
        count=len(tried.kept_back),
        kept_back=tuple(
            KeptBack(
                identity=one.actor.id,
                name=one.actor.name,
                time=one.cell.first_time,
                action=one.cell.action_name,
                detector=one.detector,
                score=one.score,
            )
            for one in tried.kept_back[:_MOST_SHOWN]
        ),
    )


def try_suppression(history: History, asked: PageQuery) -> TriedSuppression:
    """Check what is filled in, the alert's own facts where nothing is, and try it on the last weeks.

    Raises
    ------
    NotThere
        No alert has that id.
    """
    revisions = history.alert(asked.part)
    if not revisions:
        raise NotThere("no alert has this id, or it is older than history goes")
    alert = revisions[-1]
    given = {**_of_alert(alert, asked.by), **{name: asked.text(name, 500) for name in _TEXTS if name in asked.query}}
    learn = asked.text("learn")
    now = asked.now.replace(microsecond=0)
    begins = written(now)
    values = {
        **{name: value or None for name, value in given.items()},
        "from": begins,
        "until": end_of(begins, given["until"]),
        "learn": _CHOICES.get(learn),
    }
    entry: Suppression | None = None
    problems: Sequence[str] = ()
    try:
        entry = checked_values(values, now)
    except UnusableSuppressions as error:
        problems = error.lines
    selectors = {name: given[name] for name in _SELECTORS}
    kept = kept_back(history, selectors, asked.now, asked.live.in_force)
    return TriedSuppression(
        alert,
        {**given, "learn": learn},
        problems,
        entry,
        kept,
    )


def command_line_of(entry: Suppression) -> str:
    """Return the command that adds the entry to the configured file."""
    words = ["unwonted", "suppress", "add"]
    for name in _SELECTORS:
        if value := getattr(entry, name):
            words += [f"--{name}", value]
    words += ["--from", written(entry.begins), "--until", written(entry.until)]
    words += ["--reason", entry.reason, "--owner", entry.owner, "--learn" if entry.learn else "--no-learn"]
    return shlex.join(words)


def _of_alert(alert: Alert, by: str) -> dict[str, str]:
    about_one = not alert.identity_count and bool(alert.actor_id)
    first = alert.findings[0] if alert.findings else None
    return {
        "actor": alert.actor_id if about_one else "",
        "action": first.action_name if first else alert.operation,
        "subscription": "",
        "detector": "",
        "until": _SO_LONG,
        "reason": "",
        "owner": by,
    }


def kept_back(history: History, selectors: Mapping[str, str], now: datetime, in_force: InForce) -> list[Anomaly]:
    """Return what would have been told of in the last weeks, had these selectors been in force; the newest first.

    Parameters
    ----------
    selectors
        The actor, action, subscription and detector of an entry, each empty for any.
    """
    if not any(selectors.values()):
        return []
    since = now - timedelta(days=TRIED_DAYS)
    entry = Suppression(**selectors, begins=since, until=now, reason="", owner="", learn=False)
    suppressions, thresholds = Suppressions([entry]), in_force.thresholds
    least = max(LOWEST, min(thresholds.values(), default=LOWEST))
    return [
        one
        for identity in (_named(history, entry.actor) if entry.actor else [""])
        for hour in history.telling(since, now, least=least, identity=identity)
        for one in hour.anomalies
        if one.score >= thresholds.get(one.detector, DEFAULT_THRESHOLD) and suppressions.covering(one)
    ]


def _named(history: History, wanted: str) -> list[str]:
    known = history.identities(wanted, limit=50)
    return [one.actor.id for one in known if wanted.casefold() in names_of(one.actor)]
