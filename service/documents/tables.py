"""Rows of tables as records: CSV exports of the Activity Log, and rows of a Log Analytics query result.

A row becomes a JSON object under names that the parser knows; what its values mean is the parser's business.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, NamedTuple

import msgspec

from service.documents.places import LARGEST_TEXT, Trouble, Unreadable
from service.documents.regional import has_day_first, in_utc
from service.documents.wrappers import CARRIED, unwrap

_ROWS_AT_ONCE = 256
_PORTAL: Final = "CSV export of the portal"
_SEARCHED: Final = "CSV export of a search engine"
_LOG_ANALYTICS: Final = "CSV export of Log Analytics"
_HEADINGS: Final = {
    _LOG_ANALYTICS: frozenset({
        "activitystatus", "activitystatusvalue", "activitysubstatus", "activitysubstatusvalue", "authorization",
        "authorizationd", "caller", "calleripaddress", "category", "categoryvalue", "claims", "claimsd",
        "correlationid", "eventdataid", "eventsubmissiontimestamp", "eventtimestamp", "hierarchy", "httprequest",
        "identityauthorization", "identityclaims", "level", "operationid",
        "operationname", "operationnamevalue", "properties", "propertiesd", "resource", "resourcegroup", "resourceid",
        "resourceprovider", "resourceprovidervalue", "resultsignature", "resulttype", "sourcesystem", "subscriptionid",
        "tenantid", "timegenerated", "timestamp", "type",
    }),
    _PORTAL: frozenset({
        "correlationid", "eventcategory", "eventinitiatedby", "level", "operationname", "resource", "resourcegroup",
        "resourcetype", "status", "subscription", "time",
    }),
}  # fmt: skip
"""What the columns of each export are called, folded."""

_ORIGINALS: Final = frozenset({"raw", "event.original"})
"""Columns of a search engine that hold a record as Azure wrote it: the others add nothing to it."""

_ENOUGH: Final = 4
"""Known headings from which a table is taken for an export, even one that lacks what it needs."""

_RENAMED: Final = {
    "eventinitiatedby": "caller",
    "eventcategory": "category",
    "resource": "resourceId",
    "subscription": "subscriptionId",
}
_TIMES: Final = frozenset({"timegenerated", "eventtimestamp", "time", "timestamp"})
_ACTIONS: Final = frozenset({"operationnamevalue", "operationname"})
_CALLERS: Final = frozenset({"caller", "eventinitiatedby", "claims", "claimsd", "identityclaims"})
_NEEDED: Final = (
    (_TIMES, "TimeGenerated", "Time"),
    (_ACTIONS, "OperationNameValue", "Operation name"),
    (_CALLERS, "Caller", "Event initiated by"),
)
"""Without these there is no telling who did what when: folded, and as each export calls them."""

_WANTED: Final = (
    (
        {"claims", "claimsd", "identityclaims"},
        "Claims",
        "Claims",
        "identities are known by the name of the caller only",
    ),
    (
        {"activitystatusvalue", "activitystatus", "status", "resulttype"},
        "ActivityStatusValue",
        "Status",
        "no outcome, nothing fails",
    ),
    ({"correlationid"}, "CorrelationId", "Correlation id", "each record is an operation of its own"),
    ({"calleripaddress", "httprequest"}, "CallerIpAddress", "CallerIpAddress", "no network is known"),
    ({"resourceid", "resource"}, "_ResourceId", "Resource", "no resource is known"),
    (
        {"categoryvalue", "category", "eventcategory"},
        "CategoryValue",
        "Event category",
        "all are taken as administrative",
    ),
)
_UTC_MARK = re.compile(r"\s*\[utc\]\s*$", re.IGNORECASE)
_PREAMBLE = re.compile(rb"\"?(?:#TYPE\b|sep=)")
_COLUMNS = re.compile(rb'"columns"\s*+:\s*+(\[(?:[^\]"]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+\])', re.IGNORECASE)
_decode_columns = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
_decode_row = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_name = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode


class Header(NamedTuple):
    """The first line of a CSV.

    Attributes
    ----------
    kind
        What export it is, in words.
    names
        A name the parser knows for each column.
    utc
        Columns, by number, whose times are UTC without saying so in each row.
    delimiter
        What separates the columns.
    missing
        What the parser could use and the table does not have, in words.
    above
        How many lines stand above it: PowerShell's ``#TYPE``, Excel's ``sep=;``.
    original
        The column that holds records as Azure wrote them, if there is one.
    """

    kind: str
    names: tuple[str, ...]
    utc: frozenset[int]
    delimiter: str
    missing: tuple[str, ...]
    above: int = 0
    original: int | None = None


def read_table_head(lines: Sequence[bytes]) -> Header | None:
    """Return what the first lines of a CSV say, or None if it is not one; likewise.

    >>> header = read_table_head([b'#TYPE System.Object', b'"EventTimestamp","OperationName","Caller"'])
    >>> header.above, header.names
    (1, ('eventtimestamp', 'operationname', 'caller'))
    """
    above = next((at for at, line in enumerate(lines) if not _PREAMBLE.match(line)), None)
    header = read_header(lines[above]) if above is not None else None
    return header._replace(above=above) if header and above else header


def read_header(line: bytes) -> Header | None:
    """Return what the heading of a CSV says, or None if it is not one.

    Raises
    ------
    Unreadable
        COLUMN_MISSING, if it is one that does not say when, what, or who.

    Examples
    --------
    >>> header = read_header(b'Correlation id,Operation name,Status,Event category,Time,Event initiated by')
    >>> header.kind, header.names[-1], len(header.missing)
    ('CSV export of the portal', 'caller', 3)
    """
    text = line.decode("utf-8", "replace")
    delimiter = max(",;\t", key=text.count)
    try:
        columns = next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return None
    if len(columns) < 2:
        return None
    folded = [_UTC_MARK.sub("", column).strip().replace(" ", "").replace("_", "").lower() for column in columns]
    original = next((at for at, name in enumerate(folded) if name in _ORIGINALS), None)
    if original is not None:
        return Header(_SEARCHED, tuple(folded), frozenset(), delimiter, (), original=original)
    present = {*folded, *(name.partition(".")[0] for name in folded)}  # claims.name and so on say what claims does
    known = {kind: len(present & headings) for kind, headings in _HEADINGS.items()}
    portal = known[_PORTAL] > known[_LOG_ANALYTICS] or "eventinitiatedby" in present
    kind = _PORTAL if portal else _LOG_ANALYTICS
    lacking = [theirs if portal else ours for any_of, ours, theirs in _NEEDED if not present & any_of]
    if lacking and known[kind] < _ENOUGH and not present & (_TIMES | _ACTIONS):
        return None
    if lacking:
        *others, last = lacking
        without = f"columns {', '.join(others)} and {last}" if others else f"column {last}"
        what = kind if known[kind] >= _ENOUGH else "CSV"
        raise Unreadable(Trouble.COLUMN_MISSING, f"a {what} without the {without}", line[:400])
    return Header(
        kind,
        tuple(_RENAMED.get(name, name) if portal else name for name in folded),
        frozenset(at for at, column in enumerate(columns) if folded[at] in _TIMES or _UTC_MARK.search(column)),
        delimiter,
        tuple(
            f"{theirs if portal else ours}: {consequence}"
            for any_of, ours, theirs, consequence in _WANTED
            if not present & any_of
        ),
    )


def read_csv(stream: BinaryIO, header: Header) -> Iterator[tuple[int, list[bytes]]]:
    """Yield rows as JSON objects, and the number of the first of them, counted from 1 without the header.

    Raises
    ------
    Unreadable
        DAMAGED, where it is no CSV any more: a quote is not closed.
    """
    csv.field_size_limit(LARGEST_TEXT)
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline="")
    rows = csv.reader((line.replace("\0", "") for line in text), delimiter=header.delimiter)
    found, first, size = list[list[str]](), 1, 0
    day_first: bool | None = None
    try:
        for _ in range(header.above + 1):
            next((row for row in rows if row), None)
        for row in rows:
            if not row:
                continue
            found.append(row)
            size += sum(map(len, row))
            full = size > LARGEST_TEXT // 8
            if full or len(found) % _ROWS_AT_ONCE == 0:
                if day_first is None:
                    day_first = has_day_first(_times(found, header))
                if full or day_first is not None:  # rows that do not tell are held until one does
                    day_first = bool(day_first)
                    yield first, _records(found, header, day_first)
                    first, found, size = first + len(found), [], 0
    except csv.Error as error:
        if found:
            yield first, _records(found, header, day_first)
        raise Unreadable(Trouble.DAMAGED, f"no CSV any more after row {first + len(found) - 1:,}: {error}") from error
    finally:
        text.detach()
    if found:
        yield first, _records(found, header, day_first)


def _times(rows: list[list[str]], header: Header) -> Iterator[str]:
    return (row[at] for row in rows for at in header.utc if at < len(row))


def _records(rows: list[list[str]], header: Header, day_first: bool | None) -> list[bytes]:
    if day_first is None:
        day_first = has_day_first(_times(rows, header))
    return [_record(row, header, bool(day_first)) for row in rows]


def _record(row: list[str], header: Header, day_first: bool) -> bytes:
    if header.original is not None:
        original = row[header.original] if header.original < len(row) else ""
        return unwrap(original.encode(), CARRIED) or b""
    values = {name: value for name, value in zip(header.names, row, strict=False) if value}
    for at in header.utc:
        if at < len(row) and row[at]:
            values[header.names[at]] = in_utc(row[at], day_first=day_first)
    return _encode(values)


def columns_of(head: bytes) -> list[str]:
    """Return the names of the columns of a Log Analytics query result that begins with `head`.

    Raises
    ------
    Unreadable
        COLUMN_MISSING, if it does not begin with them.
    """
    found = _COLUMNS.search(head)
    try:
        return [_name(column) for column in _decode_columns(found[1])] if found else _no_columns()
    except (ValueError, KeyError):
        return _no_columns()


def tells_of_query(head: bytes) -> bool:
    """Whether a query result is Azure Data Explorer's own, whose later tables tell of the query, not of records."""
    return b'"ColumnName"' in head


def _name(column: dict[str, msgspec.Raw]) -> str:
    return _decode_name(column["ColumnName"] if "ColumnName" in column else column["name"])


def _no_columns() -> list[str]:
    raise Unreadable(Trouble.COLUMN_MISSING, "a query result that does not name its columns before its rows")


def row_to_record(text: bytes, columns: Sequence[str]) -> bytes:
    """Return a row of a query result as an object; what is no row is returned as it is, for the parser to refuse.

    >>> row_to_record(b'["2026-03-01T00:00:00Z", null]', ["TimeGenerated", "Caller"])
    b'{"TimeGenerated":"2026-03-01T00:00:00Z","Caller":null}'
    """
    try:
        return _encode(dict(zip(columns, _decode_row(text), strict=True)))
    except (ValueError, RecursionError):
        return text
