"""``unwonted suppress`` as people type it, and what replay, check-config and run make of the same file."""

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from models.stream.events import Actor, ActorKind
from service.clock import SystemClock
from service.core.messages import Message
from service.core.outbox import Outbox
from service.settings.reading import SettingsError, load
from service.storage.snapshots import FileSnapshotStore
from service.storage.state import State
from service.suppressions.entry import written
from service.suppressions.locking import locked
from service.wiring import build_components, build_engine, open_suppressions
from tests.fakes.clock import FakeClock
from tests.service.cli.test_commands import config, unwonted
from tests.service.core.engine.test_engine import START as EARLY
from tests.service.core.engine.test_engine import event
from tests.service.history.seen import closed, save
from tests.service.history.seen import event as seen
from tests.service.replay.test_replay import START, at

HOSTILE = Actor("t/ann", "ann\x1b[2J@contoso.example", ActorKind.HUMAN)
ENTRY = ("--until", "8h", "--reason", "patching", "--owner", "ops@contoso.example", "--no-learn")
BROKEN = "suppressions:\n  - {action: a/*, until: soon, reason: x, owner: y, learn: true}\n"
LINE = "s.yaml: line 2, suppressions[0].until: given 'soon'; should be a time with its offset"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "s.yaml"


def added(file: Path, *arguments: str) -> str:
    """Add an entry; returns its id."""
    result = unwonted("suppress", "add", "--suppressions", file, *ENTRY, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.split()[0]


def test_what_is_added_is_listed_until_it_is_ended(file: Path) -> None:
    key = added(file, "--actor", "ann@contoso.example", "--action", "Microsoft.Sql/*")
    later = added(file, "--detector", "dormant", "--from", "2199-01-01T00:00:00Z")
    listed = unwonted("suppress", "list", "--suppressions", file).stdout
    assert f"{key}  in force until " in listed
    assert f"{later}  planned from 2199-01-01T00:00:00Z" in listed
    assert "    action: Microsoft.Sql/*\n" in listed
    assert "    owner: ops@contoso.example\n    learn: false\n" in listed
    assert "has not begun" in unwonted("suppress", "expire", "--suppressions", file, later).stderr


def test_ending_one_leaves_it_in_the_file_as_expired(file: Path) -> None:
    key = added(file, "--action", "c/*", "--from", "2020-01-01T00:00:00Z", "--until", "30d")
    result = unwonted("suppress", "expire", "--suppressions", file, key)
    assert (result.exit_code, "has expired already, 2020-01-31T00:00:00Z" in result.stderr) == (2, True)
    ended = added(file, "--action", "d/*", "--from", written(SystemClock().now() - timedelta(hours=1)))
    result = unwonted("suppress", "expire", "--suppressions", file, ended)
    assert (result.exit_code, result.stdout.startswith(f"{ended} ends ")) == (0, True)
    assert unwonted("suppress", "list", "--suppressions", file).stdout.count("  expired since ") == 2


def test_the_configured_file_is_taken_and_none_is_said_to_be_none(tmp_path: Path, file: Path) -> None:
    configured = config(tmp_path, suppressions={"file": str(file)})
    result = unwonted("suppress", "add", "--config", configured, "--action", "a/*", *ENTRY)
    assert result.exit_code == 0
    assert result.stdout.split()[0] in unwonted("suppress", "list", "--config", configured).stdout
    bare = config(tmp_path)
    assert unwonted("suppress", "list", "--config", bare).stdout == (
        "there are no suppressions: suppressions.file names no file, and no --suppressions is given\n"
    )
    result = unwonted("suppress", "add", "--config", bare, "--action", "a/*", *ENTRY)
    assert (result.exit_code, result.stderr) == (
        2,
        "suppressions.file names no file: set it, or give one with --suppressions\n",
    )


def test_a_file_that_is_not_there_is_said_by_each_command_in_one_line(tmp_path: Path, file: Path) -> None:
    records = tmp_path / "records.ndjson"
    records.write_text("")
    for command, said in (
        (["list"], f"{file}: there is no such file; unwonted suppress add makes it\n"),
        (["expire", "3ff1dfc9"], f"{file}: there is no such file, and so nothing to end\n"),
    ):
        result = unwonted("suppress", *command, "--suppressions", file)
        assert (result.exit_code, result.stdout, result.stderr) == (2, "", said)
    result = unwonted("replay", "--suppressions", file, records)
    assert (result.exit_code, result.stderr) == (
        2,
        f"--suppressions: {file}: cannot be read: No such file or directory\n",
    )


def test_a_file_without_an_entry_is_said_to_have_none(file: Path) -> None:
    file.write_text("suppressions: []\n")
    result = unwonted("suppress", "list", "--suppressions", file)
    assert (result.exit_code, result.stdout) == (0, f"there are no suppressions in {file}\n")


def test_a_wrong_option_is_a_line_and_the_file_stays_as_it_was(file: Path) -> None:
    added(file, "--action", "a/*")
    before = file.read_bytes()
    result = unwonted("suppress", "add", "--suppressions", file, "--detector", "dormantt", *ENTRY[2:], "--until", "91d")
    assert result.exit_code == 2
    first, second = result.stderr.splitlines()
    assert first.startswith("--detector: given 'dormantt'; should be one of dormant, ")
    assert second.startswith("--until: given ")
    assert "should be at most 90 days after now" in second
    result = unwonted("suppress", "add", "--suppressions", file, *ENTRY)
    assert result.stderr.startswith("should name at least one of actor, action")
    assert unwonted("suppress", "add", "--suppressions", file, "--action", "a/*", *ENTRY[:-1]).exit_code == 2
    assert file.read_bytes() == before


@pytest.mark.parametrize("until", ["8", "0.5", "-8h", "8 hours", "tomorrow", "2026-03-01T18:00:00"])
def test_an_end_that_is_neither_a_time_nor_so_long_with_a_unit_is_refused_with_what_is_accepted(
    file: Path, until: str
) -> None:
    result = unwonted("suppress", "add", "--suppressions", file, "--action", "a/*", *ENTRY[2:], "--until", until)
    assert (result.exit_code, file.exists()) == (2, False)
    assert result.stderr == (
        f"--until: given '{until}'; should be how long after its beginning, with a unit, such as 30m, 8h or 7d, or a "
        "time with its offset such as 2026-03-01T18:00:00Z, at most 90 days ahead\n"
    )


def test_who_waits_too_long_for_another_change_says_so_and_changes_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.suppressions.locking._ATTEMPTS", 2)
    file.write_text("suppressions: []\n")
    with locked(file, lambda _: None):
        result = unwonted("suppress", "add", "--suppressions", file, "--action", "a/*", *ENTRY)
    assert (result.exit_code, result.stderr) == (2, f"{file}: cannot be changed: another process is changing it\n")
    assert file.read_text() == "suppressions: []\n"


def test_a_lock_that_a_killed_process_left_holds_nobody_up(file: Path) -> None:
    file.with_name(f".{file.name}.lock").touch()
    added(file, "--action", "a/*")
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_file_behind_a_link_is_replaced_and_the_link_stays(tmp_path: Path, file: Path) -> None:
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "real.yaml"
    target.write_text("suppressions: []\n")
    target.chmod(0o640)
    file.symlink_to(target)
    added(file, "--action", "a/*")
    assert file.is_symlink()
    assert "a/*" in target.read_text()
    assert target.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in target.parent.iterdir()] == ["real.yaml"]


