"""The engine's state as rows of plain data, for a snapshot: what each section holds, and how it is read back.

What is durable, and when, is the storage's business; the parts of the state write and read their own rows.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from models.detectors import Anomaly
from models.stream import Actor, fields, reading
from service.core.messages import Position

if TYPE_CHECKING:
    from service.core.engine.engine import Engine


class OtherBuckets(ValueError):  # noqa: N818 - it names what was found, not a fault of the caller
    """The state was made with another bucket length than the configuration has; the text says what to do."""


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
        yield "position", position.row(partition)
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
        ("rollout", engine.alerts.rollouts.dump()),
        ("campaign", engine.alerts.campaigns.dump()),
        ("open", engine.alerts.open.dump()),
        ("budget", engine.budget.dump()),
        ("suppressed", engine.suppressed.dump()),
    ):
        for row in rows:
            yield section, row


def load_rows(engine: "Engine", rows: Iterable[tuple[str, Any]]) -> None:
    """Replace everything by what `dump_rows` gave; sections that it does not know are left to others.

    Raises
    ------
    UnexpectedRow
        When a row has other fields than those that are dumped; what has been replaced by then is half of it.
    OtherBuckets
        When the state was made with another bucket length.
    """
    sections = _by_section(rows)
    _load_head(engine, *sections["engine"])

    def of(section: str) -> list[Any]:
        return sections.get(section, [])

    _load_told(engine, sections)
    with reading("section person"):
        people = {actor.id: actor for actor in map(Actor.from_row, of("person"))}
        engine.people.clear()
        engine.people.update(people)
    with reading("section bucket"):
        tables = [section for section in sections if section.startswith("bucket ")]
        engine.buckets.load((table.removeprefix("bucket "), row) for table in tables for row in sections[table])
    for name, detector in engine.detectors.items():
        with reading(f"section population {name} or identities {name}"):
            detector.load(of(f"population {name}"), of(f"identities {name}"))
    with reading("section recent"):
        engine.recent.by_id = {anomaly.id: anomaly for anomaly in map(Anomaly.from_row, of("recent"))}
    with reading("section budget"):
        engine.budget.load(of("budget"))


def load_progress(engine: "Engine", rows: Iterable[tuple[str, Any]]) -> None:
    """Take over positions, what has been told and until when it was evaluated; nothing that was learnt.

    Raises
    ------
    UnexpectedRow
        When a row has other fields than those that are dumped.
    OtherBuckets
        When the state was made with another bucket length.
    """
    sections = _by_section(rows)
    records, watermark = engine.records, engine.watermark.dump()
    _load_head(engine, *sections["engine"])
    engine.records = records
    engine.watermark.load(watermark)
    if engine.alert_from is not None:
        engine.alert_from = engine.evaluated_until
    _load_told(engine, sections)


def _by_section(rows: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    sections: dict[str, list[Any]] = {}
    for section, row in rows:
        sections.setdefault(section, []).append(row)
    return sections


def _load_told(engine: "Engine", sections: Mapping[str, list[Any]]) -> None:
    with reading("section position"):
        engine.positions = dict(map(Position.from_row, sections.get("position", [])))
    told = ("alert", "failing", "rollout", "campaign", "open")
    with reading(f"section {', '.join(told[:-1])} or {told[-1]}"):
        engine.alerts.load(*(sections.get(section, []) for section in told))
    with reading("section suppressed"):
        engine.suppressed.load(sections.get("suppressed", []))


def without_positions(rows: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the rows of a snapshot as if no partition had been read; nothing that was learnt is left out.

    >>> head = {"records": 3, "watermark": {"floor": "2026-03-01T00:00:00+00:00", "marks": {"0": "…"}}}
    >>> list(without_positions([("engine", head), ("position", {"partition": "0"})]))
    [('engine', {'records': 3, 'watermark': {'floor': '2026-03-01T00:00:00+00:00', 'marks': {}}})]
    """
    for section, row in rows:
        if section == "engine":
            yield section, {**row, "watermark": {**row["watermark"], "marks": {}}}
        elif section != "position":
            yield section, row


def _load_head(engine: "Engine", head: Any) -> None:
    with reading("section engine"):
        names = ("bucket_seconds", "alert_from", "records", "evaluated_until", "watermark")
        seconds, alert_from, engine.records, evaluated_until, watermark = fields("engine", head, *names)
        engine.watermark.load(watermark)
    made_with = timedelta(seconds=seconds)
    if made_with != engine.options.bucket:
        raise OtherBuckets(
            f"the state was made with windows.bucket = {made_with}, the configuration says {engine.options.bucket}:"
            " set it back, or start with an empty state"
        )
    engine.alert_from = datetime.fromisoformat(alert_from) if alert_from else None
    engine.evaluated_until = datetime.fromisoformat(evaluated_until)
