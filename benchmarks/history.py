"""What a history costs the stream: parsing and judging with one written beside them and without, in turns in one run.

With the detectors that are on by default; first without the SDK, then with it over AMQP, from a hub in a process of its
own, as the service reads. Prints processor time, so that a busy machine disturbs little: that of the stream's own
thread, and that of both threads together; and how long it took by the wall clock, which says something on an idle
machine alone. As machines are quicker at one time than at another, each turn is compared with the one just before it,
and the median of these is what counts. Asserts nothing.

    python benchmarks/history.py [--identities 400] [--days 4] [--turns 15] [--skip-amqp]
"""

import argparse
import asyncio
import gc
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from statistics import median
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
    bodies: Sequence[tuple[datetime, bytes]], file: Path, detectors: Sequence[str] | None, turns: int
) -> list[tuple[Took, Took]]:
    """Read messages from a hub without a history and with one, in turns."""
    pairs = []
    async with hub_with(bodies) as connection:
        for _ in range(turns):
            without = await end_to_end(connection, len(bodies), detectors)
            file.unlink(missing_ok=True)
            recorder = Recorder(HistoryFile(file, HistoryLimits()))
            beside = await end_to_end(connection, len(bodies), detectors, recorder)
            recorder.close(DONE_WITHIN)
            if recorder.dropped:
                print(f"{recorder.dropped:,} entries were dropped")
            pairs.append((without, beside))
    return pairs


def line(name: str, records: int, pairs: Sequence[tuple[float, float]]) -> None:
    """Print a row: the quickest turn of each kind, and how much longer a turn took than the one just before it."""
    ratios = sorted(beside / without for without, beside in pairs)
    quickest = (min(one) / records * 1e6 for one in zip(*pairs, strict=True))
    print(f"{name:<38}{''.join(f'{each:>10.1f}' for each in quickest)}", end="")
    print(f"{median(ratios):>10.3f}{ratios[0]:>8.2f} to {ratios[-1]:.2f}", flush=True)


def main() -> None:
    """Measure, and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--identities", type=int, default=400)
    options.add_argument("--days", type=int, default=4)
    options.add_argument("--turns", type=int, default=15)
    options.add_argument("--skip-amqp", action="store_true")
    options.add_argument("--detectors", choices=SETS, default=ALL)
    chosen = options.parse_args()
    detectors = SETS[chosen.detectors]
    collect_seldom()
    records = tenant_records(chosen.identities, chosen.days)
    messages = messages_of(envelopes(records, PER_MESSAGE))
    print(f"{'':<38}{'us a record':>18}{'with a history':>22}")
    print(f"{'':<38}{'without':>10}{'with':>10}{'times':>10}{'between':>15}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "history.sqlite")
        pairs = []
        for _ in range(chosen.turns):
            without = turn(messages, file, detectors, kept=False)
            file.unlink(missing_ok=True)
            pairs.append((without, turn(messages, file, detectors, kept=True)))
        size = file.stat().st_size
        line("the stream's own thread", len(records), [(a.own, b.own) for a, b in pairs])
        line("both threads together", len(records), [(a.whole, b.whole) for a, b in pairs])
        line("by the wall clock", len(records), [(a.wall, b.wall) for a, b in pairs])
        for each, most in ((1, 10_000), (PER_MESSAGE, 1_000)) if not chosen.skip_amqp else ():
            bodies = envelopes(records, each)[:most]
            read = asyncio.run(over_amqp(bodies, file, detectors, chosen.turns))
            title, many = f"over AMQP, {each} a message", len(bodies) * each
            line(f"{title}, the process", many, [(a.processor, b.processor) for a, b in read])
            line(f"{title}, wall clock", many, [(a.seconds, b.seconds) for a, b in read])
    print(f"{size / len(records):,.0f} bytes a record in the history")


if __name__ == "__main__":
    main()
