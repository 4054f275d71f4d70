"""Records in another wrapping than a diagnostic setting's: Event Grid's events, CloudEvents, packed bodies."""

import gzip
import json
from typing import Any

import pytest

from models.stream.events import ActivityEvent, Outcome
from service.core.parsing.categories import LeftOut
from service.core.parsing.envelope import LARGEST_MESSAGE
from service.core.parsing.parser import ActivityLogParser, Parsed
from service.core.parsing.rejects import RejectReason
from tests.service.core.parsing.samples import (
    CORRELATION,
    RESOURCE,
    SUBSCRIPTION,
    TENANT,
    dump,
    human,
    message,
    record,
    rest,
)

Json = Any
TIME = "2024-05-01T08:00:00.1234567Z"
DATA: dict[str, Json] = {
    "authorization": {"scope": RESOURCE, "action": "Microsoft.Compute/virtualMachines/write", "evidence": {}},
    "claims": human(),
    "correlationId": CORRELATION,
    "httpRequest": {"clientRequestId": "", "clientIpAddress": "203.0.113.7", "method": "PUT"},
    "resourceProvider": "Microsoft.Compute",
    "resourceUri": RESOURCE,
    "operationName": "Microsoft.Compute/virtualMachines/write",
    "status": "Succeeded",
    "subscriptionId": SUBSCRIPTION,
    "tenantId": TENANT,
}


def event_grid(kind: str = "WriteSuccess", **data: Json) -> dict[str, Json]:
    return {
        "topic": f"/subscriptions/{SUBSCRIPTION}",
        "subject": RESOURCE,
        "eventType": f"Microsoft.Resources.Resource{kind}",
        "eventTime": TIME,
        "id": "4db48cba-50a2-455a-93b4-de41a3b5b7f6",
        "data": {key: value for key, value in {**DATA, **data}.items() if value is not None},
        "dataVersion": "2",
        "metadataVersion": "1",
    }


def cloud_event(kind: str = "WriteSuccess", **changes: Json) -> dict[str, Json]:
    return {
        "specversion": "1.0",
        "source": f"/subscriptions/{SUBSCRIPTION}",
        "type": f"Microsoft.Resources.Resource{kind}",
        "id": "4db48cba-50a2-455a-93b4-de41a3b5b7f6",
        "time": TIME,
        "subject": RESOURCE,
        "data": DATA,
        **changes,
    }


def parse(body: bytes) -> Parsed:
    return ActivityLogParser().parse(body)


def single(value: Json) -> ActivityEvent:
    (event,) = parse(dump(value)).events
    return event


def test_an_event_of_event_grid_is_the_record_that_rest_shows() -> None:
    usual = single(rest(status="Succeeded"))

    for wrapped in (event_grid(), cloud_event(), [event_grid()], [cloud_event()], {"records": [cloud_event()]}):
        assert single(wrapped) == usual


def test_what_an_event_is_about_stands_in_its_subject_if_nowhere_else() -> None:
    assert single(event_grid(resourceUri=None)) == single(event_grid())


@pytest.mark.parametrize("key", ["data", "authorization", "claims", "httpRequest"])
def test_parts_of_it_may_come_as_text(key: str) -> None:
    wrapped = event_grid()
    inside = wrapped["data"]
    texts = {**wrapped, "data": json.dumps(inside)} if key == "data" else event_grid(**{key: json.dumps(inside[key])})

    assert single(texts) == single(wrapped)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("WriteSuccess", Outcome.SUCCESS),
        ("DeleteFailure", Outcome.FAILURE),
        ("ActionCancel", Outcome.FAILURE),
        ("ActionSuccess", Outcome.SUCCESS),
    ],
)
def test_the_kind_of_event_says_how_it_ended_if_nothing_else_does(kind: str, outcome: Outcome) -> None:
    assert single(event_grid(kind, status=None)).outcome is outcome
    assert single(event_grid(kind, status="Failed")).outcome is Outcome.FAILURE


def test_without_a_correlation_the_events_own_id_tells_operations_apart() -> None:
    first, again = single(event_grid(correlationId=None)), single(cloud_event(data={**DATA, "correlationId": None}))
    other = single({**event_grid(correlationId=None), "id": "another"})

    assert first.operation == again.operation != other.operation


@pytest.mark.parametrize(
    "held",
    [
        {"records": [record(), rest()]},
        [record(), rest()],
        json.dumps({"records": [record(), rest()]}),
        json.dumps([record(), rest()]),
    ],
)
def test_an_event_may_hold_many_records(held: Json) -> None:
    wrapped = cloud_event(type="com.example.activity", data=held)
    many = parse(message(record(), rest())).events

    assert parse(dump(wrapped)).events == many
    assert parse(dump([wrapped])).events == many


def test_another_event_is_no_activity() -> None:
    made = {**event_grid(), "eventType": "Microsoft.Storage.BlobCreated", "data": {"api": "PutBlob", "url": "x" * 40}}
    valid = {**made, "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": "1"}}

    assert parse(dump([made, valid])).left_out == {LeftOut.UNKNOWN: 2}


def test_a_member_named_data_of_another_logs_record_is_not_taken_apart() -> None:
    other = record(category="kube-audit", properties=None, specversion="1.0", data=[record(), record()])

    assert parse(message(other)).left_out == {LeftOut.PLATFORM: 1}
    assert parse(dump([other])).left_out == {LeftOut.PLATFORM: 1}


ONE_BY_ONE = b"\n".join(dump(record(durationMs=number)) for number in range(400))


def test_a_packed_body_is_unpacked() -> None:
    plain = parse(message(record(), rest()))

    assert parse(gzip.compress(message(record(), rest()))) == plain
    assert parse(gzip.compress(dump(record())) + gzip.compress(dump(rest())) + b"\0") == plain


@pytest.mark.parametrize("damage", [slice(0, -9), slice(0, -40)])
def test_of_a_packed_body_that_breaks_off_the_beginning_is_read(damage: slice) -> None:
    parsed = parse(gzip.compress(ONE_BY_ONE)[damage])

    assert len(parsed.events) > 100
    assert parsed.records == len(parsed.events) + len(parsed.rejects)


@pytest.mark.parametrize("body", [b"\x1f\x8b", b"\x1f\x8bno archive", gzip.compress(b"", mtime=0)])
def test_what_only_looks_packed_is_refused(body: bytes) -> None:
    (reject,) = parse(body).rejects

    assert reject.reason is RejectReason.NOT_JSON


@pytest.mark.parametrize("members", [1, 3])
def test_a_bomb_is_not_unpacked(members: int) -> None:
    part = gzip.compress(bytes(LARGEST_MESSAGE // members + 1))
    (reject,) = parse(part * members).rejects

    assert reject.reason is RejectReason.OVERSIZED
