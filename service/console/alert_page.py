"""The page of an alert: what happened, why that is unusual, what was usual instead, and what to do now.

Everything that is said of the finding itself comes from the alert; what was usual, from history.
"""

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from models.stream import Cell
from service.console.asking import HtmlPage, NotThere, PageQuery
from service.console.charts import Fall, Share, Square, shares, waterfall, week
from service.core.alerting import Alert, Finding
from service.core.incidents import Incident
from service.core.owners import Ownership
from service.history import AlertSummary, CellScore, History, Hour, HourMark
from service.sinks import Links, alert_content, clean, counted, iso, kql, plain_action

AROUND = timedelta(hours=12)
USUAL_DAYS = 28
"""How many days before an alert show what was usual."""
ODD_FROM = 40.0
"""Score from which an operation of the day around is shown as out of the ordinary."""
MOST_READ = 1_000
"""How many operations of the past are read for one page: what takes less than a tenth of a second."""
_MOST_USUAL = 8
_MOST_ROWS = 400
_NETWORK = 3


class Told(NamedTuple):
    """A finding, and the charts beside it."""

    finding: Finding
    falls: list[Fall]
    counterfactual: str


class CellRow(NamedTuple):
    """What was done in an hour around the alert."""

    start: datetime
    cell: Cell
    score: CellScore
    odd: bool


class Usual(NamedTuple):
    """What the identity did in the weeks before, beside what it did now.

    Attributes
    ----------
    operations
        What it did now, then what it did in most hours.
    networks
        Where it comes from now, then where it came from in most hours.
    week
        When it was active.
    hours, read
        In how many hours it was active, and how many of them, the newest, were read for operations and networks.
    """

    operations: list[Share]
    networks: list[Share]
    week: list[Square]
    hours: int
    read: int


def alert_page(history: History, asked: PageQuery) -> HtmlPage:
    """Answer ``/alerts/ID``.

    Raises
    ------
    NotThere
        No alert has that id.
    """
    revisions = history.alert(asked.part)
    if not revisions:
        raise NotThere("no alert has this id, or it is older than history goes")
    alert = revisions[-1]
    incident = history.incident(alert.id)
    around = _around(history, alert) if not alert.identity_count else []
    rows = shown_of(around, alert)
    return HtmlPage(
        "alert.html",
        {
            "alert": alert,
            "what": in_short(alert),
            "content": alert_content(alert, Links()),
            "ownership": _ownership(alert, asked),
            "told": [told_of(finding) for finding in alert.findings],
            "incident": incident,
            "place": _place(incident, alert),
            "revisions": revisions,
            "deliveries": history.deliveries(alert.id),
            "usual": usual(history, alert) if not alert.identity_count else None,
            "rows": rows,
            "rows_left_out": len(around) - len(rows),
            "kql": kql(alert),
            "az": az(alert),
            "suppress": suppress_command(alert),
            "chosen": asked.text("verdict"),
            "ticket": ticket(alert),
        },
    )


def _ownership(alert: Alert, asked: PageQuery) -> Ownership:
    """Return who answers for the identity now, else who did when the alert was told."""
    if alert.identity_count:
        return Ownership()
    known = asked.live.owners.of(alert.actor_id, alert.actor_name)
    return known if any(known) else Ownership(alert.owner, alert.tags)


def told_of(finding: Finding) -> Told:
    """Return a finding with its waterfall: only numbers become bars, whatever its evidence holds."""
    said = finding.evidence.get("counterfactual")
    return Told(finding, waterfall(numbers_of(finding.evidence.get("terms")), finding.surprise), str(said or ""))


def usual(history: History, alert: Alert) -> Usual:
    """Compare what an identity does now with what it did in the weeks before."""
    first = min([alert.window_start, *(one.bucket_start for one in alert.findings)])
    marks = history.marks(alert.actor_id, first - timedelta(days=USUAL_DAYS), first)
    read = newest(marks)
    before = list(history.hours(alert.actor_id, read[0].start, first)) if read else []
    done = Counter(cell.action_name for hour in before for cell in hour.seen.cells)
    came = Counter(
        one for hour in before for one in {network_words(said) for cell in hour.seen.cells for said in cell.addresses}
    )
    now = list(dict.fromkeys(one.action_name for one in alert.findings))
    most = [(name, float(count)) for name, count in done.most_common(_MOST_USUAL) if name not in now]
    rows = [*((name, float(done.get(name, 0))) for name in now[:_MOST_USUAL]), *most]
    here = list(dict.fromkeys(network_words(one) for finding in alert.findings for one in finding.addresses))
    others = [(name, float(count)) for name, count in came.most_common(_MOST_USUAL) if name not in here]
    networks = [*((name, float(came.get(name, 0))) for name in here[:_MOST_USUAL]), *others]
    return Usual(
        shares(rows, now),
        shares(networks, here),
        week((mark.start for mark in marks), (one.bucket_start for one in alert.findings)),
        len(marks),
        len(before),
    )


