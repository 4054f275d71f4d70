"""Real records, ours against what Elastic's pipeline makes of them; docs/detections.md lists the differences."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.stream.events import ActorKind, Outcome
from service.core.parsing.categories import LeftOut
from service.core.parsing.parser import ActivityLogParser, Parsed

SHARED = Path(os.environ.get("UNWONTED_SHARED") or Path(__file__).parents[5] / "shared")
DATA = SHARED / "data"
FIXTURES = DATA / "activitylogs" / "peer_fixtures"
RECORDS = DATA / "activitylogs" / "records"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"NO REAL RECORDS: {DATA} is absent, set UNWONTED_SHARED"),
]

WHOLE_FILES = {
    "records/msdocs_eventhub_envelope.json": (1, {}),
    "records/msdocs_resourcehealth_rest.json": (0, {LeftOut.RESOURCE_HEALTH: 1}),
    "records/msdocs_servicehealth_rest.trimmed.json": (0, {LeftOut.SERVICE_HEALTH: 1}),
    "records/plaso_azure_activity_log.jsonl": (4, {}),
    "records/sekoia_administrative.json": (1, {}),
    "records/sekoia_alert.json": (0, {LeftOut.ALERT: 1}),
    "records/sekoia_policy.json": (0, {LeftOut.POLICY_EVALUATION: 1}),
    "records/sekoia_security.json": (0, {LeftOut.SECURITY: 1}),
    "records/sumologic_eventhub_envelope.json": (1, {}),
    "peer_fixtures/test-activitylogs-identity.log": (0, {LeftOut.SIGN_IN: 1}),
    "peer_fixtures/test-activitylogs-raw.log": (1, {LeftOut.RESOURCE_HEALTH: 2}),
    "peer_fixtures/test-azure-activitylogs-duration-as-string-sample.log": (1, {LeftOut.RESOURCE_HEALTH: 2}),
}
OTHER_LOGS = {
    "auditlogs--test-auditlogs-raw.log": {LeftOut.AUDIT: 3},
    "platformlogs--test-platformlogs-kube.log": {LeftOut.PLATFORM: 1},
    "platformlogs--test-platformlogs-malformed-json.log": {LeftOut.PLATFORM: 1},
    "signinlogs--test-service-principal.log": {LeftOut.SIGN_IN: 1},
}

LEFT_OUT_BY_US = {
    ("test-activitylogs-identity.log", 0): LeftOut.SIGN_IN,
    ("test-activitylogs-raw.log", 1): LeftOut.RESOURCE_HEALTH,
    ("test-activitylogs-raw.log", 2): LeftOut.RESOURCE_HEALTH,
    ("test-azure-activitylogs-duration-as-string-sample.log", 1): LeftOut.RESOURCE_HEALTH,
    ("test-azure-activitylogs-duration-as-string-sample.log", 2): LeftOut.RESOURCE_HEALTH,
}
"""The pipeline makes an event of each of these; no identity did them."""


def parse(path: Path) -> Parsed:
    return ActivityLogParser().parse(path.read_bytes())


def test_every_file_of_real_activity_logs_is_accounted_for() -> None:
    files = [path for path in (DATA / "activitylogs").glob("*/*") if not path.name.endswith("-expected.json")]

    found = {str(path.relative_to(DATA / "activitylogs")): parse(path) for path in files}

    assert {name: (len(each.events), each.left_out) for name, each in found.items()} == WHOLE_FILES
    assert [each.rejects for each in found.values() if each.rejects] == []


def test_other_logs_are_recognised_even_when_malformed() -> None:
    found = {path.name: parse(path) for path in (DATA / "other_logs").iterdir()}

    assert {name: each.left_out for name, each in found.items()} == OTHER_LOGS
    assert not any(each.events or each.rejects for each in found.values())


def fields(document: Any, path: str) -> str:
    for key in path.split("."):
        document = document.get(key, {})
    return document or ""


@pytest.mark.parametrize("name", [name for name in WHOLE_FILES if name.startswith("peer")])
def test_each_field_is_as_the_peer_has_it_or_better(name: str) -> None:
    path = DATA / "activitylogs" / name
    lines = [line for line in path.read_bytes().splitlines() if line.strip()]
    expected = json.loads(path.with_name(path.name + "-expected.json").read_text())["expected"]
    assert len(lines) == len(expected)

    for number, (line, document) in enumerate(zip(lines, expected, strict=True)):
        parsed = ActivityLogParser().parse(line)
        if (path.name, number) in LEFT_OUT_BY_US:
            assert parsed.left_out == {LEFT_OUT_BY_US[path.name, number]: 1}
            continue
        (event,) = parsed.events
        moment = datetime.fromisoformat(document["@timestamp"])
        # equal, as far as the pipeline looks
        assert event.action == fields(document, "event.action").casefold()
        assert moment <= event.time < moment + timedelta(milliseconds=1)
        assert event.address == fields(document, "source.ip")
        assert event.resource == fields(document, "azure.resource.id")
        assert event.scope == fields(document, "azure.subscription_id").lower()
        assert event.correlation == fields(document, "azure.correlation_id")
        assert event.result == fields(document, "azure.activitylogs.result_type")
        # better: the casing in which the words can be told apart; it knows no outcome and no user here
        assert fields(document, "event.outcome") == fields(document, "user.name") == ""
        assert event.outcome is Outcome.STARTED
        assert event.actor.kind is ActorKind.SERVICE_PRINCIPAL
        assert event.actor.id == "/".join([fields(document, "azure.correlation_id")] * 2)  # anonymised: all ids alike


@pytest.mark.parametrize(
    ("file", "name", "kind", "action", "outcome", "address", "scope", "time"),
    [
        (
            "msdocs_eventhub_envelope.json",
            "admin@contoso.com",
            ActorKind.HUMAN,
            "microsoft.support/supporttickets/write",
            Outcome.SUCCESS,
            "111.111.111.11",
            "s1",
            datetime(2019, 1, 21, 22, 14, 26, 979277, UTC),
        ),
        (
            "sumologic_eventhub_envelope.json",
            "abc@itsumologic.onmicrosoft.com",
            ActorKind.HUMAN,
            "microsoft.web/sites/config/write",
            Outcome.STARTED,
            "111.93.54.106",
            "c088dc46-d692-42ad-a4b6-9a542d28ad2a",
            datetime(2018, 3, 7, 14, 23, 51, 991000, UTC),
        ),
        (
            "sekoia_administrative.json",
            "Rob Robertson",
            ActorKind.HUMAN,
            "microsoft.network/networksecuritygroups/write",
            Outcome.SUCCESS,
            "",
            "<subscription id>",
            datetime(2018, 1, 29, 20, 42, 31, 381067, UTC),
        ),
    ],
)
def test_single_records_say_who_did_what_when_and_how_it_ended(
    file: str, name: str, kind: ActorKind, action: str, outcome: Outcome, address: str, scope: str, time: datetime
) -> None:
    (event,) = parse(RECORDS / file).events

    assert (event.actor.name, event.actor.kind, event.action) == (name, kind, action)
    assert (event.outcome, event.address, event.scope, event.time) == (outcome, address, scope, time)


def test_rest_records_in_snake_case_are_read() -> None:
    events = parse(RECORDS / "plaso_azure_activity_log.jsonl").events

    assert [event.action.rpartition("/")[2] for event in events] == ["delete", "delete", "write", "write"]
    assert {event.address for event in events} == {"1.2.3.4"}
    assert {event.outcome for event in events} == {Outcome.STARTED}
    assert [event.actor.kind for event in events] == [ActorKind.SERVICE_PRINCIPAL, ActorKind.GUEST] * 2
    assert len({event.operation for event in events}) == 4
