"""A snapshot as bytes: gzipped lines of JSON, so that `zcat FILE | jq` opens it, with a checksum at the end.

The first line says which format, the last what the others must hash to; between them is one row a line, or a block of
rows that look alike (`packing`). Each part of the state is packed by itself, so that one that has not changed since the
last snapshot need not be encoded again. What the rows mean is the engine's and the outbox's business.
"""

import zlib
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from hashlib import sha256
from itertools import chain, repeat
from typing import Any, NamedTuple

import msgspec

from service.core.snapshot.migrations import MIGRATIONS, Rows
from service.core.snapshot.packing import (
    blocks,
    pack_rows,
    plain,
    unpack_columns_later,
    unpack_rows,
    unpack_states_later,
)

FORMAT = 4
"""What is written; a change of any row's fields makes another one, and a migration from this one."""

SLICE = 64 * 1024
_BEGINNING = b'{"unwonted_snapshot":'

WORTH_PACKING = 4
"""Fewer are written one by one."""

MOST_EXPANSION = 50
"""How many times its own size a snapshot may unpack to: rows pack to a fifth or so, a bomb to a thousandth."""

_ALWAYS_UNPACKED = 32 * 1024 * 1024

_ALWAYS_READ = 1_000_000
"""Rows; a larger snapshot has no more of them than bytes, because each says at least whose it is."""

MOST_PARTS = 16

PACKED = {"person": 256, "bucket": 64, "identities": 256}
"""First words of the sections of which there are very many rows, and how many are packed together at most.

Encoding a block takes a few milliseconds. The wider the rows, the fewer: what repeats should be within gzip's 32 KiB.
"""

# Keys stay in the order in which they were learnt: a table that forgets may go by it.
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

_OF_MANY = {
    "bucket": unpack_columns_later,
    "person": unpack_columns_later,
    "identities": unpack_states_later,
}
"""First words of the sections that have the most rows, and how a block of them is kept for later."""


class UnreadableSnapshot(ValueError):  # noqa: N818 - it names what was found, not a fault of the caller
    """These bytes are no snapshot that this version can read; the text says why."""


class SnapshotPart(NamedTuple):
    """Rows, and a `version` that is another one whenever they have changed; None if they always may have."""

    rows: Iterable[tuple[str, Any]]
    version: Hashable = None


class _Encoded(NamedTuple):
    """A part as gzip packs it, with the hash of its lines, its rows, and the plain bytes of each section."""

    data: Sequence[bytes]
    digest: bytes
    rows: int
    sizes: Mapping[str, int]


class Encoder:
    """Encodes one snapshot after another, and only what has changed in between.

    A part that has a version is kept in packed form until that changes: an eighth of its rows' size.

    Parameters
    ----------
    yield_to_loop
        Called every 64 KiB or so, so that the event loop is never held up for long.
    """

    def __init__(self, yield_to_loop: Callable[[], Awaitable[None]]) -> None:
        self._yield_to_loop = yield_to_loop
        self._kept: dict[int, tuple[Hashable, _Encoded]] = {}

    async def encode(
        self, parts: Sequence[SnapshotPart], *, created_at: datetime, sizes: dict[str, int] | None = None
    ) -> bytes:
        """Encode `parts`, always the same in the same order; adds each section's plain bytes up in `sizes`.

        The caller sees to it that nothing changes the state meanwhile.
        """
        encoded = [await self._part(place, part) for place, part in enumerate(parts)]
        head = {"unwonted_snapshot": FORMAT, "created_at": created_at.isoformat()}
        digest = sha256(b"".join(one.digest for one in encoded)).hexdigest()
        tail = {"rows": sum(one.rows for one in encoded), "sha256": digest}
        if sizes is not None:
            for one in encoded:
                sizes |= {section: sizes.get(section, 0) + size for section, size in one.sizes.items()}
        return b"".join([_member(head), *chain.from_iterable(one.data for one in encoded), _member(tail)])

    async def _part(self, place: int, part: SnapshotPart) -> _Encoded:
        if part.version is not None and place in self._kept:
            version, encoded = self._kept[place]
            if version == part.version:
                return encoded
            del self._kept[place]
        encoded = await self._encoded(part.rows)
        if part.version is not None:
            self._kept[place] = part.version, encoded
        return encoded

    async def _encoded(self, rows: Iterable[tuple[str, Any]]) -> _Encoded:
        packer, digest = zlib.compressobj(1, zlib.DEFLATED, 31), sha256()
        packed, pending, size = [], [], 0
        number, sizes = 0, dict[str, int]()
        for section, count, line in _lines(rows):
            digest.update(line)
            number += count
            sizes[section] = sizes.get(section, 0) + len(line)
            pending.append(line)
            size += len(line)
            if size >= SLICE:
                packed.append(packer.compress(b"".join(pending)))
                pending, size = [], 0
                await self._yield_to_loop()
        packed += (packer.compress(b"".join(pending)), packer.flush())
        return _Encoded(packed, digest.digest(), number, sizes)


