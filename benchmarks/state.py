"""What a state of very many identities takes: memory, a snapshot, a restart. It prints and asserts nothing.

Every identity is active in every hour, with some operations out of twenty habits; all detectors learn that need no
geography. After that come hours in which one of fifty is. Resident memory is that of the whole process, the simulated
identities included, of which the first line says how much they take. The restart is another process, which imports what
the service does; with its first snapshot, every identity has been restored.

    python benchmarks/state.py [--identities 20000] [--hours 4] [--operations 2] [--quiet 0]
"""

import argparse
import asyncio
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from models.detectors import DETECTORS, build
from models.stream import ActivityEvent, Actor, ActorKind, Outcome
from service.core.engine import Engine, Options
from service.core.messages import Message
from service.core.snapshot import Encoder, SnapshotPart
from service.wiring import collect_seldom

KINDS = (ActorKind.HUMAN, ActorKind.SERVICE_PRINCIPAL, ActorKind.MANAGED_IDENTITY)
TENANT = "aaaaaaaa-0000-4000-8000-000000000000"
ACTIONS = [f"microsoft.service{number % 40}/type{number}/write" for number in range(2_000)]
SCOPES = [f"{number:08}-0000-4000-8000-000000000000" for number in range(2_000)]
HABITS = 20
QUIET = 50
PER_MESSAGE = 60
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def mebibytes() -> str:
    """Return how much memory the process has, and the most that it ever had."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    now, most = pages * resource.getpagesize() >> 20, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return f"{now:>6,} MiB resident, {most:,} at most"


class Tenant:
    """Identities at home in twenty operations each, half of them those of everybody, half those of few."""

    def __init__(self, identities: int) -> None:
        chance = random.Random(7)
        self._actors = [
            Actor(f"{TENANT}/{chance.getrandbits(128):032x}", f"person{number}@example.com", KINDS[number % 3])
            for number in range(identities)
        ]
        self._habits = [
            bytes(chance.sample(range(100), HABITS // 2) + chance.sample(range(100, 256), HABITS // 2))
            for _ in range(identities)
        ]

    def hour(self, number: int, operations: int, active: int) -> Iterator[list[ActivityEvent]]:
        """Yield an hour's records by message, start and end of each operation; one in twenty fails."""
        chance = random.Random(number)
        begin = BEGIN + number * HOUR
        events: list[ActivityEvent] = []
        for who in chance.sample(range(len(self._actors)), active):
            time_of_day = begin + timedelta(seconds=chance.random() * 3_500)
            for _ in range(operations):
                events += self._operation(chance, who, time_of_day)
            if len(events) >= PER_MESSAGE:
                yield events
                events = []
        yield events

    def _operation(self, chance: random.Random, who: int, at: datetime) -> Iterator[ActivityEvent]:
        habit = chance.choice(self._habits[who])
        action = ACTIONS[habit]
        digits = f"{chance.getrandbits(128):032x}"
        correlation = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        thread = f"{correlation}.{chance.getrandbits(64):016x}.{chance.getrandbits(64):016x}"
        resource_id = f"/subscriptions/{SCOPES[habit]}/resourcegroups/rg/providers/x/vm-{who}"
        for outcome in (Outcome.STARTED, Outcome.FAILURE if chance.random() < 0.05 else Outcome.SUCCESS):
            yield ActivityEvent(
                *(at, self._actors[who], action, action, outcome, thread, resource_id, SCOPES[habit]),
                *(f"10.{who % 200}.{who // 200 % 200}.9", outcome.name, correlation),
            )


def fresh_engine() -> Engine:
    """Return an engine with the detectors that need no geography."""
    names = [name for name, kind in DETECTORS.items() if not kind.declaration.places]
    engine = Engine(Options(thresholds=dict.fromkeys(names, 60.0)), [build(name) for name in names])
    engine.expect(["0"])
    return engine


def live(engine: Engine, tenant: Tenant, chosen: argparse.Namespace) -> None:
    """Let the engine see some hours, and print what each took and left."""
    sequence_number = 0
    for number in range(chosen.hours + chosen.quiet):
        active = chosen.identities if number < chosen.hours else chosen.identities // QUIET
        started, end = time.process_time(), BEGIN + (number + 1) * HOUR
        for events in tenant.hour(number, chosen.operations, active):
            sequence_number += 1
            engine.apply(Message("0", sequence_number, str(sequence_number), end, b""), events)
        engine.evaluate(end)
        print(f"hour {number + 1:>2}, an evaluation at its end{time.process_time() - started:>9.1f} s, {mebibytes()}")


async def save(engine: Engine) -> bytes:
    """Save twice, the second time as after a minute without a closed hour, and print what it took."""

    async def yield_to_loop() -> None:
        """Nothing else waits."""

    encoder = Encoder(yield_to_loop)
    data = b""
    for name in ("first snapshot", "the next, no hour closed since"):
        started, sizes = time.process_time(), dict[str, int]()
        parts = [
            SnapshotPart(engine.dump_open()),
            SnapshotPart(engine.dump_learnt(), engine.closings),
            SnapshotPart(engine.dump_told()),
        ]
        data = await encoder.encode(parts, created_at=BEGIN, sizes=sizes)
        took, plain = time.process_time() - started, sum(sizes.values())
        print(f"{name:<32}{took:>9.1f} s, {mebibytes()}: {len(data) / 1e6:,.0f} MB of {plain / 1e6:,.0f}")
    return data


async def restart(folder: Path) -> None:
    """Restore a snapshot as the service does, in this process, and print what all of it has taken since it began."""
    for module in ("service.cli.run", "service.wiring.components"):
        import_module(module)
    from service.clock import SystemClock  # noqa: PLC0415
    from service.core.outbox import Outbox  # noqa: PLC0415
    from service.storage import FileSnapshotStore, State  # noqa: PLC0415

    imported, before = time.process_time(), mebibytes()
    clock = SystemClock()
    state = State(fresh_engine(), Outbox(), FileSnapshotStore(folder), clock, lambda saved: print(saved.reason))
    await state.restore()
    print(f"{'restart: imports':<32}{imported:>9.1f} s, {before}")
    ready = time.process_time()
    print(f"{'restart: ready':<32}{ready:>9.1f} s, {mebibytes()}")
    await state.save()
    print(f"{'first snapshot after it':<32}{time.process_time() - ready:>9.1f} s, {mebibytes()}")


def main() -> None:
    """Measure it all."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--identities", type=int, default=20_000)
    options.add_argument("--hours", type=int, default=4)
    options.add_argument("--operations", type=int, default=2)
    options.add_argument("--quiet", type=int, default=0)
    options.add_argument("--restart", type=Path)
    options.add_argument("--keep", type=Path, help="folder to leave the snapshot in")
    chosen = options.parse_args()
    collect_seldom()
    if chosen.restart is not None:
        asyncio.run(restart(chosen.restart))
        return
    tenant = Tenant(chosen.identities)
    print(f"{chosen.identities:,} identities, all active in each hour; seconds are of processor time")
    print(f"{'before':<41}  {mebibytes()}")
    engine = fresh_engine()
    live(engine, tenant, chosen)
    box: list[bytes] = []

    async def saving() -> None:
        box.append(await save(engine))

    asyncio.run(saving())
    with TemporaryDirectory() as temporary:
        folder = chosen.keep or Path(temporary)
        (folder / "snapshot.ndjson.gz").write_bytes(box.pop())
        subprocess.run([sys.executable, __file__, "--restart", folder], check=True)  # noqa: S603 - this file


if __name__ == "__main__":
    main()
