"""What programs may ask: each question with what it is for, what may be said with it, and what comes back.

Who answers is named here; how that is documented is `openapi`'s, where else people ask it `routes`'.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pydantic import BaseModel

from service.console import api, api_models
from service.console.asking import Decided, PageQuery, SampleWanted, WhatIf
from service.console.coverage_page import coverage_answer, want_sample
from service.console.decisions import judge_alert
from service.console.desk import HandedIn
from service.console.explorer import lanes_answer
from service.console.suppress_page import suppression_answer
from service.console.tuning_page import tuning_answer
from service.console.what_if import what_if
from service.core.alerting import AS_DELIVERED, is_movable
from service.core.verdicts import Verdict
from service.history import History


class Question(NamedTuple):
    """One question of the API as its document has it: what it is for, what may be said with it, what comes back."""

    path: str
    summary: str
    answer: Callable[[History, PageQuery], BaseModel | Decided | HandedIn | SampleWanted | WhatIf]
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
        api.incidents_answer,
        api_models.Incidents,
        {
            "days": _DAYS,
            "severity": "critical, high, medium or low",
            "kind": "kind of the identity, such as service_principal",
            "state": "new, acknowledged, closed, or open for all but closed",
            "owner": "who answers for the identity, as the file of owners has it",
            "tag": "a tag of the identity there",
            "text": "only those in which this stands: a name, an id, an operation",
            "limit": _LIMIT,
        },
    ),
    Question(
        "/api/v1/incidents/{id}",
        "One incident, by the id of any of its alerts",
        api.incident_answer,
        api_models.IncidentLine,
    ),
    Question(
        "/api/v1/incidents/{id}",
        "Take an incident on, close it, open it again, or say whose it is; with the header X-CSRF-Token, which"
        " /api/v1/session tells",
        api.incident_decided,
        api_models.IncidentLine,
        method="POST",
        form={
            "state": "new, acknowledged or closed; as it is unless given",
            "assignee": "whose it is; who asks, of one that is acknowledged, unless given",
            "revision": "that you have seen: answered with 409 if there is another; not looked at unless given",
        },
    ),
    Question(
        "/api/v1/alerts",
        "Alerts, the newest first",
        api.alerts_answer,
        api_models.Alerts,
        {
            "days": _DAYS,
            "identity": "only of this identity, by its id",
            "limit": _LIMIT,
            "offset": "how many to pass over",
        },
    ),
    Question("/api/v1/alerts/{id}", "One alert, with all numbers behind it", api.alert_answer, api_models.AlertDetail),
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
            "after": "id of the verdict that this one replaces, empty if there is none: 409 if there is another",
        },
    ),
    Question(
        "/api/v1/alerts/{id}/suppress",
        "A suppression filled in from an alert: what it would have kept back in 28 days, and its YAML; changes nothing",
        suppression_answer,
        api_models.SuppressionTrial,
        {
            "actor": "id or name of the identity; the alert's unless given, empty for everybody",
            "action": "pattern of the operation; that of the alert's first finding unless given, empty for any",
            "subscription": "id of the subscription",
            "detector": "name of the detector",
            "until": "when it ends: a time, or how long after now, such as 8h; 7d unless given",
            "reason": "why, for whoever reads it in a month",
            "owner": "who answers for it; who asks unless given",
            "learn": "yes or no: whether what happens becomes normal",
        },
    ),
    Question(
        "/api/v1/search",
        "Identities by name and id, and alerts by whatever they hold",
        api.search_answer,
        api_models.SearchResult,
        {
            "q": "two characters or more: of a name, an id, an address, an operation, a resource, a correlation id",
            "limit": _LIMIT,
        },
    ),
    Question(
        "/api/v1/identities",
        "Identities, those seen last first",
        api.identities_answer,
        api_models.Identities,
        {"q": "what a name or id begins with, or holds", "limit": _LIMIT},
    ),
    Question(
        "/api/v1/identity",
        "One identity with its hours and alerts",
        api.identity_answer,
        api_models.IdentityDetail,
        {"id": "its id", "days": _DAYS},
    ),
    Question(
        "/api/v1/explorer",
        "Identities with the highest score of each of their days, the most unusual first",
        lanes_answer,
        api_models.Lanes,
        {
            "since": "the first day, as 2026-03-02; 28 days before the last unless given, 92 at most",
            "until": "the last day; today unless given",
            "q": "only those with this, two characters or more: in a name, an id, an address, a resource, and so on",
            "limit": "how many at most; 30 unless given, 200 at most",
            "from": "how many to pass over",
        },
    ),
    Question(
        "/api/v1/tuning",
        "What other thresholds or a budget would have told of",
        tuning_answer,
        api_models.Tuning,
        {
            "days": "how many days: 7, 14 or 28",
            "until": "the day before which they end, as 2026-03-02; tomorrow unless given",
            "all": "points by which every threshold is moved, -30 to 30",
            "budget": "most identities alerted a day, on average; moves all thresholds",
            **{name: f"the threshold of {name}, 40 to 100" for name in filter(is_movable, AS_DELIVERED.thresholds)},
        },
    ),
    Question(
        "/api/v1/coverage",
        "What is read, who is told, what is kept back, and the generations of the state",
        coverage_answer,
        api_models.CoverageReport,
    ),
    Question(
        "/api/v1/sinks/{id}/test",
        "Send a test message to a sink; with the header X-CSRF-Token, which /api/v1/session tells",
        want_sample,
        api_models.SinkTestResult,
        method="POST",
    ),
    Question(
        "/api/v1/identity/what-if",
        "How an operation of an identity would be judged now, by a running service",
        what_if,
        api_models.WhatIfResult,
        {
            "id": "its id",
            "action": "the operation, such as Microsoft.KeyVault/vaults/delete",
            "hour": "at which hour of the day, UTC, 0 to 23; right now unless given",
            "from": "from which address",
            "failed": "not empty: as if it were denied",
        },
    ),
    Question("/api/v1/gaps", "Coverage gaps, the newest first", api.gaps_answer, api_models.Gaps, {"days": _DAYS}),
)

SESSION = "/api/v1/session"
EXPORTS = {
    "/incidents.csv": ("text/csv", "Incidents as a table; asked as /api/v1/incidents is"),
    "/incidents.ndjson": (
        "application/x-ndjson",
        "Their alerts as OCSF 1.5 Detection Findings, one a line, 2,000 at most; asked as /api/v1/incidents is",
    ),
}
"""Files, and what is in them."""
