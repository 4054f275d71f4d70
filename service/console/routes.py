"""What can be asked, where, by whom, and who answers: the pages, and for programs the same with a document of it.

Entering and leaving is the server's.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.console import api, api_models
from service.console.access import Role
from service.console.alert_page import alert_page
from service.console.asking import Decided, PageAnswer, PageQuery
from service.console.coverage_page import coverage_page
from service.console.decisions import decide_incident, judge_alert
from service.console.desk import HandedIn
from service.console.identity_page import identity_page
from service.console.incident_list import incident_csv, incident_list, incident_page
from service.console.search_page import identities_page, search_page
from service.core.verdicts import Verdict
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
    """

    name: str
    path: str
    answer: Callable[[History, PageQuery], PageAnswer]
    role: Role = Role.READER
    method: str = "GET"


class Question(NamedTuple):
    """One question of the API as its document has it: what it is for, what may be said with it, what comes back."""

    path: str
    summary: str
    answer: Callable[[History, PageQuery], BaseModel | Decided | HandedIn]
    model: type[BaseModel]
    parameters: Mapping[str, str] = {}
    method: str = "GET"
    form: Mapping[str, str] = {}


_DAYS = "how many days back; 28 unless given, 0 for all"
_LIMIT = "how many at most; 100 unless given, 1,000 at most"
QUESTIONS = (
    Question(
        "/api/v1/incidents",
        "Incidents, the newest first",
        api.incidents_said,
        api_models.Incidents,
        {
            "days": _DAYS,
            "severity": "critical, high, medium or low",
            "kind": "kind of the identity, such as service_principal",
            "state": "new, acknowledged, closed, or open for all but closed",
            "text": "only those in which this stands: a name, an id, an operation",
            "limit": _LIMIT,
        },
    ),
    Question(
        "/api/v1/incidents/{id}",
        "One incident, by the id of any of its alerts",
        api.incident_said,
        api_models.IncidentLine,
    ),
    Question(
        "/api/v1/incidents/{id}",
        "Take an incident on, close it, or open it again; with the header X-CSRF-Token, which /api/v1/session tells",
        api.incident_decided,
        api_models.IncidentLine,
        method="POST",
        form={"state": "new, acknowledged or closed"},
    ),
    Question(
        "/api/v1/alerts",
        "Alerts, the newest first",
        api.alerts_said,
        api_models.Alerts,
        {
            "days": _DAYS,
            "identity": "only of this identity, by its id",
            "limit": _LIMIT,
            "offset": "how many to pass over",
        },
    ),
    Question("/api/v1/alerts/{id}", "One alert, with all numbers behind it", api.alert_said, api_models.AlertTold),
    Question(
        "/api/v1/alerts/{id}/verdict",
        "Say what an alert was found to be; with the header X-CSRF-Token, which /api/v1/session tells",
        judge_alert,
        Verdict,
        method="POST",
        form={
            "kind": "benign, benign_once, malicious or duplicate",
            "why": "for whoever reads it in a month",
            "for_kind": "with benign, and not empty: for all identities of its kind as well",
            "after": "id of the verdict that this one replaces, empty if there is none: refused if there is another",
        },
    ),
    Question(
        "/api/v1/identities",
        "Identities, those seen last first",
        api.identities_said,
        api_models.Identities,
        {"q": "what a name or id begins with, or holds", "limit": _LIMIT},
    ),
    Question(
        "/api/v1/identity",
        "One identity with its hours and alerts",
        api.identity_said,
        api_models.IdentityTold,
        {"id": "its id", "days": _DAYS},
    ),
    Question("/api/v1/gaps", "Coverage gaps, the newest first", api.gaps_said, api_models.Gaps, {"days": _DAYS}),
)

SESSION = "/api/v1/session"

PAGES = (
    PageRoute("Incidents", "/", incident_list),
    PageRoute("Incidents", "/incidents.csv", incident_csv),
    PageRoute("Incidents", "/incidents/{id}", incident_page),
    PageRoute("Incidents", "/alerts/{id}", alert_page),
    PageRoute("Identities", "/identities", identities_page),
    PageRoute("Identities", "/identity", identity_page),
    PageRoute("Search", "/search", search_page),
    PageRoute("Coverage", "/coverage", coverage_page),
    PageRoute("Incidents", "/incidents/{id}", decide_incident, Role.ANALYST, "POST"),
    PageRoute("Incidents", "/alerts/{id}/verdict", judge_alert, Role.ANALYST, "POST"),
    *(
        PageRoute("API", one.path, one.answer, Role.READER if one.method == "GET" else Role.ANALYST, one.method)
        for one in QUESTIONS
    ),
)


def document(version: str, cookie: str = "unwonted", *, bearer: bool = False) -> dict[str, Any]:
    """Return what the API is, as OpenAPI 3.1 says it.

    Parameters
    ----------
    version
        Of the service.
    cookie
        What that of a session is called.
    bearer
        Whether an access token does instead.
    """
    schemes: dict[str, Any] = {"session": {"type": "apiKey", "in": "cookie", "name": cookie}}
    if bearer:
        schemes["token"] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    models: list[type[BaseModel]] = [*(question.model for question in QUESTIONS), api_models.SessionSaid]
    _, schemas = models_json_schema(
        [(model, "serialization") for model in dict.fromkeys(models)], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Unwonted", "version": version, "description": "What the console shows, for programs."},
        "paths": {
            path: {one.method.lower(): _operation(one) for one in QUESTIONS if one.path == path}
            for path in dict.fromkeys(question.path for question in QUESTIONS)
        }
        | {SESSION: {"get": {"summary": "Who is signed in", "responses": _answers("SessionSaid")}}},
        "components": {
            "schemas": {
                **schemas["$defs"],
                "Refusal": {
                    "type": "object",
                    "properties": {"error": {"type": "string"}},
                    "required": ["error"],
                    "additionalProperties": False,
                },
            },
            "securitySchemes": schemes,
        },
        "security": [{name: []} for name in schemes],
    }


def _operation(question: Question) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "query", "description": said, "schema": {"type": "string"}}
        for name, said in question.parameters.items()
    ]
    if "{id}" in question.path:
        parameters.append({"name": "id", "in": "path", "required": True, "schema": {"type": "string"}})
    operation = {
        "summary": question.summary,
        "parameters": parameters,
        "responses": _answers(question.model.__name__),
    }
    if question.form:
        fields = {name: {"type": "string", "description": said} for name, said in question.form.items()}
        required = [name for name in fields if name not in {"for_kind", "after"}]
        schema = {"type": "object", "properties": fields, "required": required}
        operation["requestBody"] = {"content": {"application/x-www-form-urlencoded": {"schema": schema}}}
    return operation


def _answers(model: str) -> dict[str, Any]:
    answers = {"200": _content("The answer", model)}
    for status, said in (
        ("400", "What was sent cannot be done"),
        ("401", "Nobody is signed in"),
        ("403", "Not allowed, or not meant"),
        ("404", "There is no such thing"),
        ("503", "History cannot be read now"),
    ):
        answers[status] = _content(said, "Refusal")
    return answers


def _content(said: str, schema: str) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {"description": said, "content": {"application/json": {"schema": reference}}}
