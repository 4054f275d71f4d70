"""What every `Source` does, the real one over real AMQP and the fake alike."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import pytest

from demo.hub import EmbeddedHub
from service.clock import SystemClock
from service.core.messages import EndOffset, Message, Position
from service.core.ports import HubRecreated, Source, SourceError
from service.source.consumer import EventHubSource
from service.source.options import SourceOptions
from tests.fakes.source import FakeSource
from tests.service.source.harness import Recorder

PARTITIONS = 2


class Prepared(Source, Protocol):
    async def prepare(self) -> list[EndOffset]: ...


class World(Protocol):
    """A hub with two partitions, and sources that read it."""

    def feed(self, partition: str, *bodies: bytes) -> None: ...

    def recreate(self) -> None: ...

    def source(self, recorder: Recorder) -> Prepared: ...


class RealWorld:
    def __init__(self, hub: EmbeddedHub) -> None:
        self._hub = hub

    def feed(self, partition: str, *bodies: bytes) -> None:
        for body in bodies:
            self._hub.append(partition, body)

    def recreate(self) -> None:
        self._hub.recreate()

    def source(self, recorder: Recorder) -> Prepared:
        return EventHubSource(
            options=SourceOptions(connection_string=self._hub.connection_string, max_wait=5.0, max_batch=10),
            positions=lambda: recorder.positions,
            clock=SystemClock(),
            observer=recorder.observe,
        )


class FakeWorld:
    def __init__(self) -> None:
        self._fed: list[tuple[str, tuple[bytes, ...]]] = []
        self._sources: list[FakeSource] = []

    def feed(self, partition: str, *bodies: bytes) -> None:
        self._fed.append((partition, bodies))
        for source in self._sources:
            source.feed(partition, *bodies)

    def recreate(self) -> None:
        self._fed.clear()
        for source in self._sources:
            source.recreate()

    def source(self, recorder: Recorder) -> Prepared:
        source = FakeSource(positions=lambda: recorder.positions, clock=SystemClock(), max_batch=10)
        for partition, bodies in self._fed:
            source.feed(partition, *bodies)
        self._sources.append(source)
        return source


@asynccontextmanager
async def real() -> AsyncIterator[World]:
    async with EmbeddedHub(partitions=PARTITIONS) as hub:
        yield RealWorld(hub)


@asynccontextmanager
async def fake() -> AsyncIterator[World]:
    yield FakeWorld()


@pytest.fixture(params=[pytest.param(real, marks=pytest.mark.integration), fake], ids=["event hub", "fake"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    make: Callable[[], AbstractAsyncContextManager[World]] = request.param
    async with make() as made:
        yield made


def bodies(partition: str, numbers: Sequence[int]) -> list[bytes]:
    return [f"{partition}/{number}".encode() for number in numbers]


async def test_everything_comes_in_order_in_small_batches_of_one_partition_and_so_does_what_is_added(
    world: World,
) -> None:
    world.feed("0", *bodies("0", range(25)))
    world.feed("1", *bodies("1", range(3)))
    recorder = Recorder()
    source = world.source(recorder)
    running = asyncio.create_task(source.run(recorder.handle))
    await recorder.until(28)
    world.feed("1", *bodies("1", range(3, 7)))
    await recorder.until(32)
    await source.stop()
    await running
    assert recorder.bodies == {"0": bodies("0", range(25)), "1": bodies("1", range(7))}
    assert all(1 <= len(batch) <= 10 and len({m.partition for m in batch}) == 1 for batch in recorder.batches)
    assert all(m.enqueued_time.utcoffset() is not None for batch in recorder.batches for m in batch)


async def test_reading_goes_on_after_the_positions_that_the_reader_has(world: World) -> None:
    world.feed("0", *bodies("0", range(8)))
    first, second = Recorder(), Recorder()
    source = world.source(first)
    running = asyncio.create_task(source.run(first.handle))
    await first.until(8)
    await source.stop()
    await running
    world.feed("0", *bodies("0", range(8, 10)))
    second.positions = dict(first.positions)
    source = world.source(second)
    end_offsets = await source.prepare()
    assert {end_offset.partition: end_offset.sequence_number for end_offset in end_offsets} == {"0": 9, "1": -1}
    running = asyncio.create_task(source.run(second.handle))
    await second.until(2)
    await source.stop()
    await running
    assert second.bodies == {"0": bodies("0", range(8, 10))}
    assert second.repeated == 0


async def test_a_partition_that_ends_before_our_position_is_refused(world: World) -> None:
    recorder = Recorder()
    source = world.source(recorder)
    recorder.positions["1"] = Position(7, "700", SystemClock().now())
    with pytest.raises(SourceError, match="partition 1"):
        await source.prepare()
    await source.stop()


async def test_a_hub_that_was_created_again_is_told_until_the_positions_are_forgotten_and_then_read(
    world: World,
) -> None:
    recorder = Recorder()
    world.feed("0", *bodies("0", range(3)))
    source = world.source(recorder)
    running = asyncio.create_task(source.run(recorder.handle))
    await recorder.until(3)
    await source.stop()
    await running
    source = world.source(recorder)
    world.recreate()
    world.feed("0", *bodies("new", range(2)))
    with pytest.raises(HubRecreated) as caught:
        await source.prepare()
    assert caught.value.partitions == ("0", "1")
    recorder.positions.clear()
    recorder.bodies.clear()
    await source.prepare()
    running = asyncio.create_task(source.run(recorder.handle))
    await recorder.until(2)
    await source.stop()
    await running
    assert recorder.bodies == {"0": bodies("new", range(2))}


async def test_stopping_lets_the_batch_in_hand_finish_and_delivers_no_other(world: World) -> None:
    world.feed("0", *bodies("0", range(30)))
    recorder = Recorder()
    recorder.hold.clear()
    source = world.source(recorder)
    running = asyncio.create_task(source.run(recorder.handle))
    await recorder.entered.wait()
    stopping = asyncio.create_task(source.stop())
    done, _ = await asyncio.wait([stopping], timeout=0.1)
    assert not done
    recorder.hold.set()
    await stopping
    await running
    assert not recorder.cancelled
    assert len(recorder.batches) == 1
    assert recorder.bodies["0"] == bodies("0", range(len(recorder.batches[0])))


async def test_a_source_that_was_stopped_before_it_ran_returns_at_once(world: World) -> None:
    world.feed("0", b"unread")
    recorder = Recorder()
    source = world.source(recorder)
    await source.stop()
    await source.run(recorder.handle)
    assert recorder.count == 0


async def test_what_the_handler_raises_ends_the_run(world: World) -> None:
    world.feed("0", b"poison")
    recorder = Recorder()
    source = world.source(recorder)

    async def handle(_: Sequence[Message]) -> None:
        raise ArithmeticError("the engine is broken")

    with pytest.raises(ArithmeticError, match="the engine is broken"):
        await source.run(handle)
    await source.stop()
