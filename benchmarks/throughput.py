"""Records a second of each stage and of the whole, beside a bare JSON decoder over the same bytes in the same run.

Prints what it measured and asserts nothing. Stages run on the simulated tenant's own records, with two detectors, with
the five that came first and with all that are on by default; the end-to-end figure is the service's source against the
embedded hub in a process of its own, next to what the SDK alone delivers there.

Other tenants are of very many identities, all active in the same hour, each with twenty habits: what the detectors cost
a record there, how long the longest uninterrupted step is, and how much memory an identity takes.

    python benchmarks/throughput.py [--identities 400] [--days 14] [--many 1000 20000 100000] [--skip-amqp]
"""

import argparse
import asyncio
import gc
import json
import random
import resource
import sys
import tempfile
import time
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, TypeVar

import orjson
from azure.eventhub.aio import EventHubConsumerClient

from benchmarks.detectors import FIRST_FIVE, with_detectors
from demo.tenant import Tenant, TenantPlan
from models.detectors import Detector, build
from models.statistics import Lessons
from models.stream import ActivityEvent, Actor, ActorBucket, ActorKind, Bucket, Cell, Crowd, Outcome, Steps
from service.cli import collect_seldom
from service.clock import SystemClock
from service.core.engine import Engine
from service.core.messages import Message
from service.core.parsing import ActivityLogParser
from service.settings import load
from service.source import EventHubSource, SourceOptions
from service.wiring import build_engine

PER_MESSAGE = 30
HABITS = 20
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KINDS = (ActorKind.HUMAN, ActorKind.SERVICE_PRINCIPAL, ActorKind.MANAGED_IDENTITY)

TWO = ("rare_action", "rare_failure")
ALL = "all detectors"
SETS = {"two detectors": TWO, "five detectors": FIRST_FIVE, ALL: None}  # None: all that are on by default

T = TypeVar("T")


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


def stages(messages: Sequence[Message], records: int) -> None:
    """Measure decoding, parsing and the engine on one core; of each the quickest of three rounds."""
    bodies = [message.body for message in messages]

    def decode() -> None:
        deque(map(orjson.loads, bodies), maxlen=0)  # nobody keeps what was decoded: to hold it all takes longer

    bare = min(stopwatch(decode) for _ in range(3))
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


