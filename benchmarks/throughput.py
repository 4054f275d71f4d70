"""Records a second of each stage and of the whole, beside a bare JSON decoder over the same bytes in the same run.

Prints what it measured and asserts nothing. Stages and a replay run on the simulated tenant's own records, with two
detectors, with the five that came first and with all that are on by default; the end-to-end figure is the service's
source against the embedded hub in a process of its own, next to what the SDK alone delivers there.

Other tenants are of very many identities, all active in the same hour, each with twenty habits: what the detectors cost
a record there, how long the longest uninterrupted step is, and how much memory an identity takes.

It measures what is imported: in an environment with a compiled wheel, run it from a folder without the sources.

    python benchmarks/throughput.py [--identities 400] [--days 14] [--many 1000 20000 100000] [--skip-amqp]
"""

import argparse
import asyncio
import gc
import json
import resource
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import orjson
from azure.eventhub.aio import EventHubConsumerClient

from benchmarks.crowd import crowded, footprint
from benchmarks.detectors import FIRST_FIVE, with_detectors
from demo.tenant import Tenant, TenantPlan
from models import stream
from models.stream import ActivityEvent
from service.clock import SystemClock
from service.core.engine import Engine
from service.core.messages import Message
from service.core.parsing import ActivityLogParser
from service.documents import Reader, find
from service.history import Recorder, Room
from service.replay import Replay
from service.settings import load
from service.source import EventHubSource, SourceOptions
from service.wiring import build_engine, collect_seldom

PER_MESSAGE = 30
WEIGHED = 5_000  # identities of which the memory is measured: what all of them share is little of it then

TWO = ("rare_action", "rare_failure")
ALL = "all detectors"
SETS = {"two detectors": TWO, "five detectors": FIRST_FIVE, ALL: None}  # None: all that are on by default


def engine_with(names: Sequence[str] | None) -> Engine:
    """Return a fresh engine with the configuration's defaults, and with these detectors alone unless it is None."""
    settings = load(None, {})
    engine = build_engine(settings if names is None else with_detectors(settings, names))
    engine.expect(["0"])
    return engine


def stopwatch(work: Callable[[], object]) -> float:
    """Return the processor seconds that `work` takes, so that a busy machine disturbs little."""
    gc.collect()
    started = time.process_time()
    work()
    return time.process_time() - started


def tenant_records(identities: int, days: int) -> list[tuple[datetime, bytes]]:
    """Return records as bytes with their time of arrival, in order of arrival."""
    # Without what Azure adds: records that are left out cost less than those that are measured.
    plan = TenantPlan(seed=3, identities=identities, days=days, campaigns=0, policies=0.0)
    return [(arrival.arrives_at, json.dumps(arrival.record).encode()) for arrival in Tenant(plan).records()]


def envelopes(records: Sequence[tuple[datetime, bytes]], size: int) -> list[tuple[datetime, bytes]]:
    """Pack records into message bodies of `size` records."""
    packed = []
    for at in range(0, len(records), size):
        group = records[at : at + size]
        packed.append((group[-1][0], b'{"records":[' + b",".join(text for _, text in group) + b"]}"))
    return packed


def messages_of(bodies: Sequence[tuple[datetime, bytes]]) -> list[Message]:
    """Number the bodies as one partition's messages."""
    return [Message("0", at, str(at), enqueued, body) for at, (enqueued, body) in enumerate(bodies)]


def line(name: str, seconds: float, records: int, bare: float) -> None:
    """Print one row of the table."""
    each = seconds / records * 1e6
    print(f"{name:<38}{records / seconds:>12,.0f}{each:>10.2f}{seconds / bare:>12.2f}")


def decoding(bodies: Sequence[bytes]) -> float:
    """Return the processor seconds that a bare decoder takes for all bodies: the quickest of three rounds."""

    def decode() -> None:
        deque(map(orjson.loads, bodies), maxlen=0)  # nobody keeps what was decoded: to hold it all takes longer

    return min(stopwatch(decode) for _ in range(3))


