"""Whoever brings an entry never waits; whatever happens to the file costs entries that are counted, and one line."""

import shutil
import sqlite3
import stat
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import pytest
from structlog.testing import capture_logs

from service.core.engine.values import ClosedBucket
from service.history import file as file_module
from service.history.file import DAMAGED_ENDING, HistoryFile
from service.history.reading import History
from service.history.recorder import Gathering, HistoryUnwritable, Recorder
from service.history.retention import HistoryLimits
from service.history.schema import open_to_write
from service.history.values import HistoryEntry
from tests.fakes.alerts import alert
from tests.fakes.notices import notice
from tests.service.history.seen import BOB, closed, contents, event, save

DEADLINE = 60.0  # seconds within which a slow machine has written three rows
QUICK = Gathering(most_waiting=10, at_once=1, gather=0.0, again=0.01)


class DiskUsage(NamedTuple):
    total: int
    free: int


class Openings:
    """Opens the file with so many pages at most; says when it is opened once more, because it could not be written."""

    def __init__(self) -> None:
        self.pages = 100_000
        self.again = Event()
        self._count = 0

    def __call__(self, path: Path, busy: float) -> sqlite3.Connection:
        self._count += 1
        if self._count > 1:
            self.again.set()
        connection = open_to_write(path, busy)
        connection.execute(f"PRAGMA max_page_count = {self.pages}")
        return connection


@pytest.fixture
def openings(monkeypatch: pytest.MonkeyPatch) -> Openings:
    openings = Openings()
    monkeypatch.setattr(file_module, "open_to_write", openings)
    return openings


class Recording:
    """A recorder, its file, and what it says in the log."""

    def __init__(self, path: Path, logs: list[MutableMapping[str, Any]]) -> None:
        self.path = path
        self.logs = logs
        self.open: list[Recorder] = []

    def begin(self, gathering: Gathering = QUICK, *, patient: bool = False) -> Recorder:
        recorder = Recorder(HistoryFile(self.path, HistoryLimits(), busy=0.01), gathering, patient=patient)
        self.open.append(recorder)
        return recorder

    def alerts(self) -> set[str]:
        with History(self.path) as history:
            return {one.id for one in history.alerts()}

    def said(self) -> list[str]:
        return [line["event"] for line in self.logs]


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    with capture_logs() as logs:
        one = Recording(tmp_path / "history.sqlite", logs)
        yield one
        for recorder in one.open:
            with suppress(HistoryUnwritable):
                recorder.close(DEADLINE)


def test_what_is_recorded_stands_in_the_file_as_if_it_had_been_written_at_once(
    recording: Recording, tmp_path: Path
) -> None:
    entries: list[HistoryEntry] = [*closed([event(0), event(0, actor=BOB)], [event(3)]), alert(), notice()]
    recorder = recording.begin()
    assert not recording.path.exists()
    for entry in entries:
        recorder.record([entry])
        assert recorder.drain(DEADLINE)
    recorder.close(DEADLINE)
    save(tmp_path / "direct.sqlite", entries)
    assert contents(recording.path) == contents(tmp_path / "direct.sqlite")
    assert stat.S_IMODE(recording.path.stat().st_mode) == 0o600
    assert (recorder.dropped, recording.said()) == (0, [])


def test_a_bucket_of_very_many_identities_is_written_in_pieces(recording: Recording) -> None:
    [one] = closed([event(0)])
    [judgement] = one.judgements
    many = [
        judgement._replace(seen=judgement.seen._replace(actor=BOB._replace(id=f"t/{number:05}")))
        for number in range(2_500)
    ]
    recorder = recording.begin(Gathering(most_waiting=10))
    recorder.record([ClosedBucket(1, many)])
    recorder.close(DEADLINE)
    with History(recording.path) as history:
        [group] = history.closed()
        assert len(group) == 2_500


def test_nobody_waits_for_a_file_that_another_holds_and_what_there_is_room_for_comes_after_all(
    recording: Recording, openings: Openings
) -> None:
    holding = open_to_write(recording.path)
    holding.execute("BEGIN EXCLUSIVE")
    recorder = recording.begin(Gathering(most_waiting=2, at_once=1, gather=0.0, again=0.01))
    recorder.record([alert(number) for number in range(1, 6)])
    assert recorder.dropped == 3
    assert openings.again.wait(DEADLINE)
    assert not recorder.drain(0.0)
    holding.execute("COMMIT")
    assert recorder.drain(DEADLINE)
    assert recording.alerts() == {alert(1).id, alert(2).id}
    assert sorted(recording.said()) == ["history_dropping", "history_unwritable", "history_written_again"]
    recorder.record([alert(6)])
    assert recorder.drain(DEADLINE)
    assert alert(6).id in recording.alerts()
    assert recorder.dropped == 3
    holding.close()


def test_what_waits_is_bounded_by_its_cells_and_findings_and_lost_by_identities_and_alerts(
    recording: Recording, openings: Openings
) -> None:
    holding = open_to_write(recording.path)
    holding.execute("BEGIN EXCLUSIVE")
    [busy] = closed([event(0, f"a/{number}") for number in range(12)])
    recorder = recording.begin(Gathering(most_waiting=30, at_once=1, gather=0.0, again=0.01))
    recorder.record([busy, busy, alert(1, findings=9), alert(2), busy])
    assert recorder.dropped == 2
    assert openings.again.wait(DEADLINE)
    holding.execute("COMMIT")
    assert recorder.drain(DEADLINE)
    assert recording.alerts() == {alert(1).id}
    holding.close()


