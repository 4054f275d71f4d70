"""``unwonted state forget-positions``: what it forgets, what it keeps, and when it refuses."""

import asyncio
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from azure.storage.blob.aio import ContainerClient
from click.testing import CliRunner, Result

from service.cli.commands import main
from service.clock import SystemClock
from service.core.coverage.monitor import CoverageMonitor
from service.core.messages import Message
from service.core.outbox import Outbox
from service.core.ports import SnapshotStore
from service.core.snapshot.codec import decode
from service.settings.reading import load
from service.storage.snapshots import BlobSnapshotStore, FileSnapshotStore
from service.storage.state import State
from service.wiring import build_engine
from tests.fakes.azurite import Account
from tests.fakes.clock import MONDAY_MORNING
from tests.fakes.store import kept_in


def configured(tmp_path: Path, **snapshots: Any) -> Path:
    path = tmp_path / "unwonted.yaml"
    path.write_text(yaml.safe_dump({"snapshots": snapshots}))
    return path


async def saved(path: Path, store: SnapshotStore) -> State:
    """Save a state in which two partitions have been read."""
    engine = build_engine(load(path, {}))
    coverage = CoverageMonitor()
    coverage.begin({}, MONDAY_MORNING)
    engine.begin(MONDAY_MORNING)
    for partition in ("0", "1"):
        message = Message(partition, 41, "4100", MONDAY_MORNING, b"")
        engine.apply(message, [])
        engine.idle(partition, 41, MONDAY_MORNING)
        coverage.note_message(message, records=1, newest=MONDAY_MORNING, now=MONDAY_MORNING)
    state = State(engine, Outbox(), store, SystemClock(), lambda _: None, coverage)
    await state.restore()
    await state.save()
    return state


def forget(path: Path, *options: str, **more: Any) -> Result:
    return CliRunner().invoke(main, ["state", "forget-positions", "--config", str(path), *options], **more)


def restored(path: Path, rows: list[tuple[str, Any]]) -> tuple[Any, CoverageMonitor]:
    engine, coverage = build_engine(load(path, {})), CoverageMonitor()
    engine.load(rows)
    coverage.load(dict(rows)["coverage"])
    return engine, coverage


def test_positions_are_forgotten_and_nothing_else(tmp_path: Path) -> None:
    path = configured(tmp_path, path=str(tmp_path / "state"))
    store = FileSnapshotStore(tmp_path / "state")
    asyncio.run(saved(path, store))
    before = decode(asyncio.run(kept_in(store))[0])
    result = forget(path, input="y\n")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("forgot the positions of 2 partitions\n")
    after = decode(asyncio.run(kept_in(store))[0])
    assert {section for section, _ in before} - {section for section, _ in after} == {"position"}
    changed = {"engine", "position", "coverage"}
    assert [row for row in before if row[0] not in changed] == [row for row in after if row[0] not in changed]
    old, _ = restored(path, before)
    new, coverage = restored(path, after)
    assert new.positions == {}
    assert new.watermark.time == old.watermark.time > MONDAY_MORNING.replace(year=2000)
    assert (new.records, new.alert_from) == (old.records, old.alert_from)
    coverage.note_message(
        Message("0", 3, "3", MONDAY_MORNING, b""), records=1, newest=MONDAY_MORNING, now=MONDAY_MORNING
    )
    assert coverage.check(MONDAY_MORNING) == []


def test_whoever_does_not_agree_changes_nothing(tmp_path: Path) -> None:
    path = configured(tmp_path, path=str(tmp_path / "state"))
    store = FileSnapshotStore(tmp_path / "state")
    asyncio.run(saved(path, store))
    before = asyncio.run(kept_in(store))
    assert forget(path, input="n\n").exit_code == 1
    assert asyncio.run(kept_in(store)) == before


def test_where_nobody_can_be_asked_it_is_said_how_to_agree(tmp_path: Path) -> None:
    path = configured(tmp_path, path=str(tmp_path / "state"))
    store = FileSnapshotStore(tmp_path / "state")
    asyncio.run(saved(path, store))
    before = asyncio.run(kept_in(store))
    result = forget(path)
    assert result.exit_code == 2
    assert result.stderr.endswith("nobody can be asked here, and nothing was changed: pass --yes to agree\n")
    assert asyncio.run(kept_in(store)) == before


def test_positions_that_are_forgotten_already_leave_nothing_to_do(tmp_path: Path) -> None:
    path = configured(tmp_path, path=str(tmp_path / "state"))
    store = FileSnapshotStore(tmp_path / "state")
    asyncio.run(saved(path, store))
    assert forget(path, "--yes").exit_code == 0
    before = asyncio.run(kept_in(store))
    result = forget(path)
    assert (result.exit_code, result.stdout) == (
        0,
        f"{tmp_path / 'state'}: there are no positions to forget: the hub will be read from event_hub.start anyway\n",
    )
    assert asyncio.run(kept_in(store)) == before


def test_without_a_snapshot_there_is_nothing_to_forget(tmp_path: Path) -> None:
    result = forget(configured(tmp_path, path=str(tmp_path / "state")), "--yes")
    assert (result.exit_code, result.stderr) == (2, f"{tmp_path / 'state'}: there is no snapshot yet\n")


def test_a_folder_into_which_a_service_writes_meanwhile_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = configured(tmp_path, path=str(tmp_path / "state"))
    store = FileSnapshotStore(tmp_path / "state")
    asyncio.run(saved(path, store))

    def agree(*_: object, **__: object) -> bool:
        (tmp_path / "state" / "snapshot.ndjson.gz").write_bytes(b"of the service")
        return True

    monkeypatch.setattr("service.cli.state.click.confirm", agree)
    result = forget(path)
    assert result.exit_code == 1
    assert "another instance writes there" in result.stderr
    assert asyncio.run(kept_in(store))[0] == b"of the service"


@pytest.mark.integration
def test_a_blob_that_a_service_writes_meanwhile_is_left_alone_and_else_its_positions_go(
    tmp_path: Path, storage: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = configured(tmp_path, kind="blob", connection_string=storage.connection_string, container="forgetting")

    async def write() -> bytes:
        async with ContainerClient.from_connection_string(storage.connection_string, "forgetting") as container:
            store = BlobSnapshotStore(container, "snapshot")
            await kept_in(store)
            await saved(path, store)
            return (await kept_in(BlobSnapshotStore(container, "snapshot")))[0]

    before = asyncio.run(write())

    def agree(*_: object, **__: object) -> bool:
        other = Thread(target=lambda: asyncio.run(write()))
        other.start()
        other.join()
        return True

    with monkeypatch.context() as patched:
        patched.setattr("service.cli.state.click.confirm", agree)
        refused = forget(path)
    assert (refused.exit_code, "another instance writes there" in refused.stderr) == (1, True)
    assert decode(before)
    assert forget(path, "--yes").exit_code == 0
