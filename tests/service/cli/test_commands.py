"""Each command as people type it: what it prints, what it writes, and the code it ends with."""

import asyncio
import gzip
import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure.storage.blob.aio import ContainerClient
from click.testing import CliRunner, Result

from demo.tenant import Tenant, TenantPlan
from models.detectors.registry import DETECTORS
from service.cli.commands import main
from service.clock import SystemClock
from service.core.outbox import Outbox
from service.documents.places import from_lines
from service.replay.replay import Replay
from service.settings.reading import load
from service.storage.snapshots import BlobSnapshotStore, FileSnapshotStore
from service.storage.state import State
from service.wiring import build_engine
from tests.fakes.azurite import Account
from tests.fakes.store import kept_in

SECRET = "0verheard-in-the-canteen"
KEYS = ["time", "detector", "actor", "actor_name", "action", "score", "surprise", "alerted"]


def config(tmp_path: Path, **sections: Any) -> Path:
    """Write a configuration in which everything unusual is told."""
    whole = {
        "detectors": {name: {"threshold": 20} for name in DETECTORS},
        "snapshots": {"path": str(tmp_path / "state")},
        "sinks": {"stdout": {"kind": "stdout"}},
        **sections,
    }
    path = tmp_path / "unwonted.yaml"
    path.write_text(yaml.safe_dump(whole))
    return path


def unwonted(*arguments: object, **more: Any) -> Result:
    result = CliRunner().invoke(main, [str(one) for one in arguments], **more)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="session")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file with a small tenant's records, one a line, in order of arrival."""
    path = tmp_path_factory.mktemp("tenant") / "week.ndjson"
    tenant = Tenant(TenantPlan(seed=5, identities=20, days=3, campaigns=1))
    path.write_text("".join(json.dumps(arrival.record) + "\n" for arrival in tenant.records()))
    return path


def replayed(tmp_path: Path, name: str, *files: Path, settings: Path) -> tuple[bytes, bytes, bytes]:
    cells, alerts = tmp_path / f"{name}.cells", tmp_path / f"{name}.alerts"
    result = unwonted("replay", "--config", settings, *files, "--anomalies", cells, "--alerts", alerts)
    assert result.exit_code == 0, result.output
    return result.stdout_bytes, cells.read_bytes(), alerts.read_bytes()


@pytest.mark.slow
def test_replaying_twice_gives_identical_bytes(tmp_path: Path, week: Path) -> None:
    settings = config(tmp_path)
    first = replayed(tmp_path, "first", week, settings=settings)
    assert first == replayed(tmp_path, "second", week, settings=settings)
    packed = tmp_path / "week.ndjson.gz"
    packed.write_bytes(gzip.compress(week.read_bytes()))
    assert first == replayed(tmp_path, "packed", packed, settings=settings)
    assert all(first)


def test_cells_and_alerts_are_written_as_promised(tmp_path: Path, week: Path) -> None:
    cards, cells, alerts = replayed(tmp_path, "x", week, settings=config(tmp_path))
    rows = [json.loads(line) for line in cells.splitlines()]
    told = [json.loads(line) for line in alerts.splitlines()]
    assert {tuple(row) for row in rows} == {tuple(KEYS)}
    for row in rows:
        assert datetime.fromisoformat(row["time"]).utcoffset() == timedelta(0)
        assert 0.0 <= row["score"] <= 100.0
        assert row["action"] == row["action"].lower()
        assert row["detector"] in DETECTORS
        assert row["alerted"] or row["score"] < 20.0
    assert any(row["alerted"] for row in rows)
    assert any(not row["alerted"] for row in rows)
    assert {event["specversion"] for event in told} == {"1.0"}
    assert cards.count(b"\n") > len(told) > 0
    names = {row["actor_name"] for row in rows if row["alerted"]}
    assert any(name in cards.decode() for name in names)


def test_quiet_prints_nothing_but_the_totals(tmp_path: Path, week: Path) -> None:
    result = unwonted("replay", "--config", config(tmp_path), "--quiet", week)
    assert result.stdout == ""
    assert "records over" in result.stderr
    assert "alerts" in result.stderr


