"""States of driver and shards in a folder: what counts, what is read back, and that the same is written again."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.core.snapshot.codec import UnreadableSnapshot
from service.storage.shard_states import BEFORE_THE_FIRST, ShardStates

AT = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_batch_counts_as_soon_as_the_driver_is_there(tmp_path: Path) -> None:
    states = ShardStates(tmp_path / "states")
    assert states.newest() is None
    states.write_shard(BEFORE_THE_FIRST, 0, 1, [("shard", {"number": 0, "of": 1})], AT)
    assert states.newest() is None
    states.write_driver(BEFORE_THE_FIRST, [("driver", {"shards": 1})], AT)
    assert states.newest() == BEFORE_THE_FIRST
    states.write_driver(7, [("driver", {"shards": 1})], AT)
    states.write_shard(8, 0, 1, [], AT)
    assert states.newest() == 7


def test_what_was_written_is_read_and_the_same_again_gives_the_same_bytes(tmp_path: Path) -> None:
    states = ShardStates(tmp_path)

    def written() -> dict[str, bytes]:
        for number in range(12):
            states.write_shard(3, number, 12, [("shard", {"number": number, "of": 12})], AT)
        states.write_driver(3, [("driver", {"shards": 12})], AT)
        return {path.name: path.read_bytes() for path in (tmp_path / "batch-000000000003").iterdir()}

    once = written()
    assert len(once) == 13
    assert written() == once
    assert [rows[0][1]["number"] for rows in states.shards(3)] == list(range(12))
    assert states.read_shard(3, 11, 12) == [("shard", {"number": 11, "of": 12})]
    assert states.read_driver(3) == [("driver", {"shards": 12})]


def test_older_batches_are_forgotten(tmp_path: Path) -> None:
    states = ShardStates(tmp_path)
    for batch in (BEFORE_THE_FIRST, 0, 1, 2):
        states.write_driver(batch, [], AT)
        states.write_lines(batch, "anomalies-0000.ndjson", [b"{}\n"])
    (tmp_path / "batch-of-something-else").mkdir()
    states.forget_before(2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["batch-000000000002", "batch-of-something-else"]


def test_what_is_missing_or_damaged_is_said(tmp_path: Path) -> None:
    states = ShardStates(tmp_path)
    states.write_driver(0, [], AT)
    with pytest.raises(FileNotFoundError):
        states.read_shard(0, 0, 1)
    (tmp_path / "batch-000000000000" / "driver.ndjson.gz").write_bytes(b"junk")
    with pytest.raises(UnreadableSnapshot):
        states.read_driver(0)
