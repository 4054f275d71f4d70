"""Weeks of a simulated tenant in minutes: its records reach the hub as Azure's do, an hour of its calendar in seconds.

Also what nobody should send: poison, floods of nothing and floods of strangers.
"""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from random import Random
from typing import Any

from benchmarks.hostile import SHAPES
from demo.hub import EmbeddedHub
from demo.tenant import Arrival, Tenant, TenantPlan
from service.clock import SystemClock
from tests.service.core.parsing.samples import MICROSOFT, XMLSOAP, dump, human, message, record

SECONDS_AN_HOUR = 2.0
"""What an hour of the tenant's calendar takes."""
STALLED = 1.0
"""Seconds that the feed may come late; beyond it, the tenant's calendar waits for it."""
PARTITIONS = ("0", "1")

clock = SystemClock()


class Feed:
    """A tenant that goes on and on.

    Parameters
    ----------
    hub
        Where its records go.
    seed
        Who lives in it, and what they do.

    Attributes
    ----------
    records
        How many have been sent, the tenant's and all others.
    """

    def __init__(self, hub: EmbeddedHub, seed: int) -> None:
        self.records = 0
        self._hub = hub
        self._strangers = 0
        self._plan = TenantPlan(
            seed=seed, identities=25, days=28, partitions=len(PARTITIONS), campaigns=20, campaigns_from=0, delay=0.2
        )
        self._passed = timedelta()

    @property
    def days(self) -> float:
        """How many days of its calendar have passed."""
        return self._passed / timedelta(days=1)

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop."""
        rate = 3600 / SECONDS_AN_HOUR
        last, started = clock.elapsed(), self._plan.start
        arrivals = groupby(Tenant(self._plan).records(), key=lambda one: (one.arrives_at, one.partition))
        due = next(arrivals)
        while not stop.is_set():
            await clock.sleep(0.05)
            now = clock.elapsed()
            self._passed += timedelta(seconds=min(now - last, STALLED) * rate)
            last = now
            calendar = started + self._passed
            while due[0][0] <= calendar:
                self._send(due[0][1], due[1], calendar, rate)
                due = next(arrivals)

    def _send(self, partition: str, arrived: Iterator[Arrival], calendar: datetime, rate: float) -> None:
        present, records = clock.now(), []
        for one in arrived:
            age = (calendar - datetime.fromisoformat(one.record["time"])) / rate
            records.append({**one.record, "time": (present - age).isoformat()})
        self.records += len(records)
        self._hub.append(partition, dump({"records": records}))

    def poison(self, rng: Random) -> str:
        """Send a message that is meant to do harm; returns of which shape."""
        name = rng.choice(sorted(SHAPES))
        self._hub.append(rng.choice(PARTITIONS), SHAPES[name](rng.choice((200, 20_000, 200_000))))
        return name

    def flood_of_nothing(self, rng: Random) -> None:
        """Send messages of empty objects."""
        for _ in range(rng.randint(1, 5)):
            self._hub.append(rng.choice(PARTITIONS), b"{}" * rng.randint(10_000, 200_000))

    def flood_of_strangers(self, rng: Random) -> None:
        """Send records of many identities that nobody has ever seen."""
        forged = [self._stranger() for _ in range(rng.randint(20, 60))]
        self.records += len(forged)
        while forged:
            self._hub.append(rng.choice(PARTITIONS), message(*forged[:20]))
            del forged[:20]

    def _stranger(self) -> dict[str, Any]:
        self._strangers += 1
        name = f"stranger{self._strangers}@contoso.example"
        claims = {
            MICROSOFT + "objectidentifier": f"99999999-0000-4000-8000-{self._strangers:012}",
            XMLSOAP + "upn": name,
            XMLSOAP + "name": name,
        }
        return record(
            human(**claims),
            time=clock.now().isoformat(),
            operationName="Microsoft.Authorization/roleAssignments/write",
            correlationId=f"99999999-0000-4000-9000-{self._strangers:012}",
        )
