from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stream.events import ActivityEvent, Outcome
from service.core.parsing.operations import LONGEST_ACTION, read_address, read_codes, read_outcome
from service.core.parsing.parser import ActivityLogParser
from service.core.parsing.rejects import RejectReason
from tests.service.core.parsing.samples import CORRELATION, RESOURCE, SUBSCRIPTION, dump, human, message, record, rest


def event(**changes: Any) -> ActivityEvent:
    (found,) = ActivityLogParser().parse(message(record(**changes))).events
    return found


UPPER, MIXED = "MICROSOFT.COMPUTE/VIRTUALMACHINES/WRITE", "Microsoft.Compute/virtualMachines/write"


@pytest.mark.parametrize(
    ("operation", "authorised", "shown"),
    [
        (UPPER, MIXED, MIXED),
        (MIXED, UPPER, MIXED),
        (UPPER, None, UPPER),
        (MIXED, None, MIXED),
        (UPPER, MIXED.lower(), MIXED.lower()),
        (UPPER, "Microsoft.Compute/virtualMachines/delete", UPPER),
    ],
)
def test_casing_of_an_action_is_folded_and_the_better_one_shown(
    operation: str, authorised: str | None, shown: str
) -> None:
    authorization = {"action": authorised} if authorised else {}
    found = event(operationName=operation, identity={"claims": human(), "authorization": authorization})

    assert (found.action, found.action_name) == ("microsoft.compute/virtualmachines/write", shown)


@pytest.mark.parametrize("name", ["Create or Update Virtual Machine", "", None])
def test_a_display_name_gives_way_to_the_authorised_action(name: str | None) -> None:
    assert event(operationName=name).action == "microsoft.compute/virtualmachines/write"


def test_a_display_name_is_better_than_nothing() -> None:
    assert event(operationName="Sweep", identity={"claims": human()}).action == "sweep"


@pytest.mark.parametrize("name", ["", "  ", None])
def test_a_record_without_any_action_is_refused(name: str | None) -> None:
    body = message(record(operationName=name, identity={"claims": human()}))
    (reject,) = ActivityLogParser().parse(body).rejects

    assert reject.reason is RejectReason.NO_ACTION


def test_a_very_long_action_is_cut_and_stays_distinct() -> None:
    one, other = (event(operationName="a/" + "x" * 10_000 + tail) for tail in "yz")

    assert len(one.action) <= LONGEST_ACTION
    assert one.action[:400] == other.action[:400]
    assert one.action != other.action
    assert one.operation != other.operation


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7:50123 ", "203.0.113.7"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7:443", "203.0.113.7"),
        ("::FFFF:203.0.113.7:", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
        ("::ffff:cb00:7107", "203.0.113.7"),
        ("[fe80::1%eth0]:443", "fe80::1"),
        ("2001:db8::1:50123", "2001:db8::1"),
        ("203.0.113.7:", "203.0.113.7"),
        ("203.0.113.7, 10.0.0.1", "203.0.113.7"),
        ("203.0.113.7:50123,10.0.0.1:80", "203.0.113.7"),
        (", unknown; 203.0.113.7", "203.0.113.7"),
        ("[2001:db8::1]:443 203.0.113.7", "2001:db8::1"),
        ('"203.0.113.7"', "203.0.113.7"),
        ("", ""),
        ("N/A", ""),
        ("999.1.1.1", ""),
        ("host.example", ""),
        ("203.0.113.x", ""),
    ],
)
def test_addresses_lose_their_port_and_dress(text: str, address: str) -> None:
    assert read_address(text) == address
    assert event(callerIpAddress=text).address == address


