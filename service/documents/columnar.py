"""Binary formats of rows: Event Hubs Capture in Avro, and Parquet where its library is installed."""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final

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
        table = parquet.ParquetFile(file, pre_buffer=False, buffer_size=1 << 20)
        batches = table.iter_batches(batch_size=_ROWS_AT_ONCE)
    except (OSError, *_DAMAGE) as error:
        raise Unreadable(Trouble.DAMAGED, f"no Parquet: {_said(error)}") from error
    yield from _texts(row for batch in _guarded(batches) for row in batch.to_pylist())


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
