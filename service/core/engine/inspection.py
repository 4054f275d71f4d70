"""Inspects a state without changing it: what a snapshot holds, and how an identity's action would be judged.

Reading the snapshot and printing are the command line's business.
"""

from collections.abc import Iterable
from datetime import datetime
from difflib import get_close_matches
from typing import Any, NamedTuple

from models.detectors import Anomaly
from models.stream import Actor, ActorBucket, Bucket, Cell, Crowd
from service.core.engine.engine import Engine

MOST_NAMED = 5


class Answer(NamedTuple):
    """How an action would be judged: one anomaly of each detector that gives it a score."""

    actor: Actor
    action: str
    time: datetime
    anomalies: list[Anomaly]


class UnknownActor(LookupError):  # noqa: N818 - it says what was not found
    """No identity of that name or id is remembered; the text names the nearest."""


def find_actor(engine: Engine, wanted: str) -> Actor:
    """Return the identity with that id, object id or name, whatever its case.

    Raises
    ------
    UnknownActor
        There is none, or several have that name.
    """
    folded = wanted.casefold()
    named = [
        actor
        for actor in engine.people.values()
        if folded in {actor.id.casefold(), actor.name.casefold(), actor.id.casefold().rpartition("/")[2]}
    ]
    if len(named) == 1:
        return named[0]
    if named:
        ids = sorted(one.id for one in named)
        more = f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else ""
        raise UnknownActor(f"{wanted} is the name of {len(ids)}: {', '.join(ids[:MOST_NAMED])}{more}; ask by id")
    near = get_close_matches(wanted, [actor.name for actor in engine.people.values()], n=3)
    raise UnknownActor(f"nobody called {wanted} is remembered" + (f"; near: {', '.join(near)}" if near else ""))


def explain(engine: Engine, wanted: str, action: str, *, failed: bool) -> Answer:
    """Judge one `action` of an identity, as if it came right after everything that the state knows.

    Raises
    ------
    UnknownActor
        No identity of that name or id is remembered.
    """
    actor = find_actor(engine, wanted)
    time = engine.watermark.time
    cell = Cell(action.casefold(), action, time, 1, int(not failed), 0, int(failed))
    seen = ActorBucket(actor, Bucket.of(time, engine.options.bucket), (cell,))
    judgements = (detector.score(seen, Crowd(1, {})) for detector in engine.detectors.values())
    return Answer(actor, action, time, [anomaly for judgement in judgements for anomaly in judgement])


def inspect(engine: Engine, rows: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Sum up a state: positions, watermark, what each detector holds, alerts, and what is on its way."""
    outbox: dict[str, Any] = next((row for section, row in rows if section == "outbox"), {"queues": {}})
    return {
        "records": engine.records,
        "watermark": engine.watermark.time.isoformat(),
        "positions": {
            partition: {"sequence_number": one.sequence_number, "enqueued_time": one.enqueued_time.isoformat()}
            for partition, one in sorted(engine.positions.items())
        },
        "open_operations": engine.buckets.held(),
        "detectors": {name: detector.memory()._asdict() for name, detector in engine.detectors.items()},
        "identities_by_name": len(engine.people),
        "alerts_remembered": len(engine.alerts),
        "thresholds": engine.budget.thresholds(),
        "alerts_per_day": engine.budget.alerts_per_day,
        "suppressed": {key: count.findings for key, count in sorted(engine.suppressed.counts.items())},
        "would_have_alerted": [
            {**one._asdict(), "time": one.time.isoformat()} for one in engine.suppressed.listed[-20:]
        ],
        "messages_waiting": {sink: len(queue["rows"]) for sink, queue in sorted(outbox["queues"].items())},
    }