@pytest.mark.parametrize(
    ("fields", "outcome", "result"),
    [
        ({"resultType": "Start", "resultSignature": "Started."}, Outcome.STARTED, "Start"),
        ({"resultType": "Started"}, Outcome.STARTED, "Started"),
        ({"resultType": "Accept", "resultSignature": "Accepted.Created"}, Outcome.STARTED, "Accept"),
        ({"resultType": "Accepted"}, Outcome.STARTED, "Accepted"),
        ({"resultType": "Active"}, Outcome.STARTED, "Active"),
        ({"resultType": "In Progress"}, Outcome.STARTED, "In Progress"),
        ({"resultType": "Success"}, Outcome.SUCCESS, "Success"),
        ({"resultType": "SUCCEEDED"}, Outcome.SUCCESS, "SUCCEEDED"),
        ({"resultType": "Resolved"}, Outcome.SUCCESS, "Resolved"),
        ({"resultType": "Updated"}, Outcome.SUCCESS, "Updated"),
        ({"resultType": 0}, Outcome.SUCCESS, "0"),
        ({"resultType": "0"}, Outcome.SUCCESS, "0"),
        ({"resultType": 200.0}, Outcome.SUCCESS, "200"),
        ({"resultType": 202}, Outcome.STARTED, "202"),
        ({"resultType": "409"}, Outcome.FAILURE, "409"),
        ({"resultType": "403"}, Outcome.DENIED, "403"),
        ({"resultType": "Failure", "resultSignature": "Failed.NotFound"}, Outcome.FAILURE, "NotFound"),
        ({"resultType": "Failed", "resultSignature": "Failed.Forbidden"}, Outcome.DENIED, "Forbidden"),
        ({"resultType": None, "resultSignature": "Failed.Unauthorized"}, Outcome.DENIED, "Unauthorized"),
        ({"resultType": "Canceled"}, Outcome.FAILURE, "Canceled"),
        ({"resultType": None, "resultSignature": None}, Outcome.STARTED, ""),
        ({"resultType": "Whatever", "resultSignature": "Succeeded.OK"}, Outcome.SUCCESS, "Whatever"),
        ({"resultType": "Failed", "resultSignature": "Forbidden (HTTP Status Code: 403)"}, Outcome.DENIED, "Forbidden"),
        ({"resultType": "Failed", "resultSignature": "HTTP Status Code: 401"}, Outcome.DENIED, "401"),
        ({"resultType": "Failed", "resultSignature": "403 Forbidden"}, Outcome.DENIED, "Forbidden"),
        ({"resultType": None, "resultSignature": "Created (HTTP Status Code: 201)"}, Outcome.SUCCESS, "Created"),
        ({"resultType": None, "resultSignature": "Not Found (HTTP status code: 404)"}, Outcome.FAILURE, "Not Found"),
        ({"resultType": "Accepted (HTTP Status Code: 202)"}, Outcome.STARTED, "Accepted"),
        ({"resultType": "", "resultSignature": "InternalServerError"}, Outcome.FAILURE, "InternalServerError"),
    ],
)
def test_outcomes_in_all_their_spellings(fields: dict[str, object], outcome: Outcome, result: str) -> None:
    found = event(**{"properties": None, **fields})

    assert (found.outcome, found.result) == (outcome, result)


def failure(status: str, code: str) -> ActivityEvent:
    return event(
        resultType="Failure",
        resultSignature=f"Failed.{status}",
        properties={
            "statusCode": status,
            "statusMessage": dump({"error": {"code": code, "message": "no"}}).decode(),
            "eventCategory": "Administrative",
        },
    )


@pytest.mark.parametrize(
    ("status", "code", "outcome", "result"),
    [
        ("Forbidden", "AuthorizationFailed", Outcome.DENIED, "AuthorizationFailed"),
        ("Forbidden", "LinkedAuthorizationFailed", Outcome.DENIED, "LinkedAuthorizationFailed"),
        ("BadRequest", "LinkedAuthorizationFailed", Outcome.DENIED, "LinkedAuthorizationFailed"),
        ("Forbidden", "DenyAssignmentAuthorizationFailed", Outcome.DENIED, "DenyAssignmentAuthorizationFailed"),
        ("Forbidden", "RequestDisallowedByPolicy", Outcome.FAILURE, "RequestDisallowedByPolicy"),
        ("Conflict", "ScopeLocked", Outcome.FAILURE, "ScopeLocked"),
        ("Forbidden", "SomethingElse", Outcome.DENIED, "Forbidden"),
        ("BadRequest", "InvalidParameter", Outcome.FAILURE, "InvalidParameter"),
    ],
)
def test_failures_for_want_of_permission_are_denials(status: str, code: str, outcome: Outcome, result: str) -> None:
    found = failure(status, code)

    assert (found.outcome, found.result) == (outcome, result)


@pytest.mark.parametrize(
    "names",
    [
        ("Status", "SubStatus"),
        ("StatusValue", "SubStatusValue"),
        ("ActivityStatusValue", "ActivitySubstatusValue"),
        ("ActivityStatus", "ActivitySubStatus"),
        ("activity_status_value", "activity_sub_status_value"),
    ],
)
def test_how_it_ended_is_read_under_all_its_names(names: tuple[str, str]) -> None:
    status, detail = names
    body = record(resultType=None, resultSignature=None, properties=None)
    ended = {**body, status: "Failed", detail: "Forbidden (HTTP Status Code: 403)"}
    (found,) = ActivityLogParser().parse(message(ended)).events

    assert (found.outcome, found.result) == (Outcome.DENIED, "Forbidden")


