"""Where a record begins and ends: splits a message's bytes into records, whatever became of the envelope.

Knows the envelopes and nothing of what a record means. Well-formed messages are split by the decoder, the others are
left to `salvage`.
"""

import re
import zlib

import msgspec

from service.core.parsing.rejects import Refusal, RejectReason
from service.core.parsing.salvage import Fragment, salvage

LARGEST_MESSAGE = 32 * 1024 * 1024
"""Event Hubs carries up to 1 MiB, on dedicated clusters 20 MiB; beyond this, also unpacked, nobody is honest."""

SHORTEST_RECORD = 40
"""No record that says when and what is shorter; so a megabyte of empty objects costs little."""

_DEEPEST_ENVELOPE = 3
_MAY_HOLD_RECORDS = re.compile(  # an envelope, or what begins as an event's wrapping does; cheap for all others
    rb"""(?i)\{\s*+"(?:records"\s*+:\s*+\[|(?:specversion|id|source|type|subject|topic|data\w*|event\w+|metadata\w+)")"""
)
_MARK_8 = b"\xef\xbb\xbf"
_MARKS_16 = (b"\xff\xfe", b"\xfe\xff")
_GZIP = b"\x1f\x8b"
_PIECE = 4096
_MANY = re.compile(rb"""(?i)"?\s*+(?:\[|\{\s*+\\?"records\\?"\s*+:)""")
_WRAPPINGS = frozenset({"specversion", "eventtype"})  # of CloudEvents, of Event Grid's own schema
_EMPTY = Refusal(RejectReason.NOT_JSON, "empty message")
_NO_OBJECT = Refusal(RejectReason.NOT_A_RECORD, "no object")
_TOO_SHORT = Refusal(RejectReason.NOT_A_RECORD, "too short to say when and what")

_anything = msgspec.json.Decoder()
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_raw_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def split(body: bytes) -> list[Fragment]:
    """Split a message into its records; never raises.

    Accepts ``{"records": […]}`` in any casing, ``{"value": […]}`` (REST), an array, a bare record, several documents
    one after another (with or without new lines), CloudEvents whose data are any of these, a byte-order mark, UTF-16,
    JSON inside a JSON string, and all of it packed by gzip.
    """
    if body.startswith(_GZIP):
        try:
            body = _unpacked(body)
        except zlib.error as error:
            return [Fragment(b"", Refusal(RejectReason.NOT_JSON, f"not to be unpacked: {error}"))]
    if len(body) > LARGEST_MESSAGE:
        return [Fragment(body[:8192], Refusal(RejectReason.OVERSIZED, f"more than {LARGEST_MESSAGE} bytes"))]
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
    try:
        while body.startswith(_GZIP) and room > 0:
            member = zlib.decompressobj(wbits=31)
            for start in range(0, len(body), _PIECE):  # piece by piece, so that damage costs only what stands behind it
                parts.append(member.decompress(body[start : start + _PIECE], room))
                room -= len(parts[-1])
                if room <= 0:
                    break
            body = member.unused_data.lstrip(b"\0")
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


def _split(text: bytes, depth: int) -> list[Fragment]:
    if not text:
        return [Fragment(b"", _EMPTY)] if depth == 0 else []
    try:
        if text.startswith(b"{"):
            return _split_object(text, depth)
        if text.startswith(b"["):
            return _split_elements(_raw_list.decode(text), depth)
        if text.startswith(b'"') and depth < _DEEPEST_ENVELOPE:
            inner = _anything.decode(text)
            if isinstance(inner, str) and inner.lstrip()[:1] in {"{", "["}:
                return _split(inner.strip().encode("utf-8", "replace"), depth + 1)
    except (ValueError, RecursionError):
        pass  # not one well-formed document: several, or salvage
    lines = _split_lines(text, depth)
    return salvage(text) if lines is None else lines


def _split_object(text: bytes, depth: int) -> list[Fragment]:
    members = _raw_object.decode(text)
    keys = {key.lower() for key in members}
    wrapping = "operationname" not in keys and not keys.isdisjoint(_WRAPPINGS)
    for key, raw in members.items():
        folded = key.lower()
        if folded == "records" or (folded == "value" and "time" not in members):
            inner = bytes(raw).lstrip()
            if inner.startswith(b"["):
                return _split_elements(_raw_list.decode(inner), depth)
        if folded == "data" and depth < _DEEPEST_ENVELOPE and wrapping and _MANY.match(bytes(raw)):
            return _split(bytes(raw).strip(), depth + 1)
    return [Fragment(text)]


def _split_lines(text: bytes, depth: int) -> list[Fragment] | None:
    """Split documents that stand on a line each; None if a single line is not a document."""
    lines = [line for line in (line.strip() for line in text.split(b"\n")) if line]
    if len(lines) < 2 or not all(line.startswith((b"{", b"[")) for line in lines):
        return None
    fragments: list[Fragment] = []
    try:
        for line in lines:
            if line.startswith(b"{"):
                fragments += _split_object(line, depth)
            else:
                fragments += _split_elements(_raw_list.decode(line), depth)
    except (ValueError, RecursionError):
        return None
    return fragments


def _split_elements(elements: list[msgspec.Raw], depth: int) -> list[Fragment]:
    fragments: list[Fragment] = []
    for raw in elements:
        text = bytes(raw).strip()
        if len(text) < SHORTEST_RECORD:
            fragments.append(Fragment(text, _TOO_SHORT if text.startswith(b"{") else _NO_OBJECT))
        elif depth < _DEEPEST_ENVELOPE and (text.startswith((b"[", b'"')) or _MAY_HOLD_RECORDS.match(text)):
            fragments += _split(text, depth + 1)
        else:
            fragments.append(Fragment(text, None if text.startswith(b"{") else _NO_OBJECT))
    return fragments
