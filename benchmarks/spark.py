"""What a job on Spark costs: processor time of driver, Java and workers, batch by batch, beside one process's.

Simulated tenants' records as files. Each tenant begins with what its first days have taught it.
Needs `build/spark-venv`, which `make test` makes, and Java; other programs on the same cores make all of it slower.
Java has its quick compiler alone, because the thorough one is busy for dozens of batches; --thorough has both.

    python benchmarks/spark.py [--tenants 1] [--identities 400] [--days 4] [--learnt 4] [--hours-a-batch 6]
                               [--shards 1] [--cores 2] [--settled 2] [--thorough]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from demo.tenant import Tenant, TenantPlan
from service.core.engine import Engine
from service.core.messages import Message
from service.core.parsing import ActivityLogParser
from service.core.schedule import next_tick
from service.settings import Settings
from service.shards import split_state
from service.storage import BEFORE_THE_FIRST, ShardStates
from service.wiring import build_engine, collect_seldom

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / "build" / "spark-venv" / "bin" / "python"
PLANS = 20
"""Tenants that differ; with more, several live the same lives."""
HOUR = timedelta(hours=1)
CONFIG = "log: {format: json, level: info}\nschedule: {every: 15m}\n"
JAVA = "-XX:+UseSerialGC"
QUICK = "-XX:TieredStopAtLevel=1"


class Given(NamedTuple):
    """What is measured: how many tenants, of how many identities, for how long, and how the job is cut."""

    tenants: int
    identities: int
    days: int
    learnt: int
    hours_a_batch: int
    shards: int
    cores: int
    settled: int
    thorough: bool = False


class Alike(NamedTuple):
    """What one process makes of the records of a batch: how many they are, and its processor seconds."""

    records: int
    seconds: float


class Hour(NamedTuple):
    """The records of one hour of a tenant, and when the last of them arrived."""

    at: datetime
    body: bytes
    records: int


class Batch(NamedTuple):
    """A batch as the job logged it, and processor seconds of each part until then."""

    records: int
    seconds: float
    processor: Mapping[str, float]


def hours_of(plan: TenantPlan) -> list[Hour]:
    """Return the hours of a simulated tenant."""
    found: dict[datetime, list[bytes]] = {}
    for one in Tenant(plan).records():
        hour = one.arrives_at.replace(minute=0, second=0, microsecond=0)
        found.setdefault(hour, []).append(json.dumps(one.record).encode())
    return [Hour(hour, b"\n".join(records) + b"\n", len(records)) for hour, records in sorted(found.items())]


class Alone:
    """One process: parsing, the engine, and evaluations."""

    def __init__(self, settings: Settings) -> None:
        self.engine: Engine = build_engine(settings)
        self.engine.expect(["files"])
        self._every = settings.schedule.every
        self._parser = ActivityLogParser()
        self._due: datetime | None = None
        self._number = 0

    def take(self, hours: Sequence[Hour]) -> None:
        """Go through some hours."""
        for hour in hours:
            events = self._parser.parse(hour.body).events
            enqueued = max((event.time for event in events), default=hour.at)
            self._due = self._due or next_tick(enqueued, self._every)
            while self._due <= enqueued:
                self.engine.evaluate(self._due)
                self._due = next_tick(self._due, self._every)
            self.engine.apply(Message("files", self._number, str(self._number), enqueued, b""), events)
            self._number += 1


def prepare(given: Given, folder: Path) -> tuple[list[Alike], int]:
    """Write configurations, states and files; return what one process needs for each batch, and how many files."""
    for name in ("tenants", "input"):
        (folder / name).mkdir()
    number = 0
    plans: list[tuple[list[Any], list[list[Any]], list[Hour], datetime]] = []
    measured: list[list[Alike]] = []
    for seed in range(min(given.tenants, PLANS)):
        plan = TenantPlan(seed=seed + 3, identities=given.identities, days=given.learnt + given.days)
        hours, first = hours_of(plan), plan.start + timedelta(days=given.learnt)
        alone = Alone(Settings())
        alone.take([one for one in hours if one.at < first])
        driver, shards = split_state(
            [one for one in json.loads(json.dumps(list(alone.engine.dump()))) if one[0] != "position"], given.shards
        )
        later = [one for one in hours if one.at >= first]
        measured.append([])
        for at in range(0, len(later), given.hours_a_batch):
            several = later[at : at + given.hours_a_batch]
            started = time.process_time()
            alone.take(several)
            measured[-1].append(Alike(sum(one.records for one in several), time.process_time() - started))
        plans.append((driver, shards, later, first))
    for tenant in range(given.tenants):
        name, (driver, shards, later, first) = f"tenant{tenant:03d}", plans[tenant % PLANS]
        (folder / "tenants" / f"{name}.yaml").write_text(
            f"{CONFIG}snapshots: {{path: {folder / 'snapshots' / name}}}\n"
        )
        states = ShardStates(folder / "states" / name)
        for shard, rows in enumerate(shards):
            states.write_shard(BEFORE_THE_FIRST, shard, given.shards, rows, first)
        states.write_driver(BEFORE_THE_FIRST, driver, first)
        (folder / "input" / name).mkdir()
        for one in later:
            path = folder / "input" / name / f"{one.at:%Y-%m-%dT%H}.json"
            path.write_bytes(one.body)
            os.utime(path, (one.at.timestamp(), one.at.timestamp()))
            number += 1
    of_tenants = [measured[tenant % PLANS] for tenant in range(given.tenants)]
    batches = zip(*of_tenants, strict=False)
    return [Alike(sum(one.records for one in each), sum(one.seconds for one in each)) for each in batches], number


def processor_seconds(session: int, found: dict[int, tuple[str, float]]) -> Mapping[str, float]:
    """Return the seconds of all processes of a session so far, by what they are."""
    ticks = os.sysconf("SC_CLK_TCK")
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(stat[3]) == session:
                words = (entry / "cmdline").read_text()
                part = "workers" if "pyspark.daemon" in words else "java" if "java\0" in words else "driver"
                found[int(entry.name)] = part, (int(stat[11]) + int(stat[12])) / ticks
    total: Counter[str] = Counter()
    for part, seconds in found.values():
        total[part] += seconds  # type: ignore[assignment]
    return dict(total)


def batches_of(given: Given, folder: Path) -> Iterator[Batch]:
    """Run the job; yield its batches."""
    submit = f"--master local[{given.cores}] --conf spark.ui.enabled=false --conf spark.ui.showConsoleProgress=false"
    java = JAVA if given.thorough else f"{JAVA} {QUICK}"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_SUBMIT_ARGS": f"{submit} --driver-java-options '{java}' pyspark-shell",
    }
    words = ["--config", folder / "tenants", "--shards", given.shards, "--once", "--input", folder / "input"]
    words += ["--files", given.hours_a_batch * given.tenants]
    words += ["--states", folder / "states", "--checkpoint", folder / "checkpoint"]
    command = [str(PYTHON), "-m", "service", "spark", *map(str, words)]
    found: dict[int, tuple[str, float]] = {}
    with subprocess.Popen(  # noqa: S603 - our own words
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as job:
        for line in job.stderr or ():
            if line.startswith("{") and (said := json.loads(line))["event"] == "batch":
                yield Batch(said["records"], said["seconds"], processor_seconds(job.pid, found))
            elif not line.startswith("{"):
                print(f"  {line.rstrip()}", file=sys.stderr)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    defaults = Given(1, 400, 4, 4, 6, 1, 2, 2)
    for name, default in defaults._asdict().items():
        if name != "thorough":
            parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    parser.add_argument("--thorough", action="store_true", help="leave Java its thorough compiler")
    given = Given(**vars(parser.parse_args()))
    collect_seldom()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone, files = prepare(given, folder)
        single = sum(one.seconds for one in alone) / sum(one.records for one in alone)
        print(
            f"{given.tenants} tenants of {given.identities} identities, {files} files; {given.shards} shards a tenant,"
        )
        print(
            f"{given.cores} cores. One process: {single * 1e6:.0f} µs a record, parsing and all detectors", flush=True
        )
        print(f"{'batch':>6}{'records':>9}{'seconds':>9}{'times one':>11}  processor seconds", flush=True)
        before: Mapping[str, float] = {}
        settled: list[tuple[int, float, Mapping[str, float]]] = []
        for number, batch in enumerate(batches_of(given, folder)):
            spent = {part: seconds - before.get(part, 0.0) for part, seconds in batch.processor.items()}
            before = batch.processor
            parts = ", ".join(f"{part} {seconds:.2f}" for part, seconds in sorted(spent.items()))
            same = number < len(alone) and alone[number].records == batch.records
            times = f"{sum(spent.values()) / alone[number].seconds:.1f}" if same else ""
            print(f"{number:>6}{batch.records:>9,}{batch.seconds:>9.1f}{times:>11}  {parts}", flush=True)
            if number >= given.settled:
                settled.append((batch.records, batch.seconds, spent))
        records = sum(one for one, _, _ in settled)
        if records:
            wall = sum(seconds for _, seconds, _ in settled)
            print(f"from batch {given.settled} on: {len(settled)} batches, {records / wall:,.0f} records a second")
            for part in ("driver", "workers", "java"):
                of_part = sum(spent.get(part, 0.0) for _, _, spent in settled)
                print(f"  {part:<8}{of_part / records * 1e6:8.0f} µs a record")
            total = sum(sum(spent.values()) for _, _, spent in settled) / records
            print(f"  together{total * 1e6:8.0f} µs a record, {total / single:.1f} times one process")
        print(sizes(folder / "states"))


def sizes(states: Path) -> str:
    """Say how large what is saved of a batch is."""
    newest = [max(one.iterdir()) for one in states.iterdir()]
    shards = [path.stat().st_size for one in newest for path in one.glob("shard-*")]
    drivers = [path.stat().st_size for one in newest for path in one.glob("driver*")]
    return (
        f"states after it: {len(shards)} shards of {sum(shards) / len(shards) / 1000:,.0f} kB,"
        f" drivers of {sum(drivers) / len(drivers) / 1000:,.0f} kB"
    )


if __name__ == "__main__":
    main()
