"""Processor time a record: one engine, and the same in shards of one process, with what they say to each other pickled.

The simulated tenant's records in messages of so many records. That shards come to the same is what tests are for; here
only how many states they hold is compared. With --tenants, so many tenants take their turns, as they do in one job.

    python benchmarks/shards.py [--identities 200] [--days 5] [--records 1000] [--tenants 1] [--rounds 3]
"""

import argparse
import gc
import json
import pickle
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from demo.tenant import Tenant, TenantPlan
from models.stream import ActivityEvent
from service.core.engine import Engine
from service.core.messages import Message
from service.core.parsing import ActivityLogParser
from service.core.schedule import next_tick
from service.settings import Settings
from service.shards import EvaluateAt, Request, Routed, Shard, route, run_batch, split_batch
from service.wiring import build_driver, build_engine, build_shard, collect_seldom

SHARDS = (1, 4, 16)
A_BATCH = 24  # messages
T = TypeVar("T")


class Traffic(NamedTuple):
    """Messages with their events, and how many these are."""

    messages: Sequence[tuple[Message, Sequence[ActivityEvent]]]
    records: int


class Sizes:
    """Bytes that were said, by what they were."""

    def __init__(self) -> None:
        self.bytes: dict[str, list[int]] = {}

    def add(self, what: str, data: bytes) -> bytes:
        """Count."""
        self.bytes.setdefault(what, []).append(len(data))
        return data


def traffic(identities: int, days: int, records: int, seed: int) -> Traffic:
    """Return a tenant's records as messages, parsed."""
    plan = TenantPlan(seed=seed, identities=identities, days=days)
    arrived = [(one.arrives_at, json.dumps(one.record).encode()) for one in Tenant(plan).records()]
    parser, messages, count = ActivityLogParser(), [], 0
    for number, at in enumerate(range(0, len(arrived), records)):
        group = arrived[at : at + records]
        events = parser.parse(b'{"records":[' + b",".join(text for _, text in group) + b"]}").events
        messages.append((Message("0", number, str(number), group[-1][0], b""), events))
        count += len(events)
    return Traffic(messages, count)


def stopwatch(work: Callable[[], T], rounds: int) -> tuple[float, T]:
    """Return the processor seconds that the quickest of some rounds of `work` takes, and what it comes to."""
    found = []
    for _ in range(rounds):
        gc.collect()
        started = time.process_time()
        result = work()
        found.append((time.process_time() - started, result))
    return min(found, key=lambda one: one[0])


def due_before(due: datetime | None, enqueued: datetime, settings: Settings) -> tuple[list[datetime], datetime]:
    """Return the evaluations that are due before a message, and the next one."""
    due, ticks = due or next_tick(enqueued, settings.schedule.every), []
    while due <= enqueued:
        ticks.append(due)
        due = next_tick(due, settings.schedule.every)
    return ticks, due


def alone(settings: Settings, given: Traffic) -> Engine:
    """Take everything with one engine."""
    engine, due = build_engine(settings), None
    engine.expect(["0"])
    for message, events in given.messages:
        ticks, due = due_before(due, message.enqueued_time, settings)
        for tick in ticks:
            engine.evaluate(tick)
        engine.apply(message, events)
    return engine


def in_shards(settings: Settings, given: Traffic, shards: int, sizes: Sizes) -> list[Shard]:
    """Take everything with shards, in batches."""
    driver = build_driver(settings, shards)
    driver.expect(["0"])
    parts = [build_shard(settings, number, shards) for number in range(shards)]
    due: datetime | None = None
    for at in range(0, len(given.messages), A_BATCH):
        happened: list[Routed | EvaluateAt] = []
        for message, events in given.messages[at : at + A_BATCH]:
            ticks, due = due_before(due, message.enqueued_time, settings)
            happened += map(EvaluateAt, ticks)
            happened.append(route(message, events, settings.windows.late_horizon, shards))
        moments, of_shards = split_batch(happened, shards)

        def answers(request: Request, of_shards: Any = of_shards) -> list[Any]:
            name = type(request.ask).__name__
            sent = sizes.add(f"{name} to each", pickle.dumps(request))
            if request.taught:
                sizes.add("lessons of a bucket", pickle.dumps(request.taught))
            found = [part.answer(pickle.loads(sent), own) for part, own in zip(parts, of_shards, strict=True)]  # noqa: S301 - our own
            said = [sizes.add(f"{name} from each", pickle.dumps(one)) for one in found]
            return [pickle.loads(one) for one in said]  # noqa: S301 - our own

        run_batch(driver.batch(moments), answers)
    return parts


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("identities", 200), ("days", 5), ("records", 1000), ("tenants", 1), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    collect_seldom()
    settings = Settings()
    all_of = [traffic(given.identities, given.days, given.records, seed) for seed in range(3, 3 + given.tenants)]
    records = sum(one.records for one in all_of)
    print(f"{records:,} records of {given.tenants} tenants of {given.identities} identities, {given.records} a message")
    single, engines = stopwatch(lambda: [alone(settings, one) for one in all_of], given.rounds)
    known = [sum(one.memory().keys for one in engine.detectors.values()) for engine in engines]
    print(f"{'one engine':<14}{single / records * 1e6:8.1f} µs a record")
    for shards in SHARDS:
        sizes = Sizes()

        def work(number: int = shards, said: Sizes = sizes) -> list[list[Shard]]:
            return [in_shards(settings, one, number, said) for one in all_of]

        seconds, parts = stopwatch(work, given.rounds)
        found = [sum(one.memory().keys for part in of for one in part.detectors.values()) for of in parts]
        if found != known:
            raise RuntimeError("shards know others than one engine does: what was measured is not the same work")
        print(f"{shards:>3} shard(s){'':<1}{seconds / records * 1e6:8.1f} µs a record, {seconds / single:.2f} times")
        for what, lengths in sorted(sizes.bytes.items()):
            print(f"      {what}: {sum(lengths) / len(lengths) / 1000:,.1f} kB on average")


if __name__ == "__main__":
    main()
