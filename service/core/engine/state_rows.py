"""The engine's state as rows of plain data, for a snapshot: what each section holds, and how it is read back.

What is durable, and when, is the storage's business; the parts of the state write and read their own rows.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from models.detectors import Anomaly
from models.stream import Actor, fields, reading
from service.core.messages import Position

if TYPE_CHECKING:
    from service.core.engine.engine import Engine


def dump_rows(engine: "Engine") -> Iterator[tuple[str, Any]]:
    """Yield ``(section, row)`` in a stable order: everything that `load_rows` needs, one small row at a time.

    Nothing may be applied between the first row and the last.
    """
    yield (
        "engine",
        {
            "bucket_seconds": engine.options.bucket.total_seconds(),
            "alert_from": engine.alert_from.isoformat() if engine.alert_from else None,
            "records": engine.records,
            "evaluated_until": engine.evaluated_until.isoformat(),
            "watermark": engine.watermark.dump(),
        },
    )
    for partition, position in sorted(engine.positions.items()):
        told = {**position._asdict(), "enqueued_time": position.enqueued_time.isoformat()}
        yield "position", {"partition": partition, **told}
    for actor in engine.people.values():
        yield "person", actor.row()
    for table, row in engine.buckets.dump():
        yield f"bucket {table}", row
    for name, detector in engine.detectors.items():
        for row in detector.dump_population():
            yield f"population {name}", row
        for row in detector.dump_identities():
            yield f"identities {name}", row
    for _, anomaly in sorted(engine.recent.by_id.items()):
        yield "recent", anomaly.row()
    for section, rows in (
        ("alert", engine.alerts.dump()),
        ("failing", engine.alerts.dump_failing()),
        ("budget", engine.budget.dump()),
        ("suppressed", engine.suppressed.dump()),
    ):
        for row in rows:
            yield section, row


def load_rows(engine: "Engine", rows: Iterable[tuple[str, Any]]) -> None:
    """Replace everything by what `dump_rows` gave; sections that it does not know are left to others.

    Raises
    ------
    ValueError
        When the state was made with another bucket length.
    """
    sections: dict[str, list[Any]] = {}
    for section, row in rows:
        sections.setdefault(section, []).append(row)
    _load_head(engine, *sections["engine"])
    with reading("section 'position'"):
        engine.positions = dict(map(_position, sections.get("position", [])))
    with reading("section 'person'"):
        engine.people.clear()
        engine.people.update({actor.id: actor for actor in map(Actor.from_row, sections.get("person", []))})
    with reading("section 'bucket …'"):
        engine.buckets.load(
            (section.removeprefix("bucket "), row)
            for section, rows_of_it in sections.items()
            if section.startswith("bucket ")
            for row in rows_of_it
        )
    for name, detector in engine.detectors.items():
        with reading(f"sections 'population {name}' and 'identities {name}'"):
            detector.load(sections.get(f"population {name}", []), sections.get(f"identities {name}", []))
    with reading("section 'recent'"):
        engine.recent.by_id = {anomaly.id: anomaly for anomaly in map(Anomaly.from_row, sections.get("recent", []))}
    with reading("sections 'alert' and 'failing'"):
        engine.alerts.load(sections.get("alert", []), sections.get("failing", []))
    with reading("section 'budget'"):
        engine.budget.load(sections.get("budget", []))
    with reading("section 'suppressed'"):
        engine.suppressed.load(sections.get("suppressed", []))


def _load_head(engine: "Engine", head: Any) -> None:
    with reading("section 'engine'"):
        names = ("bucket_seconds", "alert_from", "records", "evaluated_until", "watermark")
        seconds, alert_from, engine.records, evaluated_until, watermark = fields("engine", head, *names)
        engine.watermark.load(watermark)
    made_with = timedelta(seconds=seconds)
    if made_with != engine.options.bucket:
        raise ValueError(
            f"the state was made with windows.bucket = {made_with}, the configuration says {engine.options.bucket}:"
            " set it back, or start with an empty state"
        )
    engine.alert_from = datetime.fromisoformat(alert_from) if alert_from else None
    engine.evaluated_until = datetime.fromisoformat(evaluated_until)


def _position(row: Any) -> tuple[str, Position]:
    names = ("partition", "sequence_number", "offset", "enqueued_time")
    partition, sequence_number, offset, enqueued_time = fields("position", row, *names)
    return partition, Position(sequence_number, offset, datetime.fromisoformat(enqueued_time))