@pytest.mark.parametrize(
    ("place", "why"),
    [("nowhere/s.yaml", "cannot be changed"), ("file/s.yaml", "cannot be changed"), (".", "cannot be changed")],
)
def test_a_file_that_cannot_be_written_is_said(tmp_path: Path, place: str, why: str) -> None:
    (tmp_path / "file").touch()
    result = unwonted("suppress", "add", "--suppressions", tmp_path / place, "--action", "a/*", *ENTRY)
    assert result.exit_code == 2
    assert why in result.output or "is a directory" in result.output


def test_a_broken_file_is_said_by_everybody_in_the_same_words(tmp_path: Path, file: Path) -> None:
    file.write_text(BROKEN)
    configured = config(
        tmp_path,
        suppressions={"file": str(file)},
        event_hub={"namespace": "x.servicebus.windows.net", "hub": "h"},
        http={"host": "127.0.0.1", "port": 0},
    )
    records = tmp_path / "records.ndjson"
    records.write_text("")
    checked = unwonted("check-config", "--config", configured)
    assert checked.exit_code == 2
    assert checked.stderr.startswith(f"unwonted run would refuse this: suppressions.file: {LINE}")
    for command in (["replay", records], ["suppress", "list"]):
        result = unwonted(command[0], *command[1:], "--config", configured)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f"suppressions.file: {LINE}")
    file.unlink()
    result = unwonted("check-config", "--config", configured)
    missing = f"suppressions.file: {file}: cannot be read: No such file or directory\n"
    assert result.stderr == f"unwonted run would refuse this: {missing}"


