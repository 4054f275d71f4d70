"""Takes off whatever a file is packed in, layer by layer, by what it begins with: a stream of bytes for each document.

Knows compression, archives and encodings of text, and nothing of what they hold. No layer is held in memory; only an
archive that has to be read from its end (zip) is copied to a temporary file when it is itself inside something.
"""

import bz2
import gzip
import io
import lzma
import sys
import tarfile
import tempfile
import zipfile
import zlib
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, Final, NamedTuple, cast

from service.documents.places import Trouble, Unreadable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

HEAD: Final = 256 * 1024
"""Bytes that are looked at before it is decided what a stream is."""

CHUNK: Final = 1 << 20
DEEPEST: Final = 4

_IN_MEMORY = 4 * CHUNK
_TAR_MARK = slice(257, 262)
_PACKED: dict[bytes, Callable[[BinaryIO], IO[bytes]]] = {
    b"\x1f\x8b": lambda stream: cast("IO[bytes]", gzip.GzipFile(fileobj=stream)),
    b"\x28\xb5\x2f\xfd": lambda stream: cast("IO[bytes]", zstd.ZstdFile(stream)),
    b"BZh": lambda stream: cast("IO[bytes]", bz2.BZ2File(stream)),
    b"\xfd7zXZ\x00": lambda stream: cast("IO[bytes]", lzma.LZMAFile(stream)),  # noqa: SIM115 - owns nothing
}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_UTF_8 = b"\xef\xbb\xbf"
_UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
DAMAGE: Final = (OSError, EOFError, zlib.error, lzma.LZMAError, zstd.ZstdError, zipfile.BadZipFile, tarfile.TarError)
"""What the libraries raise at data that is cut off or corrupt."""


class Content(NamedTuple):
    """One document's bytes, unpacked, as UTF-8 where it is text.

    Attributes
    ----------
    member
        Path inside archives; empty if there is none.
    head
        The first bytes, at most `HEAD`; all of them if it is shorter.
    stream
        All the bytes, the head included.
    raw
        What `stream` reads from, where that is the file itself.
    problem
        Set instead if what is packed there cannot be read.
    """

    member: str
    head: bytes
    stream: BinaryIO
    raw: BinaryIO | None = None
    problem: Unreadable | None = None


def unpack(raw: BinaryIO) -> Iterator[Content]:
    """Yield the documents that a file holds: one, or each member of an archive.

    What is damaged at its beginning is yielded with its problem, so that the other members live.

    Raises
    ------
    OSError and the others of `DAMAGE`
        If the archive itself is damaged, or later, while a yielded stream is read.
    """
    yield from _unpack(raw, "", 0)


def _unpack(raw: BinaryIO, member: str, depth: int) -> Iterator[Content]:
    try:
        head, stream = _with_head(raw)
    except DAMAGE as error:
        yield Content(member, b"", io.BytesIO(), problem=damaged(error))
        return
    opening = next((opening for magic, opening in _PACKED.items() if head.startswith(magic)), None)
    archived = head.startswith(_ZIP) or head[_TAR_MARK] == b"ustar"
    if (opening or archived) and depth == DEEPEST:
        too_deep = Unreadable(Trouble.TOO_DEEP, f"packed more than {DEEPEST} times")
        yield Content(member, head, stream, problem=too_deep)
    elif opening:
        yield from _unpack(cast("BinaryIO", opening(stream)), member, depth + 1)
    elif archived:
        for name, inner in _zipped(raw, stream) if head.startswith(_ZIP) else _tarred(stream):
            path = f"{member}/{name}" if member else name
            if isinstance(inner, Unreadable):
                yield Content(path, b"", io.BytesIO(), problem=inner)
            else:
                yield from _unpack(inner, path, depth + 1)
    else:
        yield _as_utf_8(Content(member, head, stream, raw))


def _zipped(raw: BinaryIO, stream: BinaryIO) -> Iterator[tuple[str, BinaryIO | Unreadable]]:
    with seekable(raw, stream) as file, zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            try:
                inner = archive.open(entry)
            except (*DAMAGE, RuntimeError) as error:
                # RuntimeError: it wants a password, or is packed in a way that is not known
                yield entry.filename, damaged(error)
            else:
                with inner:
                    yield entry.filename, cast("BinaryIO", inner)


