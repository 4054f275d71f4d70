"""Hours of a history as segments: what is cut out and put in elsewhere is the same history, whatever was there."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from service.core.incidents import Handling, IncidentState
from service.history import changes
from service.history.handling import handle
from service.history.packing import squeezed, unsqueezed
from service.history.reading import History
from service.history.retention import HistoryLimits, forget_identity, trim
from service.history.schema import SCHEMA_VERSION, NewerHistory, open_to_write
from service.history.segments import cut, purged, put_in
from service.history.values import Delivered, HistoryEntry, Restored
from tests.fakes.alerts import alert, outage
from tests.fakes.clock import MONDAY_MORNING
from tests.fakes.notices import notice
from tests.fakes.verdicts import verdict
from tests.service.history.seen import ANN, BOB, HOUR, closed, contents, event, save

FIRST = int(MONDAY_MORNING.timestamp())


def hours(path: Path) -> list[int]:
    with closing(open_to_write(path)) as connection:
        return [hour for hour, _ in changes.unshipped(connection)]


def ship(path: Path, to: Path) -> None:
    """Put each hour that has changed into another history."""
    for hour in hours(path):
        data = cut(path, hour)
        assert data is not None
        put_in(to, hour, data, "v1")


def everything() -> list[HistoryEntry]:
    told = Delivered("soc", "sent", "http_200", [(alert().id, 1)], MONDAY_MORNING + HOUR)
    seen = closed([event(0), event(0, actor=BOB), event(0.5, "b/write")], [event(3), event(3, actor=BOB)], [event(1)])
    judged = verdict(alert=alert(2).id)
    return [*seen, alert(), alert(revision=2), alert(2), outage(1), notice(), told, judged]


def test_all_segments_together_are_the_history(tmp_path: Path) -> None:
    one, other = tmp_path / "one.sqlite", tmp_path / "other" / "other.sqlite"
    save(one, everything())
    handle(one, alert().id, Handling(IncidentState.ACKNOWLEDGED, "ann", "bob", MONDAY_MORNING))
    for _ in range(2):  # to put one in again changes nothing
        ship(one, other)
        assert contents(other) == contents(one)
    assert hours(other) == [], "what is put in need not be shipped"
    assert not list(tmp_path.rglob("*.segment*"))
    with History(other) as history:
        assert [one.id for one in history.alerts(limit=1)]


def test_an_hour_in_which_nothing_is_left_has_no_segment(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    save(path, closed([event(0)]))
    assert cut(path, FIRST) is not None
    forget_identity(path, ANN.id)
    assert cut(path, FIRST) is None
    assert FIRST in hours(path), "that it is gone is news"


def test_each_thing_that_is_written_or_said_marks_its_hour(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    window = changes.hour_of(alert().window_start.timestamp())

    def shipped() -> None:
        with closing(open_to_write(path)) as connection:
            for hour, change in changes.unshipped(connection):
                changes.shipped(connection, hour, change, "v1")

    for entry, hour in (
        (closed([event(0)])[0], FIRST),
        (alert(), window),
        (Delivered("soc", "sent", "ok", [(alert().id, 1), ("unknown", 1)], MONDAY_MORNING), window),
        (notice(), changes.hour_of(notice().since.timestamp())),
        (Restored(MONDAY_MORNING - HOUR, 0, HOUR), FIRST),
    ):
        shipped()
        save(path, [entry])
        assert hours(path) == [hour], entry
    shipped()
    handle(path, alert().id, Handling(IncidentState.CLOSED, "", "bob", MONDAY_MORNING))
    assert hours(path) == [window]


def test_what_changes_while_an_hour_is_shipped_is_shipped_again(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    save(path, [alert()])
    with closing(open_to_write(path)) as connection:
        [(hour, change)] = changes.unshipped(connection)
        save(path, [alert(revision=2)])
        changes.shipped(connection, hour, change, "v1")
        assert [one for one, _ in changes.unshipped(connection)] == [hour]
        assert changes.known(connection) == {hour: "v1"}


def test_what_was_closed_after_the_moment_that_a_life_goes_on_from_is_not_put_in(tmp_path: Path) -> None:
    one, other = tmp_path / "one.sqlite", tmp_path / "other.sqlite"
    seen = closed([event(0)], [event(3)])
    save(one, seen)
    save(other, [Restored(MONDAY_MORNING + HOUR, 1, HOUR)])
    ship(one, other)
    with closing(sqlite3.connect(other)) as connection:
        assert connection.execute("SELECT start FROM hours").fetchall() == [(float(FIRST),)]


def test_what_another_life_made_of_an_hour_replaces_what_an_earlier_one_did_here_but_for_what_is_new(
    tmp_path: Path,
) -> None:
    here, there = tmp_path / "here.sqlite", tmp_path / "there.sqlite"
    [mine] = closed([event(0), event(0, "x/write")])
    [theirs] = closed([event(0)])
    save(here, [mine, Restored(MONDAY_MORNING + 9 * HOUR, 100, HOUR)])
    save(there, [theirs])
    data = cut(there, FIRST)
    assert data is not None
    put_in(here, FIRST, data, "v2")
    assert [row[5] for row in contents(here)["hours"]] == [2], "what has not been shipped yet stays"
    with closing(open_to_write(here)) as connection:
        changes.shipped(connection, FIRST, 1, "v1")
    put_in(here, FIRST, data, "v2")
    assert [row[5] for row in contents(here)["hours"]] == [1]


def test_the_newer_word_on_an_alert_a_gap_or_an_incident_stands(tmp_path: Path) -> None:
    old, new = tmp_path / "old.sqlite", tmp_path / "new.sqlite"
    closed_gap = notice(revision=2, stage="closed", until=MONDAY_MORNING + HOUR)
    save(old, [alert(), notice()])
    save(new, [alert(), alert(revision=2), closed_gap])
    for path, state, at in (
        (old, IncidentState.NEW, MONDAY_MORNING),
        (new, IncidentState.CLOSED, MONDAY_MORNING + HOUR),
    ):
        handle(path, alert().id, Handling(state, "", "bob", at))
    for one, other in ((old, new), (new, old)):
        ship(one, other)
        with History(other) as history:
            assert [summary.revision for summary in history.alerts()] == [2]
            assert [gap.stage for gap in history.gaps()] == ["closed"]
            assert history.handled()[alert().id].state is IncidentState.CLOSED


def test_what_is_too_old_for_the_history_is_not_known_any_more(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    save(path, closed([event(0)], [event(240)]))
    with closing(open_to_write(path)) as connection:
        for hour, change in changes.unshipped(connection):
            changes.shipped(connection, hour, change, "v1")
        trim(connection, HistoryLimits(days=5.0))
        assert changes.known(connection).keys() == {FIRST + 240 * changes.SEGMENT_SECONDS}


def test_a_person_can_be_taken_out_of_a_segment(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    save(path, closed([event(0), event(0, actor=BOB)]))
    data = cut(path, FIRST)
    assert data is not None
    assert purged(tmp_path, data, "t/nobody") is None
    assert purged(tmp_path, data, ANN.id, since=MONDAY_MORNING + timedelta(days=1)) is None
    rest = purged(tmp_path, data, ANN.id)
    assert rest is not None
    assert ANN.id.encode() not in unsqueezed(rest)
    other = tmp_path / "other.sqlite"
    put_in(other, FIRST, rest, "v1")
    assert [row[0] for row in contents(other)["identities"]] == [BOB.id]


def test_a_segment_that_is_damaged_or_of_a_newer_version_changes_nothing(tmp_path: Path) -> None:
    path, newer = tmp_path / "history.sqlite", tmp_path / "newer.sqlite"
    save(path, [alert()])
    before = contents(path)
    for damaged in (b"no zstd", squeezed(b"no database" * 100), squeezed(b"")[:-1]):
        with pytest.raises((ValueError, sqlite3.DatabaseError)):
            put_in(path, FIRST, damaged, "v1")
    open_to_write(newer).close()
    with closing(sqlite3.connect(newer, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    with pytest.raises(NewerHistory):
        put_in(path, FIRST, squeezed(newer.read_bytes()), "v1")
    assert contents(path) == before
