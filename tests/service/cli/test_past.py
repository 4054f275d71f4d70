"""What the commands that ask a history print: lists and details, for people and as JSON; one line where they cannot."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from models.stream.events import ActorKind, Outcome
from service.cli.commands import main
from service.core.alerting.alerts import Alert
from service.core.incidents import Handling, IncidentState
from service.history.handling import handle
from service.history.values import Delivered, HistoryEntry
from tests.fakes.alerts import HOSTILE_NAMES, alert
from tests.fakes.clock import MONDAY_MORNING
from tests.service.history.seen import ANN, BOB, HOUR, closed, event, save


def told(number: int, hours: float, **changes: Any) -> Alert:
    start = MONDAY_MORNING + hours * HOUR
    of_ann = {"actor_id": ANN.id, "actor_name": ANN.name, "window_start": start, "window_end": start + 2 * HOUR}
    return alert(number, **{**of_ann, **changes})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "history.sqlite"
    again = Outcome.DENIED
    entries: list[HistoryEntry] = [
        *closed(
            [event(0), event(0.1, "b/read", BOB), event(0.2, "b/delete", outcome=again)],
            [event(1), event(1.1)],
            [event(3)],
        ),
        told(1, 0),
        told(2, 6),
        told(3, 40),
        told(4, 1, actor_id=BOB.id, actor_name=BOB.name, actor_kind=ActorKind.SERVICE_PRINCIPAL),
        Delivered("chat", "retry", "http_503", ((told(1, 0).id, 1),), MONDAY_MORNING),
        Delivered("chat", "sent", "", ((told(1, 0).id, 1),), MONDAY_MORNING + timedelta(seconds=9)),
    ]
    save(path, entries)
    return path


def ask(path: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [words[0], "--history", str(path), *words[1:]])


def said(path: Path, *words: str) -> list[str]:
    result = ask(path, *words)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.splitlines()


def rows(path: Path, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said(path, *words, "--json")]


def test_alerts_are_listed_newest_first_and_narrowed(path: Path) -> None:
    listed = said(path, "alerts")
    assert [line.rsplit(maxsplit=1)[-1] for line in listed] == [told(number, 0).id for number in (3, 2, 4, 1)]
    assert listed[3].startswith("2026-11-02 09:00  high   ")
    assert "Ann@contoso.com  Microsoft.Authorization/roleAssignments/write" in listed[3]
    assert len(said(path, "alerts", "--limit", "2")) == 2
    assert len(said(path, "alerts", "--identity", "BOB")) == 1
    assert len(said(path, "alerts", "--since", "2026-11-02T12:00")) == 2
    assert len(said(path, "alerts", "--since", "2026-11-02T12:00Z", "--until", "2026-11-02T17:00+01:00")) == 1
    assert len(said(path, "alerts", "--since", "2h")) == 3
    assert [row["id"] for row in rows(path, "alerts", "--limit", "1")] == [told(3, 40).id]
    nothing = ask(path, "alerts", "--since", "2027-01-01")
    assert (nothing.exit_code, nothing.stdout, nothing.stderr) == (0, "", "no alerts\n")


def test_an_alert_is_shown_whole_with_whom_it_was_told_to(path: Path) -> None:
    shown = said(path, "alerts", told(1, 0).id)
    assert shown[0].startswith("┌ ")
    assert shown[-2:] == [
        "2026-11-02 09:00  chat  revision 1  retry (http_503)",
        "2026-11-02 09:00  chat  revision 1  sent",
    ]
    [row] = rows(path, "alerts", told(1, 0).id)
    assert Alert.model_validate(row["alert"]) == told(1, 0)
    assert [one["outcome"] for one in row["deliveries"]] == ["retry", "sent"]


def test_an_alert_that_is_not_there_or_is_not_told_apart_is_named(path: Path) -> None:
    assert (ask(path, "alerts", "ffff").exit_code, ask(path, "alerts", "ffff").stderr) == (
        2,
        "no alert ffff is in the history\n",
    )
    assert "a1e27 begins several: " in ask(path, "alerts", "a1e27").stderr


def test_incidents_are_listed_shown_and_taken_on(path: Path) -> None:
    listed = said(path, "incidents")
    assert len(listed) == 3
    assert listed[1].startswith("2026-11-02 09:00 to 2026-11-02 17:00  high          new  Ann@contoso.com  ")
    assert listed[1].endswith(f"2 alerts  {told(1, 0).id}")
    taken = said(path, "incidents", told(2, 6).id, "--set", "acknowledged", "--assign", "zoe")
    assert "acknowledged, zoe" in taken[0]
    assert [line.rsplit(maxsplit=1)[-1] for line in taken[1:]] == [told(1, 0).id, told(2, 6).id]
    assert len(said(path, "incidents", "--state", "acknowledged")) == 1
    [row] = rows(path, "incidents", told(1, 0).id, "--set", "closed")
    assert (row["id"], row["state"], row["assignee"], len(row["alerts"])) == (told(1, 0).id, "closed", "zoe", 2)
    assert len(said(path, "incidents", "--state", "new")) == 2
    stale = ask(path, "incidents", told(1, 0).id, "--set", "new", "--revision", "5d41402abc4b2a76")
    assert (stale.exit_code, stale.stderr.count("\n")) == (1, 1)
    assert "has changed meanwhile: closed by " in stale.stderr
    [row] = rows(path, "incidents", told(1, 0).id, "--set", "acknowledged", "--revision", row["revision"])
    [row] = rows(path, "incidents", told(1, 0).id, "--set", "closed")
    assert ask(path, "incidents", "--set", "closed").exit_code == 2
    assert ask(path, "incidents", "ffff").stderr == "no incident ffff is in the history\n"


def test_an_identity_is_summed_up_by_the_beginning_of_its_name(path: Path) -> None:
    shown = said(path, "identity", "ann")
    assert shown[0] == "Ann@contoso.com (human), t/ann"
    assert shown[1] == "seen from 2026-11-02 09:00 to 2026-11-02 12:00 UTC"
    assert shown[2] == "active in 3 hours; 3 alerts"
    assert "        3  A/WRITE" in shown
    assert "  2026-11-02 09:12  B/DELETE" in shown
    [row] = rows(path, "identity", "t/ann", "--until", "2026-11-02T11:00")
    assert (row["hours"], row["cells"], row["operations"]) == (2, 3, {"A/WRITE": 2, "B/DELETE": 1})
    assert len(row["alerts"]) == 1


def test_somebody_who_is_not_told_apart_or_not_there_is_answered_with_who_is_near(path: Path) -> None:
    save(path, closed([event(0, actor=ANN._replace(id="t/anna", name="anna@contoso.com"))]))
    both = ask(path, "identity", "an")
    assert both.exit_code == 2
    assert both.stderr == "an may be Ann@contoso.com (t/ann), anna@contoso.com (t/anna): ask by the id\n"
    assert said(path, "identity", "t/ann")[0] == "Ann@contoso.com (human), t/ann"
    near = ask(path, "timeline", "nna@contoso")
    assert near.stderr == "nobody called nna@contoso is in the history; near: anna@contoso.com (t/anna)\n"
    assert ask(path, "timeline", "zoe").stderr == "nobody called zoe is in the history\n"


def test_a_timeline_has_every_hour_with_what_was_thought_of_it(path: Path) -> None:
    shown = said(path, "timeline", "ann")
    hours = [line for line in shown if not line.startswith(" ")]
    assert [line[:16] for line in hours] == ["2026-11-02 09:00", "2026-11-02 10:00", "2026-11-02 12:00"]
    assert "    B/DELETE (1 failed)" in shown
    assert "    A/WRITE (2 times)" in shown
    assert any("first_time: " in line for line in shown)
    assert len([row for row in rows(path, "timeline", "ann", "--least", "50") if row["anomalies"]]) == 1
    [row] = rows(path, "timeline", "bob")
    assert (row["actor"]["id"], row["cells"][0]["action"], row["late"]) == ("t/bob", "b/read", False)


@pytest.mark.parametrize("name", [one for one in HOSTILE_NAMES.values() if one])
def test_no_name_does_anything_to_a_terminal(path: Path, name: str) -> None:
    who = ANN._replace(id="t/hostile", name=name.encode("utf-8", "replace").decode())
    save(path, [*closed([event(0, actor=who)]), told(9, 0, actor_id=who.id, actor_name=name)])
    for words in (("alerts",), ("incidents",), ("identity", "t/hostile"), ("timeline", "t/hostile"), ("identity", "h")):
        result = ask(path, *words)
        assert not [one for one in result.output if not one.isprintable() and one != "\n"]


def test_a_history_that_cannot_be_read_or_has_no_place_is_one_line(tmp_path: Path) -> None:
    missing = ask(tmp_path / "none.sqlite", "alerts")
    assert (missing.exit_code, missing.stderr) == (2, f"{tmp_path / 'none.sqlite'}: there is no history there\n")
    other = tmp_path / "other"
    other.write_text("no database" * 100)
    assert ask(other, "incidents").stderr == f"{other}: file is not a database\n"
    config = tmp_path / "unwonted.yaml"
    config.write_text("snapshots: {kind: blob, account_url: 'https://contoso.blob.core.windows.net'}\n")
    placeless = CliRunner().invoke(main, ["alerts", "--config", str(config)])
    assert placeless.exit_code == 2
    assert placeless.stderr.startswith("there is no history: snapshots are in blobs")
    config.write_text(f"snapshots: {{path: '{tmp_path}'}}\n")
    assert f"{tmp_path / 'history.sqlite'}: there is no history" in (
        CliRunner().invoke(main, ["alerts", "--config", str(config)]).stderr
    )


@pytest.mark.parametrize("given", ["yesterday", "7", "-3d", "2026-13-01"])
def test_a_time_that_is_none_is_said_to_be(path: Path, given: str) -> None:
    result = ask(path, "alerts", "--since", given)
    assert result.exit_code == 2
    assert result.stderr.startswith("--since: should be a time such as ")


def test_an_identity_is_forgotten_for_good_once_somebody_agrees(path: Path) -> None:
    refused = CliRunner().invoke(main, ["identity", "--history", str(path), "ann", "--forget"], input="n\n")
    assert (refused.exit_code, refused.stderr.splitlines()[-1]) == (1, "nothing was changed")
    assert ask(path, "identity", "ann", "--forget", "--since", "7d").exit_code == 2
    [line] = said(path, "identity", "ann", "--forget", "--yes")
    assert line == f"{path}: 7 rows of Ann@contoso.com taken out"
    assert ask(path, "identity", "ann").stderr == "nobody called ann is in the history\n"
    assert ANN.name.encode() not in path.read_bytes()
    assert len(said(path, "alerts")) == 1


def test_tuning_says_how_many_a_day_whom_besides_which_not_and_what_to_configure(path: Path) -> None:
    lines = said(path, "tuning", "--threshold", "rare_action=100")
    assert lines[0].startswith("identities a day: ")
    assert lines[1].split() == ["day", "active", "now", "tried"]
    assert lines[-3:] == ["detectors:", "  rare_action:", "    threshold: 100"]
    [row] = rows(path, "tuning", "--all", "-5", "--budget", "4", "--days", "28")
    assert row["yaml"].startswith("alerting:\n  alerts_per_day: 4\ndetectors:\n")
    assert row["days"]
    refused = ask(path, "tuning", "--threshold", "rare=60")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("--threshold should be NAME=SCORE, with a score of 40 to 100; there are ")


def test_things_are_found_by_whatever_is_at_hand(path: Path) -> None:
    found = said(path, "search", "ann")
    assert found[0].startswith("identity  ")
    assert any(line.startswith("alert     ") and "(in its name)" in line for line in found)
    [row] = rows(path, "search", "ann", "--limit", "1")
    assert (len(row["identities"]), len(row["alerts"])) == (1, 1)
    assert ask(path, "search", "a").stderr == "WORDS should have at least 2 characters\n"
    assert ask(path, "search", "nothing-like-it").stderr == "nothing has that\n"


def test_who_was_unusual_is_listed_by_days_and_can_be_sought(path: Path) -> None:
    assert any("active on " in line for line in said(path, "explorer"))
    [row] = rows(path, "explorer", "--with", "ann")
    assert {lane["name"].partition("@")[0].lower() for lane in row["lanes"]} == {"ann"}
    assert ask(path, "explorer", "--with", "a").stderr == "--with should have at least 2 characters\n"
    assert ask(path, "explorer", "--since", "2020-01-01", "--until", "2020-01-02").stderr == "nobody in these days\n"


def test_incidents_are_narrowed_as_in_the_console_and_taken_along_as_a_table(path: Path, tmp_path: Path) -> None:
    everything = said(path, "incidents")
    assert len(said(path, "incidents", "--text", "ann")) < len(everything)
    assert ask(path, "incidents", "--severity", "informational").stderr == "no incidents\n"
    owners = tmp_path / "owners.csv"
    owners.write_text("identity,owner,tags\nann@contoso.com,payments,prod\n")
    config = tmp_path / "unwonted.yaml"
    config.write_text(f"owners: {{file: {owners}}}\n")
    chosen = ("--config", str(config), "--tag", "prod", "--owner", "payments")
    assert said(path, "incidents", *chosen) == said(path, "incidents", "--text", "ann")
    [header, *table] = said(path, "incidents", *chosen, "--csv")
    assert header.startswith("id,severity,")
    assert table
    assert all(line.endswith(",payments") for line in table)
    assert ask(path, "incidents", "--csv", "--json").exit_code == 2
    assert "owner payments, prod" in said(path, "identity", "ann", "--config", str(config))


def test_alerts_are_taken_along_as_ocsf_with_the_state_of_their_incident(path: Path) -> None:
    handle(path, told(3, 40).id, Handling(IncidentState.CLOSED, "", "ann", MONDAY_MORNING + 9_999 * HOUR))
    found = [json.loads(line) for line in said(path, "alerts", "--identity", "ann", "--ocsf")]
    assert [(one["class_uid"], one["finding_info"]["uid"], one["status"]) for one in found] == [
        (2004, told(3, 40).id, "Resolved"),
        (2004, told(2, 6).id, "New"),
        (2004, told(1, 0).id, "New"),
    ]
    [one] = said(path, "alerts", told(2, 6).id, "--ocsf")
    assert json.loads(one) == found[1]
    assert ask(path, "alerts", "--ocsf", "--json").exit_code == 2
    assert ask(path, "alerts", "nothing", "--ocsf").exit_code == 2
