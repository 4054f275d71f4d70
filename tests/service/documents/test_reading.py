"""What is found in files, what cannot be read, and that neither costs anything else."""

import bz2
import gzip
import io
import json
import os
import random
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.documents.places import Trouble
from service.documents.reading import Reader
from service.documents.sources import find
from service.documents.unpacking import HEAD
from tests.service.core.parsing.samples import dump, record
from tests.service.documents.looked import RECORDS, Looked
from tests.service.documents.shapes import CAPTURE, zstd

LINES = b"".join(dump(one) + b"\n" for one in RECORDS)


MAGIC = [b"", b"Obj\x01", b"PAR1", b"\x1f\x8b", b"{", b"[", b"PK\x03\x04", b"BZh"]


def test_folders_patterns_and_names_are_read_in_an_order_of_their_own(tmp_path: Path) -> None:
    for name in ("b/2.json", "b/1.json", "a/x.json", ".hidden/y.json", "b/.z.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(dump(RECORDS[0]))
    whole = Looked(tmp_path)
    assert [place.removeprefix(f"{tmp_path}/") for place in whole.places] == [
        "a/x.json, line 1",
        "b/1.json, line 1",
        "b/2.json, line 1",
    ]
    assert Looked(tmp_path / "b" / "*.json").places == whole.places[1:]
    assert Looked(tmp_path / "**" / "*.json").places == whole.places
    assert Looked(tmp_path / "b/2.json", tmp_path / "a").places == [whole.places[2], whole.places[0]]


@pytest.mark.parametrize("name", ["missing", "missing/*.json"])
def test_what_is_not_there_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        find([str(tmp_path / name)])
    assert raised.value.filename == str(tmp_path / name)


def test_a_folder_without_files_is_told(tmp_path: Path) -> None:
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    assert Looked(tmp_path).empty == [str(tmp_path)]


def test_standard_input_is_a_document_as_well() -> None:
    looked = Looked("-", given=gzip.compress(LINES))
    assert (len(looked.texts), looked.places[49]) == (50, "standard input, line 50")


DAMAGES = {
    "truncated gz": gzip.compress(random.Random(1).randbytes(40_000) + LINES)[:-200],
    "gz that ends in junk": gzip.compress(LINES) + b"junk",
    "truncated zst": zstd.compress(LINES)[:-10],
    "corrupt zst": zstd.compress(LINES)[:30] + b"\xff" * 400,
    "truncated bz2": bz2.compress(LINES)[:-20],
    "zip that is none": b"PK\x03\x04" + b"nothing" * 20,
    "gz that is none": b"\x1f\x8b\x08\x00junk",
    "avro that is none": b"Obj\x01" + b"\xff" * 50,
    "parquet that is none": b"PAR1" + b"\0" * 50,
    "zeros and ones": random.Random(2).randbytes(5000),
    "plain text": b"Dear ann@contoso.com,\n\nthe log is attached.\n",
    "empty": b"",
    "blank": b" \n\n ",
    "cut array": json.dumps(RECORDS).encode()[:-1],
    "a CSV of something else": b"name,age\nann,7\n",
    "a CSV without a time": b"OperationNameValue,Caller\nx,y\n",
    "a query result without columns": b'{"tables":[{"rows":[["x"]]}]}',
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_what_cannot_be_read_is_one_problem_and_its_neighbours_live(kind: str, tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(LINES)
    (tmp_path / "2").write_bytes(DAMAGES[kind])
    (tmp_path / "3").write_bytes(LINES)
    looked = Looked(tmp_path)
    assert [problem.place.source for problem in looked.problems] == [str(tmp_path / "2")]
    assert looked.problems[0].detail
    assert looked.looked_at == 3
    assert sum("/2" not in place for place in looked.places) == 100
    assert "ann@" not in looked.problems[0].sample


@pytest.mark.measured
@pytest.mark.slow
def test_what_stands_before_a_damage_is_read(tmp_path: Path) -> None:
    noise = [record(correlationId=random.Random(at).randbytes(18).hex()) for at in range(3000)]
    lines = b"".join(dump(one) + b"\n" for one in noise)
    assert len(lines) > 4 * HEAD
    for name, whole in {"gz": gzip.compress(lines), "zst": zstd.compress(lines), "bz2": bz2.compress(lines)}.items():
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        looked = Looked(tmp_path / name)
        assert looked.troubles == [Trouble.DAMAGED], name
        assert 200 < len(looked.texts) < 2000


def test_a_damaged_member_costs_no_other_member(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a", "b", "c"):
            archive.writestr(name, LINES)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    looked = Looked(path)
    assert [str(problem.place) for problem in looked.problems] == [f"{path} (b)"]
    assert sum("(a)" in place or "(c)" in place for place in looked.places) == 100


def test_archives_in_archives_are_opened_to_a_depth(tmp_path: Path) -> None:
    data = LINES
    for layers in range(1, 6):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(f"{layers}", data)
        data = buffer.getvalue()
        (tmp_path / f"{layers}.zip").write_bytes(data)
    assert len(Looked(tmp_path / "4.zip").texts) == 50
    assert Looked(tmp_path / "5.zip").troubles == [Trouble.TOO_DEEP]
    (tmp_path / "none.zip").write_bytes(b"PK\x05\x06" + b"\0" * 18)
    assert Looked(tmp_path / "none.zip").troubles == [Trouble.NO_FILES]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(LINES)
    (tmp_path / "a").chmod(0)
    assert Looked(tmp_path).troubles == [Trouble.UNREADABLE]


def test_without_its_library_parquet_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"PAR1" + b"\0" * 50)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    looked = Looked(tmp_path)
    assert looked.troubles == [Trouble.NOT_INSTALLED]
    assert "pip install 'unwonted[parquet]'" in looked.problems[0].detail


def test_documents_of_a_search_engine_without_the_original_are_named(tmp_path: Path) -> None:
    held = {"_source": {"event": {"original": json.dumps(RECORDS[0])}}}
    bare = {"_source": {"@timestamp": "2026-01-01T00:00:00Z", "user": {"name": "ann@contoso.com"}}}
    (tmp_path / "a").write_bytes(b"\n".join(map(dump, (held, bare, held))))
    looked = Looked(tmp_path)
    assert [(str(problem.place), problem.trouble) for problem in looked.problems] == [
        (f"{tmp_path / 'a'}, line 2", Trouble.NO_ORIGINAL)
    ]
    assert "ann@" not in looked.problems[0].sample
    assert looked.places == [f"{tmp_path / 'a'}, line 1", f"{tmp_path / 'a'}, line 3"]


def test_a_missing_column_is_told_and_the_rest_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("timegenerated,OPERATIONNAMEVALUE,Caller\n2026-01-01T00:00:00Z,a/b/write,ann\n")
    looked = Looked(tmp_path)
    assert set(looked.troubles) == {Trouble.COLUMN_MISSING}
    assert not any(problem.loses for problem in looked.problems)
    assert any("Claims" in problem.detail for problem in looked.problems)
    assert len(looked.texts) == 1


PORTAL = "Correlation id,Operation name,Status,Event category,Level,Time,Subscription,Event initiated by,Resource"


@pytest.mark.parametrize(
    ("taken_out", "detail"),
    [
        (["Event initiated by"], "a CSV export of the portal without the column Event initiated by"),
        (["Operation name"], "a CSV export of the portal without the column Operation name"),
        (["Time"], "a CSV export of the portal without the column Time"),
        (["Time", "Operation name"], "a CSV export of the portal without the columns Time and Operation name"),
    ],
)
def test_an_export_of_the_portal_is_known_by_most_of_its_columns_and_what_it_needs_is_named_as_there(
    tmp_path: Path, taken_out: list[str], detail: str
) -> None:
    columns = [column for column in PORTAL.split(",") if column not in taken_out]
    (tmp_path / "a.csv").write_text(",".join(columns) + "\n" + ",".join("x" for _ in columns) + "\n")
    looked = Looked(tmp_path)
    assert [problem.detail for problem in looked.problems] == [detail]
    assert looked.problems[0].loses


def test_what_an_export_of_the_portal_could_have_is_named_as_there(tmp_path: Path) -> None:
    for missing in ("Status", "Correlation id", "Resource", "Event category"):
        columns = [column for column in PORTAL.split(",") if column != missing]
        (tmp_path / "a.csv").write_text(",".join(columns) + "\n")
        looked = Looked(tmp_path)
        assert any(problem.detail.startswith(f"no column {missing}: ") for problem in looked.problems), missing


def test_a_log_analytics_export_without_anybody_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("TimeGenerated,OperationNameValue,CorrelationId,Level\n2026-03-01,x,y,z\n")
    assert [problem.detail for problem in Looked(tmp_path).problems] == [
        "a CSV export of Log Analytics without the column Caller"
    ]


def test_an_open_quote_in_a_csv_ends_it_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.documents.tables.LARGEST_TEXT", 10_000)
    rows = ["2026-01-01T00:00:00Z,a/b/write,ann,,,,"] * 600
    rows[400] = '2026-01-01T00:00:00Z,"a/b/write,ann,,,,'
    header = "TimeGenerated,OperationNameValue,Claims,CorrelationId,CallerIpAddress,ResourceId,CategoryValue\n"
    (tmp_path / "a.csv").write_text(header + "\n".join(rows) + "\n" + "x" * 20_000)
    looked = Looked(tmp_path)
    assert looked.troubles[-1] is Trouble.DAMAGED
    assert len(looked.texts) == 400


def test_an_avro_file_that_is_cut_off_gives_what_stands_before(tmp_path: Path) -> None:
    empty: dict[str, Any] = {"SystemProperties": {}, "Properties": {}, "Offset": "", "EnqueuedTimeUtc": ""}
    rows = [{"SequenceNumber": at, "Body": dump({"records": [one]}), **empty} for at, one in enumerate(RECORDS * 20)]
    with (tmp_path / "a").open("wb") as file:
        fastavro.writer(file, CAPTURE, rows)
    data = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(data[: len(data) // 2])
    looked = Looked(tmp_path)
    assert looked.troubles == [Trouble.DAMAGED]
    assert 100 < len(looked.texts) < 900


@example(b"\v\f", b"")
@given(st.binary(max_size=300), st.sampled_from(MAGIC))
def test_no_bytes_at_all_raise(data: bytes, head: bytes) -> None:
    looked = Looked("-", given=head + data)
    assert looked.texts or looked.problems


def test_a_large_array_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    element = dump({**RECORDS[0], "filler": "x" * 2000})
    count = 12_000
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"[" + element + (b",\n" + element) * (count - 1) + b"]")
    tracemalloc.start()
    try:
        found = find([str(path)])
        assert sum(len(batch.texts) for batch in Reader(found.sources, lambda problem: None)) == count
        assert tracemalloc.get_traced_memory()[1] < 12_000_000 < count * len(element)
    finally:
        tracemalloc.stop()