def stages(messages: Sequence[Message], records: int, bare: float) -> None:
    """Measure parsing and the engine on one core, beside decoding; of each the quickest of three rounds."""
    bodies = [message.body for message in messages]
    print(f"\n{'stage':<38}{'records/s':>12}{'us each':>10}{'x orjson':>12}")
    line("orjson.loads, nothing else", bare, records, bare)
    parsed: list[list[ActivityEvent]] = []

    def parse() -> None:
        parser = ActivityLogParser()
        parsed[:] = [parser.parse(body).events for body in bodies]

    line("parse", min(stopwatch(parse) for _ in range(3)), records, bare)
    for title, names in SETS.items():

        def apply(names: Sequence[str] | None = names) -> None:
            engine = engine_with(names)
            for message, events in zip(messages, parsed, strict=True):
                engine.apply(message, events)

        def whole(names: Sequence[str] | None = names) -> None:
            engine, parser = engine_with(names), ActivityLogParser()
            for message in messages:
                engine.apply(message, parser.parse(message.body).events)

        line(f"engine, {title}", min(stopwatch(apply) for _ in range(3)), records, bare)
        line(f"parse + engine, {title}", min(stopwatch(whole) for _ in range(3)), records, bare)


def replays(records: Sequence[tuple[datetime, bytes]], bare: float) -> None:
    """Measure whole replays of a file of records, evaluations included; of each the quicker of two rounds."""
    settings = load(None, {})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "records.ndjson")
        file.write_bytes(b"".join(text + b"\n" for _, text in records))
        for title, names in SETS.items():

            def replay(names: Sequence[str] | None = names) -> None:
                settled = settings if names is None else with_detectors(settings, names)
                driver = Replay(
                    build_engine(settled),
                    every=settings.schedule.every,
                    on_scored=lambda scored: None,
                    on_alerts=lambda alerts: None,
                    on_reject=lambda reject, place: None,
                    on_read=lambda taken, of: None,
                )
                driver.run(Reader(find([str(file)]).sources, lambda *_: None))

            took = min(stopwatch(replay) for _ in range(2))
            line(f"replay, {title}", took, len(records), bare)
            print(f"{'':<38}{took / len(records) * 1e6:>12.1f} s of processor time a million", flush=True)


async def serve_hub(messages: Sequence[Message], ready: Path) -> None:
    """Run a hub that holds `messages` on four partitions until killed (child process)."""
    from demo.hub import EmbeddedHub  # noqa: PLC0415 - only the child needs it

    async with EmbeddedHub(partitions=4) as hub:
        for at, message in enumerate(messages):
            hub.append(str(at % 4), message.body, enqueued_time=message.enqueued_time)
        ready.write_text(hub.connection_string)
        await asyncio.Event().wait()


class Took(NamedTuple):
    """Seconds by the clock and of this process's processor time, and how many batches it was."""

    seconds: float
    processor: float
    batches: int


class Stopclock:
    """Runs from the first batch on: connecting is no part of it."""

    def __init__(self) -> None:
        self._began: tuple[float, float] | None = None
        self._batches = 0

    def batch(self) -> None:
        """Take note of a batch."""
        self._began = self._began or (time.perf_counter(), time.process_time())
        self._batches += 1

    def stop(self) -> Took:
        """Return what it took until now."""
        seconds, processor = self._began or (0.0, 0.0)
        return Took(time.perf_counter() - seconds, time.process_time() - processor, self._batches)


async def sdk_alone(connection: str, expected: int) -> Took:
    """Return in what time the SDK hands `expected` messages to a handler that does nothing."""
    client = EventHubConsumerClient.from_connection_string(connection, "$Default", logging_enable=False)
    count, clock, done = 0, Stopclock(), asyncio.Event()

    async def on_batch(_: object, events: Sequence[object]) -> None:
        nonlocal count
        clock.batch()
        count += len(events)
        if count >= expected:
            done.set()

    receiving = asyncio.create_task(
        client.receive_batch(on_batch, max_batch_size=100, prefetch=300, starting_position="-1")
    )
    await done.wait()
    took = clock.stop()
    await client.close()
    receiving.cancel()
    await asyncio.wait([receiving])
    return took


