"""How long the console takes for each page over a history of very many identities; prints, and asserts nothing.

The history is made first, if it is not there: identities that are active in some hours of each day, one that is active
in all of them, and alerts. Each page is then asked for over HTTP, again and again, by somebody who is signed in.

    python benchmarks/console_pages.py [--identities 10000] [--days 90] [--hours-a-day 1] [--history FILE]
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from urllib.parse import quote

import aiohttp

from models.detectors import Anomaly, Judge
from models.statistics import severity
from models.stream import ActivityEvent, Actor, ActorBucket, ActorKind, Bucket, Cell, Crowd, Outcome
from service.clock import SystemClock
from service.console import Console, TokenSignIn
from service.core.alerting import Alert, sample_alert
from service.core.engine import ClosedBucket
from service.history import History, HistoryFile, HistoryLimits
from service.wiring import collect_seldom

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
OPERATIONS = [f"Microsoft.Service{n % 12}/resources{n}/{verb}" for n in range(60) for verb in ("read", "write")]
ALERTS_A_DAY = 20
ASKED = 20
EXPLAINED_FROM = 40.0
BUSY = Actor("tenant/busy", "busy@contoso.example", ActorKind.SERVICE_PRINCIPAL)
NO_LIMITS = HistoryLimits(100_000, 1 << 40)


def cell(action: str, time_: datetime, actor: Actor, rng: random.Random) -> Cell:
    """Return an operation as it is usually seen, with one record of it."""
    address = f"192.0.2.{rng.randrange(8)}"
    resource = f"/subscriptions/1/resourceGroups/rg-{rng.randrange(50)}/providers/{action.rpartition('/')[0]}/one"
    event = ActivityEvent(
        time_, actor, action.lower(), action, Outcome.SUCCESS, "o", resource, "1", address, "OK", f"c{rng.random()}"
    )
    return Cell(action.lower(), action, time_, 1, 1, 0, 0, (address,), ("1",), (event,))


def hours(identities: int, days: int, a_day: float, rng: random.Random) -> Iterator[ClosedBucket]:
    """Yield hour after hour what everybody did."""
    people = [Actor(f"tenant/{n:06}", f"user{n}@contoso.example", ActorKind.HUMAN) for n in range(identities)]
    judge = Judge({})
    for number in range(days * 24):
        bucket = Bucket(START + number * HOUR, HOUR)
        active = [(one, rng.randint(1, 4)) for one in people if rng.random() < a_day / 24.0]
        judgements = []
        for actor, cells in [*active, (BUSY, 20)]:
            seen = ActorBucket(
                actor,
                bucket,
                tuple(cell(action, bucket.start, actor, rng) for action in rng.sample(OPERATIONS, cells)),
            )
            score = rng.expovariate(0.08)
            why = "Never seen from it in 41 active days." if score >= EXPLAINED_FROM else ""
            unusual = [Anomaly("rare_action", actor, bucket, seen.cells[0], score, 3.0, why, {})]
            judgements.append(judge.judge(seen, Crowd(0, {}))._replace(anomalies={"rare_action": unusual}))
        yield ClosedBucket(number, judgements)


def alerts(identities: int, days: int, rng: random.Random) -> Iterator[Alert]:
    """Yield alerts, each about somebody else, and some about the busy one."""
    for number in range(days * ALERTS_A_DAY):
        start = START + rng.randrange(days * 12) * 2 * HOUR
        who = BUSY if number % 50 == 0 else None
        actor = rng.randrange(identities)
        score = rng.uniform(58.0, 100.0)
        example = sample_alert(start)
        yield example.model_copy(
            update={
                "id": f"{number:016x}",
                "actor_id": who.id if who else f"tenant/{actor:06}",
                "actor_name": who.name if who else f"user{actor}@contoso.example",
                "score": score,
                "severity": severity(score),
                "findings": tuple(
                    example.findings[0].model_copy(update={"id": f"{number:08x}{n:08x}", "score": score})
                    for n in range(5)
                ),
            }
        )


def fill(path: Path, identities: int, days: int, a_day: float) -> None:
    """Make the history."""
    rng, file, began, rows = random.Random(1), HistoryFile(path, NO_LIMITS), time.perf_counter(), 0
    for closed in hours(identities, days, a_day, rng):
        file.write([closed])
        rows += len(closed.judgements)
    file.write([*alerts(identities, days, rng)])
    file.close()
    took = time.perf_counter() - began
    print(f"{rows:,} hours of {identities:,} identities over {days} days, made in {took:,.0f} s")


async def ask(path: Path, days: int) -> None:
    """Ask for each page, and print how long that took."""
    clock, now = SystemClock(), START + timedelta(days=days)
    collect_seldom()  # as the service does
    with History(path) as history, tempfile.TemporaryDirectory() as folder:
        sign_in = TokenSignIn(clock, Path(folder) / "token", 3600.0)
        console = Console(lambda: history, clock, sign_in, host="127.0.0.1", port=0, version="0", now=lambda: now)
        await console.start()
        print(f"{path.stat().st_size / 1e6:,.0f} MB; milliseconds, of {ASKED}: to the last byte (median, slowest),")
        print("and of processor time (median), which a busy machine makes little longer")
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            await session.get(f"{console.address}/enter?token={sign_in.token}")
            told = history.alerts(limit=1)[0]
            busy = history.alerts(subject=BUSY.id, limit=1)[0]
            for name, page in {
                "incidents": "/",
                "incidents, 90 days": "/?days=90",
                "alert": f"/alerts/{told.id}",
                "alert of the busy one": f"/alerts/{busy.id}",
                "identity": f"/identity?id={quote(told.subject, safe='')}",
                "identity, the busy one": f"/identity?id={quote(BUSY.id, safe='')}",
                "identities": "/identities",
                "search for a name": "/search?q=user123",
                "search for an address": "/search?q=192.0.2.1",
                "search for nothing there": "/search?q=nothing-like-it",
                "coverage": "/coverage",
                "explorer": "/explorer",
                "explorer, an address": "/explorer?q=192.0.2.1",
                "tuning, 7 days": "/tuning?days=7&all=-5",
                "tuning, 28 days": "/tuning?days=28&all=-5",
                "tuning, a budget": "/tuning?days=28&budget=5",
                "API: alerts": "/api/v1/alerts?days=90",
            }.items():
                times, worked = [], []
                for _ in range(ASKED):
                    began, at_work = time.perf_counter(), time.process_time()
                    async with session.get(console.address + page) as answer:
                        await answer.read()
                        answer.raise_for_status()
                    times.append(1000.0 * (time.perf_counter() - began))
                    worked.append(1000.0 * (time.process_time() - at_work))
                    await asyncio.sleep(0.05)
                print(f"{name:<26} {median(times):>7.0f} {max(times):>7.0f} {median(worked):>7.0f}", flush=True)
        await console.stop()


def main() -> None:
    """Read the command line, make what is missing, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--identities", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--hours-a-day", type=float, default=1.0)
    parser.add_argument("--history", type=Path, help="where to keep it; an existing one is asked as it is")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.history or Path(folder) / "history.sqlite"
        if not path.exists():
            fill(path, options.identities, options.days, options.hours_a_day)
        asyncio.run(ask(path, options.days))


if __name__ == "__main__":
    main()