class Crowded:
    """A tenant of `identities`, each at home in twenty operations, that are all active in one hour."""

    def __init__(self, identities: int) -> None:
        self._random = random.Random(7)
        self.actors = [
            Actor(f"tenant/{self._random.getrandbits(128):032x}", f"person{number}@example.com", KINDS[number % 3])
            for number in range(identities)
        ]
        self._actions = [f"microsoft.service{number % 40}/type{number}/write" for number in range(2_000)]

    def habits(self, number: int) -> list[str]:
        """Return what an identity does: half of it what all do, half of it what few do."""
        chance = random.Random(number)
        return chance.sample(self._actions[:100], HABITS // 2) + chance.sample(self._actions[100:], HABITS // 2)

    def teach(self, detector: Detector) -> None:
        """Let `detector` learn the habits of everybody, as of the day before."""
        bucket = Bucket(NOON - timedelta(days=1), timedelta(hours=1))
        lessons = Lessons(bucket.hours)
        for number, actor in enumerate(self.actors):
            cells = tuple(
                Cell(action, action, bucket.start, 1, 1, 0, 0, (f"10.{number % 200}.0.9",), ("sub",))
                for action in self.habits(number)
            )
            detector.learn(ActorBucket(actor, bucket, cells), Crowd(1, {}), (), lessons)
        detector.teach(lessons)

    def hour(self) -> Iterator[list[ActivityEvent]]:
        """Yield an hour in messages of thirty records: two cells an identity, six records, now and then a failure."""
        chance = random.Random(11)
        events: list[ActivityEvent] = []
        for at, (number, actor) in enumerate(enumerate(self.actors)):
            second = NOON + timedelta(seconds=3_500 * at // len(self.actors))
            for action in chance.sample(self.habits(number), 2):
                for which in (1, 2)[: 1 + chance.randrange(2)]:
                    end = Outcome.DENIED if chance.random() < 0.03 else Outcome.SUCCESS
                    operation = f"{action}.{at}.{which}"
                    events += (
                        ActivityEvent(second, actor, action, action, outcome, operation, "", "sub", "10.0.0.9")
                        for outcome in (Outcome.STARTED, end)
                    )
            if len(events) >= PER_MESSAGE:
                yield events
                events = []
        yield events


class Stopped:
    """Drives steps and notes what they take: processor seconds in all, and of the longest."""

    def __init__(self) -> None:
        self.total = self.longest = 0.0

    def drive(self, steps: Steps[T]) -> T:
        """Take all steps."""
        while True:
            started = time.process_time()
            try:
                next(steps)
            except StopIteration as end:
                result: T = end.value
                return result
            finally:
                took = time.process_time() - started
                self.total += took
                self.longest = max(self.longest, took)


def crowded(identities: int) -> None:
    """Measure one hour of very many identities, with detectors and without."""
    tenant = Crowded(identities)
    print(f"\n{identities:,} identities with {HABITS} habits each, all active in the same hour")
    print(f"{'stage':<38}{'records/s':>12}{'us each':>10}{'longest step':>16}")
    spent = []
    for title, names in {"no detector": (), "two detectors": TWO, ALL: None}.items():
        engine = engine_with(names)
        for detector in engine.detectors.values():
            tenant.teach(detector)
        gc.collect()
        taking, looking, closing = Stopped(), Stopped(), Stopped()
        last = 0
        for last, events in enumerate(tenant.hour()):
            message = Message("0", last, str(last), NOON + timedelta(hours=1), b"")
            taking.drive(engine.apply_steps(message, events))
        looking.drive(engine.evaluate_steps(NOON + timedelta(hours=1)))
        closing.drive(engine.idle_steps("0", last, NOON + timedelta(hours=2)))
        for name, clock in (("records", taking), ("evaluation", looking), ("closing", closing)):
            label = f"{name}, {title}"
            each = clock.total / engine.records * 1e6
            print(f"{label:<38}{engine.records / clock.total:>12,.0f}{each:>10.2f}{clock.longest * 1e3:>13,.0f} ms")
        spent.append((taking.total + looking.total + closing.total) / engine.records * 1e6)
    print(f"the detectors alone: {spent[1] - spent[0]:.2f} us a record, all {spent[2] - spent[0]:.2f}")


def footprint(identities: int) -> None:
    """Measure what the detectors remember of an identity with twenty habits."""
    tenant = Crowded(identities)
    for name in ("rare_action", "rare_failure"):
        detector = build(name)
        tracemalloc.start()
        tenant.teach(detector)
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(f"{name}: {held / identities:,.0f} bytes an identity of {HABITS} habits")


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


async def end_to_end(connection: str, expected: int, names: Sequence[str] | None) -> Took:
    """Return in what time source, parser and engine digest `expected` messages."""
    engine, parser = engine_with(names), ActivityLogParser()
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
        if count >= expected:
            done.set()

    engine.expect(end_offset.partition for end_offset in await source.prepare())
    reading = asyncio.create_task(source.run(handle))
    await done.wait()
    took = clock.stop()
    await source.stop()
    await reading
    return took


async def over_amqp(bodies: Sequence[tuple[datetime, bytes]], per_message: int) -> None:
    """Measure a hub in another process: the SDK alone, then the service's path."""
    records = len(bodies) * per_message
    with tempfile.TemporaryDirectory() as folder:
        ready, data = Path(folder, "ready"), Path(folder, "messages.json")
        data.write_bytes(orjson.dumps([[at.isoformat(), body.decode()] for at, body in bodies]))
        child = await asyncio.create_subprocess_exec(sys.executable, __file__, "--serve", str(data), str(ready))
        try:
            while not ready.exists():
                await asyncio.sleep(0.2)
            connection = ready.read_text()
            alone = await sdk_alone(connection, len(bodies))
            took = {"SDK alone": alone}
            for title in ("two detectors", ALL):
                took[title] = await end_to_end(connection, len(bodies), SETS[title])
        finally:
            child.kill()
            await child.wait()
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
    options.add_argument("--many", type=int, nargs="+", default=[1_000, 20_000, 100_000])
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
    footprint(min(*chosen.many, 20_000))
    for identities in chosen.many:
        crowded(identities)
    if chosen.only_many:
        return
    records = tenant_records(chosen.identities, chosen.days)
    size = sum(len(text) for _, text in records)
    print(f"{len(records):,} records, {size / len(records):,.0f} bytes each, Python {sys.version.split()[0]}")
    packed = envelopes(records, PER_MESSAGE)
    stages(messages_of(packed), len(records))
    if not chosen.skip_amqp:
        print("\nover AMQP, hub in a process of its own on this machine")
        asyncio.run(over_amqp(envelopes(records[:20_000], 1), 1))
        asyncio.run(over_amqp(packed[:2_000], PER_MESSAGE))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory of this process, the records themselves included: {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
