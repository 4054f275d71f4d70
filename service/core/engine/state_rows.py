"""The engine's state as rows of plain data, for a snapshot: what each section holds, and how it is read back.

What is durable, and when, is the storage's business; the parts of the state write and read their own rows.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, Protocol

from models.detectors import Anomaly, Detector
from models.stream import Actor, OpenBuckets, RowsLater, UnexpectedRow, fields, reading
from service.core.engine.coordinator import Coordinator
from service.core.engine.relearning import Forgotten
from service.core.messages import Position


class OtherBuckets(ValueError):  # noqa: N818 - it names what was found, not a fault of the caller
    """The state was made with another bucket length than the configuration has; the text says what to do."""


class Knowledge(Protocol):
    """What belongs to identities, and what the population knows."""

    buckets: OpenBuckets

    @property
    def detectors(self) -> Mapping[str, Detector]:
        """By name."""
        ...


def dump_progress(coordinator: Coordinator) -> Iterator[tuple[str, Any]]:
    """Yield ``(section, row)`` of how far the input was read and evaluated, in a stable order."""
    yield (
        "engine",
        {
            "bucket_seconds": coordinator.options.bucket.total_seconds(),
            "alert_from": coordinator.alert_from.isoformat() if coordinator.alert_from else None,
            "records": coordinator.records,
            "evaluated_until": coordinator.evaluated_until.isoformat(),
            "watermark": coordinator.watermark.dump(),
        },
    )
    for partition, position in sorted(coordinator.positions.items()):
        yield "position", position.row(partition)


def dump_open(knowledge: Knowledge) -> Iterator[tuple[str, Any]]:
    """Yield likewise what is in open buckets, which may change with every message."""
    for table, row in knowledge.buckets.dump_open():
        yield f"bucket {table}", row


def dump_closed(knowledge: Knowledge) -> Iterator[tuple[str, Any]]:
    """Yield likewise which cells were closed lately."""
    for table, row in knowledge.buckets.dump_closed():
        yield f"bucket {table}", row


def dump_people(coordinator: Coordinator) -> Iterator[tuple[str, Any]]:
    """Yield likewise who is known by name."""
    for actor in coordinator.people.values():
        yield "person", actor.row()


def dump_learnt(knowledge: Knowledge) -> Iterator[tuple[str, Any]]:
    """Yield likewise what was learnt: nearly all of a large state, which only changes when buckets are closed."""
    for name, detector in knowledge.detectors.items():
        for row in detector.dump_population():
            yield f"population {name}", row
        for row in detector.dump_identities():
            yield f"identities {name}", row


def dump_told(coordinator: Coordinator) -> Iterator[tuple[str, Any]]:
    """Yield likewise what has been found and told."""
    for _, anomaly in sorted(coordinator.recent.by_id.items()):
        yield "recent", anomaly.row()
    for section, rows in (
        ("alert", coordinator.alerts.dump()),
        ("failing", coordinator.alerts.dump_failing()),
        ("rollout", coordinator.alerts.rollouts.dump()),
        ("campaign", coordinator.alerts.campaigns.dump()),
        ("open", coordinator.alerts.open.dump()),
        ("budget", coordinator.budget.dump()),
        ("suppressed", coordinator.suppressed.dump()),
        ("verdict", coordinator.rulings.dump()),
        ("answered", coordinator.follow_ups.dump()),
        ("forgotten", (one.row() for one in coordinator.forgotten)),
    ):
        for row in rows:
            yield section, row


def load_rows(
    rows: Iterable[tuple[str, Any]], coordinator: Coordinator | None = None, knowledge: Knowledge | None = None
) -> None:
    """Replace everything by what the dumps gave, in their order; sections that it does not know are left to others.

    So are those of a coordinator, or of what was learnt, where none is given.

    Raises
    ------
    UnexpectedRow
        When a row has other fields than those that are dumped; what has been replaced by then is half of it.
    OtherBuckets
        When the state was made with another bucket length.
    """
    loader = _Loader(coordinator, knowledge)
    for name, tagged in groupby(rows, lambda one: "bucket" if one[0].startswith("bucket ") else one[0]):
        loader.take(name, tagged)
    loader.finish()


class _Loader:
    """Loads sections in the order in which they were dumped; of those with very many rows, one row at a time.

    Parameters
    ----------
    coordinator, knowledge
        Whose state is replaced.
    """

    def __init__(self, coordinator: Coordinator | None, knowledge: Knowledge | None) -> None:
        self._coordinator = coordinator
        self._knowledge = knowledge
        self._detectors = knowledge.detectors if knowledge is not None else {}
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
            case "engine" if self._coordinator is not None:
                _load_head(self._coordinator, *rows)
            case _ if self._coordinator is not None and "engine" not in self._done:
                raise UnexpectedRow(f"section {name}: should come after section engine")
            case "person" if self._coordinator is not None:
                _load_people(self._coordinator, rows)
            case "bucket" if self._knowledge is not None:
                with reading("section bucket"):
                    self._knowledge.buckets.load((section.removeprefix("bucket "), row) for section, row in tagged)
            case "identities" if detector in self._detectors:
                self._load_detector(detector, rows)
            case "population" if f"identities {detector}" in self._done:
                raise UnexpectedRow(f"section {name}: should come before section identities {detector}")
            case _:
                self._held[name] = list(rows)

    def finish(self) -> None:
        """Load what is left, and empty what had no rows."""
        if self._coordinator is not None:
            self._finish_coordinator(self._coordinator, self._held)
        if self._knowledge is not None and "bucket" not in self._done:
            self._knowledge.buckets.load(())
        for name in self._detectors:
            if f"identities {name}" not in self._done:
                self._load_detector(name, ())

    def _finish_coordinator(self, coordinator: Coordinator, held: Mapping[str, list[Any]]) -> None:
        if "engine" not in self._done:
            raise UnexpectedRow("section engine: is missing")
        if "person" not in self._done:
            _load_people(coordinator, ())
        _load_told(coordinator, held)
        with reading("section recent"):
            coordinator.recent.by_id = {
                anomaly.id: anomaly for anomaly in map(Anomaly.from_row, held.get("recent", []))
            }
        with reading("section budget"):
            coordinator.budget.load(held.get("budget", []))
        with reading("section verdict"):
            coordinator.rulings.load(held.get("verdict", []))
        with reading("section forgotten"):
            coordinator.forgotten = tuple(map(Forgotten.from_row, held.get("forgotten", [])))

    def _load_detector(self, name: str, identities: Iterable[Any]) -> None:
        with reading(f"section population {name} or identities {name}"):
            self._detectors[name].load(self._held.pop(f"population {name}", []), identities)


def _load_people(coordinator: Coordinator, rows: Iterable[Any]) -> None:
    with reading("section person"):
        coordinator.people.clear()
        for row in rows:
            actors = Actor.from_block(row) if type(row) is RowsLater else [Actor.from_row(row)]
            coordinator.people.update((actor.id, actor) for actor in actors)


def load_progress(coordinator: Coordinator, rows: Iterable[tuple[str, Any]]) -> None:
    """Take over positions, what has been told and until when it was evaluated; nothing that was learnt.

    Raises
    ------
    UnexpectedRow
        When a row has other fields than those that are dumped.
    OtherBuckets
        When the state was made with another bucket length.
    """
    sections = rows_by_section(rows)
    records, watermark = coordinator.records, coordinator.watermark.dump()
    _load_head(coordinator, *sections["engine"])
    coordinator.records = records
    coordinator.watermark.load(watermark)
    if coordinator.alert_from is not None:
        coordinator.alert_from = coordinator.evaluated_until
    _load_told(coordinator, sections)


def rows_by_section(rows: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    """Return the rows of each section, in their order."""
    sections: dict[str, list[Any]] = {}
    for section, row in rows:
        sections.setdefault(section, []).append(row)
    return sections


def _load_told(coordinator: Coordinator, sections: Mapping[str, list[Any]]) -> None:
    with reading("section position"):
        coordinator.positions = dict(map(Position.from_row, sections.get("position", [])))
    told = ("alert", "failing", "rollout", "campaign", "open")
    with reading(f"section {', '.join(told[:-1])} or {told[-1]}"):
        coordinator.alerts.load(*(sections.get(section, []) for section in told))
    with reading("section suppressed"):
        coordinator.suppressed.load(sections.get("suppressed", []))
    with reading("section answered"):
        coordinator.follow_ups.load(sections.get("answered", []))


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


def _load_head(coordinator: Coordinator, head: Any) -> None:
    with reading("section engine"):
        names = ("bucket_seconds", "alert_from", "records", "evaluated_until", "watermark")
        seconds, alert_from, coordinator.records, evaluated_until, watermark = fields("engine", head, *names)
        coordinator.watermark.load(watermark)
    made_with = timedelta(seconds=seconds)
    if made_with != coordinator.options.bucket:
        raise OtherBuckets(
            f"the state was made with windows.bucket = {made_with}, the configuration says"
            f" {coordinator.options.bucket}: set it back, or start with an empty state"
        )
    coordinator.alert_from = datetime.fromisoformat(alert_from) if alert_from else None
    coordinator.evaluated_until = datetime.fromisoformat(evaluated_until)
