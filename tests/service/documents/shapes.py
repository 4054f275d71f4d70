"""Writes the same stretch of a simulated tenant in every shape in which people have the Activity Log."""

import bz2
import csv
import gzip
import io
import json
import lzma
import sys
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import fastavro
import pyarrow
from pyarrow import parquet

__all__ = ["CAPTURE", "SHAPES", "Record", "Shape", "row", "zstd"]

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Record = dict[str, Any]
Writer = Callable[[Sequence[Record], Path], None]

REST_STATUS = {"Start": "Started", "Accept": "Accepted", "Success": "Succeeded", "Failure": "Failed"}
WORKSPACE = "9a9a9a9a-0000-4000-8000-00000000a1a1"
CAPTURE = {
    "type": "record",
    "name": "EventData",
    "namespace": "Microsoft.ServiceBus.Messaging",
    "fields": [
        {"name": "SequenceNumber", "type": "long"},
        {"name": "Offset", "type": "string"},
        {"name": "EnqueuedTimeUtc", "type": "string"},
        {"name": "SystemProperties", "type": {"type": "map", "values": ["long", "double", "string", "bytes"]}},
        {"name": "Properties", "type": {"type": "map", "values": ["long", "double", "string", "bytes"]}},
        {"name": "Body", "type": ["null", "bytes"]},
    ],
}


class Shape(NamedTuple):
    """One shape: what people call it, and what writes it."""

    name: str
    write: Writer


def dump(value: object, indent: int | None = None) -> bytes:
    return json.dumps(value, indent=indent, separators=None if indent else (",", ":")).encode()


def ndjson(records: Sequence[object]) -> bytes:
    return b"".join(dump(record) + b"\n" for record in records)


def pages(records: Sequence[Record], size: int) -> list[Sequence[Record]]:
    return [records[at : at + size] for at in range(0, len(records), size)]


def localized(value: object) -> dict[str, object]:
    return {"value": value, "localizedValue": f"({value})"}


def rest(record: Record) -> Record:
    """Make what the REST API, and so `az`, tells of a record."""
    identity = record.get("identity") or {}
    properties = record.get("properties") or {}
    return {
        "authorization": identity.get("authorization"),
        "caller": caller(record),
        "claims": identity.get("claims"),
        "correlationId": record["correlationId"],
        "category": localized(properties.get("eventCategory") or record["category"]),
        "eventTimestamp": record["time"],
        "operationName": localized(record["operationName"]),
        "resourceId": record["resourceId"],
        "status": localized(REST_STATUS.get(record["resultType"], record["resultType"])),
        "subStatus": localized(str(record.get("resultSignature") or "").partition(".")[2]),
        "subscriptionId": subscription(record),
        "tenantId": record.get("tenantId"),
        "httpRequest": {"clientIpAddress": record.get("callerIpAddress")},
        "properties": properties,
    }


def caller(record: Record) -> str | None:
    claims = (record.get("identity") or {}).get("claims") or {}
    upn = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
    return claims.get(upn) or claims.get("http://schemas.microsoft.com/identity/claims/objectidentifier")


def subscription(record: Record) -> str:
    parts = record["resourceId"].split("/")
    return str(parts[2]) if parts[1].lower() == "subscriptions" else ""


def row(record: Record) -> Record:
    """Make a row of the AzureActivity table of a record."""
    identity = record.get("identity") or {}
    properties = record.get("properties") or {}
    return {
        "TimeGenerated": record["time"],
        "TenantId": WORKSPACE,
        "CategoryValue": properties.get("eventCategory") or record["category"],
        "Caller": caller(record) or "",
        "CallerIpAddress": record.get("callerIpAddress") or "",
        "Authorization": json.dumps(identity.get("authorization") or {}),
        "Claims": json.dumps(identity.get("claims") or {}),
        "CorrelationId": record["correlationId"],
        "OperationNameValue": record["operationName"],
        "ActivityStatusValue": record["resultType"],
        "ActivitySubstatusValue": str(record.get("resultSignature") or "").partition(".")[2],
        "Properties": json.dumps(properties),
        "SubscriptionId": subscription(record),
        "_ResourceId": record["resourceId"].lower(),
        "Type": "AzureActivity",
    }


