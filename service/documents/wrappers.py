"""Takes a record out of what a search engine has wrapped it in: Elastic's documents, Splunk's results."""

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


def wrapping(keys: Mapping[str, object]) -> Wrapping | None:
    """Return what a document with such keys is wrapped in, or None for a plain record."""
    if "_raw" in keys or ("result" in keys and ("preview" in keys or "lastrow" in keys)):
        return SPLUNK
    if keys.keys() & {"_source", "event.original"} or {"@timestamp", "event"} <= keys.keys():
        return ELASTIC
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
        found = _at(document, path)
        if isinstance(found, list) and len(found) == 1:
            found = found[0]
        if isinstance(found, str) and found.lstrip()[:1] in {"{", "["}:
            return found.encode("utf-8", "replace")
        if isinstance(found, dict) and found:
            return _encode(found)
    if wrapped is SPLUNK and "preview" in document and "result" not in document:
        return None
    raise Unreadable(Trouble.NO_ORIGINAL, f"holds no {wrapped.wanted} with the record as Azure wrote it", text[:400])


def _at(value: object, path: tuple[str, ...]) -> object:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
