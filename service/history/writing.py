"""Entries into the tables; to write one again changes nothing, and what was written too early is taken out again.

After a crash the service goes on from its newest snapshot, and closes the same buckets once more: what they held is
replaced. Transactions, failures and threads are the recorder's business.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from models.stream import EPOCH, Actor
from service.core.alerting import Alert, SuppressedFinding
from service.core.engine import ClosedBucket
from service.core.notices import Notice
from service.core.verdicts import Verdict
from service.history.changes import mark, mark_found
from service.history.packing import pack, pack_bucket, pack_model, text
from service.history.values import Delivered, HistoryEntry, PackedBucket, PackedEntry, Restored

_SEEN = """
INSERT INTO identities (id, name, folded, kind, first_seen, last_seen) VALUES {rows}
ON CONFLICT (id) DO UPDATE SET
    name = iif(excluded.last_seen >= last_seen, excluded.name, name),
    folded = iif(excluded.last_seen >= last_seen, excluded.folded, folded),
    kind = iif(excluded.last_seen >= last_seen, excluded.kind, kind),
    first_seen = min(first_seen, excluded.first_seen), last_seen = max(last_seen, excluded.last_seen)
"""
# As one value: to fetch them row by row would be as many calls. A list in JSON to look for ends at a NUL for SQLite.
_KEYS = """
WITH wanted (number, id) AS (VALUES {rows})
SELECT json_group_object(number, key) FROM wanted JOIN identities USING (id)
"""
_HOURS = """
INSERT OR REPLACE INTO hours (identity, start, ends, late, records, cells, score, detector, action, document, peaks)
VALUES {rows}
"""
_ALERT = """
INSERT INTO alerts (
    id, revision, subject, name, folded, kind, operation, window_start, window_end, first_found_at, found_at, score,
    severity, title, action, findings
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?10, ?10, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    revision = excluded.revision, name = excluded.name, folded = excluded.folded, kind = excluded.kind,
    first_found_at = iif(excluded.revision = 1, excluded.found_at, first_found_at), found_at = excluded.found_at,
    score = excluded.score, severity = excluded.severity, title = excluded.title, action = excluded.action,
    findings = excluded.findings
"""

_ROWS_AT_ONCE = (128, 16, 1)
"""Rows of one statement. In each call SQLite lets the stream's thread run, which may take 5 ms to give way again."""


def write(connection: sqlite3.Connection, entries: Sequence[HistoryEntry]) -> None:
    """Write entries in their order; whoever calls this has begun a transaction."""
    packed = [pack_bucket(one) if isinstance(one, ClosedBucket) else one for one in entries]
    mark(connection, [moment for one in packed for moment in _moments(connection, one)])
    keys = _write_identities(connection, [one for one in packed if isinstance(one, PackedBucket)])
    for entry in packed:
        match entry:
            case PackedBucket():
                _write_hours(connection, entry, keys)
            case Alert():
                _write_alert(connection, entry)
            case SuppressedFinding():
                connection.execute(
                    "INSERT OR REPLACE INTO suppressed VALUES (?, ?, ?, ?, ?, ?)",
                    (entry.id, text(entry.actor_id), unix(entry.time), entry.score, entry.suppression, pack(entry)),
                )
            case Notice():
                until = None if entry.until is None else unix(entry.until)
                connection.execute(
                    "INSERT OR REPLACE INTO gaps VALUES (?, ?, ?, ?)",
                    (entry.id, unix(entry.since), until, pack_model(entry)),
                )
            case Delivered():
                connection.executemany(
                    "INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?, ?, ?)",
                    [
                        (alert, revision, entry.sink, unix(entry.at), entry.outcome, text(entry.reason))
                        for alert, revision in entry.alerts
                    ],
                )
            case Verdict():
                _write_verdict(connection, entry)
            case Restored():
                take_back(connection, entry)
                connection.execute(
                    "INSERT OR REPLACE INTO restored VALUES (1, ?, ?, ?)",
                    (unix(entry.watermark), entry.records, entry.horizon.total_seconds()),
                )


def _moments(connection: sqlite3.Connection, entry: PackedEntry) -> list[float]:
    """Return instants in the hours that an entry belongs to; what is taken back, or may be there, is marked there."""
    match entry:
        case PackedBucket():
            return [unix(entry.bucket.start)]
        case Alert():
            return [unix(entry.window_start)]
        case SuppressedFinding():
            return [unix(entry.time)]
        case Notice():
            return [unix(entry.since)]
        case Delivered():
            query = "SELECT window_start FROM alerts WHERE id = ?"
            return [moment for one, _ in entry.alerts for (moment,) in connection.execute(query, (one,))]
        case Restored() | Verdict():
            return []


def _write_identities(connection: sqlite3.Connection, closed: Sequence[PackedBucket]) -> dict[str, int]:
    """Note who was seen, each once however many buckets there are; returns which row each is."""
    seen: dict[str, tuple[Actor, float, float]] = {}
    for one in closed:
        start = unix(one.bucket.start)
        for actor, _, _ in one.hours:
            known = seen.get(actor.id)
            if known is None:
                seen[actor.id] = (actor, start, start)
            else:
                newest = actor if start >= known[2] else known[0]
                seen[actor.id] = (newest, min(start, known[1]), max(start, known[2]))
    _in_few_calls(connection, _SEEN, [(*_person(actor), first, last) for actor, first, last in seen.values()])
    ids = list(seen)
    numbered = [(number, text(one)) for number, one in enumerate(ids)]
    found = [json.loads(keys) for (keys,) in _in_few_calls(connection, _KEYS, numbered)]
    return {ids[int(number)]: key for keys in found for number, key in keys.items()}


def _write_hours(connection: sqlite3.Connection, closed: PackedBucket, keys: Mapping[str, int]) -> None:
    start, ends = unix(closed.bucket.start), unix(closed.bucket.end)
    _in_few_calls(
        connection,
        _HOURS,
        [
            (
                keys[actor.id],
                start,
                ends,
                closed.records if packed.late else 0,
                closed.records,
                cells,
                packed.score,
                packed.detector,
                packed.action,
                packed.data,
                packed.peaks,
            )
            for actor, cells, packed in closed.hours
        ],
    )


def _in_few_calls(
    connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[object]]
) -> list[tuple[Any, ...]]:
    """Run `statement`, of which ``{rows}`` becomes the rows, for many of them at once; returns what it answers."""
    answers: list[tuple[Any, ...]] = []
    at = 0
    for size in _ROWS_AT_ONCE:
        while len(rows) - at >= size:
            chunk = rows[at : at + size]
            marks = ", ".join([f"({', '.join('?' * len(chunk[0]))})"] * size)
            values = [value for row in chunk for value in row]
            answers += connection.execute(statement.format(rows=marks), values)
            at += size
    return answers


