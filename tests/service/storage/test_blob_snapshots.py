"""Snapshots in blobs, in Azurite: a second writer is found out, and a network that fails loses nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.storage.blob.aio import ContainerClient
from yarl import URL

from service.core.ports import SnapshotFenced
from service.storage.snapshots import SET_ASIDE, BlobSnapshotStore
from tests.fakes.azurite import Account
from tests.fakes.store import begun_with, kept_in
from tests.service.storage.blobs import container

pytestmark = pytest.mark.integration


async def test_a_blob_that_cannot_be_used_is_set_aside_for_people(storage: Account) -> None:
    async with container(storage) as client:
        store = BlobSnapshotStore(client, "snapshot")
        await kept_in(store)
        await store.save(b"good")
        for number in range(SET_ASIDE + 2):
            await client.upload_blob("snapshot", b"bad %d" % number, overwrite=True)
            store = BlobSnapshotStore(client, "snapshot")
            if number == 0:
                await client.upload_blob("snapshot.previous", b"good")
            await begun_with(store, b"good")
            await store.save(b"good")
        names = [name async for name in client.list_blob_names(name_starts_with="snapshot.set-aside-")]
        aside = sorted([await (await client.download_blob(name)).readall() for name in names])
    assert aside == [b"bad %d" % number for number in range(2, SET_ASIDE + 2)]


async def test_a_second_writer_is_found_out_at_its_first_save(storage: Account) -> None:
    async with container(storage) as client:
        first, second = BlobSnapshotStore(client, "snapshot"), BlobSnapshotStore(client, "snapshot")
        assert await kept_in(first) == await kept_in(second) == []
        await first.save(b"from the first")
        with pytest.raises(SnapshotFenced):
            await second.save(b"from the second")
        await begun_with(second, b"from the first")
        await second.save(b"from the second")
        with pytest.raises(SnapshotFenced):
            await first.save(b"from the first again")
        assert await kept_in(second) == [b"from the second", b"from the first"]


async def test_a_wrong_key_is_an_error_without_the_key(storage: Account) -> None:
    wrong = "b25seSBhIHRlc3QsIGJ1dCBsb25nIGVub3VnaA=="
    text = storage.connection_string.replace(storage.key, wrong)
    async with ContainerClient.from_connection_string(text, "unwonted", retry_total=0) as client:
        with pytest.raises(OSError, match="cannot be read") as caught:
            await kept_in(BlobSnapshotStore(client, "snapshot"))
    assert wrong not in str(caught.value)


async def test_a_service_that_is_away_is_an_os_error_and_nothing_is_lost(storage: Account) -> None:
    async with gateway(storage) as (proxy, text), ContainerClient.from_connection_string(text, "away") as client:
        store = BlobSnapshotStore(client, "snapshot")
        await kept_in(store)
        await store.save(b"one")
        proxy.broken = True
        with pytest.raises(OSError, match="cannot be written"):
            await store.save(b"two")
        proxy.broken = False
        await store.save(b"three")
        assert (await kept_in(store))[0] == b"three"


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
        await kept_in(store)
        if not first:
            await store.save(b"before")
        proxy.lose_answers_of_puts = 1
        await store.save(b"written twice")
        assert proxy.lose_answers_of_puts == 0
        await store.save(b"after")
        assert await kept_in(store) == [b"after", b"written twice"]


async def test_a_put_that_failed_and_yet_arrived_is_not_taken_for_another_writers(
    storage: Account,
) -> None:
    name = f"c{uuid4().hex}"
    async with (
        gateway(storage) as (proxy, text),
        ContainerClient.from_connection_string(text, name, retry_total=0) as client,
    ):
        store = BlobSnapshotStore(client, "snapshot")
        await kept_in(store)
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
        assert (await kept_in(store))[0] == b"four"


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
