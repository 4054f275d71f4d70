"""The first page: incidents, the newest first, by what their address asks for."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from models.statistics import Severity
from models.stream import EPOCH
from service.console.alert_page import in_short
from service.console.asking import HtmlPage, NotThere, PageQuery
from service.console.charts import Tick, spark
from service.console.words import kind_words
from service.core.incidents import Incident, IncidentState
from service.core.owners import Owners, Ownership
from service.history import AlertSummary, History

INCIDENTS_SHOWN = 50
SPANS = (1, 7, 28, 90)
FACETS = ("days", "severity", "kind", "state", "owner", "tag", "text")
_MOST_CHOICES = 12
_ALL = 0
_FIRST_SHOWN = 28
_OPEN = "open"
_LOUD = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)
_MOST_KEPT = 10_000
_A_DAY = timedelta(days=1)


class Choice(NamedTuple):
    """One value of a facet: what it is called, where it leads, and how many it would show."""

    label: str
    address: str
    chosen: bool
    number: int | None


class ListedIncident(NamedTuple):
    """An incident as the list shows it."""

    incident: Incident[AlertSummary]
    what: str
    sparkline: list[Tick]
    ownership: Ownership = Ownership()


class _Weighed(NamedTuple):
    """An incident, and what is asked of it again and again."""

    incident: Incident[AlertSummary]
    worst: AlertSummary
    state: IncidentState
    ownership: Ownership


def incident_list(history: History, asked: PageQuery) -> HtmlPage:
    """Answer ``/``."""
    everything = _found(history, asked)
    chosen = _chosen(everything, asked)
    begin = asked.number("from", 0, _MOST_KEPT)
    shown = chosen[begin : begin + INCIDENTS_SHOWN]
    return HtmlPage(
        "incidents.html",
        {
            "lines": [listed_incident(one.incident, one.ownership) for one in shown],
            "count": len(chosen),
            "first": begin + 1,
            "last": begin + len(shown),
            "facets": _facets(everything, asked),
            "text": asked.text("text"),
            "kept": {name: value for name, value in _query(asked).items() if name != "text"},
            "csv": f"/incidents.csv?{urlencode(_query(asked))}",
            "ocsf": f"/incidents.ndjson?{urlencode(_query(asked))}",
            "before": _address(asked, {"from": str(max(0, begin - INCIDENTS_SHOWN))}) if begin else "",
            "after": _address(asked, {"from": str(begin + INCIDENTS_SHOWN)})
            if begin + INCIDENTS_SHOWN < len(chosen)
            else "",
        },
    )


def incident_page(history: History, asked: PageQuery) -> HtmlPage:
    """Answer ``/incidents/ID``: the alerts of an incident in order of time.

    Raises
    ------
    NotThere
        No incident has an alert of that id.
    """
    found = history.incident(asked.part)
    if found is None:
        raise NotThere("no incident has this id, or it is older than history goes")
    return HtmlPage(
        "incident.html",
        {
            "line": listed_incident(found, ownership_of(found, asked.live.owners)),
            "incident": found,
            "said": [in_short(a) for a in found.alerts],
        },
    )


def chosen_incidents(history: History, asked: PageQuery) -> list[Incident[AlertSummary]]:
    """Return the incidents that the question's facets leave, the newest first."""
    return [one.incident for one in _chosen(_found(history, asked), asked)]


def narrowed(
    found: Iterable[Incident[AlertSummary]], wanted: Mapping[str, str], owners: Owners
) -> list[Incident[AlertSummary]]:
    """Return those incidents that have what is wanted, in their order.

    Parameters
    ----------
    wanted
        Any of severity, kind, state, owner, tag and text; what is empty is not looked at.
    """
    return [one.incident for one in _narrowed((_weighed(one, owners) for one in found), wanted)]


def _found(history: History, asked: PageQuery) -> list[_Weighed]:
    days = asked.number("days", _FIRST_SHOWN, 3_650)
    found = history.incidents(asked.now - days * _A_DAY if days else EPOCH)
    return [_weighed(one, asked.live.owners) for one in found]


