"""Finds the records in a message that is not JSON: brace by brace, and past a broken one to the next that begins alike.

The cost is linear in the message, whatever the message: somebody may be trying to make us pay.
"""

import re
from typing import NamedTuple

from service.core.parsing.lenient import Decoded, loads
from service.core.parsing.rejects import Refusal, RejectReason

BROKEN_RECORDS = 1000
"""After so many broken records a message is given up: each costs about as much as reading a whole one."""

_ALLOWANCE = 2  # messages' lengths that looking for ends may cost; after that no look passes the next beginning

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
    """Bytes of one record, or of what should have been one and why it is not."""

    text: bytes
    flaw: Refusal | None = None


_TOO_DEEP = Refusal(RejectReason.TOO_DEEP, "nested too deeply")
_UNREADABLE = Refusal(RejectReason.MALFORMED, "not JSON, even after repair")
_CUT_OFF = Refusal(RejectReason.TRUNCATED, "the message ends inside the record")
_BETWEEN = Refusal(RejectReason.MALFORMED, "text between records")
_GIVEN_UP = Refusal(RejectReason.MALFORMED, f"the rest of a message with {BROKEN_RECORDS} broken records")
_NO_RECORD = Refusal(RejectReason.NOT_JSON, "no record to be made out")


def salvage(text: bytes) -> list[Fragment]:
    """Return what can be saved of a broken message, and what cannot, in the order in which it stands.

    Accepts several documents one after another, envelopes among them. A record is believed when its braces match
    (those outside strings) and it can be read, if need be after repair. Otherwise the search goes on at the next place
    that begins as the message's first record does, or at a brace that opens a line.
    """
    fragments: list[Fragment] = []
    allowance = _ALLOWANCE * len(text) + 65536
    beginning: re.Pattern[bytes] | None = None
    broken = position = 0
    while broken < BROKEN_RECORDS and (brace := text.find(b"{", position)) >= 0:
        fragments += _noise(text, position, brace)
        if header := _OPENING.match(text, brace):
            position = header.end()
            continue
        beginning = beginning or _beginning(text, brace)
        stop = len(text) if allowance > 0 else _next(beginning, text, brace + 1)
        end = _end_of_object(text, brace, stop)
        allowance -= (stop if end < 0 else end) - brace
        flaw, is_envelope = _judge(text[brace:end]) if end > 0 else (_UNREADABLE, not fragments)
        if is_envelope and (header := _ENVELOPE.search(text, brace, end if end > 0 else brace + 1024)):
            position = header.end()  # it has other members before its records
        elif flaw is _UNREADABLE:
            position = _next(beginning, text, brace + 1)
            fragments.append(Fragment(text[brace:position], _CUT_OFF if end < 0 and position == len(text) else flaw))
            broken += 1
        else:
            fragments.append(Fragment(text[brace:end], flaw))
            broken += flaw is not None
            position = end
    if broken >= BROKEN_RECORDS and position < len(text):
        return [*fragments, Fragment(text[position:], _GIVEN_UP)]
    if not fragments:
        return [Fragment(text, _NO_RECORD)]
    return fragments + _noise(text, position, len(text))


def _beginning(text: bytes, brace: int) -> re.Pattern[bytes]:
    """Return a pattern whose matches end where another record may begin.

    That is before an object that opens with the first key of the message's first record, before an element of an
    array (or a document) that opens with a usual one, and before a brace that opens a line.
    """
    key = _FIRST_KEY.match(text, brace)
    alike = rb"(?=\{\s*+" + re.escape(key[1]) + rb"\s*+:)|" if key else b""
    return re.compile(alike + rb"[,}]\s*+(?=\{\s*+" + _USUAL_FIRST_KEYS + rb"\s*+:)|(?<=\n)(?=\{)")


def _next(beginning: re.Pattern[bytes], text: bytes, position: int) -> int:
    match = beginning.search(text, position)
    return match.end() if match else len(text)


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
    return None, isinstance(records, list)


def _noise(text: bytes, start: int, stop: int) -> list[Fragment]:
    noise = _NOISE.search(text, start, stop)
    return [Fragment(text[noise.start() : stop].rstrip(b" \t\r\n,[]}"), _BETWEEN)] if noise else []
