"""Segments as blobs: a container that is not there, or not ours; what is kept in one is seen in `test_shipping`."""

import pytest

from service.storage.segments import BlobSegments
from tests.fakes.azurite import Account
from tests.service.storage.blobs import container

pytestmark = pytest.mark.integration


async def test_where_there_is_no_container_there_are_no_segments_and_none_can_be_put(storage: Account) -> None:
    async with container(storage) as client:
        store = BlobSegments(client, "snapshot")
        assert await store.names() == []
        assert await store.get(0) is None
        with pytest.raises(OSError, match=r"blobs snapshot\.history/… in container .* cannot be reached"):
            await store.put(0, b"x", None)


async def test_who_may_not_is_told_so_without_the_key(storage: Account) -> None:
    stranger = storage._replace(connection_string=storage.connection_string.replace(storage.key, "QUJD" * 16))
    async with container(stranger) as client:
        store = BlobSegments(client, "snapshot")
        for asked in (store.names, lambda: store.get(0), lambda: store.put(0, b"", "x"), lambda: store.delete(0, "x")):
            with pytest.raises(OSError, match="failed to authenticate") as refused:
                await asked()
            assert "QUJD" not in str(refused.value)


async def test_what_is_no_segment_is_passed_over(storage: Account) -> None:
    async with container(storage) as client:
        await client.create_container()
        folder = "snapshot.history"
        names = ("readme.txt", "2026-02-30T09.sqlite.zst", "0000-01-01T25.sqlite.zst", "2026-03-01T09.sqlite.zst")
        for name in ("snapshot", *(f"{folder}/{one}" for one in names)):
            await client.upload_blob(name, b"x")
        [one] = await BlobSegments(client, "snapshot").names()
        assert one.hour == 1772355600
