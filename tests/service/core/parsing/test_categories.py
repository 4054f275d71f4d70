from typing import Any

import pytest

from models.stream.events import Outcome
from service.core.parsing.categories import LeftOut
from service.core.parsing.parser import ActivityLogParser
from tests.service.core.parsing.samples import application, dump, human, message, record, rest


def properties(category: str) -> dict[str, str]:
    return {"eventCategory": category}


@pytest.mark.parametrize("category", ["Administrative", "administrative", "Write", "Delete", "Action", "ACTION"])
def test_administrative_records_are_events_whatever_they_are_called(category: str) -> None:
    parsed = ActivityLogParser().parse(message(record(category=category, properties=None)))

    assert len(parsed.events) == 1


@pytest.mark.parametrize(
    ("category", "name"),
    [
        ("ServiceHealth", LeftOut.SERVICE_HEALTH),
        ("Service Health", LeftOut.SERVICE_HEALTH),
        ("ResourceHealth", LeftOut.RESOURCE_HEALTH),
        ("Autoscale", LeftOut.AUTOSCALE),
        ("Recommendation", LeftOut.RECOMMENDATION),
        ("Alert", LeftOut.ALERT),
        ("Security", LeftOut.SECURITY),
        ("SignInLogs", LeftOut.SIGN_IN),
        ("ManagedIdentitySignInLogs", LeftOut.SIGN_IN),
        ("AuditLogs", LeftOut.AUDIT),
        ("kube-audit", LeftOut.PLATFORM),
        ("SomethingNew", LeftOut.PLATFORM),
    ],
)
def test_what_no_identity_did_is_named_and_counted(category: str, name: LeftOut) -> None:
    quiet = record(category=category, properties=None)

    parsed = ActivityLogParser().parse(message(quiet, record(), quiet))

    assert (len(parsed.events), parsed.rejects, parsed.left_out, parsed.records) == (1, [], {name: 2}, 3)


def test_records_left_out_need_neither_time_nor_operation() -> None:
    bare = {"category": "ServiceHealth", "properties": {"title": "Network Infrastructure - UK South"}}

    assert ActivityLogParser().parse(message(bare)).left_out == {LeftOut.SERVICE_HEALTH: 1}


@pytest.mark.parametrize("category", ["Write", "Administrative", "Whatever"])
def test_the_event_category_in_the_properties_wins(category: str) -> None:
    health = record(category=category, properties=properties("ResourceHealth"))
    act = record(category=category, properties=properties("Administrative"))

    parsed = ActivityLogParser().parse(message(health, act))

    assert (len(parsed.events), parsed.left_out) == (1, {LeftOut.RESOURCE_HEALTH: 1})


def test_properties_as_json_text_are_read() -> None:
    health = record(properties='{"eventCategory":"ResourceHealth"}')

    assert ActivityLogParser().parse(message(health)).left_out == {LeftOut.RESOURCE_HEALTH: 1}


EVALUATIONS = ["audit", "auditIfNotExists", "deny", "deployIfNotExists", "modify", "append", "denyAction", "mutate"]


@pytest.mark.parametrize("effect", EVALUATIONS)
@pytest.mark.parametrize("category", ["Policy", "policy", "Administrative", "Action", None])
def test_what_a_policy_makes_of_a_request_is_no_second_activity(effect: str, category: str | None) -> None:
    name = f"Microsoft.Authorization/policies/{effect}/action"
    authorised = {"claims": human(), "authorization": {"action": name}}
    kinds = [
        record(operationName=name.upper(), category=category, properties={"policies": "[]"}),
        record(operationName=name, category=category, resultType="Failure", identity=authorised),
        record(operationName=f"'{effect}' Policy action.", category=category or "Policy", identity=authorised),
        {key.upper(): value for key, value in record(operationName=name, category=category).items()},
        rest(operationName={"value": name}, category={"value": category} if category else None),
        {**rest(operationName=name, category=category), "properties": dump({"eventCategory": "Policy"}).decode()},
        record(operationName=name, category=category, properties=properties("Policy"), identity=None),
    ]

    parsed = ActivityLogParser().parse(message(*kinds))

    assert (parsed.events, parsed.rejects, parsed.left_out) == ([], [], {LeftOut.POLICY_EVALUATION: len(kinds)})


@pytest.mark.parametrize("operation", ["Microsoft.Resources/checkPolicyCompliance/read", "'audit' Policy action."])
def test_a_record_of_the_category_policy_is_an_evaluation_whatever_it_is_called(operation: str) -> None:
    parsed = ActivityLogParser().parse(message(record(category="Policy", operationName=operation, properties=None)))

    assert parsed.left_out == {LeftOut.POLICY_EVALUATION: 1}


