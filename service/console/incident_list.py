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
from service.history import AlertSummary, History

INCIDENTS_SHOWN = 50
SPANS = (1, 7, 28, 90)
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


class _Weighed(NamedTuple):
    """An incident, and what is asked of it again and again."""

    incident: Incident[AlertSummary]
    worst: AlertSummary
    state: IncidentState


def incident_list(history: History, asked: PageQuery) -> HtmlPage:
    """Answer ``/``."""
    everything = _found(history, asked)
    chosen = _chosen(everything, asked)
    begin = asked.number("from", 0, _MOST_KEPT)
    shown = chosen[begin : begin + INCIDENTS_SHOWN]
    return HtmlPage(
        "incidents.html",
        {
            "lines": [listed_incident(one.incident) for one in shown],
            "count": len(chosen),
            "first": begin + 1,
            "last": begin + len(shown),
            "facets": _facets(everything, asked),
            "text": asked.text("text"),
            "kept": {name: asked.text(name) for name in ("days", "severity", "kind", "state") if asked.text(name)},
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
        {"line": listed_incident(found), "incident": found, "said": [in_short(a) for a in found.alerts]},
    )


def chosen_incidents(history: History, asked: PageQuery) -> list[Incident[AlertSummary]]:
    """Return the incidents that the question's facets leave, the newest first."""
    return [one.incident for one in _chosen(_found(history, asked), asked)]


def _found(history: History, asked: PageQuery) -> list[_Weighed]:
    days = asked.number("days", _FIRST_SHOWN, 3_650)
    found = history.incidents(asked.now - days * _A_DAY if days else EPOCH)
    return [_Weighed(one, one.worst, one.state) for one in found]


def _chosen(everything: Iterable[_Weighed], asked: PageQuery) -> list[_Weighed]:
    wanted = {name: asked.text(name) for name in ("severity", "kind", "state")}
    text = asked.text("text").casefold()
    return [
        one
        for one in everything
        if wanted["severity"] in ("", one.worst.severity.value)
        and wanted["kind"] in ("", one.worst.kind.value)
        and _has_state(one.state, wanted["state"])
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
    }


def listed_incident(one: Incident[AlertSummary]) -> ListedIncident:
    """Return an incident as lists show it."""
    # At least a day, so that a burst looks like one.
    last = max(one.end, one.start + _A_DAY)
    points = [(alert.window_start, alert.score) for alert in one.alerts]
    return ListedIncident(one, in_short(one.worst), spark(points, one.start, last))


def _query(asked: PageQuery) -> dict[str, str]:
    return {name: asked.text(name) for name in ("days", "severity", "kind", "state", "text") if asked.text(name)}


def _address(asked: PageQuery, changes: Mapping[str, str]) -> str:
    query = {name: value for name, value in {**_query(asked), **changes}.items() if value}
    return f"/?{urlencode(query)}" if query else "/"
