"""Exports that are not Azure Monitor's come out as the hub's records: Parquet, Data Explorer, PowerShell, searches."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from service.core.parsing.parser import ActivityLogParser
from tests.service.core.parsing.samples import dump
from tests.service.documents.looked import RECORDS, Looked
from tests.service.documents.shapes import row

AT_TEN = datetime(2026, 3, 7, 10, 0, 0, 123456, UTC)
PAST_TEN = 1_772_877_600_123_456_700


@pytest.mark.parametrize(
    "times",
    [
        pyarrow.array([AT_TEN], pyarrow.timestamp("us", "UTC")),
        pyarrow.array([AT_TEN], pyarrow.timestamp("us", "Europe/Berlin")),
        pyarrow.array([AT_TEN.replace(tzinfo=None)], pyarrow.timestamp("us")),
        pyarrow.array([PAST_TEN], pyarrow.timestamp("ns")),
        pyarrow.array([PAST_TEN], pyarrow.timestamp("ns", "UTC")),
    ],
    ids=lambda times: str(times.type),
)
@pytest.mark.parametrize("in_96_bits", [False, True])
def test_a_time_of_a_parquet_file_is_utc_however_fine_it_is(
    tmp_path: Path, times: "pyarrow.Array[Any]", in_96_bits: bool
) -> None:
    one = {key: value for key, value in row(RECORDS[0]).items() if key != "TimeGenerated"}
    table = pyarrow.Table.from_pylist([one]).append_column("TimeGenerated", times)
    nested = pyarrow.StructArray.from_arrays([times], names=["at"])
    table = table.append_column("More", nested)
    parquet.write_table(table, tmp_path / "a", use_deprecated_int96_timestamps=in_96_bits)
    looked = Looked(tmp_path)
    assert looked.problems == []
    (event,) = ActivityLogParser().parse(looked.texts[0]).events
    assert event.time == AT_TEN


def test_a_map_in_a_parquet_file_is_read_as_an_object(tmp_path: Path) -> None:
    one = row(RECORDS[0])
    claims = list(json.loads(one.pop("Claims")).items())
    column = pyarrow.array([claims], pyarrow.map_(pyarrow.string(), pyarrow.string()))
    parquet.write_table(pyarrow.Table.from_pylist([one]).append_column("Claims", column), tmp_path / "a")
    (event,) = ActivityLogParser().parse(Looked(tmp_path).texts[0]).events
    assert event.actor == ActivityLogParser().parse(dump(RECORDS[0])).events[0].actor


# As Microsoft Learn's tutorial on monitoring data in Azure Data Explorer has the table.
EXPLORER_ROW = {
    "Timestamp": RECORDS[0]["time"],
    "ResourceId": RECORDS[0]["resourceId"],
    "OperationName": RECORDS[0]["operationName"],
    "Category": RECORDS[0]["category"],
    "ResultType": RECORDS[0]["resultType"],
    "ResultSignature": RECORDS[0]["resultSignature"],
    "IdentityAuthorization": RECORDS[0]["identity"]["authorization"],
    "IdentityClaims": RECORDS[0]["identity"]["claims"],
}


def explorer_json() -> bytes:
    columns = [{"ColumnName": name, "DataType": "String"} for name in EXPLORER_ROW]
    status = {"TableName": "QueryStatus", "Columns": [{"ColumnName": "Timestamp"}], "Rows": [["2026-03-07"], ["x"]]}
    rows = [list(EXPLORER_ROW.values())] * 3
    return dump({"Tables": [{"TableName": "Table_0", "Columns": columns, "Rows": rows}, status]})


def explorer_csv() -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(EXPLORER_ROW)
    cells = [json.dumps(value) if isinstance(value, dict) else value for value in EXPLORER_ROW.values()]
    writer.writerows([cells] * 3)
    return text.getvalue().encode()


@pytest.mark.parametrize("make", [explorer_json, explorer_csv])
def test_what_data_explorer_exports_names_the_same_identity_as_the_hub(
    tmp_path: Path, make: Callable[[], bytes]
) -> None:
    (tmp_path / "a").write_bytes(make())
    looked = Looked(tmp_path)
    assert not any(problem.loses for problem in looked.problems)
    events = [event for text in looked.texts for event in ActivityLogParser().parse(text).events]
    expected = ActivityLogParser().parse(dump(RECORDS[0])).events[0]
    assert [(event.actor, event.time, event.action, event.outcome) for event in events] == [
        (expected.actor, expected.time, expected.action, expected.outcome)
    ] * 3
    assert len(looked.texts) == 3


# Made as Az.Monitor's output classes print themselves into the cells of Export-Csv.
PRINTED = """\
#TYPE Microsoft.Azure.Commands.Insights.OutputClasses.PSEventData
"Authorization","Claims","HttpRequest","Caller","Category","EventTimestamp","OperationName","Status","ResourceId"
"
Scope     : /subscriptions/ab12
Action    : Microsoft.Compute/virtualMachines/write
Role      :
Condition : ","
aud            : https://management.azure.com/
http://schemas.microsoft.com/identity/claims/objectidentifier: A0000000-0000-4000-8000-0000000000aa
http://schemas.microsoft.com/identity/claims/tenantid: 7c9d4a30-11aa-4c50-8f66-8c1c0e0f1a11
name           : Ann: the admin
","
ClientId        : x
ClientIpAddress : 203.0.113.7
","ann@contoso.com","Administrative","07.03.2026 10:00:00","Create or Update VM","Succeeded","/subscriptions/ab12"
"""


def test_what_powershell_prints_into_a_csv_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(PRINTED, newline="\r\n")
    (text,) = Looked(tmp_path).texts
    (event,) = ActivityLogParser().parse(text).events
    assert event.actor.id == "7c9d4a30-11aa-4c50-8f66-8c1c0e0f1a11/a0000000-0000-4000-8000-0000000000aa"
    assert event.actor.name == "ann@contoso.com"
    assert event.action_name == "Microsoft.Compute/virtualMachines/write"
    assert (event.time.isoformat(), event.address) == ("2026-03-07T10:00:00+00:00", "203.0.113.7")


@pytest.mark.parametrize("column", ["_raw", "event.original"])
def test_a_csv_of_a_search_engine_gives_the_records_as_azure_wrote_them(tmp_path: Path, column: str) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["_time", column, "host"])
    writer.writeheader()
    writer.writerows({"_time": "x", column: json.dumps(one), "host": "h"} for one in RECORDS)
    (tmp_path / "a.csv").write_text(text.getvalue())
    looked = Looked(tmp_path)
    assert looked.problems == []
    assert list(map(json.loads, looked.texts)) == RECORDS


def test_a_csv_whose_objects_became_columns_has_what_it_needs(tmp_path: Path) -> None:
    header = "eventTimestamp,operationName.value,status.value,claims.upn,claims.appid,category.value"
    (tmp_path / "a.csv").write_text(
        f"{header}\n2026-01-01T00:00:00Z,A/b/write,Failed,ann@contoso.com,1,Administrative\n"
    )
    (text,) = Looked(tmp_path).texts
    (event,) = ActivityLogParser().parse(text).events
    assert (event.actor.name, event.action, event.outcome.name) == ("ann@contoso.com", "a/b/write", "FAILURE")
