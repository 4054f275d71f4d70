"""What `unwonted learn` takes from the REST API's stand-in, killed on the way or not, and what it knows in the end.

Prints processor time and memory of the command, and whether the rows of its state are those of a replay of the same
records; exits with 1 if they are not. The tenant has a subscription for each 25 identities, at least four. Records are
held in memory to be served: about 3 GB a million.

    python -m benchmarks.learning [--identities 100] [--days 14] [--kills 3] [--seed 7]
"""

import argparse
import asyncio
import json
import random
import resource
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import yaml

from benchmarks.learning.comparison import brought_to_an_end, replayed
from demo.activity_log_api import ActivityLogServer, StaticCredential
from demo.tenant import Tenant, TenantPlan
from service.clock import SystemClock
from service.core.snapshot import decode
from service.documents import FileSource, Reader
from service.storage import FileSnapshotStore
from service.wiring import LOOPBACK_TOKEN

SECONDS_A_RECORD = 2e-5
"""Within which a kill comes after the last page: teaching a record takes longer."""


class OpenDoor(StaticCredential):
    """Lets in whoever brings the word that the service says to servers on this machine."""

    def accepts(self, token: str) -> bool:
        """Whether it is that word."""
        return token == LOOPBACK_TOKEN


class Command:
    """`unwonted learn`, started as often as it takes."""

    def __init__(self, folder: Path, server: ActivityLogServer, rng: random.Random, days: int, records: int) -> None:
        self._folder = folder
        self._days = days
        self._records = records
        self._server = server
        self._rng = rng
        self._requests = 0
        self.memory = 0
        self._killed = asyncio.Event()
        self._kill_at: int | None = None
        server.on_request = self._count
        places = {"snapshots": {"path": str(folder / "state")}, "learn": {"spool": str(folder / "spool")}}
        (folder / "unwonted.yaml").write_text(yaml.safe_dump(places))

    async def _count(self) -> None:
        self._requests += 1
        if self._requests == self._kill_at:
            self._killed.set()

    async def run(self, kill_at: int | None = None, *, while_teaching: bool = False) -> tuple[int, list[str]]:
        """Run it once, killed after so many requests, or a while after the last; returns its exit code and words."""
        self._requests, self._kill_at = 0, kill_at
        self._killed.clear()
        command = ("-m", "service", "learn", "--days", str(self._days), "--config", str(self._folder / "unwonted.yaml"))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *command, "--endpoint", self._server.address),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        aside = [asyncio.ensure_future(self._kill(process)), asyncio.ensure_future(self._watch(process.pid))]
        said: list[str] = []
        async for line in cast("asyncio.StreamReader", process.stdout):
            said.append(line.decode().rstrip())
            if while_teaching and said[-1].startswith("fetched "):
                await asyncio.sleep(self._rng.uniform(0.0, SECONDS_A_RECORD * self._records))
                with suppress(ProcessLookupError):
                    process.kill()
        code = await process.wait()
        for task in aside:
            task.cancel()
        return code, said

    async def _kill(self, process: asyncio.subprocess.Process) -> None:
        await self._killed.wait()
        with suppress(ProcessLookupError):
            process.kill()

    async def _watch(self, pid: int) -> None:
        """Note the most memory that the process ever had; what the system reports at its end includes our own."""
        status = Path(f"/proc/{pid}/status")
        while status.exists():
            found = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")]
            self.memory = max(self.memory, *map(int, found), 0)
            await asyncio.sleep(0.1)

    @property
    def requests(self) -> int:
        """How many pages the last run asked for."""
        return self._requests

    async def saved(self) -> list[tuple[str, Any]]:
        """Return the rows of the state that it has saved."""
        newest = await anext(FileSnapshotStore(self._folder / "state").load())
        return decode(newest.data)


def written(plan: TenantPlan, path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a tenant, and write each of them as a line."""
    with path.open("w") as file:
        for arrival in Tenant(plan).records():
            file.write(json.dumps(arrival.record) + "\n")
            yield arrival.record


async def measure(options: argparse.Namespace, folder: Path) -> bool:
    """Serve, learn, compare; returns whether the two states are equal."""
    clock, rng = SystemClock(), random.Random(options.seed)
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    start = midnight - timedelta(days=options.days)
    plan = TenantPlan(
        seed=options.seed, identities=options.identities, days=options.days, campaigns=0, delay=0.0, start=start
    )
    lines = folder / "records.ndjson"
    async with ActivityLogServer(written(plan, lines), clock, OpenDoor(clock)) as server:
        with lines.open("rb") as file:
            records = sum(1 for _ in file)
        size = f"{records:,} records ({lines.stat().st_size / 1e9:.2f} GB)"
        print(f"{size} of {len(server.subscriptions)} subscriptions and {options.days} days", flush=True)
        pieces = len(server.subscriptions) * options.days
        command = Command(folder, server, rng, options.days, records)
        for number in range(options.kills):
            last = number == options.kills - 1
            code, _ = await command.run(None if last else rng.randrange(1, pieces), while_teaching=last)
            how = "killed" if code < 0 else "ended"
            print(f"{how} after {command.requests:,} requests{', while it taught' if last else ''}", flush=True)
        code, said = await command.run()
    print("\n".join(said), flush=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = used.ru_utime + used.ru_stime
    print(f"processor time of all runs {seconds:.0f} s, memory at most {command.memory / 1024:.0f} MB", flush=True)
    if code:
        return False
    learnt = brought_to_an_end(await command.saved())
    source = FileSource("records.ndjson", lines, lines.stat().st_size)
    expected = replayed(Reader([source], print))
    differing = sorted(name for name in {*learnt, *expected} if learnt.get(name) != expected.get(name))
    rows = sum(map(len, expected.values()))
    print(f"{rows:,} rows of {len(expected)} sections: {'equal' if not differing else f'differ in {differing}'}")
    return not differing


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=__doc__)
    parser.add_argument("--identities", type=int, default=100)
    parser.add_argument("--days", type=int, default=14, help="at most 89: the first of 90 has half an hour's grace")
    parser.add_argument("--kills", type=int, default=3, help="kill -9 so often, the last time while it teaches")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="learning-") as folder:
        sys.exit(0 if asyncio.run(measure(options, Path(folder))) else 1)


if __name__ == "__main__":
    main()