def newest(marks: Sequence[HourMark], most: int = MOST_READ) -> Sequence[HourMark]:
    """Return the newest hours that have no more than so many operations together: to read more takes too long."""
    left, begins = most, len(marks)
    while begins and left > 0:
        begins -= 1
        left -= marks[begins].cells
    return marks[begins:]


def network_words(address: str) -> str:
    """Return what stands for the network of an address: most of its parts.

    >>> network_words("203.0.113.7"), network_words("2001:db8:1:2::5")
    ('203.0.113.*', '2001:db8:1:*')
    """
    mark = ":" if ":" in address else "."
    parts = address.split(mark)
    return f"{mark.join(parts[:_NETWORK])}{mark}*" if len(parts) > _NETWORK else address


def rows_of(hours: Iterable[Hour]) -> Iterable[CellRow]:
    """Yield what was done in each hour, in order of time."""
    for hour in hours:
        pairs = sorted(zip(hour.seen.cells, hour.scores, strict=True), key=lambda one: one[0].first_time)
        for cell, score in pairs:
            yield CellRow(hour.seen.bucket.start, cell, score, score.score >= ODD_FROM)


def shown_of(rows: Sequence[CellRow], alert: Alert) -> Sequence[CellRow]:
    """Return as many as a page holds, in order: those of the alert's window, then the odd ones, then the nearest."""

    def farness(number: int) -> tuple[bool, bool, timedelta]:
        row, time = rows[number], rows[number].cell.first_time
        away = max(alert.window_start - time, time - alert.window_end, timedelta(0))
        return away > timedelta(0), not row.odd, away

    return [rows[number] for number in sorted(sorted(range(len(rows)), key=farness)[:_MOST_ROWS])]


def az(alert: Alert) -> str:
    """Return a command of the Azure CLI that lists the records behind the first findings."""
    first, last = _span(alert)
    correlations = [] if alert.operation else [one for finding in alert.findings for one in finding.correlations]
    scopes = list(dict.fromkeys(one.rpartition("/")[2] for finding in alert.findings for one in finding.scopes))
    words = ["az", "monitor", "activity-log", "list", "--start-time", first, "--end-time", last]
    if scopes:
        words += ["--subscription", clean(scopes[0], 100)]
    if correlations:
        words += ["--correlation-id", clean(correlations[0], 100)]
    elif not alert.identity_count:
        words += ["--caller", clean(alert.actor_name, 200)]
    return shlex.join([*words, "--output", "table"])


def suppress_command(alert: Alert) -> str:
    """Return a command that has the first finding suppressed for a week, with who and why to be filled in."""
    actor = [] if alert.identity_count else ["--actor", clean(alert.actor_id, 300)]
    words = ["unwonted", "suppress", "add", *actor, "--action", clean(alert.findings[0].action_name, 300)]
    return f"{shlex.join(words)} --until 7d --no-learn --owner ... --reason ..."


def ticket(alert: Alert) -> str:
    """Return what to paste into a ticket."""
    content = alert_content(alert, Links())
    lines = [content.heading, "", f"{content.who.label}: {content.who.text}"]
    for facts in content.findings:
        lines += ["", *(f"{fact.label}: {fact.text}" for fact in facts)]
    if content.hidden:
        lines += ["", f"and {counted(content.hidden, 'more finding')}"]
    if content.checks:
        lines += ["", "To check:", *(f"- {step}" for step in content.checks)]
    return "\n".join([*lines, "", content.reference])


def in_short(alert: Alert | AlertSummary) -> str:
    """Say in a few words what was done, and how much more."""
    if alert.operation:
        return f"{plain_action(alert.operation)} fails for many"
    if isinstance(alert, Alert):
        action, more = alert.findings[0].action_name if alert.findings else "", alert.finding_count - 1
    else:
        action, more = alert.action, alert.findings - 1
    return plain_action(action) + (f" and {counted(more, 'more action')}" if more > 0 else "")


def _around(history: History, alert: Alert) -> Sequence[CellRow]:
    first, last = alert.window_start - AROUND, alert.window_end + AROUND
    return list(rows_of(history.hours(alert.actor_id, first, last)))


def _place(incident: Incident[AlertSummary] | None, alert: Alert) -> int:
    """Return as which alert of its incident this came, from 1."""
    ids = [one.id for one in incident.alerts] if incident else []
    return ids.index(alert.id) + 1 if alert.id in ids else 1


def numbers_of(value: Any) -> Mapping[str, float]:
    """Return those of a mapping that are numbers: evidence may hold whatever a detector says."""
    if not isinstance(value, Mapping):
        return {}
    return {
        str(name): float(one)
        for name, one in value.items()
        if isinstance(one, int | float) and not isinstance(one, bool) and abs(one) < 1e6
    }


def _span(alert: Alert) -> tuple[str, str]:
    # Records of one operation straddle the window's edges; an hour on either side shows them all.
    hour = timedelta(hours=1)
    return iso(alert.window_start - hour), iso(alert.window_end + hour)
