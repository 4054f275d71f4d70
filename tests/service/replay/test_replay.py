"""Files through the engine on their own time: the same each time, whatever shape they are in."""

import gzip
import io
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.detectors.anomalies import Anomaly
from models.stream.buckets import RecordResult
from service.core.alerting.alerts import Alert
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.parsing.rejects import Reject
from service.replay.documents import documents
from service.replay.replay import Lines, Replay, Summary
from tests.fakes.detector import FirstTime
from tests.service.core.parsing.samples import dump, message, record

START = datetime(2024, 5, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Player:
    """A replay, and what came of it."""

    def __init__(self) -> None:
        self.engine = Engine(Options(), [FirstTime()])
        self.scored: list[Anomaly] = []
        self.alerts: list[Alert] = []
        self.rejects: list[Reject] = []
        self.reads = 0
        self._replay = Replay(
            self.engine,
            every=timedelta(minutes=15),
            on_scored=self.scored.extend,
            on_alerts=self.alerts.extend,
            on_reject=self.rejects.append,
            on_read=self._read,
        )

    def _read(self) -> None:
        self.reads += 1

    def play(self, *files: Iterable[bytes]) -> Summary:
        return self._replay.run(files)

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


def pretty(value: Any, indent: int = 2) -> list[bytes]:
    return io.BytesIO(json.dumps(value, indent=indent).encode()).readlines()


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("shape", ["list", "one line", "lines", "REST", "envelope", "one after another", "compact"])
def test_a_list_on_many_lines_is_read_record_by_record_whichever_way_it_is_sorted(shape: str, turned: bool) -> None:
    records = hourly(300)
    given = records[::-1] if turned else records
    shapes = {
        "list": pretty(given),
        "one line": [dump(given)],
        "lines": lines(*given),
        "REST": pretty({"value": given, "nextLink": "https://example.invalid/{[", "count": 3}),
        "envelope": pretty({"records": given}, indent=4),
        "one after another": [line + b"\n" * (line == b"}") for one in given for line in pretty(one)],
        "compact": [b"[", *(dump(one) + b",\n" for one in given[:-1]), dump(given[-1]) + b"]\n"],
    }
    player, plain = Player(), Player()

    assert player.play(shapes[shape]) == plain.play(lines(*records))
    assert player.scored == plain.scored
    assert player.alerts == plain.alerts


def test_a_broken_record_in_a_list_on_many_lines_is_rejected_and_the_rest_read() -> None:
    found = pretty([*hourly(2), "no record", *hourly(3, "Microsoft.Web/sites/write")])
    player = Player()
    summary = player.play(found)

    assert (summary.records, summary.rejects) == (6, 1)


def test_what_never_ends_is_not_held_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.replay.documents.LARGEST", 10_000)
    endless = [b"{\n", *[b'"a": {\n'] * 5000]

    assert max(map(len, documents(endless))) < 11_000
    assert b"\n".join(map(bytes.strip, documents(endless))) == b"".join(endless).strip()


def test_a_broken_line_takes_no_neighbour_with_it() -> None:
    whole = lines(*hourly(10))
    for broken in (whole[4][:-40], b'{"time": "x', b"\xff\xfe", b"[", b"{}", b"42"):
        player = Player()
        summary = player.play([*whole[:4], broken + b"\n", *whole[5:]])
        assert summary.records - summary.rejects == 9
        assert len(player.rejects) == summary.rejects == 1


def test_blank_lines_are_nothing() -> None:
    player = Player()
    assert player.play([b"\n", b"  \n", *lines(*hourly(2)), b"\n"]).records == 2
    empty = Player()
    assert empty.play([]) == Summary(0, 0, 0, {}, 0, 0, 0, None, None)


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
    assert player.reads == 3


def read(path: Path) -> Sequence[bytes]:
    file = Lines(str(path))
    try:
        return list(file)
    finally:
        file.close()


def test_a_file_is_read_gzipped_or_not_and_knows_how_far(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    plain.write_bytes(b"one\ntwo")
    packed.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two"))
    assert read(plain) == read(packed) == [b"one\n", b"two"]
    file = Lines(str(plain))
    assert (file.size, file.position) == (7, 0)
    list(file)
    assert file.position == 7
    file.close()


def test_standard_input_is_a_file_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b"one\ntwo\n"))))
    file = Lines("-")
    assert list(file) == [b"one\n", b"two\n"]
    assert (file.size, file.position) == (0, 0)
    file.close()


@pytest.mark.parametrize("damage", [slice(0, -12), slice(0, 25)])
def test_a_damaged_archive_is_named(tmp_path: Path, damage: slice) -> None:
    path = tmp_path / "broken.gz"
    path.write_bytes(gzip.compress(json.dumps([*range(200)]).encode())[damage] + b"xx")
    with pytest.raises(OSError, match=r"broken\.gz cannot be read to its end"):
        read(path)
