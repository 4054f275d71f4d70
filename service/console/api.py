"""The same facts for programs: what `/api/v1` answers.

What an incident is and what an identity did is history's; how a question is asked, the pages'.
"""

from datetime import datetime, timedelta

from models.stream import EPOCH
from service.console.alert_page import in_short
from service.console.api_models import (
    AlertDetail,
    AlertLine,
    Alerts,
    FoundAlert,
    Gaps,
    HourLine,
    Identities,
    IdentityDetail,
    IdentityLine,
    IncidentLine,
    Incidents,
    SearchResult,
)
from service.console.asking import Decided, NotPossible, NotThere, PageQuery
from service.console.decisions import decide_incident
from service.console.incident_list import chosen_incidents, ownership_of
from service.console.search_page import SHORTEST_SEARCH, found_alerts
from service.core.incidents import Incident
from service.history import AlertSummary, History, KnownIdentity

API_LIMIT = 1_000
_FEW = 100
_DAYS = 28
_MOST_DAYS = 3_650


def incidents_answer(history: History, asked: PageQuery) -> Incidents:
    """Answer ``/api/v1/incidents``."""
    found = chosen_incidents(history, asked)
    most = asked.number("limit", _FEW, API_LIMIT)
    return Incidents(count=len(found), incidents=tuple(_incident(one, asked) for one in found[:most]))


def incident_answer(history: History, asked: PageQuery) -> IncidentLine:
    """Answer ``/api/v1/incidents/ID``.

    Raises
    ------
    NotThere
        No incident has an alert of that id.
    """
    found = history.incident(asked.part)
    if found is None:
        raise NotThere("no incident has this id")
    return _incident(found, asked)


def incident_decided(history: History, asked: PageQuery) -> Decided:
    """Answer a form sent to ``/api/v1/incidents/ID``.

    Raises
    ------
    NotPossible
        An incident has no such state, or neither a state nor whose it is is given.
    Stale
        There is news of it that whoever decides has not seen.
    NotThere
        No incident has an alert of that id.
    """
    return decide_incident(history, asked)._replace(said=incident_answer(history, asked))


def alerts_answer(history: History, asked: PageQuery) -> Alerts:
    """Answer ``/api/v1/alerts``."""
    subject, most = asked.exact("identity"), asked.number("limit", _FEW, API_LIMIT)
    found = history.alerts(_since(asked), subject=subject, limit=most, offset=asked.number("offset", 0, 1_000_000))
    return Alerts(alerts=tuple(map(line_of_alert, found)))


def alert_answer(history: History, asked: PageQuery) -> AlertDetail:
    """Answer ``/api/v1/alerts/ID``.

    Raises
    ------
    NotThere
        No alert has that id.
    """
    revisions, incident = history.alert(asked.part), history.incident(asked.part)
    if not revisions or incident is None:
        raise NotThere("no alert has this id")
    return AlertDetail(incident=incident.id, alert=revisions[-1])


def search_answer(history: History, asked: PageQuery) -> SearchResult:
    """Answer ``/api/v1/search``.

    Raises
    ------
    NotPossible
        What is sought is too short.
    """
    text, most = asked.text("q"), asked.number("limit", _FEW, API_LIMIT)
    if len(text) < SHORTEST_SEARCH:
        raise NotPossible(f"q should have at least {SHORTEST_SEARCH} characters")
    matches = list(found_alerts(history, text, asked))[:most]
    return SearchResult(
        identities=tuple(_identity(one, asked) for one in history.identities(text, limit=most)),
        alerts=tuple(FoundAlert(where=one.where, alert=line_of_alert(one.alert)) for one in matches),
    )


def identities_answer(history: History, asked: PageQuery) -> Identities:
    """Answer ``/api/v1/identities``."""
    found = history.identities(asked.text("q"), limit=asked.number("limit", _FEW, API_LIMIT))
    return Identities(identities=tuple(_identity(one, asked) for one in found))


def identity_answer(history: History, asked: PageQuery) -> IdentityDetail:
    """Answer ``/api/v1/identity``.

    Raises
    ------
    NotThere
        Nobody has that id.
    """
    wanted = asked.exact("id")
    found = history.identity(wanted)
    if found is None:
        raise NotThere("no identity has this id")
    hours = (
        HourLine(
            start=mark.start,
            operations=mark.cells,
            score=mark.score,
            detector=mark.detector,
            action=mark.action,
            late=mark.late,
        )
        for mark in history.marks(wanted, _since(asked))
    )
    alerts = history.alerts(_since(asked), subject=wanted)
    return IdentityDetail(
        identity=_identity(found, asked), hours=tuple(hours), alerts=tuple(map(line_of_alert, alerts))
    )


def gaps_answer(history: History, asked: PageQuery) -> Gaps:
    """Answer ``/api/v1/gaps``."""
    return Gaps(gaps=tuple(history.gaps(_since(asked))))


def _since(asked: PageQuery) -> datetime:
    days = asked.number("days", _DAYS, _MOST_DAYS)
    return asked.now - timedelta(days=days) if days else EPOCH


def line_of_alert(one: AlertSummary) -> AlertLine:
    """Return an alert as lists have it."""
    return AlertLine(
        id=one.id,
        revision=one.revision,
        identity=one.subject,
        name=one.name,
        kind=one.kind,
        operation=one.operation,
        what=in_short(one),
        title=one.title,
        severity=one.severity,
        score=one.score,
        window_start=one.window_start,
        window_end=one.window_end,
        found_at=one.found_at,
        findings=one.findings,
    )


def _incident(one: Incident[AlertSummary], asked: PageQuery) -> IncidentLine:
    ownership = ownership_of(one, asked.live.owners)
    return IncidentLine(
        id=one.id,
        state=one.state,
        assignee=one.assignee,
        revision=one.revision,
        owner=ownership.owner,
        tags=ownership.tags,
        start=one.start,
        end=one.end,
        worst=line_of_alert(one.worst),
        alerts=tuple(map(line_of_alert, one.alerts)),
    )


def _identity(one: KnownIdentity, asked: PageQuery) -> IdentityLine:
    ownership = asked.live.owners.of_actor(one.actor)
    return IdentityLine(
        id=one.actor.id,
        name=one.actor.name,
        kind=one.actor.kind,
        first_seen=one.first_seen,
        last_seen=one.last_seen,
        owner=ownership.owner,
        tags=ownership.tags,
    )
