"""What people decide in the console: how far they are with an incident, and what an alert was found to be.

Whoever decides is signed in as an analyst, and each decision is a line of the log: both are the server's business.
"""

from service.console.asking import Decided, NotPossible, NotThere, PageQuery, Stale
from service.console.desk import HandedIn
from service.core.incidents import Handling, IncidentState
from service.core.verdicts import VerdictKind
from service.history import History, IncidentChanged, handle
from service.sinks import clean

_STATES = {state.value: state for state in IncidentState}
_KINDS = {kind.value: kind for kind in VerdictKind}
_LONGEST, _LONGEST_NAME = 500, 64


def decide_incident(history: History, asked: PageQuery) -> Decided:
    """Answer a form sent to ``/incidents/ID``: take an incident on, close it, open it again, or say whose it is.

    Raises
    ------
    NotPossible
        An incident has no such state, or neither a state nor whose it is is given.
    Stale
        There is news of it that whoever decides has not seen.
    NotThere
        No incident has an alert of that id.
    """
    wanted, whose = asked.form.get("state"), asked.form.get("assignee")
    given = _STATES.get(wanted or "")
    if given is None and (whose is None or wanted is not None):
        raise NotPossible(f"state should be one of {', '.join(_STATES)}")
    found = history.incident(asked.part)
    if found is None:
        raise NotThere("no incident has this id, or it is older than history goes")
    state = given or found.state
    if whose is not None:
        assignee = clean(whose.strip(), _LONGEST_NAME)
    else:
        assignee = {IncidentState.NEW: "", IncidentState.ACKNOWLEDGED: asked.by}.get(state, found.assignee)
    try:
        handle(history.path, found.id, Handling(state, assignee, asked.by, asked.now), seen=asked.form.get("revision"))
    except IncidentChanged as error:
        raise Stale(f"{error}: open it again, and see") from None
    return Decided(f"incident {state.value if given else 'assigned'}", asked.part, f"/alerts/{asked.part}")


def judge_alert(history: History, asked: PageQuery) -> HandedIn:
    """Answer a form sent to ``/alerts/ID/verdict``: what it was found to be, for the desk to keep.

    Raises
    ------
    NotPossible
        There is no such kind of verdict, or nobody has said why, or at too great length.
    NotThere
        No alert has that id.
    """
    kind = _KINDS.get(asked.form.get("kind", ""))
    if kind is None:
        raise NotPossible(f"kind should be one of {', '.join(_KINDS)}")
    why = " ".join(asked.form.get("why", "").split())
    if not why:
        raise NotPossible("say why, for whoever reads this in a month")
    if len(why) > _LONGEST:
        raise NotPossible(f"why has {len(why):,} characters, and may have {_LONGEST}")
    revisions = history.alert(asked.part)
    if not revisions:
        raise NotThere("no alert has this id, or it is older than history goes")
    for_kind = bool(asked.form.get("for_kind", "")) and kind is VerdictKind.BENIGN
    return HandedIn(revisions[-1], kind, why, for_kind, asked.by, asked.form.get("after"))