@pytest.mark.parametrize(
    "operation",
    [
        "Microsoft.Authorization/policyAssignments/write",
        "Microsoft.Authorization/policyDefinitions/write",
        "Microsoft.Authorization/policyExemptions/write",
        "Microsoft.Authorization/policySetDefinitions/delete",
        "Microsoft.PolicyInsights/remediations/write",
    ],
)
@pytest.mark.parametrize("category", ["Administrative", "Write", "Policy"])
def test_to_administer_policies_is_an_activity(operation: str, category: str) -> None:
    (event,) = ActivityLogParser().parse(message(record(operationName=operation, category=category))).events

    assert event.action == operation.casefold()


def test_a_request_that_a_policy_denied_stays_its_callers_failure() -> None:
    said = dump({"error": {"code": "RequestDisallowedByPolicy", "policyDetails": []}}).decode()
    denied = record(
        resultType="Failure",
        resultSignature="Failed.Forbidden",
        properties={"statusCode": "Forbidden", "statusMessage": said, "eventCategory": "Administrative"},
    )
    (event,) = ActivityLogParser().parse(message(denied)).events

    assert (event.outcome, event.result) == (Outcome.FAILURE, "RequestDisallowedByPolicy")
    assert event.actor.name == "ann@contoso.com"


def test_what_else_the_category_policy_holds_counts_for_whoever_called_for_it_and_else_not_at_all() -> None:
    called = record(application(), category="Policy", properties=properties("Policy"))
    uncalled = record(category="Policy", properties=properties("Policy"), identity=None)

    parsed = ActivityLogParser().parse(message(called, uncalled))

    assert (len(parsed.events), parsed.left_out) == (1, {LeftOut.POLICY: 1})


@pytest.mark.parametrize(
    ("change", "events"),
    [
        ({"category": None, "properties": None}, 1),
        ({"category": None, "operationName": "Sign-in", "properties": None}, 0),
    ],
)
def test_without_a_category_the_operation_decides(change: dict[str, Any], events: int) -> None:
    assert len(ActivityLogParser().parse(message(record(**change))).events) == events


def test_rest_categories_are_understood() -> None:
    health = rest(category={"value": "ServiceHealth", "localizedValue": "Service Health"})

    assert ActivityLogParser().parse(dump(health)).left_out == {LeftOut.SERVICE_HEALTH: 1}


def test_other_casings_of_keys_are_understood() -> None:
    odd = {key.upper(): value for key, value in record().items()}

    (event,) = ActivityLogParser().parse(message(odd)).events

    assert event == ActivityLogParser().parse(message(record())).events[0]


def test_a_row_of_log_analytics_is_understood() -> None:
    usual = record()
    row = {
        "TimeGenerated": usual["time"],
        "_ResourceId": usual["resourceId"],
        "OperationName": "Create or Update Virtual Machine",
        "OperationNameValue": usual["operationName"],
        "CategoryValue": "Administrative",
        "ActivityStatusValue": "Success",
        "CallerIpAddress": usual["callerIpAddress"],
        "CorrelationId": usual["correlationId"],
        "Claims": dump(usual["identity"]["claims"]).decode(),
        "Authorization": dump(usual["identity"]["authorization"]).decode(),
        "Caller": "ann@contoso.com",
        "TenantId": "the workspace, not the directory",
        "Type": "AzureActivity",
    }

    assert ActivityLogParser().parse(message(row)).events == ActivityLogParser().parse(message(usual)).events


ALERTS: list[dict[str, Any]] = [
    {"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": {"signalType": "Activity Log"}}},
    {"schemaId": "Microsoft.Insights/activityLogs", "data": {"status": "Activated", "context": {"activityLog": {}}}},
]
FINDINGS: list[tuple[dict[str, Any], LeftOut]] = [
    *((alert, LeftOut.ALERT) for alert in ALERTS),
    ({"VendorName": "Microsoft", "AlertType": "VM_x", "SystemAlertId": "1", "TimeGenerated": "x"}, LeftOut.SECURITY),
    ({"type": "Microsoft.Security/assessments", "id": "/subscriptions/1", "properties": {}}, LeftOut.RECOMMENDATION),
    ({"type": "Microsoft.Security/secureScores", "id": "/subscriptions/1", "properties": {}}, LeftOut.SECURITY),
]


@pytest.mark.parametrize(("sent", "name"), FINDINGS, ids=str)
def test_what_action_groups_and_defender_send_is_named_and_no_fault(sent: dict[str, Any], name: LeftOut) -> None:
    parsed = ActivityLogParser().parse(dump(sent))
    assert (parsed.rejects, parsed.left_out) == ([], {name: 1})
