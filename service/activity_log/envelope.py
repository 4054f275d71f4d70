"""Where a record begins and ends: splits a message's bytes into records, whatever became of the envelope.

Knows JSON and its accidents, and nothing of what a record means. Well-formed messages are split by the decoder;
broken ones are salvaged by a scan for braces that knows strings, in time linear in the message.
"""

import json
import re
from typing import Any, NamedTuple

import msgspec

from service.activity_log.rejects import Refusal, RejectReason

LARGEST_MESSAGE = 32 * 1024 * 1024
"""Event Hubs carries up to 1 MiB, on dedicated clusters 20 MiB; beyond this nobody is an honest sender."""

_DEEPEST_ENVELOPE = 3
_SCAN_ALLOWANCE = 4  # whole-message scans that resynchronising may cost before it stays within one candidate

Json = Any  # what a JSON decoder returns; mypy has no better word for it

_ENVELOPE = re.compile(rb"""\{\s*+["'](?i:records|value)["']\s*+:\s*+\[""")
_STRINGS = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?' + rb"|'[^'\\]*+(?:\\.[^'\\]*+)*+'?"
_BRACES = re.compile(_STRINGS + rb"|[{}]", re.DOTALL)
_LATE_ENVELOPE = re.compile(rb"""["'](?i:records|value)["']\s*+:\s*+\[""")
_FIRST_KEY = re.compile(rb"""\{\s*+(["'][^"'\\\s]{1,64}+["'])\s*+:""")
_NOISE = re.compile(rb"[^\s,\[\]}]")
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")

_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_raw_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_anything = msgspec.json.Decoder()


class Fragment(NamedTuple):
    """Bytes of one record, or of what should have been one and why it is not."""

    text: bytes
    flaw: Refusal | None = None


def split(body: bytes) -> list[Fragment]:
    """Split a message into its records; never raises.

    Accepts ``{"records": […]}`` in any casing, ``{"value": […]}`` (REST), an array, a bare record, several documents
    one after another (with or without new lines), a byte-order mark, UTF-16, and JSON inside a JSON string.
    """
    if len(body) > LARGEST_MESSAGE:
        return [Fragment(body[:8192], Refusal(RejectReason.OVERSIZED, f"{len(body)} bytes"))]
    return _split(_without_mark(body).strip(b" \t\r\n\0"), 0)


def _without_mark(body: bytes) -> bytes:
    if body.startswith(_MARKS[0]):
        return body[3:]
    if body.startswith(_MARKS[1:]):
        return body.decode("utf-16", "replace").encode("utf-8", "replace")
    return body


def _split(text: bytes, depth: int) -> list[Fragment]:
    if not text:
        return [Fragment(b"", Refusal(RejectReason.NOT_JSON, "empty message"))] if depth == 0 else []
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
    return _split_lines(text, depth) or _salvage(text, depth)


def _split_object(text: bytes, depth: int) -> list[Fragment]:
    members = _raw_object.decode(text)
    for key, raw in members.items():
        if key.lower() in {"records", "value"}:
            inner = bytes(raw).lstrip()
            if inner.startswith(b"["):
                return _split_elements(_raw_list.decode(inner), depth)
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
        if depth < _DEEPEST_ENVELOPE and (_ENVELOPE.match(text) or text.startswith((b"[", b'"{', b'"[', b'" '))):
            fragments += _split(text, depth + 1)
        elif text.startswith(b"{"):
            fragments.append(Fragment(text))
        else:
            fragments.append(Fragment(text, Refusal(RejectReason.NOT_A_RECORD, "neither object nor array")))
    return fragments


def loads(text: bytes) -> Json:
    """Decode one JSON value, forgiving what senders have been seen to do.

    Raw control characters, lone surrogates and bytes that are not UTF-8 in strings, trailing commas, single quotes,
    Python's literals. Integers come as written (text) from the forgiving decoder: a status code is a word here, and a
    number of a million digits must not cost us its conversion.

    Raises
    ------
    ValueError, RecursionError
        If it cannot be made sense of.
    """
    try:
        return _anything.decode(text)
    except (ValueError, RecursionError):
        pass  # the decoders below forgive more
    lenient = text.decode("utf-8", "replace")
    try:
        return json.loads(lenient, strict=False, parse_int=str)
    except ValueError:
        return json.loads(_repair(lenient), strict=False, parse_int=str)


