"""`unwonted replay` says what files were, what in them was not read, and exits accordingly."""

import gzip
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from service.cli.commands import main
from service.history.reading import History
from tests.service.core.parsing.samples import dump, record
from tests.service.documents.shapes import rest

SHARED = Path(os.environ.get("UNWONTED_SHARED") or Path(__file__).parents[4] / "shared")
CASE = SHARED / "data" / "cases" / "az_list_pretty_20.json"
RECORDS = [record(correlationId=f"{number:036}", time=f"2026-03-01T08:{number:02}:00Z") for number in range(60)]
LINES = b"".join(dump(one) + b"\n" for one in RECORDS)


def replay(*arguments: object, **more: Any) -> Result:
    return CliRunner().invoke(main, ["replay", "--quiet", *map(str, arguments)], **more)


def test_what_was_found_is_said_in_a_line_a_kind(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(json.dumps([rest(one) for one in RECORDS[::-1]], indent=2).encode())
    (tmp_path / "b").write_bytes(LINES[: len(LINES) // 2])
    (tmp_path / "c").write_bytes(gzip.compress(LINES))
    result = replay(tmp_path)
    assert result.exit_code == 0
    said = result.stderr.splitlines()
    assert said[0] == "az monitor activity-log list, newest first, 60 records"
    assert re.fullmatch(r"records, one a line, oldest first, \d+ records in 2 documents", said[1])
    assert said[2] == "taken in order of time"


def test_what_is_left_out_is_told_with_what_it_is(tmp_path: Path) -> None:
    evaluation = record(operationName="MICROSOFT.AUTHORIZATION/POLICIES/AUDIT/ACTION", category="Policy")
    health = record(category="ResourceHealth", properties={"eventCategory": "ResourceHealth"})
    (tmp_path / "a").write_bytes(LINES + b"".join(dump(one) + b"\n" for one in (evaluation, health, evaluation)))
    said = replay(tmp_path).stderr
    assert ", 0 rejected, 3 left out (2 policy evaluation, 1 resource health)\n" in said
    (tmp_path / "a").write_bytes(dump(health))
    assert "1 records, 0 rejected, 1 left out (1 resource health): no events\n" in replay(tmp_path).stderr


def test_nothing_understood_is_an_exit_code_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    nothing = replay(tmp_path)
    assert (nothing.exit_code, f"no files: {tmp_path}\n" in nothing.stderr) == (3, True)
    (tmp_path / "empty").touch()
    assert f"empty: {tmp_path / 'empty'}: nothing in it\n" in replay(tmp_path).stderr
    (tmp_path / "other").write_bytes(b'{"level":"info","message":"nothing of the kind, but JSON"}\n' * 9)
    other = replay(tmp_path)
    assert other.exit_code == 3
    assert "nothing in these files was understood" in other.stderr
    assert "rejected, not a record: 9 records, first " in other.stderr


def test_more_rejected_than_allowed_is_another(tmp_path: Path) -> None:
    broken = dump(RECORDS[0])[:-30].replace(b"2026-03-01T08:00:00Z", b"ann@contoso.com") + b"\n"
    (tmp_path / "a").write_bytes(LINES + broken * 2)
    assert replay(tmp_path).exit_code == 0
    (tmp_path / "a").write_bytes(LINES + broken * 4)
    result = replay(tmp_path)
    assert result.exit_code == 4
    assert f"4 records, first {tmp_path / 'a'}, line 61: " in result.stderr
    assert "ann@contoso.com" not in result.stderr
    assert "6.2% of the records were rejected: more than the 5.0% of --max-rejected" in result.stderr
    assert replay(tmp_path, "--max-rejected", "10").exit_code == 0
    assert replay(tmp_path, "--max-rejected", "101").exit_code == 2


def test_one_file_that_cannot_be_read_costs_no_other(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}").write_bytes(LINES)
    (tmp_path / "cut").write_bytes(gzip.compress(LINES)[:-20])
    (tmp_path / "noise").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "portal.csv").write_text("Time,Operation name,Event initiated by\n2026-03-01T08:00:00Z,Write x,ann\n")
    result = replay(tmp_path)
    assert result.exit_code == 4
    assert f"damaged: {tmp_path / 'cut'}: " in result.stderr
    assert f"unknown format: {tmp_path / 'noise'}: neither JSON, CSV, Avro nor Parquet" in result.stderr
    assert "column missing: " in result.stderr
    assert "6.1% of the files could not be read to their end" in result.stderr
    (tmp_path / "noise").unlink()
    assert replay(tmp_path).exit_code == 0


@pytest.fixture
def forbidden() -> Iterator[Path]:
    """Give a folder, open to all, with a file that nobody may read; root becomes somebody who may not either."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    (folder / "secret.ndjson").write_bytes(LINES)
    (folder / "secret.ndjson").chmod(0)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65_534)
    yield folder
    os.seteuid(before)
    shutil.rmtree(folder)


@pytest.mark.parametrize("command", [["replay", "--quiet"], ["learn"]])
def test_a_file_that_may_not_be_read_is_a_wrong_argument_and_is_named(forbidden: Path, command: list[str]) -> None:
    file = forbidden / "secret.ndjson"
    result = CliRunner().invoke(main, [*command, str(file)])
    assert (result.exit_code, result.stderr) == (2, f"{file}: Permission denied\n")
    result = CliRunner().invoke(main, [*command, str(forbidden)])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"unreadable: {file}: Permission denied\n")
    assert result.stderr.endswith("none of these files may be read\n")


def test_a_file_that_may_not_be_read_amid_others_costs_none_of_them(forbidden: Path) -> None:
    result = replay(forbidden, "-", input=LINES)
    assert result.exit_code == 4
    assert f"unreadable: {forbidden / 'secret.ndjson'}: Permission denied\n" in result.stderr
    assert "60 records over" in result.stderr


def test_a_thousand_broken_files_are_a_few_lines(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"{number:03}").write_bytes(b"\x1f\x8b broken")
    result = replay(tmp_path)
    assert len(result.stderr.splitlines()) < 10
    assert "damaged: 297 more" in result.stderr


def test_the_help_says_what_the_exit_codes_mean() -> None:
    said = " ".join(replay("--help").output.split())
    for words in ("0 all well", "3 nothing in the files was understood", "4 more was rejected"):
        assert words in said


@pytest.mark.shared
@pytest.mark.skipif(not CASE.is_file(), reason=f"NO RECORDED LIST: {CASE} is absent, set UNWONTED_SHARED")
def test_a_recorded_list_is_read_in_either_order(tmp_path: Path) -> None:
    recorded = json.loads(CASE.read_bytes())
    newest = sorted(recorded, key=lambda one: str(one["eventTimestamp"]), reverse=True)
    said = []
    for records in (newest, newest[::-1]):
        path = tmp_path / "list.json"
        path.write_bytes(json.dumps(records, indent=2).encode())
        result = replay(path)
        assert result.exit_code == 0
        said.append(result.stderr.splitlines())
    original = replay(CASE).stderr.splitlines()
    assert said[0][0] == "az monitor activity-log list, newest first, 20 records"
    assert said[1][0] == "az monitor activity-log list, oldest first, 20 records"
    assert said[0][1:] == said[1][1:] == original[1:]
    assert "20 records over" in said[0][2]
    assert " 0 rejected" in said[0][2]


def test_a_history_of_files_can_be_asked_and_says_the_same_each_time(tmp_path: Path) -> None:
    path, file = tmp_path / "week.sqlite", tmp_path / "week.ndjson"
    file.write_bytes(LINES)
    seen = []
    for _ in range(2):
        result = replay("--history", path, file)
        assert result.exit_code == 0, result.output
        with History(path) as history:
            seen.append(([one.seen for hours in history.closed() for one in hours], history.alerts()))
    assert seen[0] == seen[1]
    assert seen[0][0]


def test_a_history_that_cannot_be_written_ends_the_replay_with_one_line(tmp_path: Path) -> None:
    file, path = tmp_path / "week.ndjson", tmp_path / "none" / "week.sqlite"
    file.write_bytes(LINES)
    path.parent.write_text("a file")
    result = replay("--history", path, file)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == f"cannot be finished: {path}: Not a directory"