def display_name(operation: str) -> str:
    """Make words of an operation, as the portal shows them.

    >>> display_name("MICROSOFT.COMPUTE/VIRTUALMACHINES/START/ACTION")
    'Start virtualmachines'
    >>> display_name("Microsoft.Authorization/policies/audit/action")
    "'audit' Policy action."
    """
    *_, kind, verb = ["", *operation.lower().removesuffix("/action").split("/")]
    return f"'{verb}' Policy action." if kind == "policies" else f"{verb} {kind}".strip().capitalize()


def portal_row(record: Record) -> Record:
    """Make a row of the portal's CSV of a record."""
    plain = row(record)
    return {
        "Correlation id": plain["CorrelationId"],
        "Operation name": display_name(record["operationName"]),
        "Status": REST_STATUS.get(record["resultType"], record["resultType"]),
        "Event category": plain["CategoryValue"],
        "Level": "Informational",
        "Time": record["time"],
        "Subscription": plain["SubscriptionId"],
        "Event initiated by": plain["Caller"],
        "Resource type": "",
        "Resource group": "",
        "Resource": record["resourceId"],
    }


def as_csv(rows: Sequence[Record], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def portal_times(record: Record) -> Record:
    """Make a row as the Log Analytics page of the portal exports it: other heading, other times."""
    time = datetime.fromisoformat(record["time"])
    shown = f"{time.month}/{time.day}/{time:%Y, %I:%M:%S}.{time.microsecond // 1000:03} {time:%p}"
    return {
        "TimeGenerated [UTC]": shown,
        **{key: value for key, value in row(record).items() if key != "TimeGenerated"},
    }


def query_result(records: Sequence[Record]) -> Record:
    rows = [row(record) for record in records]
    columns = [{"name": name, "type": "string"} for name in rows[0]]
    return {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": [list(one.values()) for one in rows]}]}


def storage_tree(records: Sequence[Record], folder: Path) -> None:
    for hour, found in groupby(records, lambda record: str(record["time"])[:13]):
        day, _, clock = hour.partition("T")
        year, month, number = day.split("-")
        path = folder / "insights-activity-logs" / "resourceId=" / "SUBSCRIPTIONS" / f"y={year}" / f"m={month}"
        path = path / f"d={number}" / f"h={clock}" / "m=00"
        path.mkdir(parents=True)
        (path / "PT1H.json").write_bytes(ndjson(list(found)))


def capture(records: Sequence[Record], folder: Path) -> None:
    messages = [
        {
            "SequenceNumber": at,
            "Offset": str(at * 1000),
            "EnqueuedTimeUtc": "1/5/2026 1:00:00 AM",
            "SystemProperties": {},
            "Properties": {},
            "Body": dump({"records": page}),
        }
        for at, page in enumerate(pages(records, 7))
    ]
    with (folder / "0.avro").open("wb") as file:
        fastavro.writer(file, CAPTURE, messages, codec="deflate")


def as_parquet(records: Sequence[Record], folder: Path) -> None:
    parquet.write_table(pyarrow.Table.from_pylist([row(record) for record in records]), folder / "table.parquet")


def zipped(records: Sequence[Record], folder: Path) -> None:
    with zipfile.ZipFile(folder / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for at, page in enumerate(pages(records, 100)):
            archive.writestr(f"part/{at}.json", dump([rest(record) for record in page], 2))
        archive.writestr("packed.gz", gzip.compress(ndjson([])))


def tarred(records: Sequence[Record], folder: Path) -> None:
    with tarfile.open(folder / "all.tar.gz", "w:gz") as archive:
        for at, page in enumerate(pages(records, 100)):
            text = ndjson(page)
            entry = tarfile.TarInfo(f"part/{at}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))


def rest_pages(records: Sequence[Record], folder: Path) -> None:
    for at, page in enumerate(pages(records[::-1], 90)):
        text = dump({"nextLink": "https://x/?a=[", "value": [rest(record) for record in page]})
        (folder / f"{at}.json").write_bytes(text)


def mixed(records: Sequence[Record], folder: Path) -> None:
    """Write a folder in which nearly every file is of another shape."""
    for at, page in enumerate(pages(records, 60)):
        (folder / str(at)).mkdir()
        SHAPES[at % 12].write(page, folder / str(at))


def one(name: str, make: Callable[[Sequence[Record]], bytes]) -> Writer:
    return lambda records, folder: _write(folder / name, make(records))


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


SHAPES = [
    Shape("records, one a line", one("a.ndjson", ndjson)),
    Shape("records, one a line, newest first", one("a.ndjson", lambda found: ndjson(found[::-1]))),
    Shape("envelopes, one a line", one("a.log", lambda found: ndjson([{"records": one} for one in pages(found, 30)]))),
    Shape("one envelope, indented", one("a.json", lambda found: dump({"records": found}, 2))),
    Shape(
        "envelopes one after another",
        one("a", lambda found: b"".join(dump({"Records": p}, 1) for p in pages(found, 50))),
    ),
    Shape("a storage account's folders (`…/h=00/m=00/PT1H.json`)", storage_tree),
    Shape(
        "`az monitor activity-log list`",
        one("a.json", lambda found: dump([rest(record) for record in found[::-1]], 2)),
    ),
    Shape("REST API, a page a file", rest_pages),
    Shape("compact array", one("a.json", dump)),
    Shape("Log Analytics query result (`tables`)", one("q.json", lambda found: dump(query_result(found)))),
    Shape(
        "`az monitor log-analytics query`",
        one("q.json", lambda found: dump([{"TableName": "PrimaryResult", **row(record)} for record in found], 1)),
    ),
    Shape("Log Analytics export, one row a line", one("PT05M.json", lambda found: ndjson([row(one) for one in found]))),
    Shape("Log Analytics CSV", one("q.csv", lambda found: as_csv([row(record) for record in found]))),
    Shape(
        "Log Analytics CSV of the portal (`TimeGenerated [UTC]`)",
        one("q.csv", lambda found: as_csv([portal_times(record) for record in found], ";")),
    ),
    Shape("activity log CSV of the portal", one("QueryResult.csv", lambda f: as_csv([portal_row(one) for one in f]))),
    Shape(
        "Elastic search response (`event.original`)",
        one(
            "hits.json",
            lambda found: dump(
                {
                    "took": 3,
                    "hits": {
                        "total": {"value": len(found)},
                        "hits": [
                            {"_id": "x", "_source": {"event": {"original": json.dumps(record)}}} for record in found
                        ],
                    },
                },
                1,
            ),
        ),
    ),
    Shape(
        "Elastic documents, one a line",
        one(
            "dump.json",
            lambda found: ndjson([{"_index": "i", "_source": {"event.original": json.dumps(r)}} for r in found]),
        ),
    ),
    Shape(
        "Splunk export (`result._raw`)",
        one(
            "export.json",
            lambda found: ndjson(
                [
                    *(
                        {"preview": False, "offset": at, "result": {"_raw": json.dumps(r)}}
                        for at, r in enumerate(found)
                    ),
                    {"preview": False, "lastrow": True},
                ]
            ),
        ),
    ),
    Shape(
        "Splunk results (`results[]._raw`)",
        one("r.json", lambda found: dump({"preview": False, "results": [{"_raw": json.dumps(r)} for r in found]})),
    ),
    Shape("Event Hubs Capture (Avro)", capture),
    Shape("Parquet of the AzureActivity table", as_parquet),
    Shape("gzip", one("a.gz", lambda found: gzip.compress(ndjson(found)))),
    Shape("Zstandard", one("a.zst", lambda found: zstd.compress(ndjson(found)))),
    Shape("bzip2, inside gzip", one("a", lambda found: gzip.compress(bz2.compress(ndjson(found))))),
    Shape("xz", one("a.xz", lambda found: lzma.compress(ndjson(found)))),
    Shape("zip, a document a member", zipped),
    Shape("tar in gzip", tarred),
    Shape("UTF-16 with a byte-order mark", one("a.json", lambda found: dump(found, 1).decode().encode("utf-16"))),
    Shape("UTF-8 with a byte-order mark", one("a.json", lambda found: b"\xef\xbb\xbf" + ndjson(found))),
    Shape("many shapes in one folder", mixed),
]
