"""Resident memory of the running service over millions of messages of one record each, over real AMQP.

The service runs as its operators run it, in a process of its own, against the embedded hub in this one. A simulated
tenant's weeks follow one another, the same people at the same work, so that what is known of them soon grows no more
and what still grows is a leak. Prints the memory, and beside it how large the state is; then, after the warm-up, the
least and the most that it was, and its slope. Asserts nothing.

    python benchmarks/memory.py [--messages 5000000] [--identities 100] [--days 14] [--warm-up 0.2] [--set option=value]
"""

import argparse
import asyncio
import json
import os
import re
import signal
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import aiohttp
import yaml

from demo.hub import EmbeddedHub
from demo.launch import ROOT, free_port
from demo.tenant import Tenant, TenantPlan
from service.clock import SystemClock

PARTITIONS = 4
AHEAD = 30_000  # messages that the hub holds unread
LINES = 50  # of the table
EVERY = 2.0  # seconds between two readings: each costs the service as much as a hundred messages
_DAY = re.compile(rb"(?<=\")(20\d\d-\d\d-\d\d)(?=T\d\d:)")
_READ = re.compile(rb"^unwonted_messages_total(?:\{[^}]*\})? (\S+)$", re.MULTILINE)
_PROCESSOR = re.compile(rb"^process_cpu_seconds_total (\S+)$", re.MULTILINE)
_RESIDENT = re.compile(rb"^process_resident_memory_bytes (\S+)$", re.MULTILINE)
_STATE = re.compile(rb"^unwonted_state_bytes(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


class Reading(NamedTuple):
    """What the service says of itself: messages read, bytes of memory and of what is learnt, processor seconds."""

    messages: int
    resident: float
    state: float
    processor: float


def weeks(identities: int, days: int, messages: int) -> Iterator[tuple[datetime, bytes]]:
    """Yield `messages` bodies of one record, one stretch of the tenant's life after the other, ending before today."""
    plan = TenantPlan(seed=3, identities=identities, days=days, campaigns=0, policies=0.0)
    arrivals = [(one.arrives_at, json.dumps(one.record).encode()) for one in Tenant(plan).records()]
    old_days = {day for _, record in arrivals for day in _DAY.findall(record)}
    # A form whose days are filled in: it is filled in again for each of the stretches.
    forms = [(at, b'{"records":[' + _form(record) + b"]}") for at, record in arrivals]
    rounds = -(-messages // len(forms))
    shift = datetime.now(UTC).date() - forms[0][0].date() - timedelta(days=(rounds + 1) * days)
    left = messages
    for _ in range(rounds):
        new_days = {day: _later(day, shift) for day in old_days}
        for at, form in forms[:left]:
            yield at + shift, form % new_days
        left -= len(forms)
        shift += timedelta(days=days)


def _form(record: bytes) -> bytes:
    return _DAY.sub(rb"%(\1)b", record.replace(b"%", b"%%"))


def _later(day: bytes, shift: timedelta) -> bytes:
    return (datetime.fromisoformat(day.decode()) + shift).date().isoformat().encode()


async def look(session: aiohttp.ClientSession, url: str) -> Reading | None:
    """Return what the service says of itself; None while it does not answer."""
    try:
        async with session.get(url) as answer:
            text = await answer.read()
    except (aiohttp.ClientError, TimeoutError):
        return None
    messages, resident, state, processor = (
        sum(map(float, wanted.findall(text))) for wanted in (_READ, _RESIDENT, _STATE, _PROCESSOR)
    )
    return Reading(int(messages), resident, state, processor)


def summary(readings: Sequence[Reading], warm: int) -> str:
    """Say how memory was from `warm` messages on."""
    after = [one for one in readings if one.messages >= warm]
    if len(after) < 3:
        return f"too few readings after {warm:,} messages"
    least, most = min(one.resident for one in after), max(one.resident for one in after)
    read, resident = [one.messages / 1e6 for one in after], [one.resident / 1e6 for one in after]
    slope = statistics.linear_regression(read, resident).slope
    states = [one.state / 1e6 for one in after]
    return (
        f"after {warm:,} messages, {len(after)} readings: {least / 1e6:.1f} to {most / 1e6:.1f} MB, "
        f"{(most - least) / 1e6:.1f} MB apart; slope {slope:+.2f} MB a million messages; "
        f"state {min(states):.2f} to {max(states):.2f} MB; "
        f"{(after[-1].processor - after[0].processor) / max(1, after[-1].messages - after[0].messages) * 1e6:.0f} µs "
        "of the service's processor time a message"
    )


async def measure(bodies: Iterator[tuple[datetime, bytes]], messages: int, warm: int, options: dict[str, str]) -> None:
    """Let the service read `bodies`, and print its memory on the way; `options` are set as in the environment."""
    clock, port = SystemClock(), free_port(0)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            EmbeddedHub(partitions=PARTITIONS, retain=AHEAD) as hub,
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
        ):
            config = {
                "event_hub": {"connection_string": hub.connection_string},
                "snapshots": {"path": f"{folder}/state"},
                "sinks": {"stdout": {"kind": "stdout", "enabled": False}},
                "http": {"host": "127.0.0.1", "port": port},
            }
            Path(folder, "unwonted.yaml").write_text(yaml.safe_dump(config))
            service = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "service", "run", "--config", f"{folder}/unwonted.yaml", cwd=ROOT,
                stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, env=os.environ | options,
            )  # fmt: skip
            readings: list[Reading] = []
            try:
                sent = read = due = 0
                print("| messages | resident MB | state MB | processor s |\n|---|---|---|---|")
                while read < messages:
                    while sent < messages and sent - read < AHEAD:
                        enqueued_time, body = next(bodies)
                        hub.append(str(sent % PARTITIONS), body, enqueued_time=enqueued_time)
                        sent += 1
                        if sent % 500 == 0:
                            await clock.sleep(0.0)
                    await clock.sleep(EVERY)
                    reading = await look(session, f"http://127.0.0.1:{port}/metrics")
                    if service.returncode is not None:
                        raise SystemExit(f"the service has ended with {service.returncode}")
                    if reading is None:
                        continue
                    read = reading.messages
                    readings.append(reading)
                    if read >= due or read >= messages:
                        sizes = f"{reading.resident / 1e6:.1f} | {reading.state / 1e6:.2f}"
                        print(f"| {read:,} | {sizes} | {reading.processor:.0f} |", flush=True)
                        due = read + messages // LINES
            finally:
                print(summary(readings, warm), flush=True)
                if service.returncode is None:
                    service.send_signal(signal.SIGTERM)
                await service.wait()


def main() -> None:
    """Measure as many messages as were asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=5_000_000)
    options.add_argument("--identities", type=int, default=100)
    options.add_argument("--days", type=int, default=14)
    options.add_argument("--warm-up", type=float, default=0.2, help="share of the messages")
    options.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="of the service's environment"
    )
    chosen = options.parse_args()
    bodies = weeks(chosen.identities, chosen.days, chosen.messages)
    environment = dict(one.split("=", 1) for one in chosen.set)
    asyncio.run(measure(bodies, chosen.messages, int(chosen.warm_up * chosen.messages), environment))


if __name__ == "__main__":
    main()
