"""Where the history is in blobs, who is forgotten is forgotten there, and what is needed is fetched from there."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from service.history.changes import unshipped
from service.history.packing import unsqueezed
from service.history.schema import open_to_write
from service.history.segments import cut
from service.history.shipping import fetch_segments
from service.storage.segments import BlobSegments
from tests.fakes.azurite import Account
from tests.fakes.segments import FakeSegments
from tests.service.cli.test_commands import unwonted
from tests.service.history.seen import ANN, BOB, closed, contents, event, save
from tests.service.storage.blobs import container

BLOB = "snapshot.ndjson.gz"


def history(path: Path) -> dict[int, bytes]:
    """Write a history; returns its segments."""
    save(path, closed([event(0), event(0, actor=BOB)], [event(3)], [event(6, actor=BOB)]))
    connection = open_to_write(path)
    hours = [hour for hour, _ in unshipped(connection)]
    connection.close()
    return {hour: data for hour in hours if (data := cut(path, hour)) is not None}


def config(folder: Path, storage: Account, name: str) -> str:
    snapshots = {
        "kind": "blob", "connection_string": storage.connection_string, "container": name, "blob": BLOB,
    }  # fmt: skip
    file = folder / "unwonted.yaml"
    file.write_text(yaml.safe_dump({"snapshots": snapshots, "history": {"path": str(folder / "history.sqlite")}}))
    return str(file)


@pytest.mark.integration
def test_who_is_forgotten_is_taken_out_of_the_blobs_as_well(tmp_path: Path, storage: Account) -> None:
    name = f"c{uuid4().hex}"
    kept = history(tmp_path / "history.sqlite")

    async def put() -> None:
        async with container(storage, name) as client:
            await client.create_container()
            for hour, data in kept.items():
                await BlobSegments(client, BLOB).put(hour, data, None)

    async def read() -> list[bytes]:
        async with container(storage, name) as client:
            store = BlobSegments(client, BLOB)
            found = [await store.get(one.hour) for one in await store.names()]
            return [unsqueezed(one.data) for one in found if one is not None]

    asyncio.run(put())
    assert sum(ANN.id.encode() in data for data in asyncio.run(read())) == 2
    done = unwonted("identity", "Ann@contoso.com", "--forget", "--yes", "--config", config(tmp_path, storage, name))
    assert done.exit_code == 0, done.output
    assert "blobs: Ann@contoso.com taken out of 2 hours" in done.output
    assert not any(ANN.id.encode() in data for data in asyncio.run(read()))


@pytest.mark.integration
def test_blobs_that_cannot_be_reached_are_said_to_have_it_still(tmp_path: Path, storage: Account) -> None:
    history(tmp_path / "history.sqlite")
    away = storage._replace(connection_string=storage.connection_string.replace(storage.key, "QUJD" * 16))
    done = unwonted("identity", "Ann@contoso.com", "--forget", "--yes", "--config", config(tmp_path, away, "none"))
    assert done.exit_code == 1
    assert "the history in blobs still has Ann@contoso.com: the segments of the history" in done.stderr
    assert storage.key not in done.output


async def test_what_is_missing_is_fetched_once(tmp_path: Path) -> None:
    store = FakeSegments()
    for hour, data in history(tmp_path / "there.sqlite").items():
        await store.put(hour, data, None)
    here = tmp_path / "here.sqlite"
    assert await fetch_segments(store, here) == 3
    assert contents(here) == contents(tmp_path / "there.sqlite")
    assert await fetch_segments(store, here) == 0
