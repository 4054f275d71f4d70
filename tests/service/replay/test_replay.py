"""Files through the engine on their own time: the same each time, whatever shape they are in."""

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from models.detectors.anomalies import Anomaly
from models.stream.operations import RecordResult
from service.core.alerting.alerts import Alert
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.parsing.rejects import Reject
from service.documents.places import RecordPlace, from_lines
from service.replay.contents import Contents
from service.replay.ordering import Order
from service.replay.replay import Replay, Summary
from tests.fakes.detector import FirstTime
from tests.service.core.parsing.samples import dump, message, record

pytestmark = [pytest.mark.slow, pytest.mark.measured]

START = datetime(2024, 5, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Player:
    """A replay, and what came of it."""

    def __init__(self, order: Order = "auto", run: int = 100) -> None:
        self.engine = Engine(Options(), [FirstTime()])
        self.scored: list[Anomaly] = []
        self.alerts: list[Alert] = []
        self.rejects: list[Reject] = []
        self.places: list[RecordPlace] = []
        self.reads: list[tuple[int, int]] = []
        self._replay = Replay(
            self.engine,
            every=timedelta(minutes=15),
            on_scored=self.scored.extend,
            on_alerts=self.alerts.extend,
            on_reject=self._reject,
            on_read=lambda taken, total: self.reads.append((taken, total)),
            order=order,
            run=run,
        )

    def _reject(self, reject: Reject, place: RecordPlace) -> None:
        self.rejects.append(reject)
        self.places.append(place)

    def play(self, *files: Iterable[bytes]) -> Summary:
        return self._replay.run(
            chain.from_iterable(from_lines(f"file {at}", lines, before=at) for at, lines in enumerate(files))
        )

    def actions(self) -> set[str]:
        return {finding.action for alert in self.alerts for finding in alert.findings}


def at(time: datetime, action: str = "Microsoft.Web/sites/write", **changes: Any) -> dict[str, Any]:
    name = f"{action}@{time.isoformat()}"
    return record(time=time.isoformat(), operationName=action, correlationId=None, properties={"n": name}, **changes)


def lines(*records: Any) -> list[bytes]:
    return [dump(one) + b"\n" for one in records]


def hourly(count: int, action: str = "Microsoft.Web/sites/read", start: datetime = START) -> list[dict[str, Any]]:
    return [at(start + number * HOUR, action) for number in range(count)]


def test_what_is_new_is_told_and_what_is_old_is_not() -> None:
    player = Player()
    summary = player.play(lines(*hourly(48), at(START + 48 * HOUR, "Microsoft.Web/sites/delete")))
    assert (summary.records, summary.rejects, summary.alerts) == (49, 0, 2)
    assert (summary.first, summary.last) == (START, START + 48 * HOUR)
    assert player.actions() == {"microsoft.web/sites/read", "microsoft.web/sites/delete"}
    assert len(player.scored) == summary.scored == 49


@pytest.mark.parametrize("pack", ["records", "envelopes", "spaced", "one envelope", "capital"])
def test_records_and_envelopes_in_any_shape_are_the_same(pack: str) -> None:
    records = hourly(5)
    shapes = {
        "records": lines(*records),
        "envelopes": [message(*records[:2]), message(*records[2:])],
        "spaced": [b'{ "records" : [' + dump(one) + b"]}\r\n" for one in records],
        "one envelope": [message(*records)],
        "capital": [message(one).replace(b'"records"', b'"Records"') for one in records],
    }
    player, plain = Player(), Player()
    assert player.play(shapes[pack]) == plain.play(lines(*records))
    assert player.scored == plain.scored
    assert player.alerts == plain.alerts


def test_a_broken_line_takes_no_neighbour_with_it() -> None:
    whole = lines(*hourly(10))
    for broken in (whole[4][:-40], b'{"time": "x', b"\xff\xfe", b"[", b"{}", b"42"):
        player = Player()
        summary = player.play([*whole[:4], broken + b"\n", *whole[5:]])
        assert summary.records - summary.rejects == 9
        assert len(player.rejects) == summary.rejects == 1
        assert [str(place) for place in player.places] == ["file 0, line 5"]


def test_blank_lines_are_nothing() -> None:
    player = Player()
    assert player.play([b"\n", b"  \n", *lines(*hourly(2)), b"\n"]).records == 2
    empty = Player()
    assert empty.play([]) == Summary(0, 0, {}, {}, 0, 0, 0, None, None)
    assert empty.play([b"\n"]).contents == (Contents("lines", 0, 1, ""),)


def test_files_are_merged_by_time() -> None:
    first, second = hourly(300), hourly(300, "Microsoft.Web/sites/list", START + timedelta(minutes=30))
    player = Player()
    summary = player.play(lines(*first), lines(*second), lines(at(START + 2 * HOUR, "Microsoft.Web/sites/move")))
    assert summary.results[RecordResult.OPERATION] == 601
    assert summary.results[RecordResult.LATE] == summary.results[RecordResult.TOO_LATE] == 0


@pytest.mark.parametrize("position", [0, 1, 150, 298])
@pytest.mark.parametrize("enveloped", [False, True])
def test_a_stray_time_from_the_future_harms_nobody_else(position: int, enveloped: bool) -> None:
    records = hourly(300)
    records.insert(position, at(START + timedelta(days=900), "Microsoft.Web/sites/stray"))
    player = Player()
    summary = player.play([message(one) for one in records] if enveloped else lines(*records))
    assert summary.clamped == 1
    assert summary.results[RecordResult.OPERATION] == 301
    assert summary.last == START + 299 * HOUR


def test_a_gap_is_no_stray_time_wherever_it_falls() -> None:
    for before in (251, 254, 255, 256, 257):
        player = Player()
        monday = START + timedelta(days=30)
        summary = player.play(lines(*hourly(before), *hourly(5, start=monday)))
        assert (summary.clamped, summary.last) == (0, monday + 4 * HOUR)


def test_sparse_records_are_all_believed() -> None:
    player = Player()
    assert player.play(lines(*(at(START + number * timedelta(days=5)) for number in range(4)))).clamped == 0


def test_a_year_without_records_passes_at_once() -> None:
    player = Player()
    summary = player.play(lines(at(START), at(START + timedelta(days=3650), "Microsoft.Web/sites/delete")))
    assert summary.alerts == 2


def test_progress_is_told_now_and_then() -> None:
    player = Player()
    player.play(lines(*hourly(600)))
    assert player.reads == [(0, 0)] * 3 + [(0, 600), (256, 600), (512, 600)]


def outcome(*files: Sequence[bytes], order: Order = "auto", run: int = 100) -> tuple[Any, ...]:
    player = Player(order, run)
    summary = player.play(*files)
    return (
        {seen: count for seen, count in summary.results.items() if count},
        summary.first,
        summary.last,
        player.scored,
        player.alerts,
    )


def busy() -> list[bytes]:
    """Make records of which several share a time, in order of time."""
    actions = ["Microsoft.Web/sites/write", "Microsoft.Web/sites/delete", "Microsoft.Web/sites/read"]
    return lines(*(at(START + (number // 3) * HOUR / 2, actions[number % 3]) for number in range(400)))


@pytest.mark.parametrize("run", [7, 100, 10_000])
def test_neither_the_order_of_files_nor_how_records_are_split_changes_anything(run: int) -> None:
    records = busy()
    straight = outcome(records)
    assert straight[0] == {RecordResult.OPERATION: 400}
    shuffled = random.Random(4).sample(records, len(records))
    parts = [shuffled[start : start + 23] for start in range(0, len(shuffled), 23)]
    assert outcome(records[::-1], run=run) == straight
    assert outcome(*([one] for one in records[::-1]), run=run) == straight
    assert outcome(*parts, run=run) == outcome(*parts[::-1], run=run) == straight


def test_more_temporary_files_than_may_be_open_are_merged_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.replay.ordering.FAN_IN", 3)
    records = busy()
    assert outcome(records[200:], records[:200], run=11) == outcome(records)


def test_no_temporary_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    records = busy()
    used = set[str]()
    player = Player(run=10)
    player._replay._intake._on_read = lambda taken, total: used.update(map(str, tmp_path.rglob("*")))
    player.play(records[::-1])
    assert used
    assert list(tmp_path.iterdir()) == []


def recorded() -> list[bytes]:
    """Make a recording in which every tenth record arrives five hours after its time."""
    arrivals = [(START + (at // 4 + (5 if at % 10 == 5 else 0)) * HOUR, at) for at in range(400)]
    return lines(*(at(START + (one // 4) * HOUR, f"Microsoft.Web/sites/action{one}") for _, one in sorted(arrivals)))


def test_one_file_that_was_recorded_is_taken_as_it_arrived() -> None:
    player = Player(run=30)
    summary = player.play(recorded())
    assert summary.by_arrival
    assert summary.results[RecordResult.LATE] == 39  # the last is followed by nothing
    assert [one.order for one in summary.contents] == ["oldest first"]


@pytest.mark.integration
def test_the_order_can_be_chosen() -> None:
    records = recorded()
    assert RecordResult.LATE not in outcome(records, order="time")[0]
    assert outcome(records[:200], records[200:], order="arrival") == outcome(records)
    assert outcome(records[:200], records[200:]) == outcome(records, order="time") == outcome(records[::-1])


def test_what_begins_with_the_newest_is_never_too_late() -> None:
    player = Player()
    summary = player.play(lines(*hourly(300)[::-1]))
    assert (summary.by_arrival, summary.results[RecordResult.OPERATION]) == (False, 300)
    assert [str(one.order) for one in summary.contents] == ["newest first"]
