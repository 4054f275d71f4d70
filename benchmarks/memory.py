"""Resident memory of the running service over millions of messages of one record each, over real AMQP.

The service runs as its operators run it, in a process of its own, against the embedded hub in this one. A simulated
tenant's weeks follow one another, the same people at the same work, so that what is known of them soon grows no more
and what still grows is a leak. Prints what it measured and asserts nothing.

    python benchmarks/memory.py [--messages 5000000] [--identities 100] [--days 14]
"""

import argparse
import asyncio
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import aiohttp
import yaml
from prometheus_client.parser import text_string_to_metric_families

from demo.hub import EmbeddedHub
from demo.launch import ROOT, free_port
from demo.tenant import Tenant, TenantPlan
from service.clock import SystemClock

PARTITIONS = 4
AHEAD = 20_000  # messages that the hub holds unread
LINES = 20  # of the table
_DAY = re.compile(rb"(?<=\")(20\d\d-\d\d-\d\d)(?=T\d\d:)")


class Reading(NamedTuple):
    """What the service says of itself: messages read, bytes of resident memory, processor seconds."""

    messages: int
    resident: float
    processor: float


def weeks(identities: int, days: int, messages: int) -> Iterator[tuple[datetime, bytes]]:
    """Yield `messages` bodies of one record, one stretch of the tenant's life after the other, ending before today."""
    plan = TenantPlan(seed=3, identities=identities, days=days, campaigns=0, policies=0.0)
    records = [(one.arrives_at, json.dumps(one.record).encode()) for one in Tenant(plan).records()]
    rounds = -(-messages // len(records))
    shift = datetime.now(UTC).date() - records[0][0].date() - timedelta(days=(rounds + 1) * days)
    left = messages
    for _ in range(rounds):
        new_dates: dict[bytes, bytes] = {}

        def moved(found: re.Match[bytes], shift: timedelta = shift, new_dates: dict[bytes, bytes] = new_dates) -> bytes:
            old = found[1]
            if old not in new_dates:
                new_dates[old] = (datetime.fromisoformat(old.decode()) + shift).date().isoformat().encode()
            return new_dates[old]

        for at, record in records[:left]:
            yield at + shift, b'{"records":[' + _DAY.sub(moved, record) + b"]}"
        left -= len(records)
        shift += timedelta(days=days)


async def look(session: aiohttp.ClientSession, url: str) -> Reading | None:
    """Return what the service says of itself; None while it does not answer."""
    try:
        async with session.get(url) as answer:
            text = await answer.text()
    except (aiohttp.ClientError, TimeoutError):
        return None
    totals: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
    return Reading(
        int(totals.get("unwonted_messages_total", 0)),
        totals["process_resident_memory_bytes"],
        totals["process_cpu_seconds_total"],
    )


async def measure(bodies: Iterator[tuple[datetime, bytes]], messages: int) -> None:
    """Let the service read `bodies`, and print its memory on the way."""
    clock, port = SystemClock(), free_port(0)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            EmbeddedHub(partitions=PARTITIONS, retain=AHEAD) as hub,
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
        ):
            config = {
                "event_hub": {"connection_string": hub.connection_string, "probe_every": "1s"},
                "snapshots": {"path": f"{folder}/state", "every": "30s"},
                "sinks": {"stdout": {"kind": "stdout", "enabled": False}},
                "http": {"host": "127.0.0.1", "port": port},
            }
            Path(folder, "unwonted.yaml").write_text(yaml.safe_dump(config))
            service = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "service", "run", "--config", f"{folder}/unwonted.yaml", cwd=ROOT,
                stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, env=dict(os.environ),
            )  # fmt: skip
            try:
                sent = due = 0
                print("| messages | resident MB | processor s |\n|---|---|---|")
                while True:
                    reading = await look(session, f"http://127.0.0.1:{port}/metrics")
                    if service.returncode is not None:
                        raise SystemExit(f"the service has ended with {service.returncode}")
                    read = reading.messages if reading else 0
                    if reading and (read >= due or read >= messages):
                        print(f"| {read:,} | {reading.resident / 1e6:.1f} | {reading.processor:.0f} |", flush=True)
                        due = read + messages // LINES
                    if read >= messages:
                        return
                    while sent < messages and sent - read < AHEAD:
                        enqueued_time, body = next(bodies)
                        hub.append(str(sent % PARTITIONS), body, enqueued_time=enqueued_time)
                        sent += 1
                    await clock.sleep(0.5)
            finally:
                if service.returncode is None:
                    service.send_signal(signal.SIGTERM)
                await service.wait()


def main() -> None:
    """Measure as many messages as were asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=5_000_000)
    options.add_argument("--identities", type=int, default=100)
    options.add_argument("--days", type=int, default=14)
    chosen = options.parse_args()
    asyncio.run(measure(weeks(chosen.identities, chosen.days, chosen.messages), chosen.messages))


if __name__ == "__main__":
    main()