def test_a_denial_deep_in_a_message_is_seen_whether_it_is_an_object_or_a_text() -> None:
    said = {"error": {"code": "DeploymentFailed", "details": [{"code": "AuthorizationFailed"}]}}
    failed = {"resultType": "Failure", "resultSignature": "Failed.Conflict"}
    as_object = event(**failed, properties={"statusCode": "Conflict", "statusMessage": said})
    as_text = event(**failed, properties={"statusCode": "Conflict", "statusMessage": dump(said).decode()})

    assert as_object == as_text
    assert (as_object.outcome, as_object.result) == (Outcome.DENIED, "AuthorizationFailed")


def test_a_denial_in_the_rest_shape_is_one_too() -> None:
    denied = rest(
        status={"value": "Failed", "localizedValue": "Failed"},
        subStatus={"value": "Forbidden", "localizedValue": "Forbidden (HTTP Status Code: 403)"},
        properties={},
    )
    (found,) = ActivityLogParser().parse(dump(denied)).events

    assert (found.outcome, found.result) == (Outcome.DENIED, "Forbidden")


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30), st.binary(max_size=60))
def test_every_combination_of_words_has_an_outcome(kind: str, signature: str, status: str, message_: bytes) -> None:
    outcome, result = read_outcome(kind, signature, status, read_codes(message_))

    assert isinstance(outcome, Outcome)
    assert isinstance(result, str)


def test_records_of_one_operation_share_its_identity_whatever_their_casing() -> None:
    start = event(resultType="Start", time="2024-05-01T08:00:00Z")
    accept = event(resultType="Accept", time="2024-05-01T08:00:01Z", resourceId=RESOURCE)
    end = event(operationName="microsoft.compute/virtualMachines/write", correlationId=CORRELATION.upper())

    assert start.operation == accept.operation == end.operation


@pytest.mark.parametrize(
    "change",
    [
        {"correlationId": CORRELATION.replace("1", "2")},
        {"correlationId": "/subscriptions/x/incidents/" + "y" * 300},
        {"operationName": "Microsoft.Compute/virtualMachines/delete"},
        {"resourceId": RESOURCE + "2"},
    ],
)
def test_another_correlation_action_or_resource_is_another_operation(change: dict[str, str]) -> None:
    assert event().operation != event(**change).operation


@pytest.mark.parametrize("nothing", [None, "", "00000000-0000-0000-0000-000000000000"])
def test_without_correlation_a_copy_is_the_same_operation_and_another_record_is_not(nothing: str | None) -> None:
    one, copy = event(correlationId=nothing), event(correlationId=nothing)
    later = event(correlationId=nothing, time="2024-05-01T08:00:01Z")
    someone_else = event(
        correlationId=nothing,
        identity={"claims": human(**{"http://schemas.microsoft.com/identity/claims/objectidentifier": "x"})},
    )

    assert one == copy
    assert one.correlation == ""
    assert len({one.operation, later.operation, someone_else.operation}) == 3


def test_without_correlation_the_event_id_tells_operations_apart() -> None:
    first, again, second = (
        ActivityLogParser().parse(dump(rest(correlationId=None, eventDataId=event_id, eventTimestamp=time))).events[0]
        for event_id, time in (
            ("1", "2024-05-01T08:00:00Z"),
            ("1", "2024-05-01T08:00:01Z"),
            ("2", "2024-05-01T08:00:00Z"),
        )
    )

    assert first.operation == again.operation != second.operation


@pytest.mark.parametrize(
    ("resource", "scope"),
    [
        (RESOURCE, SUBSCRIPTION),
        (f"/SUBSCRIPTIONS/{SUBSCRIPTION.upper()}", SUBSCRIPTION),
        ("/providers/Microsoft.Management/managementGroups/Root/providers/x/y", "managementgroups/root"),
        ("/tenants/x/providers/Microsoft.Foo", ""),
        ("/subscriptions/" + "s" * 60 + "/a", "s" * 60),
        ("/subscriptions/" + "s" * 61 + "/a", "s" * 61),
        (None, ""),
    ],
)
def test_the_scope_is_the_subscription_or_management_group(resource: str | None, scope: str) -> None:
    assert event(resourceId=resource).scope == scope


def test_the_resource_keeps_its_casing_and_a_bound() -> None:
    assert event().resource == RESOURCE.upper()
    assert len(event(resourceId=RESOURCE + "x" * 5000).resource) < 3000
