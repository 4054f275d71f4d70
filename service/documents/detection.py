"""Says what a stream of bytes is by how it begins; a file's name is never asked.

Leaves cutting it into records to `json_text`, `tables` and `columnar`.
"""

import re
from typing import Final, Literal, NamedTuple

import msgspec

from service.documents.json_text import Where, locate
from service.documents.places import Trouble, Unit, Unreadable
from service.documents.tables import Header, read_table_head
from service.documents.wrappers import CARRIED, ELASTIC, SPLUNK, Wrapping, wrapping

Reading = Literal["lines", "elements", "csv", "avro", "parquet"]

_AVRO, _PARQUET = b"Obj\x01", b"PAR1"
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_LOOKED_AT = 20
_SAMPLE = 400
_BLANK = b" \t\r\n\v\f\0"  # all that bytes.strip takes off, so that a first line is left
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_KEYS = re.compile(rb'"([^"\\]{1,64})"\s*+:')

_CONTAINED: Final = {
    "records": "envelopes of records",
    "value": "REST pages",
    "results": "search results",
    "hits": "Elastic search hits",
    "rows": "Log Analytics query result",
    "array": "JSON array",
    "documents": "JSON documents one after another",
}


class Format(NamedTuple):
    """What a document is, and how to read it.

    Attributes
    ----------
    kind
        In words, as people call it.
    reading
        By which reader.
    unit
        What its records are counted in.
    where
        Where in JSON they stand.
    wrapping
        What each record is wrapped in, if it is.
    header
        Columns of a CSV.
    """

    kind: str
    reading: Reading
    unit: Unit
    where: Where = Where("documents", 0)
    wrapping: Wrapping | None = None
    header: Header | None = None


def detect(head: bytes) -> Format:
    """Return what a document that begins with `head` is.

    Raises
    ------
    Unreadable
        EMPTY, UNKNOWN_FORMAT, or COLUMN_MISSING for a table that cannot be of the Activity Log.

    Examples
    --------
    >>> detect(b'[{"eventTimestamp": "2026-03-01T00:00:00Z", "operationName": {}}]').kind
    'az monitor activity-log list'
    >>> detect(b'{"records": [{"time": ""}]}').reading, detect(b'{"time": ""').reading
    ('lines', 'elements')
    """
    if head.startswith(_AVRO):
        return Format("Event Hubs Capture (Avro)", "avro", Unit.MESSAGE)
    if head.startswith(_PARQUET):
        return Format("Parquet", "parquet", Unit.ROW)
    text = head.lstrip(_BLANK)
    if not text:
        raise Unreadable(Trouble.EMPTY, "nothing in it")
    lines = [line for line in map(bytes.strip, text.split(b"\n", _LOOKED_AT)[:_LOOKED_AT]) if line]
    found = _elements(text) if text.startswith(b"[") else _object_format(text, lines)
    if found is None and not text.startswith(b"{") and not _CONTROL.search(head):
        header = read_table_head(lines)
        found = Format(header.kind, "csv", Unit.ROW, header=header) if header else None
    if found is None:
        raise Unreadable(Trouble.UNKNOWN_FORMAT, "neither JSON, CSV, Avro nor Parquet", head[:_SAMPLE])
    return found


def _object_format(text: bytes, lines: list[bytes]) -> Format | None:
    """Return the format of text whose documents are objects, or None if there is no object in it."""
    first = _object(lines[0])
    if first is None:
        contained = text.startswith(b"{") and locate(text).container != "documents"
        if not contained and any(map(_object, lines[1:])):
            return _lines({}, Where("documents", 0))  # a broken line comes first
        return _elements(text) if text.startswith(b"{") else None
    where = locate(lines[0])
    if where.container in {"rows", "hits", "results"}:
        return _elements(text)
    return _lines(first, where, several=len(lines) > 1)


def _object(line: bytes) -> dict[str, msgspec.Raw] | None:
    if not line.startswith(b"{"):
        return None
    try:
        return _members(line)
    except (ValueError, RecursionError):
        return None


def _lines(first: dict[str, msgspec.Raw], where: Where, *, several: bool = True) -> Format:
    wrapped = wrapping(first)
    if wrapped is SPLUNK:
        kind = "Splunk export"
    elif wrapped is ELASTIC:
        kind = "Elastic documents, one a line"
    elif wrapped is CARRIED:
        kind = "messages of a hub, one a line"
    elif where.container in {"records", "value"}:
        kind = _CONTAINED[where.container] + (", one a line" if several else "")
    elif "OperationNameValue" in first:
        kind = "Log Analytics rows, one a line"
    else:
        kind = "records, one a line"
    return Format(kind, "lines", Unit.LINE, wrapping=wrapped)


def _elements(text: bytes) -> Format:
    where = locate(text)
    keys = _keys_of_first(text, where)
    wrapped = wrapping(keys) if where.container != "rows" else None
    kind = _CONTAINED[where.container]
    if wrapped is SPLUNK:
        kind = "Splunk export"
    elif wrapped is ELASTIC:
        kind = "Elastic search hits"
    elif wrapped is CARRIED:
        kind = "messages of a hub"
    elif where.container == "array":
        folded = {key.lower() for key in keys}
        if "tablename" in folded:
            kind = "az monitor log-analytics query"
        elif "eventtimestamp" in folded:
            kind = "az monitor activity-log list"
    unit = Unit.ROW if where.container == "rows" else Unit.RECORD
    return Format(kind, "elements", unit, where=where, wrapping=wrapped)


def _keys_of_first(text: bytes, where: Where) -> dict[str, bytes]:
    """Return the keys in the first record, and perhaps of what is in it; the values do not matter."""
    if where.container == "hits":
        return {"_source": b""}
    start = text.find(b"{") if where.container in {"array", "documents"} else text.find(b"[")
    return {key.decode("utf-8", "replace"): b"" for key in _KEYS.findall(text, max(start, 0), max(start, 0) + 16384)}