@pytest.mark.slow
def test_standard_input_is_a_dash(tmp_path: Path, week: Path) -> None:
    settings = config(tmp_path)
    piped = unwonted("replay", "--config", settings, "-", input=week.read_bytes())
    assert piped.exit_code == 0
    assert piped.stdout_bytes == unwonted("replay", "--config", settings, week).stdout_bytes


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, week: Path) -> None:
    settings = config(tmp_path)
    missing = unwonted("replay", "--config", settings, tmp_path / "nowhere.ndjson")
    assert missing.exit_code == 2
    assert missing.stderr == f"{tmp_path / 'nowhere.ndjson'}: No such file or directory\n"
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(week.read_bytes())[:-100])
    broken = unwonted("replay", "--config", settings, "--quiet", cut)
    assert broken.exit_code == 4
    assert f"damaged: {cut}: " in broken.stderr
    assert "records over" in broken.stderr
    assert unwonted("replay", "--config", settings).exit_code == 2


def test_check_config_shows_what_takes_effect_without_secrets(tmp_path: Path) -> None:
    settings = config(
        tmp_path,
        event_hub={
            "connection_string": f"Endpoint=sb://x.net;SharedAccessKeyName=a;SharedAccessKey={SECRET};EntityPath=h"
        },
        sinks={
            "slack": {"kind": "slack", "url": f"https://hooks.slack.com/services/{SECRET}"},
            "webhook": {"kind": "webhook", "url": f"https://example.com/{SECRET}", "secrets": ["whsec_" + "QUJD" * 8]},
        },
    )
    result = unwonted("check-config", "--config", settings)
    assert result.exit_code == 0
    assert SECRET not in result.output
    assert "QUJD" not in result.output
    shown = yaml.safe_load(result.stdout)
    assert shown["detectors"]["rare_action"]["threshold"] == 20
    assert shown["schedule"]["every"]
    assert "# hash " in result.stdout


def test_a_typo_is_an_error_that_names_the_right_key(tmp_path: Path) -> None:
    result = unwonted("check-config", "--config", config(tmp_path, shedule={"every": "5m"}))
    assert result.exit_code == 2
    assert "schedule" in result.stderr
    wrong = unwonted("check-config", env={"UNWONTED_SCHEDULE__EVRY": "5m"})
    assert wrong.exit_code == 2
    assert "EVERY" in wrong.stderr


def test_check_config_goes_on_after_a_mistake_and_tells_what_else_run_would_refuse(tmp_path: Path) -> None:
    hub = {"namespace": "a.example", "hub": "h"}
    broken = {"http": {"prot": 1}, "geography": {"database": str(tmp_path / "gone.mmdb")}}
    result = unwonted("check-config", "--config", config(tmp_path, event_hub=hub, **broken))
    assert result.exit_code == 2
    mistake, refused = result.stderr.splitlines()
    assert ", http.prot: no such option" in mistake
    assert refused == f"geography.database: {tmp_path / 'gone.mmdb'}: No such file or directory"
    # Without its name it is no wonder that there is no hub: one line is enough.
    result = unwonted("check-config", "--config", config(tmp_path, event_hub={**hub, "namespace": "a"}))
    assert len(result.stderr.splitlines()) == 1


def test_the_schema_is_json() -> None:
    result = unwonted("check-config", "--schema")
    assert json.loads(result.stdout)["properties"]["event_hub"]


async def snapshot_of(
    settings: Path, lines: list[bytes], store: FileSnapshotStore | BlobSnapshotStore
) -> dict[str, str]:
    """Learn a file and save the state; returns an actor and an action of it."""
    engine = build_engine(load(settings, {}))

    def nothing(*_: object) -> None:
        return None

    driver = Replay(
        engine, every=timedelta(minutes=15), on_scored=nothing, on_alerts=nothing, on_reject=nothing, on_read=nothing
    )
    driver.run(from_lines("lines", lines))
    await kept_in(store)
    await State(engine, Outbox(), store, SystemClock(), nothing).save()
    return {actor.name: actor.id for actor in engine.people.values()}


