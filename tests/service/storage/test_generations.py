"""One snapshot a day is kept, the first of it, for so many days, in a folder and in blobs alike."""

import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest

from service.core.outbox import Outbox
from service.storage.generations import BlobGenerations, FileGenerations, GenerationStore
from service.storage.state import State
from tests.fakes.azurite import Account
from tests.fakes.clock import FakeClock
from tests.fakes.store import FakeStore
from tests.service.core.engine.test_engine import Feed
from tests.service.storage.blobs import container

DAY = date(2026, 3, 1)


@asynccontextmanager
async def opened(kind: str, folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[GenerationStore]:
    if kind == "file":
        yield FileGenerations(folder, 3)
        return
    async with container(request.getfixturevalue("storage")) as client:
        await client.create_container()
        yield BlobGenerations(client, "snapshot", 3)


each_kind = pytest.mark.parametrize("kind", ["file", pytest.param("blob", marks=pytest.mark.integration)])


@each_kind
async def test_the_first_of_each_of_the_last_days_is_kept(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async with opened(kind, tmp_path, request) as store:
        assert list(await store.names()) == []
        for number in range(5):
            for attempt in range(2):
                await store.keep(DAY + timedelta(days=number), b"%d %d" % (number, attempt))
        names = await store.names()
        assert [await store.read(name) for name in names] == [b"4 0", b"3 0", b"2 0"]
        assert [name.partition(".daily-")[2][:10] for name in names] == ["2026-03-05", "2026-03-04", "2026-03-03"]


async def test_a_file_is_its_owners_alone_and_nothing_else_is_touched(tmp_path: Path) -> None:
    (tmp_path / "snapshot.ndjson.gz").write_bytes(b"newest")
    (tmp_path / "snapshot.daily-2026-02-28.ndjson.gz.part").write_bytes(b"half")
    store = FileGenerations(tmp_path, 1)
    for number in range(3):
        await store.keep(DAY + timedelta(days=number), b"kept")
    [name] = await store.names()
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert (tmp_path / "snapshot.ndjson.gz").read_bytes() == b"newest"


async def test_without_a_folder_there_is_none(tmp_path: Path) -> None:
    assert await FileGenerations(tmp_path / "missing", 3).names() == []


@pytest.mark.integration
async def test_an_account_that_cannot_be_reached_is_told_in_one_line(storage: Account) -> None:
    async with container(storage) as client:
        store = BlobGenerations(client, "snapshot", 3)
        assert await store.names() == []
        with pytest.raises(OSError, match="cannot be reached") as caught:
            await store.keep(DAY, b"kept")
        assert "\n" not in str(caught.value)


class Broken(FileGenerations):
    """A folder on a full disk."""

    asked = 0

    async def keep(self, day: date, data: bytes) -> None:
        self.asked += 1
        raise OSError("the disk is full")


async def saving(clock: FakeClock, daily: GenerationStore, hours: int) -> list[str]:
    """Save every half hour; returns what came of it."""
    outcomes: list[str] = []
    state = State(
        Feed().engine,
        outbox=Outbox(),
        store=FakeStore(clock),
        clock=clock,
        observer=lambda saved: outcomes.append(saved.outcome),
        daily=daily,
    )
    for _ in range(2 * hours):
        await state.save()
        await clock.advance(1800.0)
    return outcomes


async def test_a_state_keeps_the_first_that_it_saves_on_a_day(tmp_path: Path) -> None:
    clock = FakeClock()
    daily = FileGenerations(tmp_path, 9)
    assert set(await saving(clock, daily, 48)) == {"saved"}
    assert len(await daily.names()) in {2, 3}


async def test_what_cannot_be_kept_holds_nothing_up_and_is_tried_again_in_an_hour(tmp_path: Path) -> None:
    daily = Broken(tmp_path, 9)
    outcomes = await saving(FakeClock(), daily, 6)
    assert outcomes.count("saved") == 12
    assert outcomes.count("not_kept") == daily.asked == 6
