"""A stream that catches up waits for its history as long as that is written, and no longer."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.stream.events import Actor, ActorKind
from service.batches import emit_closed
from service.clock import SystemClock
from service.core.engine.values import ClosedBucket
from service.history.file import HistoryFile
from service.history.recorder import Gathering, Recorder
from service.history.retention import HistoryLimits
from service.history.room import Room
from service.history.schema import open_to_write
from service.telemetry import BucketsClosed
from tests.fakes.alerts import alert
from tests.fakes.clock import MONDAY_MORNING, FakeClock
from tests.service.history.seen import HOUR, event, feed, new_engine

DEADLINE = 60.0
LITTLE = Gathering(most_waiting=2, at_once=1, gather=0.0, again=0.01)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(HistoryFile(tmp_path / "history.sqlite", HistoryLimits(), busy=DEADLINE), LITTLE)
    yield recorder
    recorder.close(DEADLINE)


async def test_whoever_waits_for_room_has_nothing_dropped(recorder: Recorder) -> None:
    room = Room(recorder, SystemClock())
    for number in range(1, 60):
        await room.wait()
        recorder.record([alert(number)])
    assert recorder.dropped == 0


async def test_whoever_is_stopped_while_waiting_leaves_no_hour_out(recorder: Recorder, tmp_path: Path) -> None:
    engine = new_engine()
    crowd = [Actor(f"t/{number:03}", "somebody", ActorKind.HUMAN) for number in range(450)]
    assert not feed(engine, 0, [event(0, actor=one) for one in crowd])
    engine.idle("0", 0, MONDAY_MORNING + 100 * HOUR)
    holding = open_to_write(tmp_path / "history.sqlite")
    holding.execute("BEGIN EXCLUSIVE")
    parts: list[ClosedBucket] = []
    begun = asyncio.Event()

    def emit(one: object) -> None:
        assert isinstance(one, BucketsClosed)
        parts.extend(one.closed)
        recorder.record(one.closed)
        begun.set()

    emitting = asyncio.create_task(emit_closed(engine, emit, Room(recorder, SystemClock())))
    await begun.wait()
    emitting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await emitting
    holding.execute("COMMIT")
    holding.close()

    assert len(parts) > 1
    assert [judgement.seen.actor for one in parts for judgement in one.judgements] == crowd


class SlowRecorder(Recorder):
    """Writes on and on, and has room for nothing."""

    looks = 0
    is_full = True

    @property
    def written(self) -> int:
        self.looks += 1
        return self.looks


async def test_however_many_parts_there_are_they_wait_no_longer_than_one_would(tmp_path: Path) -> None:
    clock, recorder = FakeClock(autojump=0.0), SlowRecorder(HistoryFile(tmp_path / "history.sqlite", HistoryLimits()))
    room, since = Room(recorder, clock), None
    began = clock.elapsed()
    for _ in range(5):
        since = await room.wait(since)
    assert 15.0 <= clock.elapsed() - began < 16.0


async def test_for_a_file_that_takes_nothing_one_waits_once_and_again_when_it_does(
    recorder: Recorder, tmp_path: Path
) -> None:
    clock = FakeClock(autojump=0.0)
    room = Room(recorder, clock)
    holding = open_to_write(tmp_path / "history.sqlite")
    holding.execute("BEGIN EXCLUSIVE")
    recorder.record([alert(1), alert(2)])
    began = clock.elapsed()
    await room.wait()
    assert 2.0 <= clock.elapsed() - began < 3.0
    began = clock.elapsed()
    await room.wait()
    assert clock.elapsed() == began, "nothing was written since: nobody waits for it"
    holding.execute("COMMIT")
    holding.close()
    assert await asyncio.to_thread(recorder.drain, DEADLINE)
    await room.wait()
    recorder.record([alert(3)])
    assert recorder.dropped == 0