def test_explain_and_inspect_look_into_the_saved_state(tmp_path: Path, week: Path) -> None:
    settings = config(tmp_path)
    people = asyncio.run(snapshot_of(settings, week.read_bytes().splitlines(), FileSnapshotStore(tmp_path / "state")))
    name, key = min(people.items())

    inspected = unwonted("state", "inspect", "--config", settings)
    assert inspected.exit_code == 0
    found = json.loads(inspected.stdout)
    assert found["records"] > 100
    assert found["detectors"].keys() >= {"rare_action", "rare_failure"}
    assert found["positions"]["replay"]["sequence_number"] > 0
    assert found["messages_waiting"] == {}

    for wanted in (name, name.upper(), key):
        explained = unwonted("explain", "--config", settings, wanted, "Microsoft.Nothing/ofTheSort/action")
        assert explained.exit_code == 0, explained.output
        assert explained.stdout.startswith(f"{name} (")
        assert "rare_action: score" in explained.stdout
    failed = unwonted("explain", "--config", settings, "--failed", name, "Microsoft.Nothing/ofTheSort/action")
    assert "rare_failure: score" in failed.stdout

    unknown = unwonted("explain", "--config", settings, name[:-1], "x/y")
    assert unknown.exit_code == 2
    assert name in unknown.stderr

    copied = tmp_path / "copied"
    shutil.copy(tmp_path / "state" / "snapshot.ndjson.gz", copied)
    assert unwonted("state", "inspect", "--config", settings, "--snapshot", copied).stdout == inspected.stdout
    copied.write_bytes(copied.read_bytes()[:-9])
    damaged = unwonted("state", "inspect", "--config", settings, "--snapshot", copied)
    assert damaged.exit_code == 1
    assert "damaged" in damaged.stderr


@pytest.mark.measured
@pytest.mark.slow
def test_budget_says_what_each_threshold_and_budget_would_have_given(tmp_path: Path, week: Path) -> None:
    settings = config(tmp_path, alerting={"alerts_per_day": 3})
    asyncio.run(snapshot_of(settings, week.read_bytes().splitlines(), FileSnapshotStore(tmp_path / "state")))
    result = unwonted("budget", "--config", settings)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert "(with a budget of 3 a day)" in lines[0]
    table = {words[0]: words[1:] for line in lines if (words := line.split()) and words[0].isdigit()}
    assert {"40", "95", "3", "50"} <= table.keys()
    off = 2  # those that need a geographic database
    detectors = sum(not kind.declaration.always for kind in DETECTORS.values()) - off
    alone, together = [float(word) for word in table["40"][:detectors]], float(table["40"][detectors])
    assert max(alone) <= together <= sum(alone) + 0.1
    assert together > 0.0
    replayed_too = unwonted("replay", "--config", settings, "--quiet", week)
    assert replayed_too.stdout == ""
    assert lines[-1] in replayed_too.stderr
    begun = unwonted("replay", "--config", settings, "--quiet", "-", input=week.read_bytes().splitlines()[0])
    assert "no day is over yet" in begun.stderr


@pytest.mark.parametrize(
    "content",
    [b"", b"a note", gzip.compress(b'{"time": "2026-03-01T08:00:00Z"}\n')],
    ids=["empty", "a note", "packed records"],
)
@pytest.mark.parametrize("command", [["budget"], ["state", "inspect"], ["explain", "ann", "a/b"]], ids=" ".join)
def test_a_file_that_is_no_snapshot_is_refused_in_one_line(tmp_path: Path, command: list[str], content: bytes) -> None:
    file = tmp_path / "notes"
    file.write_bytes(content)
    result = unwonted(*command, "--config", config(tmp_path), "--snapshot", file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"{file}: is no snapshot of Unwonted; the service keeps its own at {tmp_path / 'state'}\n"


def test_without_a_snapshot_there_is_nothing_to_look_into(tmp_path: Path) -> None:
    result = unwonted("state", "inspect", "--config", config(tmp_path))
    assert result.exit_code == 2
    assert "there is no snapshot yet" in result.stderr


@pytest.mark.integration
def test_a_snapshot_in_a_blob_is_looked_into_as_well(tmp_path: Path, week: Path, storage: Account) -> None:
    place = {"kind": "blob", "connection_string": storage.connection_string, "container": "looked-into"}
    settings, lines = config(tmp_path, snapshots=place), week.read_bytes().splitlines()

    async def prepare() -> None:
        async with ContainerClient.from_connection_string(storage.connection_string, "looked-into") as container:
            await snapshot_of(settings, lines, BlobSnapshotStore(container, "snapshot"))

    asyncio.run(prepare())
    result = unwonted("state", "inspect", "--config", settings)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["records"] > 100
