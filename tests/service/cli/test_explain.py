"""``unwonted explain``: the answer is for people, with each detector's threshold and without a dictionary in it."""

import asyncio
from pathlib import Path

import pytest

from service.clock import SystemClock
from service.core.messages import Message
from service.core.outbox import Outbox
from service.settings.reading import load
from service.storage.snapshots import FileSnapshotStore
from service.storage.state import State
from service.wiring import build_engine
from tests.service.cli.test_commands import config, unwonted
from tests.service.core.engine.test_engine import ANN, BOB, HOUR, START, event

HOSTILE = ANN._replace(id="t/eve", name="eve\x1b[2J@contoso.example")
USUAL, RARE = "microsoft.web/sites/write", "microsoft.keyvault/vaults/delete"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a configuration over a state in which each of three people has done one thing for ten days."""
    folder = tmp_path_factory.mktemp("explained")
    path = config(folder, detectors={"rare_action": {"threshold": 20}, "dormant": {"threshold": 72}})
    engine = build_engine(load(path, {}))
    engine.begin(START)
    for number in range(10 * 24):
        events = [event(START + number * HOUR, USUAL, actor=one) for one in (ANN, BOB, HOSTILE)]
        engine.apply(Message("0", number, str(number), events[0].time, b""), events)
    asyncio.run(State(engine, Outbox(), FileSnapshotStore(folder / "state"), SystemClock(), lambda _: None).save())
    return path


def test_each_detector_is_told_with_its_threshold_and_what_would_alert_says_what_would_be_ordinary(
    settings: Path,
) -> None:
    lines = unwonted("explain", "--config", settings, "ann", RARE).stdout.splitlines()
    assert lines[0].startswith(f"ann@example.com (human), {RARE}, as of 2026-03-12 ")
    assert lines[1] == "nobody is known to have ever done this: it is judged as an operation new to all"
    at = next(number for number, line in enumerate(lines) if line.startswith("rare_action: score "))
    assert lines[at].endswith(", reaches its threshold of 20: would alert")
    assert lines[at + 1].startswith("  Never in its 11 active days; ")
    assert "would be ordinary" in lines[at + 2].lower() or "No single change" in lines[at + 2]
    assert lines[at + 3].strip().startswith("surprise ")
    assert "dormant: nothing to say (threshold 72)" in lines
    assert not [line for line in lines if set(line) & set('{}[]"')]


def test_what_is_usual_is_below_its_threshold_and_known(settings: Path) -> None:
    said = unwonted("explain", "--config", settings, "bob", USUAL.upper()).stdout
    assert "below its threshold of 20" in said
    assert "nobody is known" not in said


def test_a_near_operation_is_named(settings: Path) -> None:
    said = unwonted("explain", "--config", settings, "bob", "microsoft.web/site/write").stdout
    assert said.splitlines()[1].endswith(f"; near: {USUAL}")


def test_a_hostile_name_reaches_no_terminal(settings: Path) -> None:
    assert "\x1b" not in unwonted("explain", "--config", settings, "t/eve", USUAL).stdout
    unknown = unwonted("explain", "--config", settings, "contoso.example", USUAL)
    assert (unknown.exit_code, "\x1b" in unknown.stderr) == (2, False)


def test_an_activity_can_be_asked_about_at_an_hour_and_from_an_address(settings: Path) -> None:
    said = unwonted("explain", "--config", settings, "bob", RARE, "--at", "3", "--from", "203.0.113.7")
    assert said.exit_code == 0, said.stderr
    assert " 03:00 UTC" in said.stdout.splitlines()[0]
