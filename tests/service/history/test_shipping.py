"""A history that outlives its file: shipped as it changes, fetched by the next life, forgotten there as well."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.core.ports import FoundSegment, SegmentChanged, SegmentStore
from service.history import segments as segments_module
from service.history.changes import hour_of
from service.history.file import HistoryFile
from service.history.packing import squeezed, unsqueezed
from service.history.recorder import Gathering, Recorder
from service.history.retention import HistoryLimits, trim
from service.history.schema import SCHEMA_VERSION, open_to_write
from service.history.shipping import Shipping, ShippingPace, fetch_segments, forget_in_segments
from service.history.values import HistoryEntry, Restored
from service.storage.segments import BlobSegments
from tests.fakes.alerts import alert, outage
from tests.fakes.azurite import Account
from tests.fakes.clock import MONDAY_MORNING, FakeClock
from tests.fakes.notices import notice
from tests.fakes.segments import FakeSegments
from tests.service.history.seen import ANN, BOB, HOUR, closed, contents, event
from tests.service.storage.blobs import container

QUICK = Gathering(gather=0.0)
EVERY = 60.0
FIRST = int(MONDAY_MORNING.timestamp())
LIMITS = HistoryLimits()


class Rounds(FakeClock):
    """Knows when somebody has nothing to do until the next time."""

    def __init__(self) -> None:
        super().__init__()
        self.idle = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        if seconds >= EVERY:
            self.idle.set()
        await super().sleep(seconds)


class Life:
    """A recorder and what ships its history, in a folder of their own."""

    def __init__(self, folder: Path, store: SegmentStore, limits: HistoryLimits, clock: Rounds) -> None:
        self.path = folder / "history.sqlite"
        self.clock = clock
        self.recorder = Recorder(HistoryFile(self.path, limits), QUICK)
        self.shipping = Shipping(self.path, store, self.recorder, limits, clock, ShippingPace(EVERY, 30.0))

    def write(self, *entries: HistoryEntry) -> None:
        self.recorder.record(entries)
        assert self.recorder.drain(30.0)


@asynccontextmanager
async def living(
    folder: Path, store: SegmentStore, limits: HistoryLimits = LIMITS, *, runs: bool = False
) -> AsyncIterator[Life]:
    """Let one live, and end in order."""
    life = Life(folder, store, limits, Rounds())
    running = asyncio.create_task(life.shipping.run()) if runs else None
    try:
        yield life
    finally:
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        life.recorder.close(30.0)


async def rounds(life: Life, count: int = 2) -> None:
    """Wait until it has been looked so often what has changed, once more than it had been."""
    await asyncio.wait_for(life.clock.idle.wait(), 60)
    for _ in range(count):
        life.clock.idle.clear()
        await life.clock.advance(EVERY)
        await asyncio.wait_for(life.clock.idle.wait(), 60)


def everything() -> list[HistoryEntry]:
    seen = closed([event(0), event(0, actor=BOB)], [event(3), event(3, actor=BOB)], [event(30)])
    return [*seen, alert(), outage(1), notice()]


@pytest.fixture
async def blobs(storage: Account) -> AsyncIterator[BlobSegments]:
    async with container(storage) as client:
        await client.create_container()
        yield BlobSegments(client, "snapshot.ndjson.gz")


async def test_a_pod_that_has_lost_its_disk_has_its_history_again(tmp_path: Path) -> None:
    store = FakeSegments()
    await _outlives(tmp_path, store)
    assert all(hour == hour_of(hour) for hour in store.kept)


@pytest.mark.integration
async def test_so_it_is_with_blobs(tmp_path: Path, blobs: BlobSegments) -> None:
    await _outlives(tmp_path, blobs)
    first, *_ = await blobs.names()
    for tag in (None, "0x8D0000000000000"):
        with pytest.raises(SegmentChanged):
            await blobs.put(first.hour, b"", tag)
    with pytest.raises(SegmentChanged):
        await blobs.delete(first.hour, "0x8D0000000000000")
    await blobs.delete(first.hour, first.tag)
    assert first.hour not in {one.hour for one in await blobs.names()}
    assert await blobs.get(first.hour) is None


async def _outlives(tmp_path: Path, store: SegmentStore) -> None:
    async with living(tmp_path / "one", store) as one:
        one.write(*everything())
        await one.shipping.finish()
    async with living(tmp_path / "two", store, runs=True) as two:
        two.write(Restored(MONDAY_MORNING + 100 * HOUR, 100, HOUR))
        await rounds(two)
        assert contents(two.path) == contents(one.path)
        two.write(*closed([event(300)]), alert(revision=2))
        await rounds(two)
        two.write(*closed([event(400)]))
        await two.shipping.finish()
    async with living(tmp_path / "three", store, runs=True) as three:
        await rounds(three)
        assert contents(three.path) == contents(two.path)


async def test_what_is_unchanged_is_not_shipped_again(tmp_path: Path) -> None:
    store = FakeSegments()
    async with living(tmp_path / "one", store, runs=True) as one:
        one.write(*everything())
        await rounds(one)
        puts = store.puts
        assert puts == len(store.kept) == 3
        await rounds(one, 5)
        assert store.puts == puts
        one.write(alert(revision=2))
        await rounds(one)
        assert store.puts == puts + 1


async def test_an_hour_that_goes_on_changing_is_left_to_settle_but_not_for_ever(tmp_path: Path) -> None:
    store = FakeSegments()
    async with living(tmp_path / "one", store, runs=True) as one:
        await rounds(one, 1)
        for look in range(12):
            one.write(alert(revision=look + 1))
            await rounds(one, 1)
            assert store.puts == (0 if look < 10 else 1), look
        await rounds(one)
        assert store.puts == 2, "when it is quiet, what has changed since is shipped, too"


async def test_an_hour_is_not_shipped_before_what_its_segment_holds_is_known_here(tmp_path: Path) -> None:
    store = FakeSegments()
    async with living(tmp_path / "one", store) as one:
        one.write(*closed([event(0)]))
        await one.shipping.finish()
    async with living(tmp_path / "two", store) as two:
        two.write(*closed([event(0, actor=BOB)]))
        await two.shipping.finish()
        assert {row[0] for row in contents(two.path)["identities"]} == {ANN.id, BOB.id}
    async with living(tmp_path / "three", store, runs=True) as three:
        await rounds(three)
        assert contents(three.path) == contents(two.path)


async def test_two_that_ship_at_once_lose_nothing(tmp_path: Path) -> None:
    store = FakeSegments()
    async with living(tmp_path / "one", store) as one, living(tmp_path / "two", store) as two:
        for life, actor in ((one, ANN), (two, BOB), (one, ANN._replace(id="t/eve"))):
            life.write(*closed([event(0, actor=actor)]))
            await life.shipping.finish()
            await life.shipping.finish()  # the first may only find out that the other was quicker
    async with living(tmp_path / "three", store, runs=True) as three:
        await rounds(three)
        assert {row[0] for row in contents(three.path)["identities"]} == {ANN.id, BOB.id, "t/eve"}


async def test_a_store_that_is_away_costs_one_line_and_is_tried_again(tmp_path: Path) -> None:
    store = FakeSegments()
    store.away = True
    with capture_logs() as logs:
        async with living(tmp_path / "one", store, runs=True) as one:
            one.write(*everything())
            await rounds(one, 3)
            assert (bool(store.kept), one.shipping.is_failing, one.shipping.unshipped > 0) == (False, True, True)
            store.away = False
            await rounds(one)
            assert store.kept
            assert (one.shipping.is_failing, one.shipping.unshipped) == (False, 0)
    said = [line["event"] for line in logs]
    assert [said.count(one) for one in ("history_not_shipped", "history_shipped_again")] == [1, 1]


async def test_a_bug_in_it_is_said_and_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FakeSegments()
    with capture_logs() as logs:
        async with living(tmp_path / "one", store, runs=True) as one:
            with monkeypatch.context() as broken:
                broken.setattr(store, "names", lambda: 1 // 0)
                one.write(alert())
                await rounds(one)
            await rounds(one)
    assert [line["event"] for line in logs][:2] == ["history_not_shipped", "history_shipped_again"]


async def test_what_is_older_than_a_history_reaches_back_is_deleted_and_not_fetched(tmp_path: Path) -> None:
    store = FakeSegments()
    async with living(tmp_path / "one", store) as one:
        one.write(*closed([event(0)], [event(24 * 9)], [event(24 * 10)]))
        await one.shipping.finish()
    assert len(store.kept) == 3
    async with living(tmp_path / "two", store, HistoryLimits(days=5.0), runs=True) as two:
        await rounds(two)
        assert len(store.kept) == 2
        assert len(contents(two.path)["hours"]) == 2


async def test_no_more_is_fetched_than_there_is_room_for_the_newest_first(tmp_path: Path) -> None:
    store = FakeSegments()
    async with living(tmp_path / "one", store) as one:
        one.write(*closed([event(0)], [event(30)], [event(60)]))
        await one.shipping.finish()
    async with living(tmp_path / "two", store, HistoryLimits(most_bytes=1), runs=True) as two:
        await rounds(two)
        assert contents(two.path)["hours"] == []
        assert len(store.kept) == 3, "what is not here stays there"


async def test_a_segment_that_cannot_be_used_costs_itself_and_one_of_a_newer_version_is_left_alone(
    tmp_path: Path,
) -> None:
    store = FakeSegments()
    newer = tmp_path / "newer.sqlite"
    open_to_write(newer).close()
    with closing(sqlite3.connect(newer, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    theirs = FoundSegment(squeezed(newer.read_bytes()), "n")
    store.kept = {FIRST: FoundSegment(b"damaged", "d"), FIRST + 3 * 3_600: theirs}
    with capture_logs() as logs:
        async with living(tmp_path / "one", store, runs=True) as one:
            one.write(*closed([event(0)], [event(3)], [event(6)]))
            await rounds(one)
            await rounds(one)
    assert {line.get("hour") for line in logs if line["event"] == "history_segment_unusable"} == {
        "2026-11-02T09",
        "2026-11-02T12",
    }
    assert store.kept[FIRST].data != b"damaged"
    assert store.kept[FIRST + 3 * 3_600] == theirs
    assert FIRST + 6 * 3_600 in store.kept


async def test_what_is_taken_out_here_for_want_of_room_just_while_it_is_shipped_stays_in_its_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, cut = FakeSegments(), segments_module.cut
    said: list[str] = []

    def cut_late(path: Path, hour: int) -> bytes | None:
        with closing(open_to_write(path)) as connection:
            connection.set_trace_callback(said.append)
            while trim(connection, HistoryLimits(days=0.5)):
                pass
        return cut(path, hour)

    async with living(tmp_path / "one", store) as one:
        one.write(*closed([event(0)], [event(40)]))
        await one.shipping.finish()
        kept = dict(store.kept)
        assert len(kept) == 2
        with closing(open_to_write(one.path)) as connection:
            connection.execute("INSERT INTO unshipped VALUES (?, 1)", (FIRST,))
        monkeypatch.setattr(segments_module, "cut", cut_late)
        await one.shipping.finish()
        assert store.kept == kept
        assert len(contents(one.path)["hours"]) == 1
    order = [line.split()[2] for line in said if line.startswith("DELETE FROM")]
    assert order.index("segments") < order.index("hours"), "or a segment is known of an hour that is no longer whole"


class SlowDisk(HistoryFile):
    """Writes nothing before it is let."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, LIMITS)
        self.begun, self.let = threading.Event(), threading.Event()

    def write(self, entries: Sequence[HistoryEntry]) -> int:
        self.begun.set()
        assert self.let.wait(60)
        return super().write(entries)