async def end_to_end(
    connection: str, expected: int, names: Sequence[str] | None, recorder: Recorder | None = None
) -> Took:
    """Return in what time source, parser and engine digest `expected` messages, and write a history if there is one."""
    engine, parser = engine_with(names), ActivityLogParser()
    engine.keeps_closed = recorder is not None
    room = Room(recorder, SystemClock()) if recorder is not None else None
    count, clock, done = 0, Stopclock(), asyncio.Event()
    source = EventHubSource(
        options=SourceOptions(connection_string=connection),
        positions=lambda: engine.positions,
        clock=SystemClock(),
        observer=lambda event: None,
    )

    async def handle(messages: Sequence[Message]) -> None:
        nonlocal count
        clock.batch()
        for message in messages:
            engine.apply(message, parser.parse(message.body).events)
        count += len(messages)
        if recorder is not None and room is not None and (closed := engine.take_closed()):
            await room.wait()
            recorder.record(closed)
        if count >= expected:
            done.set()

    engine.expect(end_offset.partition for end_offset in await source.prepare())
    reading = asyncio.create_task(source.run(handle))
    await done.wait()
    took = clock.stop()
    await source.stop()
    await reading
    return took


@asynccontextmanager
async def hub_with(bodies: Sequence[tuple[datetime, bytes]]) -> AsyncIterator[str]:
    """Have a hub in another process hold `bodies`; yields its connection string."""
    with tempfile.TemporaryDirectory() as folder:
        ready, data = Path(folder, "ready"), Path(folder, "messages.json")
        data.write_bytes(orjson.dumps([[at.isoformat(), body.decode()] for at, body in bodies]))
        child = await asyncio.create_subprocess_exec(sys.executable, __file__, "--serve", str(data), str(ready))
        try:
            while not ready.exists():
                await asyncio.sleep(0.2)
            yield ready.read_text()
        finally:
            child.kill()
            await child.wait()


async def over_amqp(bodies: Sequence[tuple[datetime, bytes]], per_message: int) -> None:
    """Measure a hub in another process: the SDK alone, then the service's path."""
    records = len(bodies) * per_message
    async with hub_with(bodies) as connection:
        alone = min([await sdk_alone(connection, len(bodies)) for _ in range(2)], key=lambda one: one.processor)
        took = {"SDK alone": alone}
        for title, names in SETS.items():
            took[title] = await end_to_end(connection, len(bodies), names)
    for name, one in took.items():
        print(
            f"{per_message:>3} records a message, {name:<14}{records / one.seconds:>9,.0f} records/s, "
            f"{records / one.processor:>9,.0f} a second of processor time "
            f"({alone.processor / one.processor:>4.0%} of the SDK alone), "
            f"{len(bodies) / one.batches:>5.1f} messages a batch",
            flush=True,
        )


def main() -> None:
    """Run everything that was not left out."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--identities", type=int, default=400)
    options.add_argument("--days", type=int, default=14)
    options.add_argument("--many", type=int, nargs="*", default=[1_000, 20_000, 100_000])
    options.add_argument("--only-many", action="store_true")
    options.add_argument("--skip-amqp", action="store_true")
    options.add_argument("--serve", nargs=2, type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.serve:
        pairs = orjson.loads(chosen.serve[0].read_bytes())
        bodies = [(datetime.fromisoformat(at), body.encode()) for at, body in pairs]
        asyncio.run(serve_hub(messages_of(bodies), chosen.serve[1]))
        return
    collect_seldom()
    compiled = not str(stream.buckets.__file__).endswith(".py")
    records = tenant_records(chosen.identities, chosen.days)
    size = sum(len(text) for _, text in records)
    print(
        f"{len(records):,} records, {size / len(records):,.0f} bytes each, Python {sys.version.split()[0]}, "
        f"{'compiled' if compiled else 'pure Python'}"
    )
    packed = envelopes(records, PER_MESSAGE)
    bare = decoding([body for _, body in packed])
    if not chosen.only_many:
        stages(messages_of(packed), len(records), bare)
        replays(records, bare)
    if not chosen.only_many and not chosen.skip_amqp:
        print("\nover AMQP, hub in a process of its own on this machine")
        asyncio.run(over_amqp(envelopes(records[:10_000], 1), 1))
        asyncio.run(over_amqp(packed[:2_000], PER_MESSAGE))
    if chosen.many:
        footprint(min(max(chosen.many), WEIGHED), list(engine_with(None).detectors))
    for identities in chosen.many:
        crowded(identities, SETS, engine_with, bare / len(records))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory of this process, the records themselves included: {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
