"""Binary formats of rows: Event Hubs Capture in Avro, and Parquet where its library is installed."""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final, cast

import msgspec

from service.documents.places import LARGEST_TEXT, Trouble, Unreadable

_ROWS_AT_ONCE = 256
_BYTES_AT_ONCE = LARGEST_TEXT // 8
_DAMAGE: Final = (ValueError, EOFError, KeyError, IndexError, TypeError, OverflowError, struct.error, zlib.error)
_encode = msgspec.json.Encoder().encode


def read_avro(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Yield the bodies of captured messages, or whole rows as JSON where there is no body.

    Raises
    ------
    Unreadable
        DAMAGED, if it cannot be read to its end.
    """
    import fastavro  # noqa: PLC0415 - few files are of this kind, and a service reads none

    try:
        # Unlike a schema's own checks, a reader that is given none takes the file's word for it.
        rows = fastavro.reader(stream)
    except _DAMAGE as error:
        raise Unreadable(Trouble.DAMAGED, f"no Avro: {_said(error)}") from error
    yield from _texts(rows)


def read_parquet(file: BinaryIO) -> Iterator[list[bytes]]:
    """Yield rows of a file that can be read from its end, likewise.

    Raises
    ------
    Unreadable
        NOT_INSTALLED without pyarrow; DAMAGED, if it cannot be read to its end.
    """
    try:
        from pyarrow import parquet  # noqa: PLC0415 - an extra: most installations do without
    except ImportError:
        raise Unreadable(Trouble.NOT_INSTALLED, "needs pyarrow: pip install 'unwonted[parquet]'") from None
    try:
        # Times of 96 bits come in nanoseconds otherwise, in which a year can be too far away.
        table = parquet.ParquetFile(file, pre_buffer=False, buffer_size=1 << 20, coerce_int96_timestamp_unit="us")
        schema = _in_utc(table.schema_arrow)
        batches = table.iter_batches(batch_size=_ROWS_AT_ONCE)
    except (OSError, *_DAMAGE) as error:
        raise Unreadable(Trouble.DAMAGED, f"no Parquet: {_said(error)}") from error
    yield from _texts(row for batch in _guarded(batches) for row in _rows(batch, schema))


def _rows(batch: Any, schema: Any) -> list[Any]:
    """Return rows as dictionaries: no time is finer than Python's own or lacks its zone, and maps are dictionaries."""
    if batch.schema != schema:
        batch = batch.cast(schema, safe=False)
    return cast("list[Any]", batch.to_pylist(maps_as_pydicts="lossy"))


def _in_utc(kind: Any) -> Any:
    """Return a schema, field or type with times in microseconds and UTC, however deep they stand.

    Of a time without a zone it is known here that it is UTC: so does Azure Data Explorer export its times, and so do
    Spark and Fabric, whose times of 96 bits cannot say so.
    """
    import pyarrow  # noqa: PLC0415 - an extra: most installations do without

    if isinstance(kind, pyarrow.Schema):
        return pyarrow.schema([_in_utc(field) for field in kind])
    if isinstance(kind, pyarrow.Field):
        return pyarrow.field(kind.name, _in_utc(kind.type), kind.nullable)
    if pyarrow.types.is_timestamp(kind):
        return pyarrow.timestamp("us", "UTC")
    if pyarrow.types.is_struct(kind):
        return pyarrow.struct([_in_utc(kind.field(at)) for at in range(kind.num_fields)])
    if pyarrow.types.is_list(kind):
        return pyarrow.list_(_in_utc(kind.value_field))
    return kind


def _guarded(batches: Iterable[Any]) -> Iterator[Any]:
    try:
        yield from batches
    except OSError as error:
        raise Unreadable(Trouble.DAMAGED, _said(error)) from error


def _texts(rows: Iterable[Any]) -> Iterator[list[bytes]]:
    found, size = list[bytes](), 0
    try:
        for row in rows:
            found.append(_text(row))
            size += len(found[-1])
            if len(found) == _ROWS_AT_ONCE or size > _BYTES_AT_ONCE:
                yield found
                found, size = [], 0
    except _DAMAGE as error:
        if found:
            yield found
        raise Unreadable(Trouble.DAMAGED, _said(error)) from error
    if found:
        yield found


def _text(row: Any) -> bytes:
    body = row.get("Body", row.get("body")) if isinstance(row, dict) else None
    if isinstance(body, bytes):
        return body
    return body.encode("utf-8", "replace") if isinstance(body, str) else _encode(row)


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
