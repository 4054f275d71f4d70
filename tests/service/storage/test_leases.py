"""Leases on files and blobs: one holder at a time, the next when it is gone, and nobody who goes on without one."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from azure.storage.blob import ContainerClient

from service.clock import SystemClock
from service.core.ports import Clock, Lease, LeaseLost, SnapshotFenced
from service.storage.leases import LOCK, BlobLease, FileLease
from service.storage.snapshots import FileSnapshotStore
from tests.fakes.azurite import Account
from tests.fakes.store import kept_in

pytestmark = pytest.mark.integration

Opener = Callable[[], Lease]
system = SystemClock()


class AheadClock(SystemClock):
    """The machine's clock, which a test can let run ahead; whoever sleeps looks again every hundredth of a second."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0.0

    def elapsed(self) -> float:
        return super().elapsed() + self.ahead

    async def sleep(self, seconds: float) -> None:
        await super().sleep(min(seconds, 0.01))


@pytest.fixture(params=["file", "blob"])
def open_lease(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    if request.param == "file":
        return lambda: FileLease(tmp_path / "state", system, seconds=15)
    account: Account = request.getfixturevalue("storage")
    return blob_opener(account.connection_string)


def blob_opener(text: str, clock: Clock = system) -> Opener:
    container = f"c{uuid4().hex}"
    return lambda: BlobLease(
        lambda: ContainerClient.from_connection_string(text, container, retry_total=0, connection_timeout=3),
        "snapshot.lease",
        clock,
        seconds=15,
    )


@asynccontextmanager
async def held(lease: Lease) -> AsyncIterator[None]:
    await asyncio.wait_for(lease.acquire(), 60)
    try:
        yield
    finally:
        await lease.release()


async def test_who_comes_second_waits_until_the_first_gives_it_back(open_lease: Opener) -> None:
    first, second = open_lease(), open_lease()
    await first.acquire()
    waiting = asyncio.ensure_future(second.acquire())
    assert not (await asyncio.wait([waiting], timeout=2.5))[0]
    keeping = asyncio.ensure_future(first.keep())
    assert not (await asyncio.wait([keeping], timeout=0.1))[0]
    keeping.cancel()
    await first.release()
    await asyncio.wait_for(waiting, 60)
    await second.release()
    async with held(open_lease()):
        pass


async def test_who_stops_waiting_does_not_take_it_afterwards(open_lease: Opener) -> None:
    first, second = open_lease(), open_lease()
    async with held(first):
        waiting = asyncio.ensure_future(second.acquire())
        await asyncio.wait([waiting], timeout=1.5)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await second.release()
    async with held(open_lease()):
        pass


async def test_it_is_renewed_while_the_loop_is_busy(open_lease: Opener) -> None:
    lease = open_lease()
    async with held(lease):
        before = lease._until  # type: ignore[attr-defined]
        for _ in range(6_000):
            await asyncio.to_thread(lambda: None)
            if lease._until > before:  # type: ignore[attr-defined]
                break
            await system.sleep(0.01)
        assert lease._until > before  # type: ignore[attr-defined]


async def test_a_holder_whose_lease_is_broken_stops(storage: Account) -> None:
    lease = blob_opener(storage.connection_string)()
    await lease.acquire()
    assert isinstance(lease, BlobLease)
    lease._lease.break_lease(0)
    with pytest.raises(LeaseLost, match="another instance has it"):
        await asyncio.wait_for(lease.keep(), 60)
    await lease.release()


async def test_a_holder_that_cannot_reach_the_service_stops_before_its_lease_ends(storage: Account) -> None:
    clock = AheadClock()
    lease = blob_opener(storage.connection_string, clock)()
    await lease.acquire()
    assert isinstance(lease, BlobLease)
    lease._renew = nobody_answers  # type: ignore[method-assign]
    keeping = asyncio.ensure_future(lease.keep())
    assert not (await asyncio.wait([keeping], timeout=4.0))[0]
    clock.ahead = 10.5
    with pytest.raises(LeaseLost, match="could not be renewed within 15 s: OSError: nobody answers"):
        await asyncio.wait_for(keeping, 60)
    await lease.release()


def nobody_answers() -> None:
    raise OSError("nobody answers")


@pytest.mark.parametrize("wrong", ["AccountKey=d3Jvbmc=;", "BlobEndpoint=http://127.0.0.1:9/x;"])
async def test_what_cannot_be_asked_for_at_all_is_an_error_without_the_key(storage: Account, wrong: str) -> None:
    option = wrong.partition("=")[0]
    parts = [part for part in storage.connection_string.split(";") if not part.startswith(option)]
    with pytest.raises(OSError, match=r"the lease on blob snapshot\.lease cannot be asked for") as caught:
        await asyncio.wait_for(blob_opener(";".join(parts) + wrong)().acquire(), 60)
    assert "d3Jvbmc" not in str(caught.value)


async def test_a_folder_that_cannot_be_written_to_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(OSError, match="cannot be asked for"):
        await FileLease(tmp_path / "state", system, seconds=15).acquire()


async def test_a_lock_file_that_somebody_removes_is_no_lock_any_more(tmp_path: Path) -> None:
    first, second = FileLease(tmp_path, system, seconds=15), FileLease(tmp_path, system, seconds=15)
    await first.acquire()
    waiting = asyncio.ensure_future(second.acquire())
    await asyncio.wait([waiting], timeout=0.5)
    (tmp_path / LOCK).unlink()
    third = FileLease(tmp_path, system, seconds=15)
    await third.acquire()
    with pytest.raises(FileNotFoundError if not (tmp_path / LOCK).exists() else SnapshotFenced):
        first.check()
    with pytest.raises(LeaseLost):
        await asyncio.wait_for(first.keep(), 60)
    await first.release()
    assert not (await asyncio.wait([waiting], timeout=2.0))[0], "the lock that counts is the third's"
    await third.release()
    await asyncio.wait_for(waiting, 60)
    second.check()
    await second.release()


async def test_a_snapshot_is_written_by_who_holds_the_lock_alone(tmp_path: Path) -> None:
    first = FileLease(tmp_path, system, seconds=15)
    store = FileSnapshotStore(tmp_path, first.check)
    with pytest.raises(SnapshotFenced, match="not been locked"):
        await store.save(b"before it is ours")
    await first.acquire()
    await store.save(b"one")
    # As on a volume whose locks do not reach from one machine to another.
    real, fcntl.flock = fcntl.flock, allow
    try:
        second = FileLease(tmp_path, system, seconds=15)
        await second.acquire()
    finally:
        fcntl.flock = real
    with pytest.raises(SnapshotFenced, match="has taken"):
        await store.save(b"two")
    other = FileSnapshotStore(tmp_path, second.check)
    assert await kept_in(other) == [b"one"]
    other.accept()
    await other.save(b"three")
    with pytest.raises(LeaseLost, match="has taken"):
        await asyncio.wait_for(first.keep(), 60)
    assert await kept_in(other) == [b"three", b"one"]
    await first.release()
    await second.release()


def allow(*_: Any) -> None:
    """Grant every lock."""


async def test_the_lock_file_is_for_its_owner_alone_and_follows_no_link(tmp_path: Path) -> None:
    async with held(FileLease(tmp_path / "state", system, seconds=15)):
        assert (tmp_path / "state" / LOCK).stat().st_mode & 0o777 == 0o600
    (tmp_path / "state" / LOCK).unlink()
    os.symlink(tmp_path / "elsewhere", tmp_path / "state" / LOCK)  # noqa: PTH211 - the way it is meant to be read
    with pytest.raises(OSError, match="cannot be asked for"):
        await FileLease(tmp_path / "state", system, seconds=15).acquire()


async def test_whoever_waits_hears_of_an_error_that_nobody_foresaw(tmp_path: Path) -> None:
    class Broken(FileLease):
        def _take(self) -> bool:
            raise ValueError("what nobody foresaw")

    with pytest.raises(OSError, match="what nobody foresaw"):
        await asyncio.wait_for(Broken(tmp_path / "state", system, seconds=15).acquire(), 60)
