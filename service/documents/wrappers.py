"""Takes a record out of what something else has wrapped it in: a search engine, or what carries a hub's messages on."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from service.documents.places import Trouble, Unreadable

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Wrapping(NamedTuple):
    """What the record should be called, and the way to it: the first of these paths that is there."""

    wanted: str
    paths: tuple[tuple[str, ...], ...]


ELASTIC: Final = Wrapping(
    "event.original",
    (
        ("_source", "event", "original"),
        ("_source", "event.original"),
        ("event", "original"),
        ("event.original",),
        ("_source", "message"),
        ("fields", "event.original"),
        ("message",),
    ),
)
SPLUNK: Final = Wrapping("_raw", (("result", "_raw"), ("_raw",), ("result",)))
CARRIED: Final = Wrapping(
    "a message's body", (("body",), ("Body",), ("payload",), ("ContentData",), ("attributes",), ("message",))
)
"""One of a hub, as others write it: Spark, Logic Apps, Vector, Logstash, kcat, Splunk's add-on, Datadog's archives."""

_CARRIED: Final = (
    ("body", {"x-opt-sequence-number", "sequenceNumber", "enqueuedTime", "systemProperties", "SystemProperties"}),
    ("Body", {"SequenceNumber", "EnqueuedTimeUtc", "SystemProperties"}),
    ("payload", {"topic", "schema"}),
    ("ContentData", {"SystemProperties", "Properties"}),
    ("attributes", {"_id", "date"}),
    ("message", {"source_type", "@version"}),
)
"""What holds the body, and what beside it says that it does: one of these."""


def wrapping(keys: Mapping[str, object]) -> Wrapping | None:
    """Return what a document with such keys is wrapped in, or None for a plain record."""
    if "_raw" in keys or ("result" in keys and ("preview" in keys or "lastrow" in keys)):
        return SPLUNK
    if keys.keys() & {"_source", "event.original"} or {"@timestamp", "event"} <= keys.keys():
        return ELASTIC
    if any(body in keys and keys.keys() & beside for body, beside in _CARRIED):
        return CARRIED
    return None


def unwrap(text: bytes, wrapped: Wrapping) -> bytes | None:
    """Return the record that `text` holds as it was written; None for a line that only tells of the search itself.

    Raises
    ------
    Unreadable
        NO_ORIGINAL, if the document does not hold it.
    """
    try:
        document = _decode(text)
    except (ValueError, RecursionError):
        return text  # the parser says what is wrong with it
    if not isinstance(document, dict):
        return text
    for path in wrapped.paths:
        text_found = _text(_at(document, path))
        if text_found:
            return unwrap(text_found, CARRIED) if wrapped is SPLUNK else text_found
    if wrapped is CARRIED:
        return text  # a record of its own, or what the parser refuses
    if wrapped is SPLUNK and "preview" in document and "result" not in document:
        return None
    raise Unreadable(Trouble.NO_ORIGINAL, f"holds no {wrapped.wanted} with the record as Azure wrote it", text[:400])


def _text(found: object) -> bytes | None:
    """Return JSON that was found as text, as base64 of it, or as a value."""
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if isinstance(found, str):
        return found.encode("utf-8", "replace") if found.lstrip()[:1] in {"{", "["} else _from_base64(found)
    return _encode(found) if isinstance(found, dict) and found else None


def _from_base64(text: str) -> bytes | None:
    """Return the JSON, packed or not, of which a text is base64, as Spark and Logic Apps write bytes."""
    try:
        data = b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return data if data.lstrip()[:1] in {b"{", b"["} or data.startswith(b"\x1f\x8b") else None


def _at(value: object, path: tuple[str, ...]) -> object:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
