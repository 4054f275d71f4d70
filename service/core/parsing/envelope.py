"""Where a record begins and ends: splits a message's bytes into records, whatever became of the envelope.

Knows the envelopes and nothing of what a record means. Well-formed messages are split by the decoder, the others are
left to `salvage`.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec

from service.core.parsing.rejects import Refusal, RejectReason
from service.core.parsing.salvage import SHORTEST_RECORD, TOO_SHORT, Fragment, salvage

LARGEST_MESSAGE = 32 * 1024 * 1024
"""Event Hubs carries up to 1 MiB, on dedicated clusters 20 MiB; beyond this, also unpacked, nobody is honest."""

MOST_VALUES = 1_000_000
"""A message of more separators than that is none of records: memory for its values would be many times its size."""

_DEEPEST_ENVELOPE = 3
_MAY_HOLD_RECORDS = re.compile(  # an envelope, or what begins as an event's wrapping does; cheap for all others
    rb"""(?i)\{\s*+"(?:records"\s*+:\s*+\[|(?:specversion|id|source|type|subject|topic|data\w*|event\w+|metadata\w+)")"""
)
_MARK_8 = b"\xef\xbb\xbf"
_MARKS_16 = (b"\xff\xfe", b"\xfe\xff")
_GZIP = b"\x1f\x8b"
_PIECE = 4096
_NOT_ZERO = re.compile(rb"[^\0]")
_MANY = re.compile(rb"""(?i)"?\s*+(?:\[|\{\s*+\\?"records\\?"\s*+:)""")
_WRAPPINGS = frozenset({"specversion", "eventtype"})  # of CloudEvents, of Event Grid's own schema
_EMPTY = Refusal(RejectReason.NOT_JSON, "empty message")
_NO_OBJECT = Refusal(RejectReason.NOT_A_RECORD, "no object")
_CROWDED = Refusal(RejectReason.OVERSIZED, f"more than {MOST_VALUES} values")

_anything = msgspec.json.Decoder()
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_raw_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def is_crowded(text: bytes) -> bool:
    """Whether a text holds more values than any message of records does, so that decoding it would take the memory."""
    if len(text) <= MOST_VALUES:
        return False
    return max(text.count(b","), text.count(b"\n"), 2 * text.count(b"{")) > MOST_VALUES


def split(body: bytes) -> Iterator[Fragment]:
    """Split a message into its records, one after another; never raises.

    Accepts ``{"records": […]}`` in any casing, ``{"value": […]}`` (REST), an array, a bare record, several documents
    one after another (with or without new lines), CloudEvents whose data are any of these, a byte-order mark, UTF-16,
    JSON inside a JSON string, and all of it packed by gzip.
    """
    if body.startswith(_GZIP):
        try:
            body = _unpacked(body)
        except zlib.error as error:
            return iter([Fragment(b"", Refusal(RejectReason.NOT_JSON, f"not to be unpacked: {error}"))])
    if len(body) > LARGEST_MESSAGE:
        return iter([Fragment(body[:8192], Refusal(RejectReason.OVERSIZED, f"more than {LARGEST_MESSAGE} bytes"))])
    return _split(_without_mark(body).strip(b" \t\r\n\0"), 0)


def _unpacked(body: bytes) -> bytes:
    """Unpack one gzip member after another; never more than a byte above the largest message.

    A message that ends inside a member gives what stands before that.

    Raises
    ------
    zlib.error
        If nothing can be unpacked.
    """
    parts: list[bytes] = []
    room = LARGEST_MESSAGE + 1
    member, position = zlib.decompressobj(wbits=31), 0
    try:
        while position < len(body) and room > 0:  # piece by piece, so that damage costs only what stands behind it
            piece = body[position : position + _PIECE]
            position += len(piece)
            parts.append(member.decompress(piece, room))
            room -= len(parts[-1])
            if member.eof:
                begins = _NOT_ZERO.search(body, position - len(member.unused_data))
                position = begins.start() if begins else len(body)
                if not body.startswith(_GZIP, position):
                    break
                member = zlib.decompressobj(wbits=31)
    except zlib.error:
        if not any(parts):
            raise
    return b"".join(parts)


def _without_mark(body: bytes) -> bytes:
    if body.startswith(_MARK_8):
        return body[3:]
    if body.startswith(_MARKS_16):
        return body.decode("utf-16", "replace").encode("utf-8", "replace")
    return body


def _split(text: bytes, depth: int) -> Iterator[Fragment]:
    if not text:
        return iter([Fragment(b"", _EMPTY)] if depth == 0 else [])
    if is_crowded(text):
        return iter([Fragment(text[:8192], _CROWDED)])
    try:
        if text.startswith(b"{"):
            return _split_object(text, depth)
        if text.startswith(b"["):
            return split_elements(_raw_list.decode(text), depth)
        if text.startswith(b'"') and depth < _DEEPEST_ENVELOPE:
            inner = _anything.decode(text)
            if isinstance(inner, str) and inner.lstrip()[:1] in {"{", "["}:
                return _split(inner.strip().encode("utf-8", "replace"), depth + 1)
    except (ValueError, RecursionError):
        pass  # not one well-formed document: several, or salvage
    lines = _split_lines(text, depth)
    return salvage(text) if lines is None else lines


def _split_object(text: bytes, depth: int) -> Iterator[Fragment]:
    members = _raw_object.decode(text)
    keys = {key.lower() for key in members}
    wrapping = "operationname" not in keys and not keys.isdisjoint(_WRAPPINGS)
    for key, raw in members.items():
        folded = key.lower()
        if folded == "records" or (folded == "value" and "time" not in members):
            inner = bytes(raw).lstrip()
            if inner.startswith(b"["):
                return split_elements(_raw_list.decode(inner), depth)
        if folded == "data" and depth < _DEEPEST_ENVELOPE and wrapping and _MANY.match(bytes(raw)):
            return _split(bytes(raw).strip(), depth + 1)
    return iter([Fragment(text)])


def _split_lines(text: bytes, depth: int) -> Iterator[Fragment] | None:
    """Split documents that stand on a line each; None if a single line is not a document."""
    lines = [line for line in (line.strip() for line in text.split(b"\n")) if line]
    if len(lines) < 2 or not all(line.startswith((b"{", b"[")) for line in lines):
        return None
    fragments: list[Iterator[Fragment]] = []
    short = _Short()
    try:
        for line in lines:
            if len(line) >= SHORTEST_RECORD or b'"' in line:
                is_array = line.startswith(b"[")
                fragments.append(
                    split_elements(_raw_list.decode(line), depth) if is_array else _split_object(line, depth)
                )
            elif line.startswith(b"["):
                for raw in _raw_list.decode(line):
                    short.add(bytes(raw))
            else:
                _anything.decode(line)
                short.add(line)
    except (ValueError, RecursionError):
        return None
    return chain(chain.from_iterable(fragments), short.fragments())


def split_elements(elements: Sequence[msgspec.Raw], depth: int = 0) -> Iterator[Fragment]:
    """Split the elements of an array; those that are too short for a record are counted, and one of them shown."""
    short = _Short()
    for raw in elements:
        text = bytes(raw).strip()
        if len(text) < SHORTEST_RECORD:
            short.add(text)
        elif depth < _DEEPEST_ENVELOPE and (text.startswith((b"[", b'"')) or _MAY_HOLD_RECORDS.match(text)):
            yield from _split(text, depth + 1)
        else:
            yield Fragment(text, None if text.startswith(b"{") else _NO_OBJECT)
    yield from short.fragments()


class _Short(dict[Refusal, tuple[bytes, int]]):
    """What is too short for a record, by why it is none: the first one, and how many."""

    def add(self, text: bytes) -> None:
        flaw = TOO_SHORT if text.startswith(b"{") else _NO_OBJECT
        first, count = self.get(flaw, (text, 0))
        self[flaw] = first, count + 1

    def fragments(self) -> Iterator[Fragment]:
        for flaw, (first, count) in self.items():
            yield Fragment(first, flaw, count)
