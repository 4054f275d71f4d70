"""Finds the records in a message that is not JSON: brace by brace, and past a broken one to the next that begins alike.

The cost is linear in the message, whatever the message: somebody may be trying to make us pay.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from service.core.parsing.lenient import Decoded, loads
from service.core.parsing.rejects import Refusal, RejectReason

BROKEN_RECORDS = 1000
"""After so many broken records a message is given up: each costs about as much as reading a whole one."""

LARGEST_RECORD = 1024 * 1024
"""No record is longer, nor is one looked for beyond; Azure Monitor writes messages that are no longer."""

SHORTEST_RECORD = 40
"""No record that says when and what is shorter; so a megabyte of empty objects costs little."""

_ALLOWANCE = 2  # messages' lengths that looking for ends may cost; after that no look passes the next beginning
_VAIN = 2 * LARGEST_RECORD  # bytes that may be looked at without finding a record

_ENVELOPE = re.compile(rb"""["'](?i:records|value)["']\s*+:\s*+\[""")
_OPENING = re.compile(rb"\{\s*+" + _ENVELOPE.pattern)
_FIRST_KEY = re.compile(rb"""\{\s*+(["'][^"'\\\s]{1,64}+["'])\s*+:""")
_USUAL_FIRST_KEYS = (
    rb"""["'](?i:time|timeGenerated|eventTimestamp|callerIpAddress|category|resourceId|correlationId|authorization"""
    rb"""|caller|channels|location|tenantId|subject|specversion)["']"""
)
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?' + rb"|'[^'\\]*+(?:\\.[^'\\]*+)*+'?"
_TO_BRACE = re.compile(rb"(?:[^\"'{}]++|" + _STRING + rb")*+[{}]", re.DOTALL)
_NOISE = re.compile(rb"[^\s,\[\]}]")
_OPEN = ord("{")


class Fragment(NamedTuple):
    """Bytes of one record, or of what should have been one (or several in a row) and why it is not."""

    text: bytes
    flaw: Refusal | None = None
    records: int = 1


TOO_SHORT = Refusal(RejectReason.NOT_A_RECORD, "too short to say when and what")
_TOO_DEEP = Refusal(RejectReason.TOO_DEEP, "nested too deeply")
_UNREADABLE = Refusal(RejectReason.MALFORMED, "not JSON, even after repair")
_CUT_OFF = Refusal(RejectReason.TRUNCATED, "the message ends inside the record")
_BETWEEN = Refusal(RejectReason.MALFORMED, "text between records")
_GIVEN_UP = Refusal(RejectReason.GIVEN_UP, "the rest of a message of which too much is broken")
_NO_RECORD = Refusal(RejectReason.NOT_JSON, "no record to be made out")


def salvage(text: bytes) -> Iterator[Fragment]:
    """Yield what can be saved of a broken message, and what cannot, in the order in which it stands.

    Accepts several documents one after another, envelopes among them. A record is believed when its braces match
    (those outside strings) and it can be read, if need be after repair. Otherwise the search goes on at the next place
    that begins as the message's first record does, or at a brace that opens a line.
    """
    far = min(_ALLOWANCE * len(text) + 65536, _VAIN)
    vain = _VAIN
    beginnings: _Beginnings | None = None
    found = broken = position = 0
    while broken < BROKEN_RECORDS and vain > 0 and (brace := text.find(b"{", position)) >= 0:
        if noise := _noise(text, position, brace):
            found += 1
            yield noise
        if header := _OPENING.match(text, brace):
            position = header.end()
            continue
        beginnings = beginnings or _Beginnings(text, brace)
        stop = min(len(text), brace + LARGEST_RECORD) if far > 0 else beginnings.after(brace)
        end = _end_of_object(text, brace, stop)
        flaw, is_envelope = _judge(text[brace:end]) if end > 0 else (_UNREADABLE, not found)
        if flaw is not None or is_envelope:
            cost = (stop if end < 0 else end) - brace
            far, vain = far - cost, vain - (0 if far > 0 else cost)
        if is_envelope and (header := _ENVELOPE.search(text, brace, end if end > 0 else brace + 1024)):
            position = header.end()  # it has other members before its records
            broken += flaw is not None
            continue
        found += 1
        broken += flaw is not None
        if flaw is _UNREADABLE:
            position = beginnings.after(brace)
            yield Fragment(text[brace:position], _CUT_OFF if end < 0 and position == len(text) else flaw)
        else:
            position = end
            yield Fragment(text[brace:end], flaw)
    if brace >= 0 and position < len(text):
        yield Fragment(text[position:], _GIVEN_UP)
    elif not found:
        yield Fragment(text, _NO_RECORD)
    elif noise := _noise(text, position, len(text)):
        yield noise


class _Beginnings:
    """Where another record may begin, for places asked about in rising order; no stretch is searched twice.

    That is before an object that opens with the first key of the message's first record, before an element of an
    array (or a document) that opens with a usual one, and before a brace that opens a line.
    """

    def __init__(self, text: bytes, first_brace: int) -> None:
        key = _FIRST_KEY.match(text, first_brace)
        alike = rb"(?=\{\s*+" + re.escape(key[1]) + rb"\s*+:)|" if key else b""
        self._pattern = re.compile(alike + rb"[,}]\s*+(?=\{\s*+" + _USUAL_FIRST_KEYS + rb"\s*+:)|(?<=\n)(?=\{)")
        self._text = text
        self._start = self._end = 0

    def after(self, brace: int) -> int:
        """Return the first beginning behind a brace; the end of the text if there is none."""
        if self._start <= brace:
            match = self._pattern.search(self._text, brace + 1)
            self._start, self._end = match.span() if match else (len(self._text), len(self._text))
        return self._end


def _end_of_object(text: bytes, start: int, stop: int) -> int:
    depth = 0
    brace = _TO_BRACE.match(text, start, stop)  # match and not search: what fails once must not be tried again
    while brace:
        end = brace.end()
        depth += 1 if text[end - 1] == _OPEN else -1
        if depth == 0:
            return end
        brace = _TO_BRACE.match(text, end, stop)
    return -1


def _judge(text: bytes) -> tuple[Refusal | None, bool]:
    """Return what is wrong with one balanced object, and whether it is an envelope."""
    try:
        value: Decoded = loads(text)
    except RecursionError:
        return _TOO_DEEP, False
    except ValueError:
        return _UNREADABLE, False
    records = isinstance(value, dict) and (value.get("records") or value.get("Records"))
    if isinstance(records, list):
        return None, True
    return (TOO_SHORT if len(text) < SHORTEST_RECORD else None), False


def _noise(text: bytes, start: int, stop: int) -> Fragment | None:
    noise = _NOISE.search(text, start, stop)
    return Fragment(text[noise.start() : stop].rstrip(b" \t\r\n,[]}"), _BETWEEN) if noise else None
