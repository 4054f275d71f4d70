"""Inspects a state without changing it: what a snapshot holds, and how an identity's action would be judged.

Reading the snapshot and printing are the command line's business.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any, NamedTuple

from models.detectors import Anomaly
from models.stream import EPOCH, Actor, ActorBucket, Bucket, Cell, Crowd
from service.core.engine.engine import Engine

MOST_NAMED = 5


class Explanation(NamedTuple):
    """How an action would be judged.

    Attributes
    ----------
    actor, action, time
        Who, what, and when it is imagined to happen: right after everything that is known.
    anomalies
        One of each detector that gives it a score.
    thresholds
        The score from which each detector alerts now, by its name.
    counterfactuals
        What would have kept each detector that would alert from it, by its name.
    is_known
        Whether anybody is known to have done it.
    near
        Known actions that may have been meant, if it is not.
    """

    actor: Actor
    action: str
    time: datetime
    anomalies: list[Anomaly]
    thresholds: Mapping[str, float]
    counterfactuals: Mapping[str, str]
    is_known: bool
    near: list[str]


class UnknownActor(LookupError):  # noqa: N818 - it says what was not found
    """No identity of that name or id is remembered; the text names the nearest."""


def find_actor(engine: Engine, wanted: str) -> Actor:
    """Return the identity with that id, object id or name, or whose name begins so before an @, whatever the case.

    Raises
    ------
    UnknownActor
        There is none, or several have that name.
    """
    folded, people = wanted.casefold(), engine.people.values()
    named = [one for one in people if folded in {one.id.casefold(), one.name.casefold(), _last(one.id.casefold())}]
    if len(named) > 1:
        raise UnknownActor(f"{wanted} is the name of {len(named)}: {_some(one.id for one in named)}; ask by id")
    begun = [one for one in people if one.name.casefold().startswith(f"{folded}@")]
    if not named and len(begun) > 1:
        raise UnknownActor(f"{wanted} may be {_some(one.name for one in begun)}: ask by the whole name")
    if found := named or begun:
        return found[0]
    near = _near(wanted, (word for one in people for word in (one.name, *one.name.split("@")[:-1])))
    # A word may be near by what stands before the @: what is said is the whole name.
    names = [one.name for word in near for one in people if word in (one.name, one.name.split("@")[0])]
    some = ", ".join(dict.fromkeys(names[:3]))
    raise UnknownActor(f"nobody called {wanted} is remembered" + (f"; near: {some}" if some else ""))


def _last(key: str) -> str:
    return key.rpartition("/")[2]


def _some(words: Iterable[str]) -> str:
    known = sorted(words)
    more = f" and {len(known) - MOST_NAMED} more" if len(known) > MOST_NAMED else ""
    return ", ".join(known[:MOST_NAMED]) + more


def _near(wanted: str, known: Iterable[str]) -> list[str]:
    """Return up to three of `known` that hold `wanted`, or else look like it."""
    folded = {one.casefold(): one for one in known}
    found = sorted(one for one in folded if wanted.casefold() in one)[:3]
    return [folded[one] for one in found or get_close_matches(wanted.casefold(), folded, n=3)]


def known_actions(engine: Engine) -> set[str]:
    """Return the actions that anybody is known to have done, as the detectors remember them or not learnt yet."""
    learnt = {
        action
        for detector in engine.detectors.values()
        for row in detector.dump_population()
        for action in _actions(row)
    }
    # What is in an open bucket has been done all the same.
    looked_at = filter(None, engine.buckets.peek_steps(EPOCH))
    return learnt | {cell.action for seen, _ in looked_at for one in seen for cell in one.cells}


def _actions(row: Any) -> Iterator[str]:
    """Yield what rows of what the population knows call an action, however deep it stands in them."""
    if isinstance(row, dict):
        for key, value in row.items():
            if key == "action" and isinstance(value, str):
                yield value
            else:
                yield from _actions(value)


class Imagined(NamedTuple):
    """Something that an identity might do, once.

    Attributes
    ----------
    action
        The operation.
    failed
        Whether it would be denied.
    hour
        At which hour of the day, UTC, 0 to 23; None for right now.
    address
        From where; empty if nobody says.
    """

    action: str
    failed: bool = False
    hour: int | None = None
    address: str = ""


def imagine(engine: Engine, actor: Actor, operation: Imagined) -> Explanation:
    """Judge an operation of an identity, as if it came right after all that the state knows, or at its next hour.

    Whether anybody is known to have done it is not asked: that takes long.
    """
    time = engine.watermark.time
    if operation.hour is not None and operation.hour != time.hour:
        then = time.replace(hour=operation.hour, minute=0, second=0, microsecond=0)
        time = then if then >= time else then + timedelta(days=1)
    addresses = (operation.address,) if operation.address else ()
    failed = int(operation.failed)
    cell = Cell(operation.action.casefold(), operation.action, time, 1, 1 - failed, 0, failed, addresses)
    seen = ActorBucket(actor, Bucket.of(time, engine.options.bucket), (cell,))
    found = [one for detector in engine.detectors.values() for one in detector.score(seen, Crowd(1, {}))]
    thresholds = engine.budget.thresholds()
    counterfactuals = {
        one.detector: engine.detectors[one.detector].counterfactual(changes, thresholds[one.detector])
        for one in found
        if one.score >= thresholds[one.detector] and isinstance(changes := one.evidence.get("changes"), dict)
    }
    return Explanation(actor, operation.action, time, found, thresholds, counterfactuals, is_known=True, near=[])


def explain(
    engine: Engine, wanted: str, action: str, *, failed: bool, hour: int | None = None, address: str = ""
) -> Explanation:
    """Judge one `action` of an identity as `imagine` does, and say whether anybody is known to have done it.

    Raises
    ------
    UnknownActor
        No identity of that name or id is remembered.
    """
    answer = imagine(engine, find_actor(engine, wanted), Imagined(action, failed, hour, address))
    known = known_actions(engine)
    is_known = not known or action.casefold() in known
    return answer._replace(is_known=is_known, near=[] if is_known else _near(action, known))


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
        "verdicts_applied": dict(sorted((key, at.isoformat()) for key, at in engine.rulings.applied.items())),
        "forgotten": [one.row() for one in engine.forgotten],
        "would_have_alerted": [
            {**one._asdict(), "time": one.time.isoformat()} for one in engine.suppressed.listed[-20:]
        ],
        "messages_waiting": {sink: len(queue["rows"]) for sink, queue in sorted(outbox["queues"].items())},
    }
