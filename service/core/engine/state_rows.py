"""The engine's state as rows of plain data, for a snapshot: what each section holds, and how it is read back.

What is durable, and when, is the storage's business; the parts of the state write and read their own rows.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from models.detectors import Anomaly
from models.stream import Actor, UnexpectedRow, fields, reading
from service.core.engine.relearning import Forgotten
from service.core.messages import Position

if TYPE_CHECKING:
    from service.core.engine.engine import Engine


class OtherBuckets(ValueError):  # noqa: N818 - it names what was found, not a fault of the caller
    """The state was made with another bucket length than the configuration has; the text says what to do."""


def dump_open(engine: "Engine") -> Iterator[tuple[str, Any]]:
    """Yield ``(section, row)`` of what may change with every message, in a stable order."""
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
    for table, row in engine.buckets.dump_open():
        yield f"bucket {table}", row


def dump_learnt(engine: "Engine") -> Iterator[tuple[str, Any]]:
    """Yield likewise what only changes when buckets are closed: nearly all of a large state."""
    for table, row in engine.buckets.dump_closed():
        yield f"bucket {table}", row
    for actor in engine.people.values():
        yield "person", actor.row()
    for name, detector in engine.detectors.items():
        for row in detector.dump_population():
            yield f"population {name}", row
        for row in detector.dump_identities():
            yield f"identities {name}", row


def dump_told(engine: "Engine") -> Iterator[tuple[str, Any]]:
    """Yield likewise what has been found and told."""
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
        ("verdict", engine.rulings.dump()),
        ("answered", engine.follow_ups.dump()),
        ("forgotten", (one.row() for one in engine.forgotten)),
    ):
        for row in rows:
            yield section, row


def load_rows(engine: "Engine", rows: Iterable[tuple[str, Any]]) -> None:
    """Replace everything by what the dumps gave, in their order; sections that it does not know are left to others.

    Raises
    ------
    UnexpectedRow
        When a row has other fields than those that are dumped; what has been replaced by then is half of it.
    OtherBuckets
        When the state was made with another bucket length.
    """
    loader = _Loader(engine)
    for name, tagged in groupby(rows, lambda one: "bucket" if one[0].startswith("bucket ") else one[0]):
        loader.take(name, tagged)
    loader.finish()


class _Loader:
    """Loads sections in the order in which they were dumped; of those with very many rows, one row at a time.

    Parameters
    ----------
    engine
        Whose state is replaced.
    """

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._held: dict[str, list[Any]] = {}
        self._done: set[str] = set()

    def take(self, name: str, tagged: Iterable[tuple[str, Any]]) -> None:
        """Take in all rows of a section."""
        if name in self._done:
            raise UnexpectedRow(f"section {name}: its rows should come one after another")
        self._done.add(name)
        word, _, detector = name.partition(" ")
        rows = map(itemgetter(1), tagged)
        match word:
            case "engine":
                _load_head(self._engine, *rows)
            case _ if "engine" not in self._done:
                raise UnexpectedRow(f"section {name}: should come after section engine")
            case "person":
                self._load_people(rows)
            case "bucket":
                with reading("section bucket"):
                    self._engine.buckets.load((section.removeprefix("bucket "), row) for section, row in tagged)
            case "identities" if detector in self._engine.detectors:
                self._load_detector(detector, rows)
            case "population" if f"identities {detector}" in self._done:
                raise UnexpectedRow(f"section {name}: should come before section identities {detector}")
            case _:
                self._held[name] = list(rows)

    def finish(self) -> None:
        """Load what is left, and empty what had no rows."""
        engine, held = self._engine, self._held
        if "engine" not in self._done:
            raise UnexpectedRow("section engine: is missing")
        if "person" not in self._done:
            self._load_people(())
        if "bucket" not in self._done:
            engine.buckets.load(())
        for name in engine.detectors:
            if f"identities {name}" not in self._done:
                self._load_detector(name, ())
        _load_told(engine, held)
        with reading("section recent"):
            engine.recent.by_id = {anomaly.id: anomaly for anomaly in map(Anomaly.from_row, held.get("recent", []))}
        with reading("section budget"):
            engine.budget.load(held.get("budget", []))
        with reading("section verdict"):
            engine.rulings.load(held.get("verdict", []))
        with reading("section forgotten"):
            engine.forgotten = tuple(map(Forgotten.from_row, held.get("forgotten", [])))

    def _load_people(self, rows: Iterable[Any]) -> None:
        with reading("section person"):
            self._engine.people.clear()
            self._engine.people.update((actor.id, actor) for actor in map(Actor.from_row, rows))

    def _load_detector(self, name: str, identities: Iterable[Any]) -> None:
        with reading(f"section population {name} or identities {name}"):
            self._engine.detectors[name].load(self._held.pop(f"population {name}", []), identities)


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
    with reading("section answered"):
        engine.follow_ups.load(sections.get("answered", []))


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
