"""Where pages and the answers for programs are, and who may ask; entering and leaving is the server's."""

from collections.abc import Callable
from typing import NamedTuple

from service.console.access import Role
from service.console.alert_page import alert_page
from service.console.asking import PageAnswer, PageQuery
from service.console.coverage_page import coverage_answer, coverage_page, want_sample
from service.console.decisions import decide_incident, judge_alert
from service.console.explorer import explorer_page
from service.console.exports import incident_csv, incident_ocsf
from service.console.identity_page import identity_page
from service.console.incident_list import incident_list, incident_page
from service.console.questions import QUESTIONS
from service.console.search_page import identities_page, search_page
from service.console.suppress_page import suppress_page
from service.console.tuning_page import tuning_page
from service.console.what_if import what_if
from service.history import History


class PageRoute(NamedTuple):
    """Where something is answered.

    Attributes
    ----------
    name
        The part of the console that it belongs to, as its navigation has it.
    path
        With a place for an id, if it has one.
    answer
        Called in a thread.
    role
        What somebody must be to ask.
    method
        POST for what changes something.
    shows_generations
        Whether it has to be asked first which generations of the state are kept.
    """

    name: str
    path: str
    answer: Callable[[History, PageQuery], PageAnswer]
    role: Role = Role.READER
    method: str = "GET"
    shows_generations: bool = False


PAGES = (
    PageRoute("Incidents", "/", incident_list),
    PageRoute("Incidents", "/incidents.csv", incident_csv),
    PageRoute("Incidents", "/incidents.ndjson", incident_ocsf),
    PageRoute("Incidents", "/incidents/{id}", incident_page),
    PageRoute("Incidents", "/alerts/{id}", alert_page),
    PageRoute("Incidents", "/alerts/{id}/suppress", suppress_page),
    PageRoute("Identities", "/identities", identities_page),
    PageRoute("Identities", "/identity", identity_page),
    PageRoute("Identities", "/identity/what-if", what_if),
    PageRoute("Search", "/search", search_page),
    PageRoute("Explorer", "/explorer", explorer_page),
    PageRoute("Tuning", "/tuning", tuning_page),
    PageRoute("Coverage", "/coverage", coverage_page, shows_generations=True),
    PageRoute("Coverage", "/sinks/{id}/test", want_sample, Role.ANALYST, "POST"),
    PageRoute("Incidents", "/incidents/{id}", decide_incident, Role.ANALYST, "POST"),
    PageRoute("Incidents", "/alerts/{id}/verdict", judge_alert, Role.ANALYST, "POST"),
    *(
        PageRoute(
            "API",
            one.path,
            one.answer,
            Role.READER if one.method == "GET" else Role.ANALYST,
            one.method,
            shows_generations=one.answer is coverage_answer,
        )
        for one in QUESTIONS
    ),
)
