"""Records a second of each stage and of the whole, beside a bare JSON decoder over the same bytes in the same run.

Prints what it measured and asserts nothing. Stages run on the simulated tenant's own records; the end-to-end figure
is the service's source against the embedded hub in a process of its own, next to what the SDK alone delivers there.

    python benchmarks/throughput.py [--identities 400] [--days 14] [--skip-amqp]
"""

import argparse
import asyncio
import gc
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import orjson
from azure.eventhub.aio import EventHubConsumerClient

from demo.tenant import Tenant, TenantPlan
from models.detectors import build
from models.events import ActivityEvent
from service.activity_log import ActivityLogParser
from service.clock import SystemClock
from service.engine import Engine, Options
from service.ports import Message
from service.source import EventHubSource, SourceOptions

PER_MESSAGE = 30


def stopwatch(work: Callable[[], object]) -> float:
    """Return the processor seconds that `work` takes, so that a busy machine disturbs little."""
    gc.collect()
    started = time.process_time()
    work()
    return time.process_time() - started


def tenant_records(identities: int, days: int) -> list[tuple[datetime, bytes]]:
    """Return records as bytes with their time of arrival, in order of arrival."""
    plan = TenantPlan(seed=3, identities=identities, days=days, campaigns=0)
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
    """Measure decoding, parsing and the engine on one core."""
    bodies = [message.body for message in messages]
    bare = min(stopwatch(lambda: [orjson.loads(body) for body in bodies]) for _ in range(3))
    print(f"\n{'stage':<38}{'records/s':>12}{'us each':>10}{'x orjson':>12}")
    line("orjson.loads, nothing else", bare, records, bare)
    parsed: list[list[ActivityEvent]] = []

    def parse() -> None:
        parser = ActivityLogParser()
        parsed[:] = [parser.parse(body).events for body in bodies]

    line("parse", min(stopwatch(parse) for _ in range(3)), records, bare)
    for names in (("rare_action",), ("rare_failure",), ("rare_action", "rare_failure")):
        engine = Engine(Options(), [build(name) for name in names])
        engine.expect(["0"])

        def apply(engine: Engine = engine) -> None:
            for message, events in zip(messages, parsed, strict=True):
                engine.apply(message, events)

        line(f"engine, {' + '.join(names)}", stopwatch(apply), records, bare)
    engine = Engine(Options(), [build("rare_action"), build("rare_failure")])
    engine.expect(["0"])
    parser = ActivityLogParser()

    def whole() -> None:
        for message in messages:
            engine.apply(message, parser.parse(message.body).events)

    line("parse + engine, both detectors", stopwatch(whole), records, bare)
    keys = engine.detectors["rare_action"].memory().keys
    print(f"{engine.records:,} events of {keys} identities; cells a record are the tenant's own")


async def serve_hub(messages: Sequence[Message], ready: Path) -> None:
    """Run a hub that holds `messages` on four partitions until killed (child process)."""
    from demo.hub import EmbeddedHub  # noqa: PLC0415 - only the child needs it

    async with EmbeddedHub(partitions=4) as hub:
        for at, message in enumerate(messages):
            hub.append(str(at % 4), message.body, enqueued_time=message.enqueued_time)
        ready.write_text(hub.connection_string)
        await asyncio.Event().wait()


async def sdk_alone(connection: str, expected: int) -> float:
    """Return the seconds in which the SDK hands `expected` messages to a handler that does nothing."""
    client = EventHubConsumerClient.from_connection_string(connection, "$Default", logging_enable=False)
    count, started, done = 0, 0.0, asyncio.Event()

    async def on_batch(_: object, events: Sequence[object]) -> None:
        nonlocal count, started
        started = started or time.perf_counter()
        count += len(events)
        if count >= expected:
            done.set()

    receiving = asyncio.create_task(
        client.receive_batch(on_batch, max_batch_size=100, prefetch=300, starting_position="-1")
    )
    await done.wait()
    seconds = time.perf_counter() - started
    await client.close()
    receiving.cancel()
    await asyncio.wait([receiving])
    return seconds


async def end_to_end(connection: str, expected: int) -> float:
    """Return the seconds in which source, parser and engine digest `expected` messages."""
    engine = Engine(Options(), [build("rare_action"), build("rare_failure")])
    parser = ActivityLogParser()
    count, started, done = 0, 0.0, asyncio.Event()
    source = EventHubSource(
        options=SourceOptions(connection_string=connection),
        positions=lambda: engine.positions,
        clock=SystemClock(),
        observer=lambda event: None,
    )

    async def handle(messages: Sequence[Message]) -> None:
        nonlocal count, started
        started = started or time.perf_counter()
        for message in messages:
            engine.apply(message, parser.parse(message.body).events)
        count += len(messages)
        if count >= expected:
            done.set()

    engine.expect(tip.partition for tip in await source.prepare())
    reading = asyncio.create_task(source.run(handle))
    await done.wait()
    seconds = time.perf_counter() - started
    await source.stop()
    await reading
    return seconds


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
            whole = await end_to_end(connection, len(bodies))
        finally:
            child.kill()
            await child.wait()
    print(
        f"{per_message:>3} records a message: SDK alone {records / alone:>9,.0f} records/s, "
        f"end to end {records / whole:>9,.0f} ({alone / whole:.0%})"
    )


def main() -> None:
    """Run everything that was not left out."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--identities", type=int, default=400)
    options.add_argument("--days", type=int, default=14)
    options.add_argument("--skip-amqp", action="store_true")
    options.add_argument("--serve", nargs=2, type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.serve:
        pairs = orjson.loads(chosen.serve[0].read_bytes())
        bodies = [(datetime.fromisoformat(at), body.encode()) for at, body in pairs]
        asyncio.run(serve_hub(messages_of(bodies), chosen.serve[1]))
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