async def encode(
    rows: Iterable[tuple[str, Any]],
    *,
    created_at: datetime,
    yield_to_loop: Callable[[], Awaitable[None]],
    sizes: dict[str, int] | None = None,
) -> bytes:
    """Encode `rows` once; see `Encoder`.

    Examples
    --------
    >>> import asyncio
    >>> from datetime import UTC, datetime
    >>> async def yield_to_loop() -> None: ...
    >>> data = asyncio.run(encode([("a", 1)], created_at=datetime(2026, 3, 1, tzinfo=UTC), yield_to_loop=yield_to_loop))
    >>> decode(data)
    [('a', 1)]
    """
    return await Encoder(yield_to_loop).encode([SnapshotPart(rows)], created_at=created_at, sizes=sizes)


def lines(rows: Iterable[tuple[str, Any]], *, created_at: datetime) -> Iterator[bytes]:
    """Yield the lines of a snapshot, the newline included, to be packed as one: for tools that wait for nothing."""
    digest, number = sha256(), 0
    yield _encode({"unwonted_snapshot": FORMAT, "created_at": created_at.isoformat()}) + b"\n"
    for _, count, line in _lines(rows):
        digest.update(line)
        number += count
        yield line
    yield _encode({"rows": number, "sha256": digest.hexdigest()}) + b"\n"


def _lines(rows: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, int, bytes]]:
    """Yield section, number of rows and line, the newline included."""
    for section, block in blocks(rows, lambda section: PACKED.get(section.partition(" ")[0], 0)):
        if len(block) >= WORTH_PACKING:
            yield section, len(block), _encode([section, len(block), pack_rows(block)]) + b"\n"
        else:
            for row in block:
                yield section, 1, _encode([section, plain(row)]) + b"\n"


def _member(line: Any) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(_encode(line) + b"\n") + packer.flush()


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


def decode(data: bytes) -> Rows:
    """Return the rows of a snapshot as plain data, all of them at once; `SnapshotRows` are quicker and take less room.

    Raises
    ------
    UnreadableSnapshot
        Truncated, damaged, or of a format that this version does not read.
    """
    return [(section, plain(row)) for section, row in SnapshotRows(data)]


