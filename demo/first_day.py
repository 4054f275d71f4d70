"""The first day of a fresh tenant, once with nothing learnt and once after `unwonted learn`: what each would alert.

History comes through the REST API as on any other machine, from a server here, into a spool, into an engine; then both
engines see the same day with the same attacks, as a replay would show it. Nothing here touches the demo's own service.
"""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec

from demo.activity_log_api import ActivityLogServer, StaticCredential
from demo.score import Hint, Score, Told, score
from demo.show import counted
from demo.tenant import Arrival, Tenant, TenantPlan
from service.clock import SystemClock
from service.core.alerting import Alert
from service.core.engine import Engine
from service.documents import Reader, from_lines
from service.learning import Spool, Teaching
from service.replay import Replay
from service.settings import LearnSettings, Settings
from service.wiring import build_engine, open_history

HISTORY = 28
MOST_IDENTITIES = 40
MOST_ATTACKS = 5


class FirstDay(NamedTuple):
    """How the same day of so many identities went, and how many records were learnt before it in the second case."""

    identities: int
    without: Score
    after_learning: Score
    records: int


class _Calendar(SystemClock):
    """Stands at one moment; its stopwatch is the machine's."""

    def __init__(self, moment: datetime) -> None:
        super().__init__()
        self._moment = moment

    def now(self) -> datetime:
        return self._moment


async def first_day(seed: int, identities: int, attacks: int) -> FirstDay:
    """Simulate four weeks and a day, and judge the day twice."""
    plan = TenantPlan(
        seed=seed,
        identities=min(identities, MOST_IDENTITIES),
        days=HISTORY + 1,
        campaigns=min(attacks, MOST_ATTACKS),
        campaigns_from=HISTORY,
        campaigns_until=HISTORY,
    )
    tenant, begins = Tenant(plan), plan.start + timedelta(days=HISTORY)
    arrivals = list(tenant.records())
    fresh, taught = build_engine(Settings()), build_engine(Settings())
    records = await _learn(taught, arrivals, begins)
    day = [arrival for arrival in arrivals if arrival.arrives_at >= begins]
    return FirstDay(
        plan.identities,
        score(tenant.campaigns, await asyncio.to_thread(_alerts, fresh, day)),
        score(tenant.campaigns, await asyncio.to_thread(_alerts, taught, day)),
        records,
    )


async def _learn(engine: Engine, arrivals: Sequence[Arrival], now: datetime) -> int:
    """Teach what the REST API has at `now`; returns the number of records."""
    clock = _Calendar(now)
    credential = StaticCredential(clock)
    known = (arrival.record for arrival in arrivals if arrival.arrives_at < now)
    async with ActivityLogServer(known, clock, credential) as server:
        options = LearnSettings(endpoint=server.address, days=HISTORY)
        with TemporaryDirectory(prefix="unwonted-demo-") as folder, Spool(Path(folder)) as spool:
            async with open_history(options, clock, credential=credential) as history:
                fetched = await history.fetch(spool)
            teaching = Teaching(engine, now=now, on_reject=_ignore, folder=spool.folder)
            taught = await teaching.run_aside(Reader(fetched.files, _ignore))
    return taught.summary.records


def _alerts(engine: Engine, day: Sequence[Arrival]) -> list[Told]:
    """Return what an engine alerts on a day's records, as they arrive."""
    told: list[Told] = []
    driver = Replay(
        engine,
        every=Settings().schedule.every,
        on_scored=_ignore,
        on_alerts=lambda alerts: told.extend(map(_told, alerts)),
        on_reject=_ignore,
        on_read=_ignore,
        order="arrival",
    )
    driver.run(from_lines("the first day", [msgspec.json.encode(arrival.record) for arrival in day]))
    return told


def _told(alert: Alert) -> Told:
    hints = tuple(
        Hint(
            one.actor_id or alert.actor_id,
            one.actor_name or alert.actor_name,
            one.detector,
            one.action,
            one.action_name,
            one.time,
            one.bucket_start,
            one.bucket_end,
            one.addresses,
            one.why,
        )
        for one in alert.findings
    )
    return Told(alert.id, alert.revision, alert.actor_id, alert.actor_name, alert.found_at, "", (), hints)


def _ignore(*_: object) -> None:
    """Leave it to what comes out at the end."""


def lines(day: FirstDay) -> Iterator[str]:
    """Yield the comparison as the lines of a table, which is not of the tenant that was played before."""
    attacks = counted(len(day.without.verdicts), "attack")
    yield f"  A tenant of its own, so that it is quick: {day.identities} identities, {attacks} on one day."
    yield f"  {'':<34} {'nothing learnt':>15} {'after learning':>15}"
    rows = zip(_figures(day.without), _figures(day.after_learning), strict=True)
    for (words, without), (_, after) in rows:
        yield f"  {words:<34} {without:>15} {after:>15}"
    yield f"  {HISTORY} days of history through the REST API: {day.records:,} records, as `unwonted learn` does it"


def _figures(one: Score) -> Iterator[tuple[str, str]]:
    yield "alerts", f"{one.alerts}"
    yield "identities alerted wrongly", f"{len(one.false)}"
    yield "attacks found", f"{one.found} of {len(one.verdicts)}"
