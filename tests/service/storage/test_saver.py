"""One task saves; whoever asks waits for it for a moment, and a store that hangs is asked by nobody twice at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.outbox import Outbox
from service.core.ports import Rendered, SnapshotFenced
from service.storage.saver import Saver
from service.storage.state import Saved, State
from tests.fakes.clock import FakeClock, settle
from tests.fakes.store import FakeStore

FOR_EVER = 1e9


class Kept:
    """A state with its keeper and its saver; each save takes `seconds`."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.clock = FakeClock()
        self.store = FakeStore(self.clock, seconds=seconds)
        self.outbox = Outbox()
        self.notes: list[Saved] = []
        self.state = State(Engine(Options(), []), self.outbox, self.store, self.clock, self.notes.append, timeout=30.0)
        self.saver = Saver(self.state, self.clock, every=60.0)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.ensure_future(self.saver.run())
        await settle()
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_it_saves_what_has_changed_from_time_to_time() -> None:
    kept = Kept()
    async with kept.running():
        await kept.clock.advance(120.0)
        assert kept.store.saves == 0
        kept.state.changed = True
        await kept.clock.advance(120.0)
        assert kept.store.saves == 1


async def test_who_asks_learns_what_is_durable_then() -> None:
    kept = Kept(seconds=2.0)
    async with kept.running():
        kept.outbox.enqueue("sink", Rendered("1", (), b""), kept.clock.now())
        asking = asyncio.ensure_future(kept.saver.save(5.0))
        await kept.clock.advance(1.0)
        kept.outbox.enqueue("sink", Rendered("2", (), b""), kept.clock.now())
        await kept.clock.advance(1.0)
        assert await asking == 1


async def test_who_asks_while_it_saves_gets_the_snapshot_after_that_one() -> None:
    kept = Kept(seconds=2.0)
    async with kept.running():
        first = asyncio.ensure_future(kept.saver.save(9.0))
        await kept.clock.advance(1.0)
        kept.outbox.enqueue("sink", Rendered("1", (), b""), kept.clock.now())
        others = [asyncio.ensure_future(kept.saver.save(9.0)) for _ in range(3)]
        await kept.clock.advance(3.0)
        assert [await one for one in (first, *others)] == [0, 1, 1, 1]
        assert kept.store.saves == 2
        assert kept.store.misused == 0


async def test_nobody_waits_longer_than_it_wants_for_a_store_that_hangs() -> None:
    kept = Kept(seconds=FOR_EVER)
    async with kept.running():
        asking = [asyncio.ensure_future(kept.saver.save(5.0)) for _ in range(10)]
        await kept.clock.advance(5.0)
        assert [await one for one in asking] == [None] * 10
        await kept.clock.advance(300.0)
        assert {(note.outcome, note.reason) for note in kept.notes} == {("failed", "no answer within 30 s")}
        assert kept.state.changed
        kept.store._seconds = 0.0
        await kept.clock.advance(100.0)
        assert kept.notes[-1].outcome == "saved"


async def test_another_writer_ends_it() -> None:
    kept = Kept()
    async with kept.running() as task:
        kept.store.failure = SnapshotFenced("another one")
        asking = asyncio.ensure_future(kept.saver.save(5.0))
        await settle()
        with pytest.raises(SnapshotFenced):
            await task
        await kept.clock.advance(5.0)
        assert await asking is None