@pytest.mark.usefixtures("hangs_on_purpose")
async def test_at_the_end_it_waits_for_what_it_was_stopped_in_and_then_ships_the_last_hour(tmp_path: Path) -> None:
    store, clock, disk = FakeSegments(), Rounds(), SlowDisk(tmp_path / "history.sqlite")
    recorder = Recorder(disk, QUICK)
    shipping = Shipping(disk.path, store, recorder, LIMITS, clock, ShippingPace(EVERY, 30.0))
    recorder.record(closed([event(0)]))
    running = asyncio.create_task(shipping.run())
    assert await asyncio.to_thread(disk.begun.wait, 60)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    with capture_logs() as logs:
        finishing = asyncio.create_task(shipping.finish())
        await clock.advance(1.0)
        assert not finishing.done()
        disk.let.set()
        while not finishing.done():
            await clock.advance(1.0)
    recorder.close(30.0)
    assert list(store.kept) == [FIRST]
    assert logs == []


async def test_at_the_end_nothing_is_shipped_of_a_history_that_does_not_know_where_this_life_began(
    tmp_path: Path,
) -> None:
    store, disk = FakeSegments(), SlowDisk(tmp_path / "history.sqlite")
    with closing(open_to_write(disk.path)) as connection:
        connection.execute("INSERT INTO unshipped VALUES (?, 1)", (FIRST,))
    recorder = Recorder(disk, QUICK)
    shipping = Shipping(disk.path, store, recorder, LIMITS, Rounds(), ShippingPace(EVERY, 0.2))
    recorder.record([Restored(MONDAY_MORNING, 1, HOUR), *closed([event(0)])])
    assert await asyncio.to_thread(disk.begun.wait, 60)
    store.kept[FIRST] = FoundSegment(b"of the life before", "v")
    await shipping.finish()
    disk.let.set()
    recorder.close(30.0)
    assert store.kept == {FIRST: FoundSegment(b"of the life before", "v")}


