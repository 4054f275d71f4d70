"""A tenant whose last days can be had from the REST API's double, and from files: what is learnt must be the same."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.learning import comparison
from demo.activity_log_api import ActivityLogServer, LogAnalyticsServer, StaticCredential
from demo.activity_log_api.stand_in import StandIn
from demo.tenant import Arrival, Tenant, TenantPlan
from service.clock import SystemClock
from service.core.engine.engine import Engine
from service.documents.places import from_lines
from service.documents.reading import Reader
from service.learning.history import Fetched
from service.learning.spool import Spool
from service.learning.teaching import Taught, Teaching
from service.settings.root import Settings
from service.settings.sections import LearnSettings
from service.wiring import build_engine, open_history

START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 3
END = START + timedelta(days=DAYS)
ARRIVALS = list(Tenant(TenantPlan(seed=5, identities=20, days=DAYS, campaigns=0, start=START)).records())
RECORDS = [arrival.record for arrival in ARRIVALS]
OPEN_AS_SHOWN = "bucket operation"
"""Open operations hold words as they were written: `Succeeded` and `Success` look different, and mean the same."""


class HastyClock(SystemClock):
    """Stands at one moment of the calendar, and lets pauses only add up."""

    def __init__(self, moment: datetime = END) -> None:
        super().__init__()
        self.moment = moment
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def elapsed(self) -> float:
        return sum(self.slept)


def fail_on_anything(*what: object) -> None:
    raise AssertionError(what)


def new_engine(threshold: float = 75.0) -> Engine:
    return build_engine(Settings.model_validate({"detectors": {"rare_action": {"threshold": threshold}}}))


def teach_lines(engine: Engine, records: Sequence[Any], now: datetime = END) -> Taught:
    lines = [json.dumps(record).encode() for record in records]
    return Teaching(engine, now=now, on_reject=fail_on_anything).run(from_lines("log", lines))


def teach_files(engine: Engine, fetched: Fetched, now: datetime = END) -> Taught:
    reader = Reader(fetched.files, fail_on_anything)
    return Teaching(engine, now=now, on_reject=fail_on_anything).run(reader)


@asynccontextmanager
async def served(
    records: Sequence[Any] = RECORDS, page: int = 50
) -> AsyncIterator[tuple[ActivityLogServer, StaticCredential, HastyClock]]:
    clock = HastyClock()
    credential = StaticCredential(clock)
    async with ActivityLogServer(records, clock, credential, page=page, groups={"prod": []}) as server:
        yield server, credential, clock


@asynccontextmanager
async def queried(
    rows: Mapping[str, Sequence[Any]], **limits: Any
) -> AsyncIterator[tuple[LogAnalyticsServer, StaticCredential, HastyClock]]:
    clock = HastyClock()
    credential = StaticCredential(clock)
    async with LogAnalyticsServer(rows, credential, **limits) as server:
        yield server, credential, clock


async def fetch(
    folder: Path, server: StandIn, credential: StaticCredential, clock: HastyClock, **options: Any
) -> Fetched:
    chosen = LearnSettings(endpoint=server.address, **{"days": DAYS + 1, **options})
    async with open_history(chosen, clock, credential=credential) as history:
        with Spool(folder) as spool:
            return await history.fetch(spool)


def learnt(engine: Engine) -> dict[str, list[Any]]:
    """Everything that an engine holds, by section, but for how open operations are written."""
    sections: dict[str, list[Any]] = {}
    for section, row in engine.dump():
        sections.setdefault(section, []).append(row)
    for row in sections.get(OPEN_AS_SHOWN, ()):
        for event in filter(None, (row["first"], row["end"])):
            del event["result"], event["resource"]
    return sections


def messages(arrivals: Sequence[Arrival]) -> list[tuple[str, datetime, bytes]]:
    return [
        (one.partition, one.arrives_at, json.dumps({"records": [one.record]}, default=str).encode()) for one in arrivals
    ]


def replayed(records: Sequence[Any]) -> dict[str, list[Any]]:
    """What a replay of records leaves an engine with, but for what it has told."""
    return comparison.replayed(from_lines("log", [json.dumps(record).encode() for record in records]))
