"""The contract of a journal's store, of the file and the blobs alike; and what is peculiar to each."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from azure.storage.blob.aio import ContainerClient

from service.core.ports import VerdictStore
from service.verdicts.stores import BlobVerdictStore, FileVerdictStore
from tests.fakes.azurite import Account
from tests.service.storage.blobs import container


@asynccontextmanager
async def opened(kind: str, folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[list[VerdictStore]]:
    """Open the same journal three times, as service, console and command line do."""
    if kind == "file":
        yield [FileVerdictStore(folder / "deep" / "verdicts.ndjson") for _ in range(3)]
        return
    async with container(request.getfixturevalue("storage")) as client:
        yield [BlobVerdictStore(client, "snapshot.verdicts") for _ in range(3)]


each_kind = pytest.mark.parametrize("kind", ["file", pytest.param("blob", marks=pytest.mark.integration)])


@each_kind
async def test_what_was_appended_by_anybody_is_read_by_everybody(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async with opened(kind, tmp_path, request) as (one, other, third):
        assert await one.read() == ()
        await one.append("1.json", b"first\n")
        await other.append("2.json", b"second\n")
        for store in (one, other, third):
            assert [line.strip() for _, line in await store.read()] == [b"first", b"second"]


@each_kind
async def test_while_nothing_is_added_it_is_the_very_same(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async with opened(kind, tmp_path, request) as (one, other, _):
        await one.append("1.json", b"first\n")
        before = await one.read()
        assert await one.read() is before
        await other.append("2.json", b"second\n")
        assert len(await one.read()) == 2


@each_kind
async def test_many_at_once_lose_nothing(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    async with opened(kind, tmp_path, request) as stores:

        async def give(number: int, store: VerdictStore) -> None:
            for at in range(5):
                await store.append(f"{number}-{at}.json", b"%d-%d\n" % (number, at))

        await asyncio.gather(*(give(number, store) for number, store in enumerate(stores)))
        lines = sorted(line.strip() for _, line in await stores[0].read())
        assert lines == sorted(b"%d-%d" % (number, at) for number in range(3) for at in range(5))


@each_kind
async def test_each_place_is_named(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    async with opened(kind, tmp_path, request) as (one, *_):
        await one.append("1.json", b"first\n")
        [(place, _)] = await one.read()
        assert place == {"file": "verdicts.ndjson: line 1", "blob": "snapshot.verdicts/1.json"}[kind]


async def test_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    store = FileVerdictStore(tmp_path / "deep" / "verdicts.ndjson")
    await store.append("", b"first\n")
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


async def test_half_a_line_of_who_died_swallows_nobody_elses(tmp_path: Path) -> None:
    store = FileVerdictStore(tmp_path / "verdicts.ndjson")
    store.path.write_bytes(b"first\nhalf of the sec")
    await store.append("", b"third\n")
    assert [line for _, line in await store.read()] == [b"first", b"half of the sec", b"third"]


async def test_neither_a_link_nor_a_folder_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"")
    (tmp_path / "link").symlink_to("elsewhere")
    for name in ("link", "."):
        with pytest.raises(OSError, match=r"symbolic links|directory"):
            await FileVerdictStore(tmp_path / name).append("", b"first\n")
    assert (tmp_path / "elsewhere").read_bytes() == b""


async def test_a_disk_that_takes_only_half_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, write = FileVerdictStore(tmp_path / "verdicts.ndjson"), os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    with pytest.raises(OSError, match="only 3 of 6 bytes were written"):
        await store.append("", b"first\n")
    monkeypatch.undo()
    await store.append("", b"first\n")
    assert [line for _, line in await store.read()] == [b"fir", b"first"]


async def test_a_file_that_cannot_be_read_is_no_empty_one(tmp_path: Path) -> None:
    (tmp_path / "verdicts.ndjson").mkdir()
    with pytest.raises(OSError, match="directory"):
        await FileVerdictStore(tmp_path / "verdicts.ndjson").read()


@pytest.mark.integration
async def test_a_blob_is_written_once_and_never_changed(storage: Account) -> None:
    async with container(storage) as client:
        store = BlobVerdictStore(client, "snapshot.verdicts")
        await store.append("1.json", b"first\n")
        await store.append("1.json", b"other\n")
        assert await store.read() == (("snapshot.verdicts/1.json", b"first\n"),)


@pytest.mark.integration
async def test_a_wrong_key_is_told_without_the_key(storage: Account) -> None:
    wrong = "b25seSBhIHRlc3QsIGJ1dCBsb25nIGVub3VnaA=="
    text = storage.connection_string.replace(storage.key, wrong)
    async with ContainerClient.from_connection_string(text, "unwonted", retry_total=0) as client:
        store = BlobVerdictStore(client, "snapshot.verdicts")
        for doing, attempt in (("read", store.read()), ("written", store.append("1.json", b"first\n"))):
            with pytest.raises(OSError, match=f"cannot be {doing}") as caught:
                await attempt
            assert wrong not in str(caught.value)
            assert "\n" not in str(caught.value)