async def test_an_hour_of_which_nothing_is_left_is_deleted_there(tmp_path: Path) -> None:
    store = FakeSegments()
    async with living(tmp_path / "one", store) as one:
        one.write(*closed([event(0)]))
        await one.shipping.finish()
        assert store.kept
        one.write(Restored(MONDAY_MORNING - HOUR, 0, HOUR))
        await one.shipping.finish()
        assert not store.kept


async def test_who_is_to_be_forgotten_is_taken_out_of_every_segment_and_does_not_come_back(tmp_path: Path) -> None:
    store = FakeSegments()
    async with living(tmp_path / "one", store) as one:
        one.write(*everything())
        await one.shipping.finish()
        assert await forget_in_segments(store, tmp_path, ANN.id) > 0
        assert await forget_in_segments(store, tmp_path, ANN.id) == 0
        one.write(*closed([event(0, actor=BOB._replace(id="t/eve"))]))
    async with living(tmp_path / "two", store, runs=True) as two:
        await rounds(two)
        assert ANN.id not in {row[0] for row in contents(two.path)["identities"]}
        assert BOB.id in {row[0] for row in contents(two.path)["identities"]}


async def test_one_damaged_segment_keeps_nobody_from_being_forgotten_in_the_others(tmp_path: Path) -> None:
    store = FakeSegments()
    async with living(tmp_path / "one", store) as one:
        one.write(*closed([event(0)], [event(3)]))
        await one.shipping.finish()
    store.kept[FIRST] = FoundSegment(b"damaged", "d")
    with pytest.raises(
        ValueError, match=r"out of all segments but 2026-11-02T09 \(damaged: .*\), which cannot be used"
    ):
        await forget_in_segments(store, tmp_path, ANN.id)
    assert ANN.id.encode() not in unsqueezed(store.kept[FIRST + 3 * 3_600].data)
    with pytest.raises(ValueError, match=r"the segment of 2026-11-02T09 cannot be used: damaged"):
        await fetch_segments(store, tmp_path / "here.sqlite")


async def test_forgetting_gives_up_where_somebody_writes_all_the_time(tmp_path: Path) -> None:
    class Busy(FakeSegments):
        async def get(self, hour: int) -> FoundSegment | None:
            found = await super().get(hour)
            if found is not None and self.puts:
                self.kept[hour] = found._replace(tag=f"{found.tag}+")
            return found

    store = Busy()
    async with living(tmp_path / "one", store) as one:
        one.write(*closed([event(0)]))
        await one.shipping.finish()
    with pytest.raises(OSError, match="2026-11-02T09 is written all the time"):
        await forget_in_segments(store, tmp_path, ANN.id)
