"""How the file is made, who may read it, and what becomes of one of another version."""

import contextlib
import sqlite3
import stat
from pathlib import Path

import pytest

from service.history import schema
from service.history.reading import History
from service.history.schema import SCHEMA_STEPS, SCHEMA_VERSION, NewerHistory, NoHistory, open_to_read, open_to_write
from tests.fakes.alerts import alert
from tests.fakes.clock import MONDAY_MORNING
from tests.service.history.seen import BOB, closed, event, save


def test_only_its_owner_may_read_it_and_what_is_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "history.sqlite"
    connection = open_to_write(path)
    connection.execute("INSERT INTO incidents VALUES ('a', 'new', '', '', 0)")
    files = list(path.parent.iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    connection.close()
    path.chmod(0o644)
    open_to_write(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_of_an_older_version_is_brought_to_this_one_and_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.sqlite"
    save(path, [alert()])
    monkeypatch.setattr(schema, "SCHEMA_STEPS", (*SCHEMA_STEPS, "ALTER TABLE alerts ADD COLUMN extra TEXT; "))
    monkeypatch.setattr(schema, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    reading = open_to_read(path)
    assert reading.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION + 1,)
    assert reading.execute("SELECT id, extra FROM alerts").fetchall() == [(alert().id, None)]
    reading.close()


def test_what_detectors_found_is_put_beside_the_hours_that_an_older_version_wrote(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    save(path, closed([event(0.1, "a/delete"), event(0.2, "b/read", BOB)], [event(30)], [event(60)]))
    with History(path) as history:
        before = history.peaks(MONDAY_MORNING)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in (
            "DROP TABLE verdicts",
            "DROP INDEX hours_unusual",
            "CREATE INDEX hours_unusual ON hours (start, identity, score) WHERE score >= 40.0",
            "ALTER TABLE hours DROP COLUMN peaks",
            "UPDATE hours SET document = x'00' WHERE start = (SELECT max(start) FROM hours WHERE score >= 40)",
            "PRAGMA user_version = 2",
        ):
            connection.execute(statement)
        connection.commit()
    with History(path) as history:
        assert history.peaks(MONDAY_MORNING) == before[:-1], "a damaged document costs only itself"
        assert before


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.sqlite"
    save(path, [alert()])
    with monkeypatch.context() as newer:
        newer.setattr(schema, "SCHEMA_STEPS", (*SCHEMA_STEPS, "DROP TABLE alerts; DROP TABLE alerts"))
        newer.setattr(schema, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
        with pytest.raises(NoHistory, match="no such table"):
            open_to_read(path)
    with History(path) as history:
        assert len(history.alerts()) == 1


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    save(path, [alert()])
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(NewerHistory, match=f"version {SCHEMA_VERSION + 1}, this service knows {SCHEMA_VERSION}"):
        open_to_write(path)
    with pytest.raises(NoHistory, match="a newer one has written it"):
        open_to_read(path)


def test_it_gives_back_what_it_does_not_need(tmp_path: Path) -> None:
    connection = open_to_write(tmp_path / "history.sqlite")
    assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_two_that_open_an_empty_file_at_once_make_the_tables_once(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    one, other = open_to_write(path), open_to_write(path)
    assert (
        one.execute("SELECT count(*) FROM alerts").fetchone() == other.execute("SELECT count(*) FROM alerts").fetchone()
    )
    one.close()
    other.close()
