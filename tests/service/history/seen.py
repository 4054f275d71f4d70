"""Identities at work, through an engine that keeps what it closes: what a history is written from."""

import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from models.stream.events import ActivityEvent, Actor, ActorKind, Outcome
from service.core.engine.engine import Engine
from service.core.engine.values import ClosedBucket, Options
from service.core.messages import Message
from service.history.schema import open_to_write
from service.history.values import HistoryEntry
from service.history.writing import write
from tests.fakes.clock import MONDAY_MORNING
from tests.fakes.detector import FirstTime

HOUR = timedelta(hours=1)
ANN = Actor("t/ann", "Ann@contoso.com", ActorKind.HUMAN)
BOB = Actor("t/bob", "bob@contoso.com", ActorKind.SERVICE_PRINCIPAL)


def event(
    hour: float, action: str = "a/write", actor: Actor = ANN, outcome: Outcome = Outcome.SUCCESS
) -> ActivityEvent:
    time = MONDAY_MORNING + hour * HOUR
    operation = f"{actor.id} {action} {hour}"
    return ActivityEvent(
        time, actor, action, action.upper(), outcome, operation, "/vm/1", "sub", "192.0.2.1", "OK", "c1"
    )


def new_engine() -> Engine:
    engine = Engine(Options(), [FirstTime()])
    engine.expect(["0"])
    engine.begin(MONDAY_MORNING - HOUR)
    engine.keeps_closed = True
    return engine


def feed(engine: Engine, number: int, events: Sequence[ActivityEvent]) -> list[ClosedBucket]:
    """Apply one message; returns what that closed."""
    newest = max(one.time for one in events)
    engine.apply(Message("0", number, str(number), newest, b""), events)
    return engine.take_closed()


def closed(*messages: Sequence[ActivityEvent]) -> list[ClosedBucket]:
    """What is closed when all these have come, and nothing comes any more."""
    engine = new_engine()
    found = [one for number, events in enumerate(messages) for one in feed(engine, number, events)]
    engine.idle("0", len(messages) - 1, MONDAY_MORNING + 100_000 * HOUR)
    return [*found, *engine.take_closed()]


def save(path: Path, entries: Sequence[HistoryEntry]) -> None:
    """Write entries into a history."""
    connection = open_to_write(path)
    connection.execute("BEGIN")
    write(connection, entries)
    connection.execute("COMMIT")
    connection.close()


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, those of hours without the keys that an upsert may change."""
    with sqlite3.connect(path) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {
            name: connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608 - a table's own name
            for name in tables
            if name not in {"hours", "restored", "segments", "unshipped"}  # the latter say what was done with the rest
        }
        rows["hours"] = connection.execute(
            "SELECT i.id, start, ends, late, records, cells, score, detector, action, document FROM hours"
            " JOIN identities i ON i.key = identity"
        ).fetchall()
        rows["identities"] = connection.execute(
            "SELECT id, name, kind, first_seen, last_seen FROM identities"
        ).fetchall()
    connection.close()
    return {name: sorted(each, key=repr) for name, each in rows.items()}