def _tarred(stream: BinaryIO) -> Iterator[tuple[str, BinaryIO]]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for entry in archive:
            inner = archive.extractfile(entry) if entry.isfile() else None
            if inner is not None:
                yield entry.name, cast("BinaryIO", inner)


def damaged(error: Exception) -> Unreadable:
    """Say of an exception of a library that the data is damaged, and how."""
    if isinstance(error, OSError) and error.errno is not None:
        return Unreadable(Trouble.UNREADABLE, error.strerror or str(error))
    return Unreadable(Trouble.DAMAGED, str(error) or type(error).__name__)


@contextmanager
def seekable(raw: BinaryIO | None, stream: BinaryIO) -> Iterator[BinaryIO]:
    """Give the bytes of `stream` as a file that can be read from its end: `raw`, if it can, else a temporary copy."""
    if isinstance(raw, io.FileIO) and raw.seekable():
        raw.seek(0)
        yield raw
        return
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
        for chunk in chunks(stream):
            copy.write(chunk)
        copy.seek(0)
        yield cast("BinaryIO", copy)


def read_some(stream: BinaryIO, size: int = CHUNK) -> bytes:
    """Return the next bytes, as few as come at once: so that what stands before a damage is read."""
    return cast("bytes", getattr(stream, "read1", stream.read)(size))


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes in pieces of about `CHUNK`; what stands before a damage is yielded before it is raised."""
    whole = False
    while not whole:
        parts, size = list[bytes](), 0
        try:
            while size < CHUNK and (some := read_some(stream, CHUNK - size)):
                parts.append(some)
                size += len(some)
        except DAMAGE:
            if parts:
                yield b"".join(parts)
            raise
        whole = size < CHUNK
        if parts:
            yield b"".join(parts)


class _Rejoined(io.RawIOBase):
    """A head that was read already, and the stream that it was read from, or the damage that is behind it."""

    def __init__(self, head: bytes, rest: BinaryIO, damage: Exception | None) -> None:
        self._head = head
        self._rest = rest
        self._damage = damage

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's buffer cannot be sliced
        chunk = self._head[: len(buffer)]
        self._head = self._head[len(buffer) :]
        if not chunk and self._damage:
            raise self._damage
        chunk = chunk or read_some(self._rest, len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def _with_head(raw: BinaryIO) -> tuple[bytes, BinaryIO]:
    head, damage = b"", None
    try:
        while len(head) < HEAD and (chunk := read_some(raw, HEAD - len(head))):
            head += chunk
        if len(head) < HEAD:
            return head, io.BytesIO(head)
    except DAMAGE as error:
        if not head:
            raise
        damage = error
    return head, cast("BinaryIO", io.BufferedReader(_Rejoined(head, raw, damage), CHUNK))


def _as_utf_8(content: Content) -> Content:
    head, stream = content.head, content.stream
    if head.startswith(_UTF_8):
        stream.read(len(_UTF_8))
        return content._replace(head=head[len(_UTF_8) :])
    encoding = _UTF_16.get(head[:2])
    if encoding is None:
        return content
    stream.read(2)
    text = head[2 : len(head) - len(head) % 2].decode(encoding, "replace").encode("utf-8", "replace")
    recoded = io.BufferedReader(_Recoded(stream, encoding), CHUNK)
    return content._replace(head=text, stream=cast("BinaryIO", recoded))


class _Recoded(io.RawIOBase):
    """A stream of text in another encoding, as UTF-8."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decoder = getincrementaldecoder(encoding)("replace")
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's buffer cannot be sliced
        while not self._ready:
            chunk = read_some(self._stream)
            self._ready = self._decoder.decode(chunk, final=not chunk).encode("utf-8", "replace")
            if not chunk:
                break
        given = self._ready[: len(buffer)]
        self._ready = self._ready[len(given) :]
        buffer[: len(given)] = given
        return len(given)
