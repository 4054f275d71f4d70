"""What a history costs the stream: parsing and judging with one written beside them and without, in turns in one run.

With the detectors that are on by default; first without the SDK, then with it over AMQP, from a hub in a process of its
own, as the service reads. Prints processor time, so that a busy machine disturbs little: that of the stream's own
thread, and that of both threads together; and how long it took by the wall clock, which says something on an idle
machine alone. Asserts nothing.

    python benchmarks/history.py [--identities 400] [--days 14] [--turns 3] [--skip-amqp]
"""

import argparse
import asyncio
import gc
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from benchmarks.throughput import (
    ALL,
    PER_MESSAGE,
    SETS,
    Took,
    end_to_end,
    engine_with,
    envelopes,
    hub_with,
    line,
    messages_of,
    tenant_records,
)
from service.core.messages import Message
from service.core.parsing import ActivityLogParser
from service.history import HistoryFile, HistoryLimits, Recorder
from service.wiring import collect_seldom

LOOK_EVERY = 0.01  # seconds
DONE_WITHIN = 60.0  # seconds for what still waits when the stream has ended


class Spent(NamedTuple):
    """Processor seconds of the stream's own thread, and of the process; seconds until the stream had ended."""

    own: float
    whole: float
    wall: float


def turn(messages: Sequence[Message], file: Path, detectors: Sequence[str] | None, *, kept: bool) -> Spent:
    """Take all messages once, with a history if it is `kept`."""
    engine, parser = engine_with(detectors), ActivityLogParser()
    engine.keeps_closed = kept
    recorder = Recorder(HistoryFile(file, HistoryLimits()))
    gc.collect()
    whole, own, wall = time.process_time(), time.thread_time(), time.perf_counter()
    for message in messages:
        engine.apply(message, parser.parse(message.body).events)
        if closed := engine.take_closed():
            while recorder.is_full:
                time.sleep(LOOK_EVERY)  # as the service waits, which takes many other turns meanwhile
            recorder.record(closed)
    own, wall = time.thread_time() - own, time.perf_counter() - wall
    recorder.drain(DONE_WITHIN)
    whole = time.process_time() - whole
    recorder.close(DONE_WITHIN)
    if recorder.dropped:
        print(f"{recorder.dropped:,} entries were dropped")
    return Spent(own, whole, wall)


async def over_amqp(
    bodies: Sequence[tuple[datetime, bytes]], per_message: int, file: Path, detectors: Sequence[str] | None, turns: int
) -> None:
    """Read messages from a hub with a history and without, in turns; prints the quickest of each."""
    without: list[Took] = []
    beside: list[Took] = []
    async with hub_with(bodies) as connection:
        for _ in range(turns):
            without.append(await end_to_end(connection, len(bodies), detectors))
            file.unlink(missing_ok=True)
            recorder = Recorder(HistoryFile(file, HistoryLimits()))
            beside.append(await end_to_end(connection, len(bodies), detectors, recorder))
            recorder.close(DONE_WITHIN)
            if recorder.dropped:
                print(f"{recorder.dropped:,} entries were dropped")
    records = len(bodies) * per_message
    title = f"over AMQP, {per_message} a message"
    wall, processor = min(one.seconds for one in beside), min(one.processor for one in beside)
    line(f"{title}, the process", processor, records, min(one.processor for one in without))
    line(f"{title}, wall clock", wall, records, min(one.seconds for one in without))


def main() -> None:
    """Measure, and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--identities", type=int, default=400)
    options.add_argument("--days", type=int, default=14)
    options.add_argument("--turns", type=int, default=3)
    options.add_argument("--skip-amqp", action="store_true")
    options.add_argument("--detectors", choices=SETS, default=ALL)
    chosen = options.parse_args()
    detectors = SETS[chosen.detectors]
    collect_seldom()
    records = tenant_records(chosen.identities, chosen.days)
    messages = messages_of(envelopes(records, PER_MESSAGE))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "history.sqlite")
        without, beside = [], []
        for _ in range(chosen.turns):
            without.append(turn(messages, file, detectors, kept=False))
            file.unlink(missing_ok=True)
            beside.append(turn(messages, file, detectors, kept=True))
        size = file.stat().st_size
        table(without, beside, len(records))
        if not chosen.skip_amqp:
            for per_message, most in ((1, 20_000), (PER_MESSAGE, 2_000)):
                bodies = envelopes(records, per_message)[:most]
                asyncio.run(over_amqp(bodies, per_message, file, detectors, chosen.turns))
    print(f"{size / len(records):,.0f} bytes a record in the history")


def table(without: Sequence[Spent], beside: Sequence[Spent], records: int) -> None:
    """Print what turns took without the SDK."""
    print(f"{'with a history':<38}{'records/s':>12}{'us each':>10}{'x without':>12}")
    line("the stream's own thread", min(one.own for one in beside), records, min(one.own for one in without))
    line("both threads together", min(one.whole for one in beside), records, min(one.whole for one in without))
    line("by the wall clock", min(one.wall for one in beside), records, min(one.wall for one in without))


if __name__ == "__main__":
    main()