class SnapshotRows:
    """The rows of a snapshot, which is checked at once, and read again, line by line, whenever it is iterated over.

    Many rows are several times as large as the lines that they stand in.

    Parameters
    ----------
    data
        As `encode` returned it, or an older version.

    Raises
    ------
    UnreadableSnapshot
        Truncated, damaged, or of a format that this version does not read; while iterating, if a line that has the
        right checksum is none that was ever written.
    """

    def __init__(self, data: bytes) -> None:
        self._migrated: Rows | None = None
        with _damage():
            head, *between = _members(data)
            version = _decode(head.pieces[0][: head.pieces[0].index(b"\n")])["unwonted_snapshot"]
            if type(version) is not int or (version != FORMAT and version not in MIGRATIONS):
                raise UnreadableSnapshot(_unread(version))
            if not between:
                self._texts, found, tail = _without_parts(b"".join(head.pieces))
            else:
                *parts, last = between
                self._texts, tail = list(chain.from_iterable(part.pieces for part in parts)), b"".join(last.pieces)
                found = sha256(b"".join(part.digest for part in parts)).hexdigest()
            if _decode(tail)["sha256"] != found:
                raise UnreadableSnapshot("its checksum does not fit")
            if version < FORMAT:
                self._migrated = _migrated(list(self._rows()), version)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self._migrated) if self._migrated is not None else self._rows()

    def to_restore(self) -> Iterator[tuple[str, Any]]:
        """Iterate likewise, but over blocks of what there is most of.

        Each of them is `RowsLater`. Of each section the first block is read at once, so that one which is not what it
        should be is refused early.
        """
        return iter(self._migrated) if self._migrated is not None else self._rows(later=True)

    def _rows(self, *, later: bool = False) -> Iterator[tuple[str, Any]]:
        room = max(_ALWAYS_READ, sum(map(len, self._texts)))
        begun = ""
        with _damage():
            for line in self._lines():
                if later and (block := self._unread(line, begun)) is not None:
                    section, number, row = block
                    rows = [row]
                else:
                    section, *rest = _decode(line)
                    if len(rest) == 1:
                        yield section, rest[0]
                        continue
                    number, columns = rest
                    rows, begun = unpack_rows(columns, number), section
                room -= number
                if room < 0:
                    raise UnreadableSnapshot("has more rows than it could hold")
                yield from zip(repeat(section), rows)

    @staticmethod
    def _unread(line: memoryview, begun: str) -> tuple[str, int, Any] | None:
        """Return a block as one row that is read later; None if it is none of very many, or the first one."""
        later = _OF_MANY.get(begun.partition(" ")[0])
        with suppress(msgspec.ValidationError):
            if later is not None and bytes(line[: len(begun) + 4]) == _encode([begun])[:-1] + b",":
                return later(line)
        return None

    def _lines(self) -> Iterator[memoryview]:
        for text in self._texts:
            view, begin = memoryview(text), 0
            while begin < len(text):
                end = text.index(b"\n", begin) + 1
                yield view[begin:end]
                begin = end


class _Member(NamedTuple):
    """What a member of a gzip file holds, in pieces of whole lines, and the hash of it."""

    pieces: list[bytes]
    digest: bytes


def _members(data: bytes) -> list[_Member]:
    members, room, at = list[_Member](), max(_ALWAYS_UNPACKED, MOST_EXPANSION * len(data)), 0
    while at < len(data):
        if len(members) > MOST_PARTS + 2:
            raise UnreadableSnapshot("has more parts than were ever written")
        member, at, room = _member_at(data, at, room)
        members.append(member)
    return members


def _member_at(data: bytes, at: int, room: int) -> tuple[_Member, int, int]:
    """Return the member that begins at a place, where it ends, and how much room is left then.

    It is unpacked piece by piece: all of it at once would stand twice in memory for a moment.
    """
    unpacker, digest, view = zlib.decompressobj(31), sha256(), memoryview(data)
    pieces, begun = list[bytes](), list[bytes]()
    while not unpacker.eof:
        if at >= len(data):
            raise EOFError
        text = unpacker.decompress(view[at : at + SLICE], room)
        at += SLICE
        room -= len(text)
        if unpacker.unconsumed_tail or room <= 0:
            raise UnreadableSnapshot(f"unpacks to more than {MOST_EXPANSION} times its size")
        digest.update(text)
        end = text.rfind(b"\n") + 1
        if end:
            pieces.append(b"".join((*begun, text[:end])))
            begun = []
        begun.append(text[end:])
    if rest := b"".join(begun):
        pieces.append(rest)
    return _Member(pieces, digest.digest()), min(at, len(data)) - len(unpacker.unused_data), room


def _without_parts(text: bytes) -> tuple[list[bytes], str, bytes]:
    """Return the lines between, their hash, and the last line, where all is in one member, as older formats have it."""
    begin, end = text.index(b"\n") + 1, text.rindex(b"\n", 0, -1) + 1
    body = text[begin:end]
    return [body], sha256(body).hexdigest(), text[end:]


@contextmanager
def _damage() -> Iterator[None]:
    """Say of whatever goes wrong while a snapshot is read that it is damaged."""
    try:
        yield
    except UnreadableSnapshot:
        raise
    except (
        *(EOFError, zlib.error, msgspec.DecodeError, LookupError, TypeError, AttributeError),
        *(RecursionError, MemoryError),
    ) as error:
        raise UnreadableSnapshot(f"damaged or cut off ({type(error).__name__})") from error
    except ValueError as error:
        raise UnreadableSnapshot("damaged or cut off") from error


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
