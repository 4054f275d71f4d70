from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stream.events import ActivityEvent, Outcome
from service.core.parsing.operations import LONGEST_ACTION, read_address, read_codes, read_outcome, read_time
from service.core.parsing.parser import ActivityLogParser
from service.core.parsing.rejects import Refusal, RejectReason
from tests.service.core.parsing.samples import CORRELATION, RESOURCE, SUBSCRIPTION, dump, human, message, record, rest


def event(**changes: Any) -> ActivityEvent:
    (found,) = ActivityLogParser().parse(message(record(**changes))).events
    return found


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-01T08:00:00.1234567Z", datetime(2024, 5, 1, 8, 0, 0, 123456, UTC)),
        ("2024-05-01T08:00:00.9999999Z", datetime(2024, 5, 1, 8, 0, 0, 999999, UTC)),
        ("2024-05-01T08:00:00Z", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("2024-05-01T10:00:00.5+02:00", datetime(2024, 5, 1, 8, 0, 0, 500000, UTC)),
        ("2024-05-01 08:00:00+00:00", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("5/1/2024 8:00:00 AM", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("5/1/2024 12:30:00\u202fAM", datetime(2024, 5, 1, 0, 30, tzinfo=UTC)),
        ("5/1/2024 12:30:00 PM", datetime(2024, 5, 1, 12, 30, tzinfo=UTC)),
        ("5/1/2024 8:00:00 AM +02:00", datetime(2024, 5, 1, 6, tzinfo=UTC)),
        ("05/01/2024 20:00:00", datetime(2024, 5, 1, 20, tzinfo=UTC)),
        ("5/1/2024 20:00:00.1234567 -0130", datetime(2024, 5, 1, 21, 30, 0, 123456, UTC)),
    ],
)
def test_times_are_read_as_utc(text: str, moment: datetime) -> None:
    assert read_time(text) == moment
    assert event(time=text).time == moment
    assert event(time=text).time.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01T08:00:00",
        "2024-05-01",
        "yesterday",
        "",
        " ",
        "13/45/2024 8:00:00 AM",
        "5/1/2024 13:00:00 PM",
        "1714550400",
        "0001-01-01T00:00:00+14:00",
        "5/1/2024 8:00:00 AM +99:99",
    ],
)
def test_a_time_without_a_zone_or_sense_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_time(text)
    assert refused.value.reason is RejectReason.BAD_TIME
    (reject,) = ActivityLogParser().parse(message(record(time=text))).rejects
    assert reject.reason in {RejectReason.BAD_TIME, RejectReason.NO_TIME}


def test_a_record_without_a_time_is_refused() -> None:
    (reject,) = ActivityLogParser().parse(message(record(time=None))).rejects
    assert reject.reason is RejectReason.NO_TIME


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        reason = None if read_time(text).tzinfo is UTC else RejectReason.NO_TIME
    except Refusal as refusal:
        reason = refusal.reason
    assert reason in {None, RejectReason.BAD_TIME}


def test_casing_of_an_action_is_folded_and_kept_for_display() -> None:
    upper, mixed = event(), event(operationName="Microsoft.Compute/virtualMachines/write")

    assert upper.action == mixed.action == "microsoft.compute/virtualmachines/write"
    assert (upper.action_name, mixed.action_name) == (
        "MICROSOFT.COMPUTE/VIRTUALMACHINES/WRITE",
        "Microsoft.Compute/virtualMachines/write",
    )


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
        ("203.0.113.7, 10.0.0.1", "203.0.113.7"),
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
