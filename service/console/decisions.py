"""What people decide in the console: how far they are with an incident.

Whoever decides is signed in as an analyst, and each decision is a line of the log: both are the server's business.
"""

from service.console.asking import Decided, NotPossible, NotThere, PageQuery
from service.core.incidents import Handling, IncidentState
from service.history import History, handle

_STATES = {state.value: state for state in IncidentState}


def decide_incident(history: History, asked: PageQuery) -> Decided:
    """Answer a form sent to ``/incidents/ID``: take an incident on, close it, or open it again.

    Raises
    ------
    NotPossible
        An incident has no such state.
    NotThere
        No incident has an alert of that id.
    """
    state = _STATES.get(asked.form.get("state", ""))
    if state is None:
        raise NotPossible(f"state should be one of {', '.join(_STATES)}")
    found = history.incident(asked.part)
    if found is None:
        raise NotThere("no incident has this id, or it is older than history goes")
    assignee = {IncidentState.NEW: "", IncidentState.ACKNOWLEDGED: asked.by}.get(state, found.assignee)
    handle(history.path, found.id, Handling(state, assignee, asked.by, asked.now))
    return Decided(f"incident {state.value}", asked.part, f"/alerts/{asked.part}")
