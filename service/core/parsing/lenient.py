"""JSON, forgiving what senders have been seen to do to it. One value in, one value out; knows no records."""

import json
import re
from typing import Any

import msgspec

Decoded = Any  # what a JSON decoder returns; mypy has no better word for it

_decode = msgspec.json.Decoder().decode


def loads(text: bytes) -> Decoded:
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
        return _decode(text)
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
_QUOTES = re.compile(r'\\["\\]|"|' + _BAD_ESCAPE.pattern, re.DOTALL)


def _repair(text: str) -> str:
    return _FAULTS.sub(_mend, text)


def _mend(match: re.Match[str]) -> str:
    token = match[0]
    if token[0] == '"':
        return _ESCAPES.sub(_mend_escape, token)
    if token[0] == "'":
        inner = token[1:-1] if len(token) > 1 and token[-1] == "'" else token[1:]
        return '"' + _QUOTES.sub(_mend_quote, inner) + '"'
    return _LITERALS[token]


def _mend_quote(match: re.Match[str]) -> str:
    return '\\"' if match[0] == '"' else _mend_escape(match)


def _mend_escape(match: re.Match[str]) -> str:
    return match[1] if match[1] is not None else match[0]
