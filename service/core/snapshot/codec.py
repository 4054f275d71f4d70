"""A snapshot as bytes: gzipped lines of JSON, so that `zcat FILE | jq` opens it, with a checksum at the end.

The first line says which format, the last what the others must hash to; between them one row a line, so that
encoding can be done in slices. What the rows mean is the engine's and the outbox's business.
"""

import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from service.core.snapshot.migrations import MIGRATIONS, Rows

FORMAT = 3
"""What is written; a change of any row's fields makes another one, and a migration from this one."""

SLICE = 64 * 1024
_BEGINNING = b'{"unwonted_snapshot":'

MOST_EXPANSION = 50
"""How many times its own size a snapshot may unpack to: rows pack to an eighth or so, a bomb to a thousandth."""

_ALWAYS_UNPACKED = 32 * 1024 * 1024

# Keys stay in the order in which they were learnt: a table that forgets may go by it.
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class UnreadableSnapshot(ValueError):  # noqa: N818 - it names what was found, not a fault of the caller
    """These bytes are no snapshot that this version can read; the text says why."""


def lines(
    rows: Iterable[tuple[str, Any]], *, created_at: datetime, sizes: dict[str, int] | None = None
) -> Iterator[bytes]:
    """Yield the lines of a snapshot, the newline included; adds each section's bytes up in `sizes`."""
    digest = sha256()
    count = 0
    yield _encode({"unwonted_snapshot": FORMAT, "created_at": created_at.isoformat()}) + b"\n"
    for section, row in rows:
        line = _encode([section, row]) + b"\n"
        digest.update(line)
        count += 1
        if sizes is not None:
            sizes[section] = sizes.get(section, 0) + len(line)
        yield line
    yield _encode({"rows": count, "sha256": digest.hexdigest()}) + b"\n"


async def encode(
    rows: Iterable[tuple[str, Any]],
    *,
    created_at: datetime,
    yield_to_loop: Callable[[], Awaitable[None]],
    sizes: dict[str, int] | None = None,
) -> bytes:
    """Encode `rows`, calling `yield_to_loop` every 64 KiB or so, so that the event loop is never held up for long.

    The caller sees to it that nothing changes the state meanwhile.

    Examples
    --------
    >>> import asyncio
    >>> from datetime import UTC, datetime
    >>> async def yield_to_loop() -> None: ...
    >>> data = asyncio.run(encode([("a", 1)], created_at=datetime(2026, 3, 1, tzinfo=UTC), yield_to_loop=yield_to_loop))
    >>> decode(data)
    [('a', 1)]
    """
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    packed, pending, size = [], [], 0
    for line in lines(rows, created_at=created_at, sizes=sizes):
        pending.append(line)
        size += len(line)
        if size >= SLICE:
            packed.append(packer.compress(b"".join(pending)))
            pending, size = [], 0
            await yield_to_loop()
    packed += (packer.compress(b"".join(pending)), packer.flush())
    return b"".join(packed)


def is_snapshot(data: bytes) -> bool:
    """Whether bytes begin as a snapshot of any format does, be they damaged further on.

    >>> import gzip
    >>> is_snapshot(gzip.compress(b'{"unwonted_snapshot":1}')[:-9]), is_snapshot(gzip.compress(b'{"time":1}'))
    (True, False)
    """
    try:
        return zlib.decompressobj(31).decompress(data, len(_BEGINNING)) == _BEGINNING
    except zlib.error:
        return False


def decode(data: bytes) -> list[tuple[str, Any]]:
    """Return the rows of a snapshot.

    Raises
    ------
    UnreadableSnapshot
        Truncated, damaged, or of a format that this version does not read.
    """
    try:
        first, *body, last = _unpacked(data).splitlines(keepends=True)
        head, tail = _decode(first), _decode(last)
        version = head["unwonted_snapshot"]
        if type(version) is not int or (version != FORMAT and version not in MIGRATIONS):
            raise UnreadableSnapshot(_unread(version))
        if tail["rows"] != len(body) or tail["sha256"] != sha256(b"".join(body)).hexdigest():
            raise UnreadableSnapshot("its checksum does not fit")
        rows = [(section, row) for section, row in map(_decode, body)]
    except (EOFError, zlib.error, msgspec.DecodeError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise UnreadableSnapshot(f"damaged or cut off ({type(error).__name__})") from error
    except ValueError as error:
        if isinstance(error, UnreadableSnapshot):
            raise
        raise UnreadableSnapshot("damaged or cut off") from error
    return _migrated(rows, version)


def _unpacked(data: bytes) -> bytes:
    most = max(_ALWAYS_UNPACKED, MOST_EXPANSION * len(data))
    unpacker = zlib.decompressobj(31)
    plain = unpacker.decompress(data, most)
    if unpacker.unconsumed_tail:
        raise UnreadableSnapshot(f"unpacks to more than {MOST_EXPANSION} times its size")
    if not unpacker.eof or unpacker.unused_data:
        raise EOFError
    return plain


def _unread(version: object) -> str:
    reads = f"this version reads {', '.join(map(str, sorted(MIGRATIONS)))} and {FORMAT}"
    if isinstance(version, int) and version > FORMAT:
        return (
            f"written by a newer version (format {version}; {reads}): run that version again, put back a snapshot"
            " from before the upgrade, or move this one away to start with an empty state"
        )
    return f"format {version}; {reads}" if isinstance(version, int) else f"its format is no number; {reads}"


def _migrated(rows: Rows, version: int) -> Rows:
    for step in range(version, FORMAT):
        try:
            rows = MIGRATIONS[step](rows)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            raise UnreadableSnapshot(f"its rows are not those of format {step} ({type(error).__name__})") from error
    return rows