def test_a_full_disk_is_waited_for(recording: Recording, openings: Openings) -> None:
    openings.pages = 1
    recorder = recording.begin(Gathering(most_waiting=10_000, at_once=1, gather=0.0, again=0.01))
    recorder.record([alert(number, findings=20) for number in range(1, 60)])
    assert openings.again.wait(DEADLINE)
    [line] = recording.logs
    assert "database or disk is full" in line["error"]
    openings.pages = 100_000
    assert recorder.drain(DEADLINE)
    assert len(recording.alerts()) == 59
    assert recording.said() == ["history_unwritable", "history_written_again"]


def test_a_file_that_is_removed_is_started_over(recording: Recording) -> None:
    recorder = recording.begin()
    recorder.record([alert(1)])
    assert recorder.drain(DEADLINE)
    recording.path.unlink()
    recorder.record([alert(2)])
    assert recorder.drain(DEADLINE)
    assert recording.alerts() == {alert(2).id}
    assert [(line["event"], line["reason"]) for line in recording.logs] == [("history_started_over", "removed")]
    assert stat.S_IMODE(recording.path.stat().st_mode) == 0o600


@pytest.mark.parametrize("what", ["text", "page", "cut"])
def test_a_damaged_file_is_set_aside_and_started_over(recording: Recording, what: str) -> None:
    recorder = recording.begin(Gathering())
    recorder.record([alert(number, findings=9) for number in range(1, 40)])
    recorder.close(DEADLINE)
    data = recording.path.read_bytes()
    damaged = {"text": b"no database" * 1_000, "page": data[:4096] + b"\xff" * (len(data) - 4096), "cut": data[:9_000]}
    recording.path.write_bytes(damaged[what])
    recorder = recording.begin()
    recorder.record([alert(77)])
    assert recorder.drain(DEADLINE)
    assert recording.alerts() == {alert(77).id}
    assert recording.said() == ["history_started_over"]
    assert recording.path.with_name(recording.path.name + DAMAGED_ENDING).read_bytes() == damaged[what]
    assert recorder.dropped == 0


def test_a_folder_that_is_none_costs_only_history(recording: Recording) -> None:
    recording.path = recording.path / "below" / "history.sqlite"
    recording.path.parent.parent.write_text("a file")
    recorder = recording.begin()
    recorder.record([alert(number) for number in range(1, 20)])
    recorder.close(DEADLINE)
    assert recorder.dropped == 19
    assert recording.said().count("history_unwritable") == recording.said().count("history_dropping") == 1


def test_an_entry_that_no_database_takes_costs_only_itself(recording: Recording) -> None:
    recorder = recording.begin(Gathering(at_once=3))
    recorder.record([alert(1), alert(2, revision=2**80), alert(3)])
    assert recorder.drain(DEADLINE)
    assert recording.alerts() == {alert(1).id, alert(3).id}
    assert recorder.dropped == 1
    [line] = recording.logs
    assert (line["event"], line["entries"], line["error"]) == ("history_entries_refused", 1, "OverflowError")


def test_who_is_patient_loses_nothing_or_fails(recording: Recording) -> None:
    recorder = recording.begin(Gathering(most_waiting=1, at_once=1), patient=True)
    recorder.record([alert(number) for number in range(1, 30)])
    recorder.close(DEADLINE)
    assert len(recording.alerts()) == 29
    holding = open_to_write(recording.path)
    holding.execute("BEGIN EXCLUSIVE")
    recorder = recording.begin(Gathering(most_waiting=1, at_once=1), patient=True)
    with pytest.raises(HistoryUnwritable, match="database is locked"):
        recorder.record([alert(number) for number in range(30, 40)])
    with pytest.raises(HistoryUnwritable, match="database is locked"):
        recorder.close(DEADLINE)
    holding.close()


def test_nothing_is_taken_after_the_end_and_an_end_with_nothing_is_no_trouble(recording: Recording) -> None:
    recorder = recording.begin()
    assert recorder.drain(DEADLINE)
    recorder.close(DEADLINE)
    recorder.record([alert()])
    assert recorder.dropped == 1
    assert not recording.path.exists()


def test_the_last_room_on_a_disk_is_left_to_the_snapshots(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    total, asked = 1_000_000, Event()

    def usage(folder: Path) -> DiskUsage:
        asked.set()
        return DiskUsage(total, free[0])

    free = [99_999]
    monkeypatch.setattr(shutil, "disk_usage", usage)
    recorder = recording.begin()
    recorder.record([alert()])
    assert asked.wait(DEADLINE)
    asked.clear()
    assert asked.wait(DEADLINE)
    assert not recording.path.exists()
    free[0] = 100_000
    assert recorder.drain(DEADLINE)
    assert recording.alerts() == {alert().id}
    assert recording.said() == ["history_unwritable", "history_written_again"]
    assert "99,999 bytes are free" in recording.logs[0]["error"]
