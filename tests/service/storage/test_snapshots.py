"""Both stores: the newest readable generation survives whatever happens to the process, the disk or the network."""

import errno
import os
import resource
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.outbox import Outbox
from service.core.ports import SnapshotStore
from service.storage.snapshots import CURRENT, PREVIOUS, SET_ASIDE, BlobSnapshotStore, FileSnapshotStore
from service.storage.state import Saved, State
from tests.fakes.clock import FakeClock
from tests.fakes.store import FakeStore, begun_with, kept_in
from tests.service.storage.blobs import container


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


Opener = Callable[[], SnapshotStore]


@asynccontextmanager
async def opener(kind: str, folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[Opener]:
    """Yield what opens a store in a place of its own, as each life of the service does."""
    if kind == "blob":
        async with container(request.getfixturevalue("storage")) as client:
            yield lambda: BlobSnapshotStore(client, "snapshot")
    elif kind == "fake":
        place: dict[str, bytes] = {}
        yield lambda: FakeStore(FakeClock(), kept=place)
    else:
        yield lambda: FileSnapshotStore(folder / "deep" / "state")


@pytest.fixture(params=["file", "fake", pytest.param("blob", marks=pytest.mark.integration)])
async def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opener]:
    async with opener(request.param, tmp_path, request) as opened:
        yield opened


async def test_the_newest_and_the_one_before_are_kept(open_store: Opener) -> None:
    store = open_store()
    assert await kept_in(store) == []
    for data in (b"one", b"two", b"three"):
        await store.save(data)
    assert await kept_in(open_store()) == [b"three", b"two"]


async def test_what_a_life_began_with_is_kept_until_the_next_one_begins(open_store: Opener) -> None:
    store = open_store()
    await kept_in(store)
    for data in (b"one", b"two"):
        await store.save(data)
    second = open_store()
    await begun_with(second, b"two")
    await second.save(b"three")
    assert await kept_in(open_store()) == [b"three", b"two"]
    await second.save(b"four")
    await second.save(b"five")
    assert await kept_in(open_store()) == [b"five", b"four", b"two"]
    third = open_store()
    await begun_with(third, b"five")
    await third.save(b"six")
    assert await kept_in(open_store()) == [b"six", b"five"]


@pytest.mark.parametrize("usable", [b"five", b"four", b"two"])
async def test_what_could_not_be_loaded_replaces_nothing_that_could(open_store: Opener, usable: bytes) -> None:
    store = open_store()
    await kept_in(store)
    await store.save(b"two")
    store = open_store()
    await begun_with(store, b"two")
    for data in (b"three", b"four", b"five"):
        await store.save(data)
    assert await kept_in(open_store()) == [b"five", b"four", b"two"]
    again = open_store()
    await begun_with(again, usable)
    assert await kept_in(open_store()) == [b"five", b"four", b"two"]
    await again.save(b"six")
    assert await kept_in(open_store()) == [b"six", usable]
    await again.save(b"seven")
    assert await kept_in(open_store()) == [b"seven", b"six", usable]


async def test_what_nobody_has_loaded_replaces_nothing(open_store: Opener) -> None:
    store = open_store()
    await kept_in(store)
    for data in (b"one", b"two"):
        await store.save(data)
    stranger = open_store()
    await kept_in(stranger)
    await stranger.save(b"three")
    assert await kept_in(open_store()) == [b"three", b"one"]


async def test_what_cannot_be_used_is_set_aside_for_people_and_makes_room_in_the_end(tmp_path: Path) -> None:
    store = FileSnapshotStore(tmp_path)
    await store.save(b"good")
    for number in range(SET_ASIDE + 2):
        store = FileSnapshotStore(tmp_path)
        (tmp_path / f"{CURRENT}.new").write_bytes(b"bad %d" % number)
        await begun_with(store, b"good")
        await store.save(b"good")
    aside = [(tmp_path / name).read_bytes() for name in names(tmp_path) if ".set-aside-" in name]
    assert aside == [b"bad %d" % number for number in range(2, SET_ASIDE + 2)]


@pytest.mark.parametrize("left", [b"", b"hal"])
async def test_half_of_a_snapshot_that_a_killed_process_left_is_not_offered(tmp_path: Path, left: bytes) -> None:
    store = FileSnapshotStore(tmp_path)
    for data in (b"two", b"three"):
        await store.save(data)
    (tmp_path / f"{CURRENT}.part").write_bytes(left)
    assert await kept_in(store) == [b"three", b"two"]
    await begun_with(store, b"three")
    await store.save(b"five")
    assert await kept_in(store) == [b"five", b"three"]


async def test_a_process_killed_between_the_renames_leaves_the_newest_to_be_found(tmp_path: Path) -> None:
    store = FileSnapshotStore(tmp_path)
    for data in (b"two", b"three"):
        await store.save(data)
    (tmp_path / f"{CURRENT}.new").write_bytes(b"four")
    (tmp_path / CURRENT).replace(tmp_path / PREVIOUS)
    again = FileSnapshotStore(tmp_path)
    assert await kept_in(again) == [b"four", b"three"]
    await begun_with(again, b"four")
    await again.save(b"five")
    assert await kept_in(again) == [b"five", b"four"]


async def test_snapshots_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    store = FileSnapshotStore(folder)
    await store.save(b"one")
    (folder / CURRENT).chmod(0o644)  # as earlier versions wrote it
    (folder / f"{CURRENT}.new").write_bytes(b"bad")
    store = FileSnapshotStore(folder)
    await begun_with(store, b"one")
    for data in (b"two", b"three"):
        await store.save(data)
    assert len(names(folder)) == 4
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


async def test_nobody_can_lead_a_snapshot_elsewhere_with_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"mine")
    (tmp_path / f"{CURRENT}.part").symlink_to(tmp_path / "elsewhere")
    await FileSnapshotStore(tmp_path).save(b"one")
    assert (tmp_path / "elsewhere").read_bytes() == b"mine"
    assert await kept_in(FileSnapshotStore(tmp_path)) == [b"one"]


async def test_what_is_read_again_otherwise_than_it_was_written_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileSnapshotStore(tmp_path)
    await store.save(b"one")

    def rots(descriptor: int, size: int) -> bytes:
        return read(descriptor, size).replace(b"w", b"v")

    read = os.read
    with monkeypatch.context() as patched:
        patched.setattr(os, "read", rots)
        with pytest.raises(OSError, match="not what is read again"):
            await store.save(b"two")
    assert await kept_in(store) == [b"one"]
    assert names(tmp_path) == [CURRENT]


async def test_a_folder_that_people_have_emptied_is_written_to_again(tmp_path: Path) -> None:
    store = FileSnapshotStore(tmp_path)
    for data in (b"one", b"two"):
        await store.save(data)
    for name in names(tmp_path):
        (tmp_path / name).unlink()
    await store.save(b"three")
    assert await kept_in(store) == [b"three"]


async def test_a_full_disk_leaves_what_there_was(tmp_path: Path) -> None:
    store = FileSnapshotStore(tmp_path)
    await store.save(b"old")
    with full_disk(100), pytest.raises(OSError) as caught:  # noqa: PT011 - which one it is, is checked below
        await store.save(b"x" * 10_000)
    assert caught.value.errno == errno.EFBIG
    assert await kept_in(store) == [b"old"]
    assert names(tmp_path) == [CURRENT]
    await store.save(b"new")
    assert await kept_in(store) == [b"new", b"old"]


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