def _weighed(one: Incident[AlertSummary], owners: Owners) -> _Weighed:
    return _Weighed(one, one.worst, one.state, ownership_of(one, owners))


def _chosen(everything: Iterable[_Weighed], asked: PageQuery) -> list[_Weighed]:
    return _narrowed(everything, _query(asked))


def _narrowed(everything: Iterable[_Weighed], wanted: Mapping[str, str]) -> list[_Weighed]:
    severity, kind, state, owner, tag = (wanted.get(name, "") for name in ("severity", "kind", "state", "owner", "tag"))
    text = wanted.get("text", "").casefold()
    return [
        one
        for one in everything
        if severity in ("", one.worst.severity.value)
        and kind in ("", one.worst.kind.value)
        and _has_state(one.state, state)
        and owner in ("", one.ownership.owner)
        and (not tag or tag in one.ownership.tags)
        and (not text or any(text in said.casefold() for said in _texts(one.incident)))
    ]


def _has_state(state: IncidentState, wanted: str) -> bool:
    if wanted == _OPEN:
        return state is not IncidentState.CLOSED
    return wanted in ("", state.value)


def _texts(one: Incident[AlertSummary]) -> Iterable[str]:
    for alert in one.alerts:
        yield from (alert.name, alert.subject, alert.action, alert.id, in_short(alert))


def _facets(everything: Sequence[_Weighed], asked: PageQuery) -> Mapping[str, list[Choice]]:
    severities = Counter(one.worst.severity.value for one in everything)
    kinds = Counter(one.worst.kind.value for one in everything)
    states = Counter(one.state.value for one in everything)
    owners = Counter(one.ownership.owner for one in everything if one.ownership.owner)
    tags = Counter(tag for one in everything for tag in one.ownership.tags)
    opened = len(everything) - states[IncidentState.CLOSED.value]
    days = asked.number("days", _FIRST_SHOWN, 3_650)

    def choices(name: str, values: Iterable[tuple[str, str, int]]) -> list[Choice]:
        chosen = asked.text(name)
        return [
            Choice("all", _address(asked, {name: ""}), not chosen, None),
            *(Choice(label, _address(asked, {name: v}), chosen == v, n) for v, label, n in values),
        ]

    spans = [*((number, "24 hours" if number == 1 else f"{number} days") for number in SPANS), (_ALL, "all")]
    return {
        "When": [Choice(label, _address(asked, {"days": str(n)}), days == n, None) for n, label in spans],
        "Severity": choices("severity", ((s.value, s.value, severities[s.value]) for s in _LOUD)),
        "Who": choices("kind", ((kind, kind_words(kind), number) for kind, number in kinds.most_common())),
        "State": choices(
            "state", [(_OPEN, "open", opened), *((s.value, s.value, states[s.value]) for s in IncidentState)]
        ),
        **{
            label: choices(name, ((one, one, number) for one, number in counts.most_common(_MOST_CHOICES)))
            for label, name, counts in (("Owner", "owner", owners), ("Tag", "tag", tags))
            if counts
        },
    }


def ownership_of(one: Incident[AlertSummary], owners: Owners) -> Ownership:
    """Return who answers for whom an incident is about, as far as that is known."""
    worst = one.worst
    return Ownership() if worst.operation else owners.of(worst.subject, worst.name)


def listed_incident(one: Incident[AlertSummary], ownership: Ownership = Ownership()) -> ListedIncident:  # noqa: B008 - immutable
    """Return an incident as lists show it."""
    # At least a day, so that a burst looks like one.
    last = max(one.end, one.start + _A_DAY)
    points = [(alert.window_start, alert.score) for alert in one.alerts]
    return ListedIncident(one, in_short(one.worst), spark(points, one.start, last), ownership)


def _query(asked: PageQuery) -> dict[str, str]:
    return {name: asked.text(name) for name in FACETS if asked.text(name)}


def _address(asked: PageQuery, changes: Mapping[str, str]) -> str:
    query = {name: value for name, value in {**_query(asked), **changes}.items() if value}
    return f"/?{urlencode(query)}" if query else "/"