_FAULTS = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?' + r"|'[^'\\]*+(?:\\.[^'\\]*+)*+'?" + r"|,(?=\s*+(?:[}\],]|\Z))"
    r"|\b(?:True|False|None|undefined)\b",
    re.DOTALL,
)
_LITERALS = {"True": "true", "False": "false", "None": "null", "undefined": "null", ",": ""}
_BAD_ESCAPE = re.compile(r"\\(?!u[0-9a-fA-F]{4})([^\"\\/bfnrt])", re.DOTALL)
_ESCAPES = re.compile(r"\\\\|" + _BAD_ESCAPE.pattern, re.DOTALL)


def _repair(text: str) -> str:
    return _FAULTS.sub(_mend, text)


def _mend(match: re.Match[str]) -> str:
    token = match[0]
    if token[0] == '"':
        return _ESCAPES.sub(_mend_escape, token)
    if token[0] == "'":
        inner = token[1:-1] if len(token) > 1 and token[-1] == "'" else token[1:]
        inner = _ESCAPES.sub(_mend_escape, inner)
        return '"' + inner.replace('\\"', '"').replace('"', '\\"') + '"'
    return _LITERALS[token]


def _mend_escape(match: re.Match[str]) -> str:
    return match[1] if match[1] is not None else match[0]


def _salvage(text: bytes, depth: int) -> list[Fragment]:
    """Find records in a broken message: brace by brace, and after a broken one from the next that begins alike."""
    fragments: list[Fragment] = []
    allowance = _SCAN_ALLOWANCE * len(text) + 65536
    start_of_record: re.Pattern[bytes] | None = None
    position = 0
    while (brace := text.find(b"{", position)) >= 0:
        _note_noise(text, position, brace, fragments)
        if header := _ENVELOPE.match(text, brace):
            position = header.end()
            continue
        if start_of_record is None:
            key = _FIRST_KEY.match(text, brace)
            again = rb"\{\s*+" + re.escape(key[1]) + rb"\s*+:|" if key else b""
            start_of_record = re.compile(again + rb"(?<=\n)\{")
        following = None
        if allowance <= 0:  # somebody makes us pay: no look beyond the next beginning any more
            following = _begin(start_of_record, text, brace + 1)
        end = _end_of_object(text, brace, len(text) if following is None else following)
        allowance -= (end if end > 0 else len(text)) - brace
        found = _judge(text[brace:end], depth) if end > 0 else None
        if found is None and (header := _LATE_ENVELOPE.search(text, brace, brace + 1024)) and not fragments:
            position = header.end()  # an envelope that has other members before its records
        elif found is None:
            stop = _begin(start_of_record, text, brace + 1) if following is None else following
            fragments.append(_broken(text[brace:stop], complete=end > 0 or stop < len(text)))
            position = stop
        else:
            fragments += found
            position = end
    _note_noise(text, position, len(text), fragments)
    if not any(fragment.flaw is None for fragment in fragments) and b"{" not in text:
        return [Fragment(text, Refusal(RejectReason.NOT_JSON, "no JSON object in the message"))]
    return fragments


def _begin(pattern: re.Pattern[bytes], text: bytes, position: int) -> int:
    match = pattern.search(text, position)
    return match.start() if match else len(text)


def _end_of_object(text: bytes, start: int, limit: int) -> int:
    depth = 0
    for token in _BRACES.finditer(text, start, limit):
        first = text[token.start()]
        if first == 0x7B:
            depth += 1
        elif first == 0x7D:
            depth -= 1
            if depth == 0:
                return token.end()
    return -1


def _judge(text: bytes, depth: int) -> list[Fragment] | None:
    """Return the records in one balanced object, or None if it is no JSON even after repair."""
    try:
        value = loads(text)
    except RecursionError:
        return [Fragment(text, Refusal(RejectReason.TOO_DEEP, "nested too deeply"))]
    except ValueError:
        return None
    if depth < _DEEPEST_ENVELOPE and isinstance(value, dict) and _is_envelope(value):
        return _split(text, depth + 1)
    return [Fragment(text)]


def _is_envelope(members: dict[str, Json]) -> bool:
    return any(key.lower() in {"records", "value"} and isinstance(value, list) for key, value in members.items())


def _broken(text: bytes, *, complete: bool) -> Fragment:
    if complete:
        return Fragment(text, Refusal(RejectReason.MALFORMED, "not JSON, even after repair"))
    return Fragment(text, Refusal(RejectReason.TRUNCATED, "the message ends inside the record"))


def _note_noise(text: bytes, start: int, stop: int, fragments: list[Fragment]) -> None:
    if noise := _NOISE.search(text, start, stop):
        piece = text[noise.start() : stop]
        fragments.append(Fragment(piece, Refusal(RejectReason.MALFORMED, "text between records")))
