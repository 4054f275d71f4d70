"""The engine's state as rows of plain data, for a snapshot: what each section holds, and how it is read back.

What is durable, and when, is the storage's business; the parts of the state write and read their own rows.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from models.detectors import Anomaly
from models.stream import Actor, ActorKind
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
            "born": engine.alert_from.isoformat() if engine.alert_from else None,
            "records": engine.records,
            "told_until": engine.evaluated_until.isoformat(),
            "watermark": engine.watermark.dump(),
        },
    )
    for partition, position in sorted(engine.positions.items()):
        yield (
            "position",
            [partition, position.sequence_number, position.offset, position.enqueued_time.isoformat()],
        )
    for actor in engine.people.values():
        yield "person", list(actor)
    for table, row in engine.buckets.dump():
        yield f"bucket {table}", row
    for name, detector in engine.detectors.items():
        for row in detector.dump():
            yield f"detector {name}", row
    for _, anomaly in sorted(engine.recent.by_id.items()):
        yield "recent", anomaly.row()
    for section, rows in (
        ("alert", engine.alerts.dump()),
        ("failing", engine.alerts.dump_failing()),
        ("budget", engine.budget.dump()),
        ("withheld", engine.suppressed.dump()),
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
    [head] = sections["engine"]
    made_with = timedelta(seconds=head["bucket_seconds"])
    if made_with != engine.options.bucket:
        raise ValueError(
            f"the state was made with windows.bucket = {made_with}, the configuration says {engine.options.bucket}:"
            " set it back, or start with an empty state"
        )
    engine.alert_from = datetime.fromisoformat(head["born"]) if head["born"] else None
    engine.evaluated_until = datetime.fromisoformat(head["told_until"])
    engine.records = head["records"]
    engine.watermark.load(head["watermark"])
    engine.positions = {
        partition: Position(number, offset, datetime.fromisoformat(time))
        for partition, number, offset, time in sections.get("position", [])
    }
    engine.people.clear()
    engine.people.update(
        {actor: Actor(actor, name, ActorKind(kind)) for actor, name, kind in sections.get("person", [])}
    )
    engine.buckets.load(
        (section.removeprefix("bucket "), row)
        for section, rows_of_it in sections.items()
        if section.startswith("bucket ")
        for row in rows_of_it
    )
    for name, detector in engine.detectors.items():
        detector.load(sections.get(f"detector {name}", []))
    engine.recent.by_id = {anomaly.id: anomaly for anomaly in map(Anomaly.from_row, sections.get("recent", []))}
    engine.alerts.load(sections.get("alert", []), sections.get("failing", []))
    engine.budget.load(sections.get("budget", []))
    engine.suppressed.load(sections.get("withheld", []))
