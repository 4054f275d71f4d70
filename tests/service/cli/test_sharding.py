"""``unwonted state shard`` and ``merge``: there and back, and when they refuse."""

import gzip
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from models.stream.events import ActivityEvent, Actor, ActorKind, Outcome
from service.cli.commands import main
from service.core.messages import Message
from service.core.outbox import Outbox
from service.core.ports import Rendered
from service.core.snapshot.codec import SnapshotRows, decode, lines
from service.settings.reading import load
from service.storage.shard_states import ShardStates
from service.wiring import build_engine
from tests.fakes.clock import MONDAY_MORNING

HOUR = timedelta(hours=1)


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """A snapshot of a few people's habits, an open hour, an alert, and a message on its way."""
    engine = build_engine(load(None, {}))
    engine.expect(["0"])
    people = [Actor(f"t/p{number}", f"p{number}@example.com", ActorKind.HUMAN) for number in range(8)]
    for hour in range(30):
        time = MONDAY_MORNING + hour * HOUR
        events = [
            ActivityEvent(time, one, "web/write", "Web/write", Outcome.SUCCESS, f"{one.id}{hour}") for one in people
        ]
        odd = events[0]._replace(action="vault/delete", action_name="Vault/delete", operation=f"odd{hour}")
        engine.apply(Message("0", hour, str(hour), time, b""), [*events, odd] if hour == 29 else events)
        engine.evaluate(time)
    outbox = Outbox()
    outbox.enqueue("teams", Rendered("m1", (("a", 1),), b"{}", "application/json"), MONDAY_MORNING, 1.0)
    path = tmp_path / "snapshot.ndjson.gz"
    path.write_bytes(
        gzip.compress(b"".join(lines([*engine.dump(), ("outbox", outbox.dump())], created_at=MONDAY_MORNING)))
    )
    return path


def ids(rows: list[tuple[str, Any]]) -> list[str]:
    return [row["id"] for section, row in rows if section == "identities dormant" and "id" in row]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["state", *map(str, arguments)])


def test_a_state_goes_into_shards_and_back_without_loss(tmp_path: Path, snapshot: Path) -> None:
    shards, merged = tmp_path / "shards", tmp_path / "merged.ndjson.gz"
    parted = run("shard", "--snapshot", snapshot, "--into", 3, shards)
    assert (parted.exit_code, parted.output) == (0, f"{shards}: 3 shards of {snapshot}\n")
    assert len(ShardStates(shards).shards(-1)) == 3
    back = run("merge", shards, merged)
    assert (back.exit_code, back.output) == (0, f"{merged}: the state after the last snapshot\n")
    assert list(SnapshotRows(merged.read_bytes())) == list(SnapshotRows(snapshot.read_bytes()))


def test_it_writes_over_nothing(tmp_path: Path, snapshot: Path) -> None:
    shards = tmp_path / "shards"
    run("shard", "--snapshot", snapshot, "--into", 1, shards)
    again = run("shard", "--snapshot", snapshot, "--into", 2, shards)
    assert (again.exit_code, again.output) == (
        2,
        f"{shards}: there are states of shards already: name another folder\n",
    )
    back = run("merge", shards, snapshot)
    assert (back.exit_code, back.output) == (2, f"{snapshot}: is there already\n")


def test_what_is_not_there_or_damaged_is_one_line(tmp_path: Path, snapshot: Path) -> None:
    shards, merged = tmp_path / "shards", tmp_path / "merged.ndjson.gz"
    none = run("merge", shards, merged)
    assert (none.exit_code, none.output) == (2, f"{shards}: there are no states of shards\n")
    run("shard", "--snapshot", snapshot, "--into", 3, shards)
    one = next(shards.glob("*/shard-0001*"))
    whole = one.read_bytes()
    one.write_bytes(whole[:-20])
    damaged = run("merge", shards, merged)
    assert damaged.exit_code == 1
    assert damaged.output.count("\n") == 1
    one.unlink()
    missing = run("merge", shards, merged)
    assert (missing.exit_code, missing.output) == (1, f"{shards}: shard 1 of 3 is missing\n")
    assert not merged.exists()


def test_a_snapshot_has_the_rows_of_the_driver_and_of_all_shards(tmp_path: Path, snapshot: Path) -> None:
    shards = tmp_path / "shards"
    run("shard", "--snapshot", snapshot, "--into", 2, shards)
    states = ShardStates(shards)
    parted = [row for of_shard in states.shards(-1) for row in of_shard]
    assert sorted(ids(parted)) == ids(decode(snapshot.read_bytes())) != []
    assert "outbox" in dict(states.read_driver(-1))
