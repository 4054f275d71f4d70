"""Inputs of a kind that was once read wrongly, kept outside this repository, each with its right value."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from models.stream.events import ActivityEvent, ActorKind, Outcome
from service.cli import main
from service.core.parsing.categories import LeftOut
from service.core.parsing.parser import ActivityLogParser, Parsed
from service.core.parsing.rejects import RejectReason

SHARED = Path(os.environ.get("UNWONTED_SHARED") or Path(__file__).parents[5] / "shared")
CASES = SHARED / "data" / "cases"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not CASES.is_dir(), reason=f"NO MISREAD RECORDS: {CASES} is absent, set UNWONTED_SHARED"),
]
TENANT = "7c9d4a30-11aa-4c50-8f66-8c1c0e0f1a11"
ANN = f"{TENANT}/a0000000-0000-4000-8000-0000000000aa"
NOON = datetime(2026, 3, 7, 10, tzinfo=UTC)


def parse(name: str) -> Parsed:
    return ActivityLogParser().parse((CASES / name).read_bytes())


def events(name: str) -> list[ActivityEvent]:
    parsed = parse(name)
    assert (parsed.rejects, parsed.left_out) == ([], {})
    return parsed.events


def test_an_e_mail_claim_names_the_same_guest_on_both_paths() -> None:
    (plain,), (repaired,) = events("email_plain.json"), events("email_trailing_comma.json")

    assert plain == repaired
    assert plain.actor == (f"{TENANT}/b0000000-0000-4000-8000-0000000000b4", "kim@partner.example", ActorKind.GUEST)


def test_records_of_pim_belong_to_their_caller() -> None:
    expired, *activated = events("pim.json")

    assert expired.actor.kind is ActorKind.FIRST_PARTY
    assert {event.actor for event in activated} == {(ANN, "ann@contoso.example", ActorKind.HUMAN)}


def test_services_go_by_their_names() -> None:
    found = [event.actor for event in events("service_names.json")]

    assert {actor.kind for actor in found} == {ActorKind.FIRST_PARTY}
    assert all(actor.name.startswith("microsoft.") for actor in found)


def test_backups_are_the_services_and_subscriptions_are_their_callers() -> None:
    backup, *others = events("backup_subscription.json")

    assert (backup.actor.name, backup.actor.kind) == ("microsoft.recoveryservices", ActorKind.FIRST_PARTY)
    assert {event.actor.id for event in others} == {ANN}


def test_what_policies_make_of_requests_is_left_out() -> None:
    assert parse("policy.json") == ([], [], {LeftOut.POLICY_EVALUATION: 9}, 9)


def test_what_powershell_prints_is_read() -> None:
    found = events("powershell.json")

    assert [event.outcome for event in found] == [Outcome.DENIED] * 3
    assert [event.actor.name for event in found] == ["ann@contoso.example"] * 3
    assert found[0].time == NOON


def test_times_are_read_but_for_the_one_without_a_zone() -> None:
    parsed = parse("times.json")
    others = [datetime(2023, 10, 10, 13, 26, 34, tzinfo=UTC), datetime(2025, 11, 14, 1, 48, 53, tzinfo=UTC)]
    others.append(datetime(2026, 7, 3, 10, tzinfo=UTC))  # month first, as Azure's exports write it

    assert [reject.reason for reject in parsed.rejects] == [RejectReason.BAD_TIME]
    assert {event.time.replace(microsecond=0) for event in parsed.events} == {NOON, *others}


def test_addresses_lose_their_dress() -> None:
    found = [event.address for event in events("ips.json")]
    records = json.loads((CASES / "ips.json").read_bytes())["records"]
    written = [record["callerIpAddress"] for record in records]

    assert found[written.index("::ffff:203.0.113.7:443")] == "203.0.113.7"
    assert set(found) == {
        *("", "10.0.0.5", "2001:db8::1", "fe80::1", "203.0.113.10", "203.0.113.7", "0.0.0.0", "::1")  # noqa: S104
    }


def test_the_workspace_of_a_row_is_no_tenant() -> None:
    found = events("log_analytics_export.json")

    assert {event.actor.id for event in found} == {ANN, "-/ann@contoso.example", ANN.replace(TENANT, "-")}


def test_rows_of_one_person_are_one_identity_where_they_are_read_as_a_whole(tmp_path: Path) -> None:
    cells = tmp_path / "cells.ndjson"
    history = str(CASES / "log_analytics_export.json")

    result = CliRunner().invoke(main, ["replay", history, "--anomalies", str(cells)])

    assert "3 records" in result.output
    found = [json.loads(line) for line in cells.read_text().splitlines()]
    assert {(cell["actor"], cell["actor_name"]) for cell in found} == {(ANN, "ann@contoso.example")}


def test_the_sound_record_beside_broken_ones_is_read() -> None:
    parsed = parse("blob_data.json")

    assert [event.actor.id for event in parsed.events] == [ANN]
    assert len(parsed.rejects) == 2


@pytest.mark.parametrize("turned", [False, True])
def test_a_list_of_the_command_line_is_replayed(turned: bool, tmp_path: Path) -> None:
    records = json.loads((CASES / "az_list_pretty_20.json").read_bytes())
    file = tmp_path / "list.json"
    file.write_text(json.dumps(records[::-1] if turned else records, indent=2))

    result = CliRunner().invoke(main, ["replay", str(file)])

    assert "20 records" in result.output
    assert "10 operations, 0 duplicates, 0 late, 0 too late, 0 from the future, 0 rejected" in result.output