def _person(actor: Actor) -> tuple[str, str, str, str]:
    name = text(actor.name)
    return text(actor.id), name, name.casefold(), actor.kind.value


def _write_alert(connection: sqlite3.Connection, alert: Alert) -> None:
    most = alert.findings[0]
    # Of a revision that a crash has undone nothing is left: what is told from now on is counted from here.
    connection.execute("DELETE FROM revisions WHERE alert = ? AND revision > ?", (alert.id, alert.revision))
    connection.execute(
        "INSERT OR REPLACE INTO revisions VALUES (?, ?, ?, ?)",
        (alert.id, alert.revision, unix(alert.found_at), pack_model(alert)),
    )
    name = text(alert.actor_name)
    connection.execute(
        _ALERT,
        (
            alert.id,
            alert.revision,
            text(alert.actor_id),
            name,
            name.casefold(),
            alert.actor_kind.value,
            text(alert.operation),
            unix(alert.window_start),
            unix(alert.window_end),
            unix(alert.found_at),
            alert.score,
            alert.severity.rank,
            text(most.title),
            text(most.action_name),
            alert.finding_count,
        ),
    )


def _write_verdict(connection: sqlite3.Connection, verdict: Verdict) -> None:
    """Note a verdict on an alert that is there; each start of the service brings all of them once more."""
    written = connection.execute(
        "INSERT OR IGNORE INTO verdicts SELECT ?, ?2, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM alerts WHERE id = ?2)",
        (
            verdict.id,
            text(verdict.alert),
            verdict.kind.value,
            verdict.for_kind,
            text(verdict.by),
            unix(verdict.at),
            text(verdict.why),
        ),
    )
    if written.rowcount:
        mark_found(connection, "SELECT window_start FROM alerts WHERE id = ?", text(verdict.alert))


def take_back(connection: sqlite3.Connection, restored: Restored, schema: str = "main") -> None:
    """Take out the hours that were closed after the moment that the service goes on from: they will be closed again.

    What comes in time and what comes late may change places then, so that to overwrite them is not enough.
    """
    for which, values in (
        ("start > ?1 - 86400.0 AND late = 0 AND ends > ?1", (unix(restored.watermark),)),  # none is longer than a day
        ("late > 0 AND late > ? AND ends > ?", (restored.records, unix(restored.watermark - restored.horizon))),
    ):
        if schema == "main":
            mark_found(connection, f"SELECT DISTINCT start FROM hours WHERE {which}", *values)  # noqa: S608 - from above
        connection.execute(f"DELETE FROM {schema}.hours WHERE {which}", values)  # noqa: S608 - from above


def last_restored(connection: sqlite3.Connection) -> Restored | None:
    """Return where the service last went on from; None if it never did."""
    for watermark, records, horizon in connection.execute("SELECT watermark, records, horizon FROM restored"):
        return Restored(EPOCH + timedelta(seconds=watermark), records, timedelta(seconds=horizon))
    return None


def unix(moment: datetime) -> float:
    """Return an instant as the tables have it."""
    return moment.timestamp()