@pytest.mark.measured
@pytest.mark.slow
def test_a_replay_shows_what_an_entry_would_keep_back(tmp_path: Path, file: Path) -> None:
    records = tmp_path / "records.ndjson"
    days = [(START + timedelta(days=day), "Microsoft.Web/sites/read") for day in range(20)]
    last = days[-1][0]
    days += [(last, "Microsoft.Sql/servers/delete"), (last, "Microsoft.KeyVault/vaults/delete")]
    records.write_text("\n".join(json.dumps(at(*one)) for one in days))
    added(file, "--action", "microsoft.sql/*", "--from", last.isoformat(), "--until", "1h")
    configured = config(tmp_path, detectors={"rare_action": {"threshold": 0.2}})
    plain = unwonted("replay", "--config", configured, records)
    assert "suppressed" not in plain.stderr
    runs = [unwonted("replay", "--config", configured, "--suppressions", file, records) for _ in range(2)]
    assert runs[0].stdout_bytes == runs[1].stdout_bytes
    assert [action in plain.stdout for action in ("Sql/servers/delete", "KeyVault/vaults/delete")] == [True, True]
    assert [action in runs[0].stdout for action in ("Sql/servers/delete", "KeyVault/vaults/delete")] == [False, True]
    assert re.search(r"^\d findings? suppressed$", runs[0].stderr, re.MULTILINE)


def test_the_service_refuses_to_start_with_a_broken_file(tmp_path: Path, file: Path) -> None:
    file.write_text(BROKEN)
    hub = {"namespace": "x.servicebus.windows.net", "hub": "h"}
    configured = config(tmp_path, suppressions={"file": str(file)}, event_hub=hub)
    with pytest.raises(SettingsError, match="given 'soon'"):
        build_components(load(configured, {}))


def test_what_was_kept_back_is_listed_from_the_saved_state(tmp_path: Path, file: Path) -> None:
    key = added(file, "--action", "a/*", "--from", written(EARLY - timedelta(hours=1)), "--until", "2d")
    configured = config(tmp_path, suppressions={"file": str(file)}, detectors={"rare_action": {"threshold": 0}})
    settings = load(configured, {})
    engine = build_engine(settings)
    watch = open_suppressions(settings, SystemClock())
    assert watch is not None
    engine.suppress(watch.suppressions)
    engine.begin(EARLY - timedelta(days=1))
    engine.apply(Message("0", 0, "0", EARLY, b""), [event(EARLY, "a/write", actor=HOSTILE)])
    assert engine.evaluate(EARLY + timedelta(minutes=15)).alerts == []
    state = State(engine, Outbox(), FileSnapshotStore(settings.snapshots.path), FakeClock(), lambda saved: None)
    asyncio.run(state.save())
    listed = unwonted("suppress", "list", "--config", configured, "--would-have-alerted").stdout
    assert f"{key}  expired since 2026-03-04T07:00:00Z, 1 kept back, the newest of 2026-03-02T08:00:00Z" in listed
    assert f"2026-03-02T08:00:00Z  {key}  rare_action " in listed
    assert "(informational, not learnt)" in listed
    assert "\x1b" not in listed
    inspected = json.loads(unwonted("state", "inspect", "--config", configured).stdout)
    assert inspected["suppressed"] == {key: 1}
    assert inspected["would_have_alerted"][0]["action"] == "A/WRITE"


def test_what_an_entry_would_have_kept_back_can_be_tried_without_any_file(tmp_path: Path) -> None:
    history = tmp_path / "history.sqlite"
    save(history, closed([seen(0.1, "a/delete"), seen(0.2, "a/read")], [seen(5)]))
    detectors = {"rare_action": {"threshold": 20}}
    settings = config(tmp_path, detectors=detectors)
    trying = ("suppress", "add", "--try", "--config", settings, *ENTRY, "--history")
    wide = unwonted(*trying, history, "--action", "a/*")
    assert wide.exit_code == 0, wide.output
    lines = wide.stdout.splitlines()
    assert lines[0] == '  - action: "a/*"'
    assert [line for line in lines if line.startswith("would have kept back 3 in the four weeks before")]
    assert lines[-1].startswith("2026-11-02T09:")
    narrow = unwonted(*trying, history, "--actor", "bob")
    assert "would have kept back 0 in" in narrow.stdout
    none = unwonted(
        "suppress", "add", "--try", "--config", settings, "--history", tmp_path / "x", *ENTRY, "--actor", "a"
    )
    assert (none.exit_code, "there is no history there" in none.stderr) == (2, True)
