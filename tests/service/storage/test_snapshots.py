"""Both stores: the newest readable generation survives whatever happens to the process, the disk or the network."""

import asyncio
import errno
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.storage.blob.aio import ContainerClient
from yarl import URL

from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.outbox import Outbox
from service.core.ports import SnapshotFenced, SnapshotStore
from service.storage.snapshots import CURRENT, PREVIOUS, BlobSnapshotStore, FileSnapshotStore
from service.storage.state import Saved, State
from tests.fakes.azurite import Account
from tests.fakes.clock import FakeClock


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """Let no file grow beyond `room` bytes: a write then fails as on a full disk, but for the number of the error."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_folder_keeps_the_newest_and_the_one_before(tmp_path: Path) -> None:
    store = FileSnapshotStore(tmp_path / "deep" / "state")
    assert await store.load() == []
    for data in (b"one", b"two", b"three"):
        await store.save(data)
    assert await store.load() == [b"three", b"two"]
    assert await FileSnapshotStore(tmp_path / "deep" / "state").load() == [b"three", b"two"]
    assert names(tmp_path / "deep" / "state") == [CURRENT, PREVIOUS]


@pytest.mark.parametrize("left", [b"", b"hal", b"four"])
async def test_a_process_killed_before_the_renames_leaves_both_generations(tmp_path: Path, left: bytes) -> None:
    store = FileSnapshotStore(tmp_path)
    for data in (b"two", b"three"):
        await store.save(data)
    (tmp_path / f"{CURRENT}.new").write_bytes(left)
    assert await store.load() == [b"three", b"two"]
    await store.save(b"five")
    assert await store.load() == [b"five", b"three"]


async def test_a_process_killed_between_the_renames_leaves_the_one_before(tmp_path: Path) -> None:
    store = FileSnapshotStore(tmp_path)
    for data in (b"two", b"three"):
        await store.save(data)
    (tmp_path / f"{CURRENT}.new").write_bytes(b"four")
    (tmp_path / CURRENT).replace(tmp_path / PREVIOUS)
    assert await store.load() == [b"three"]
    await store.save(b"five")
    assert await store.load() == [b"five", b"three"]


async def test_a_full_disk_leaves_what_there_was(tmp_path: Path) -> None:
    store = FileSnapshotStore(tmp_path)
    await store.save(b"old")
    with full_disk(100), pytest.raises(OSError) as caught:  # noqa: PT011 - which one it is, is checked below
        await store.save(b"x" * 10_000)
    assert caught.value.errno == errno.EFBIG
    assert await store.load() == [b"old"]
    assert names(tmp_path) == [CURRENT]
    await store.save(b"new")
    assert await store.load() == [b"new", b"old"]


async def test_a_folder_that_is_none_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        await FileSnapshotStore(tmp_path / "file" / "state").save(b"data")


async def test_a_damaged_file_gives_way_to_the_generation_before_and_is_told_of(tmp_path: Path) -> None:
    notes: list[Saved] = []
    store = FileSnapshotStore(tmp_path)
    engine = Engine(Options(), [])
    state = State(engine, Outbox(), store, FakeClock(), notes.append)
    engine.records = 1
    await state.save()
    engine.records = 2
    await state.save()
    newest = tmp_path / CURRENT
    newest.write_bytes(newest.read_bytes()[:-9])
    restored = State(Engine(Options(), []), Outbox(), store, FakeClock(), notes.append)
    assert await restored.restore()
    assert restored.engine.records == 1
    assert [note.outcome for note in notes] == ["saved", "saved", "unreadable", "restored"]
    assert "damaged" in notes[2].reason


async def test_a_save_that_fails_is_told_of_and_tried_again(tmp_path: Path) -> None:
    notes: list[Saved] = []
    engine = Engine(Options(), [])
    engine.records = 10**400
    state = State(engine, Outbox(), FileSnapshotStore(tmp_path), FakeClock(), notes.append)
    with full_disk(10):
        assert await state.save() is None
    assert state.changed
    assert notes[0].outcome == "failed"
    assert notes[0].reason == "File too large"
    assert await state.save() is not None
    assert not state.changed


@asynccontextmanager
async def container(storage: Account, name: str = "") -> AsyncIterator[ContainerClient]:
    async with ContainerClient.from_connection_string(storage.connection_string, name or f"c{uuid4().hex}") as client:
        yield client


@pytest.mark.integration
async def test_a_blob_keeps_the_newest_and_the_one_before(storage: Account) -> None:
    async with container(storage) as client:
        store: SnapshotStore = BlobSnapshotStore(client, "snapshot")
        assert await store.load() == []
        for data in (b"one", b"two", b"three"):
            await store.save(data)
        assert await store.load() == [b"three", b"two"]
        again = BlobSnapshotStore(client, "snapshot")
        assert await again.load() == [b"three", b"two"]
        await again.save(b"four")
        assert await again.load() == [b"four", b"three"]


@pytest.mark.integration
async def test_a_second_writer_is_found_out_at_its_first_save(storage: Account) -> None:
    async with container(storage) as client:
        first, second = BlobSnapshotStore(client, "snapshot"), BlobSnapshotStore(client, "snapshot")
        assert await first.load() == await second.load() == []
        await first.save(b"from the first")
        with pytest.raises(SnapshotFenced):
            await second.save(b"from the second")
        await second.load()
        await second.save(b"from the second")
        with pytest.raises(SnapshotFenced):
            await first.save(b"from the first again")
        assert await second.load() == [b"from the second", b"from the first"]


@pytest.mark.integration
async def test_a_wrong_key_is_an_error_without_the_key(storage: Account) -> None:
    wrong = "b25seSBhIHRlc3QsIGJ1dCBsb25nIGVub3VnaA=="
    text = storage.connection_string.replace(storage.key, wrong)
    async with ContainerClient.from_connection_string(text, "unwonted", retry_total=0) as client:
        with pytest.raises(OSError, match="cannot be read") as caught:
            await BlobSnapshotStore(client, "snapshot").load()
    assert wrong not in str(caught.value)


@pytest.mark.integration
async def test_a_service_that_is_away_is_an_os_error_and_nothing_is_lost(storage: Account) -> None:
    async with gateway(storage) as (proxy, text), ContainerClient.from_connection_string(text, "away") as client:
        store = BlobSnapshotStore(client, "snapshot")
        await store.load()
        await store.save(b"one")
        proxy.broken = True
        with pytest.raises(OSError, match="cannot be written"):
            await store.save(b"two")
        proxy.broken = False
        await store.save(b"three")
        assert (await store.load())[0] == b"three"


@pytest.mark.integration
@pytest.mark.parametrize("first", [True, False])
async def test_a_put_whose_answer_was_lost_meets_its_own_write_and_goes_on(storage: Account, first: bool) -> None:
    name = f"c{uuid4().hex}"
    async with (
        gateway(storage) as (proxy, text),
        ContainerClient.from_connection_string(
            text, name, retry_total=3, initial_backoff=0.1, increment_base=1
        ) as client,
    ):
        store = BlobSnapshotStore(client, "snapshot")
        await store.load()
        if not first:
            await store.save(b"before")
        proxy.lose_answers_of_puts = 1
        await store.save(b"written twice")
        assert proxy.lose_answers_of_puts == 0
        await store.save(b"after")
        assert await store.load() == [b"after", b"written twice"]


@pytest.mark.integration
async def test_a_put_that_failed_and_yet_arrived_is_not_taken_for_another_writers(
    storage: Account,
) -> None:
    name = f"c{uuid4().hex}"
    async with (
        gateway(storage) as (proxy, text),
        ContainerClient.from_connection_string(text, name, retry_total=0) as client,
    ):
        store = BlobSnapshotStore(client, "snapshot")
        await store.load()
        await store.save(b"one")
        proxy.lose_answers_of_puts = 9
        with pytest.raises(OSError, match="cannot be written"):
            await store.save(b"two")
        proxy.lose_answers_of_puts = 0
        proxy.broken = True
        with pytest.raises(OSError, match="cannot be written"):
            await store.save(b"three")
        proxy.broken = False
        await store.save(b"four")
        assert (await store.load())[0] == b"four"


class Gateway:
    """Stands between client and storage: passes everything on, loses answers when told to."""

    def __init__(self, target: URL) -> None:
        self.broken = False
        self.lose_answers_of_puts = 0
        self._target = target

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self.broken:
            return web.Response(status=403, text="no")
        url = self._target.join(request.rel_url)
        async with (
            aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=_ADDED) as session,
            session.request(request.method, url, headers=request.headers, data=body or None) as reply,
        ):
            content = await reply.read()
            headers = {key: value for key, value in reply.headers.items() if key.lower() not in _HOP_BY_HOP}
            if request.method == "PUT" and request.path.endswith("/snapshot") and self.lose_answers_of_puts:
                self.lose_answers_of_puts -= 1
                assert request.transport is not None
                request.transport.abort()
                await asyncio.Event().wait()
            return web.Response(status=reply.status, headers=headers, body=content)


_ADDED = ["Content-Type", "Accept-Encoding", "User-Agent"]  # they would spoil the signature
_HOP_BY_HOP = {"content-length", "transfer-encoding", "connection", "keep-alive"}


@asynccontextmanager
async def gateway(storage: Account) -> AsyncIterator[tuple[Gateway, str]]:
    address = storage.connection_string.partition("BlobEndpoint=")[2].rstrip(";")
    proxy = Gateway(URL(address).origin())
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", proxy.answer)
    async with TestServer(app, handler_cancellation=True) as server:
        own = str(URL(address).with_port(server.port))
        yield proxy, storage.connection_string.replace(address, own)
