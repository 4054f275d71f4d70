"""Format 1 (rows are lists, read by position) as format 2 (rows are objects with named fields).

Frozen: nothing is imported that may change, and what is written here stays as it is for as long as format 1 is read.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from service.core.snapshot.migrations import format_1_detectors as detectors

_Rows = list[tuple[str, Any]]

_EVENT = (
    "action", "action_name", "outcome", "operation", "resource", "scope", "address", "result", "correlation",
)  # fmt: skip
_CELL = (
    "action", "action_name", "first_time", "attempts", "successes", "failures", "denials", "addresses", "scopes",
    "sample", "late",
)  # fmt: skip
_ANOMALY = ("detector", "actor", "bucket", "cell", "score", "surprise", "why", "evidence", "alone")
_FINDING = (
    "id", "suppression", "learnt", "detector", "actor_id", "actor_name", "action", "time", "score", "severity", "why",
)  # fmt: skip


def migrate(rows: _Rows) -> _Rows:
    """Return the rows of a snapshot of format 1 as format 2 has them.

    Raises
    ------
    ValueError, KeyError, TypeError, IndexError
        If they are not what format 1 was.
    """
    migrated: _Rows = []
    of_detectors: dict[str, list[Any]] = {}
    for section, row in rows:
        if section.startswith("detector "):
            of_detectors.setdefault(section.removeprefix("detector "), []).append(row)
        else:
            name, migrate_row = _SECTIONS[section]
            migrated.append((name, migrate_row(row)))
    for name, known in of_detectors.items():
        population, identities = detectors.SPLITS[name](known)
        migrated += [(f"population {name}", row) for row in population]
        migrated += [(f"identities {name}", row) for row in identities]
    return migrated


def _named(names: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(names, row, strict=True))


def _same(row: Any) -> Any:
    return row


def _engine(row: Any) -> Any:
    renamed = {"born": "alert_from", "told_until": "evaluated_until"}
    return {renamed.get(name, name): value for name, value in row.items()}


def _position(row: Any) -> Any:
    return _named(("partition", "sequence_number", "offset", "enqueued_time"), row)


def _actor(row: Any) -> Any:
    return _named(("id", "name", "kind"), row)


def _event(row: Any) -> Any:
    time, *actor = row[:4]
    return {"time": time, "actor": _actor(actor), **_named(_EVENT, row[4:])}


def _operation(row: Any) -> Any:
    key, first, begun_at, end, ended_at, learnt = row
    return {
        "key": key,
        "first": _event(first),
        "begun_at": begun_at,
        "end": None if end is None else _event(end),
        "ended_at": ended_at,
        "attempt_learnt": bool(learnt & 1),
        "end_learnt": bool(learnt & 2),
    }


def _draft_cell(row: Any) -> Any:
    *place, (threshold, operations, witnesses) = row
    draft = {
        "threshold": threshold,
        "operations": operations,
        "witnesses": {str(outcome): _event(event) for outcome, *event in witnesses},
    }
    return {**_named(("bucket", "actor", "threshold", "action"), place), "draft": draft}


def _cell(row: Any) -> Any:
    cell = _named(_CELL, row)
    return {**cell, "sample": [_event(event) for event in cell["sample"]]}


def _anomaly(row: Any) -> Any:
    anomaly = _named(_ANOMALY, row)
    return {
        **anomaly,
        "actor": _actor(anomaly["actor"]),
        "bucket": _named(("start", "seconds"), anomaly["bucket"]),
        "cell": _cell(anomaly["cell"]),
        "sensitivity": anomaly["evidence"].get("terms", {}).get("sensitivity", 0.0),
    }


def _history(row: Any) -> Any:
    part, *values = row
    match part:
        case "detectors":
            return {"part": "detectors", "row": {"names": values[0]}}
        case "day":
            number, active, profiles = values
            scores = [_named(("scores", "days"), profile) for profile in profiles]
            return {"part": "day", "row": {"number": number, "active": active, "profiles": scores}}
        case "under way":
            return {"part": "under_way", "row": _named(("number", "threshold", "active"), values)}
        case "worst":
            return {"part": "worst", "row": _named(("actor", "scores"), values)}
    raise ValueError(f"unknown row of the history: {part}")


def _budget(row: Any) -> Any:
    part, value = row
    match part:
        case "history":
            return {"part": "history", "row": _history(value)}
        case "correction":
            return {"part": "correction", "row": {"points": value}}
        case "shift":
            return {"part": "shift", "row": _named(("day", "points"), value)}
    raise ValueError(f"unknown row of the budget: {part}")


def _suppressed(row: Any) -> Any:
    part, *values = row
    names = {"known": ("id", "bucket_end"), "count": ("suppression", "findings", "newest"), "listed": _FINDING}[part]
    return {"part": part, "row": _named(names, values)}


def _queue(queue: Any) -> Any:
    rows = {}
    for key, row in queue["rows"].items():
        told = [_named(("id", "revision"), one) for one in row["message"]["alerts"]]
        rows[key] = {**row, "message": {**row["message"], "alerts": told}}
    broken = queue["broken"]
    kept = {name: value for name, value in queue.items() if name != "overflowed"}  # a count that nothing read
    return {**kept, "rows": rows, "broken": None if broken is None else _named(("since", "reason"), broken)}


def _outbox(row: Any) -> Any:
    return {**row, "queues": {sink: _queue(queue) for sink, queue in row["queues"].items()}}


def _renamed(names: Mapping[str, str], row: Mapping[str, Any]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in row.items()}


def _coverage(row: Any) -> Any:
    of_partition = {
        "whole_until": "caught_up_until",
        "moved_at": "last_read_at",
        "whole_since": "caught_up_since",
        "window": "gap",
    }
    memory = _renamed({"born": "alert_from", "windows": "gaps", "reading": "partitions", "arrival": "arrivals"}, row)
    read = _renamed({"ears": "partitions"}, memory["partitions"])
    notice = {"told": "notified", "told_at": "notified_at"}
    return {
        **memory,
        "gaps": {"open": {kind: _renamed(notice, gap) for kind, gap in memory["gaps"]["open"].items()}},
        "partitions": {
            **read,
            "partitions": {name: _renamed(of_partition, one) for name, one in read["partitions"].items()},
        },
        "arrivals": _renamed({"on_time": "newest_on_time", "delay": "run"}, memory["arrivals"]),
    }


_SECTIONS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "engine": ("engine", _engine),
    "position": ("position", _position),
    "person": ("person", _actor),
    "bucket head": ("bucket head", _same),
    "bucket operation": ("bucket operation", _operation),
    "bucket cell": ("bucket cell", _draft_cell),
    "bucket unfinished": ("bucket unfinished", lambda row: _named(("bucket", "operations"), row)),
    "bucket closed": ("bucket closed", lambda row: _named(("bucket", "actor", "actions"), row)),
    "recent": ("recent", _anomaly),
    "alert": ("alert", _same),
    "failing": ("failing", lambda row: _named(("window_start", "action", "names"), row)),
    "budget": ("budget", _budget),
    "withheld": ("suppressed", _suppressed),
    "outbox": ("outbox", _outbox),
    "blindness": ("coverage", _coverage),
}
