"""What the worst messages cost to read: seconds a MiB over shapes that somebody could send to hold the stream.

Whoever may send to the hub may send any bytes. Prints the shapes by what they cost, the worst first, and how long the
event loop was held at most; never judges. A message smaller than a MiB (a packed one) counts as one of a MiB.
"""

import gzip
import json
import sys
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import NamedTuple

from service.core.parsing import ActivityLogParser

MIB = 1024 * 1024
ROUNDS = 3

Shape = Callable[[int], bytes]

TIME = b'"time":"2024-05-01T08:00:00Z","operationName":"a/b","category":"Write"'
BAD = json.dumps({"time": "never", "category": "Administrative", "operationName": "A/B/C", "caller": "x"}).encode()
SHORT = b'{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa":1}'  # just long enough to be looked at


def _fill(piece: bytes, *, before: bytes = b"", after: bytes = b"", end: bytes = b"") -> Shape:
    """Return a shape of `piece` over and over, whole pieces only, then `end` once."""

    def make(size: int) -> bytes:
        room = max(0, size - len(before) - len(after) - len(end))
        return before + piece * (room // len(piece)) + end + after

    return make


def _listed(element: bytes, *, before: bytes = b'{"records":[', after: bytes = b"]}") -> Shape:
    return _fill(element + b",", before=before, after=after, end=element)


def _numbered(before: bytes, after: bytes) -> Shape:
    def make(size: int) -> bytes:
        pieces, length = [], 0
        for number in count():
            pieces.append(b'"k%d":1' % number)
            length += len(pieces[-1]) + 1
            if length >= size:
                return before + b",".join(pieces) + after
        raise AssertionError

    return make


def _nested(opening: bytes, closing: bytes, *, before: bytes = b"", after: bytes = b"") -> Shape:
    def make(size: int) -> bytes:
        depth = size // (len(opening) + len(closing))
        return before + opening * depth + b"1" + closing * depth + after

    return make


def _packed(inner: Shape, times: int) -> Shape:
    return lambda size: gzip.compress(inner(size * times), 6, mtime=0)


def _as_text(inner: Shape, levels: int) -> Shape:
    def make(size: int) -> bytes:
        text = inner(size // (1 << levels)).decode()
        for _ in range(levels):
            text = json.dumps(text)
        return text.encode()

    return make


def _in_record(field: bytes, piece: bytes, *, quoted: bool = True) -> Shape:
    quote = b'"' if quoted else b""
    return _fill(piece, before=b'{"records":[{' + TIME + b"," + field + b":" + quote, after=quote + b"}]}")


def _claims(element: bytes) -> Shape:
    return _listed(element, before=b'{"records":[{' + TIME + b',"claims":[', after=b"]}]}")


SHAPES: Mapping[str, Shape] = {
    # nothing but small things
    "empty objects": _fill(b"{}"),
    "empty objects, blanks between": _fill(b"{} "),
    "empty objects, a line each": _fill(b"{}\n"),
    "empty objects, letters between": _fill(b"x{}"),
    "array of empty objects": _listed(b"{}", before=b"[", after=b"]"),
    "envelope of empty objects": _listed(b"{}"),
    "array of numbers": _listed(b"1", before=b"[", after=b"]"),
    "array of turns": _listed(b'{},1,"",[]', before=b"[", after=b"]"),
    "array of texts": _listed(b'"{}"', before=b"[", after=b"]"),
    "array of arrays": _listed(b"[{}]", before=b"[", after=b"]"),
    "empty arrays, a line each": _fill(b"[]\n"),
    "arrays of an empty object, a line each": _fill(b"[{}]\n"),
    "words": _fill(b"true "),
    "short records": _listed(SHORT),
    "short records, one after another": _fill(SHORT),
    "short records, a line each": _fill(SHORT + b"\n"),
    "wrapped events": _listed(b'{"specversion":"1","type":"x","data":[{},{},{},{},{}]}', before=b"[", after=b"]"),
    # records that cannot be read
    "records without a time": _listed(BAD),
    "records without a time, one after another": _fill(BAD),
    "records without a time, a line each": _fill(BAD + b"\n"),
    "records with control characters": _listed(BAD.replace(b"never", b"ne\tver")),
    "records without an end": _listed(BAD[:-1]),
    "records that lack a quote": _listed(BAD.replace(b'never"', b"never")),
    "records that begin with a long word": _listed(b'{"time":' + b"a" * 4080 + b'"b"'),
    # braces, quotes, backslashes
    "opening braces": _fill(b"{"),
    "closing braces": _fill(b"}"),
    "opening brackets": _fill(b"["),
    "brackets and braces": _fill(b"[{"),
    "braces, a line each": _fill(b"{\n"),
    "braces after new lines": _fill(b"\n{"),
    "quotes": _fill(b'"'),
    "single quotes": _fill(b"'"),
    "braces and quotes": _fill(b'{"'),
    "braces and single quotes": _fill(b"{'"),
    "backslashes": _fill(b"\\", before=b'{"'),
    "backslashes and quotes": _fill(b'\\"', before=b'{"'),
    "escaped keys": _fill(b'\\"key\\":\\"', before=b'{"a":"', after=b'"}'),
    "bad escapes": _fill(b"\\q", before=b'{"a":"', after=b'"}'),
    "lone surrogates": _fill(b"\\ud800", before=b'{"a":"', after=b'"}'),
    "single-quoted escapes": _fill(b"\\'", before=b"{'a':'", after=b"'}"),
    "commas": _fill(b",", before=b'{"a":1', after=b"}"),
    "literals of Python": _listed(b"True", before=b'{"a":[', after=b"]}"),
    "colons": _fill(b'":"'),
    # nesting
    "nested objects": _nested(b'{"a":', b"}"),
    "nested arrays": _nested(b"[", b"]"),
    "nested objects in a record": _nested(b'{"a":', b"}", before=b'{"records":[{"time":', after=b"}]}"),
    "nested arrays in a record": _nested(b"[", b"]", before=b'{"records":[{"time":', after=b"}]}"),
    "objects without an end": _fill(b'{"a":'),
    "texts without an end": _fill(b'{"a":"'),
    # envelopes
    "envelopes": _fill(b'{"records":[]}'),
    "envelopes without an end": _fill(b'{"records":['),
    "envelopes in records": _fill(b'{"records":[{'),
    "envelopes in records, with another member": _fill(b'{"a":1,"records":[{'),
    "nested envelopes around a long text": _nested(
        b'{"x":1,"records":[', b"]}", before=b'{"a":"' + b"b" * 200_000 + b'"}', after=b"x"
    ),
    "data in data": _fill(b'{"specversion":1,"data":{"records":['),
    "the same key": _fill(b'"records":1,', before=b"{", after=b'"a":1}'),
    "usual first keys": _fill(b',{"time":', before=b'{"time":'),
    "first keys and quotes": _fill(b',{"time":"', before=b'{"q":1'),
    "lines that may begin a record": _fill(b'\n{"', before=b'{"a":'),
    "records before a long rest": _fill(b"{" + b"a" * 30_000 + b'{"zz":', before=b'{"zz":'),
    # long things
    "many keys": _numbered(b"{", b"}"),
    "many keys in a record": _numbered(b'{"records":[{', b"}]}"),
    "a long text": _fill(b"a", before=b'{"records":[{"time":"', after=b'"}]}'),
    "a text without an end": _fill(b"a", before=b'{"records":[{"time":"'),
    "letters": _fill(b"a"),
    "blanks": _fill(b" ", before=b"{"),
    "zero bytes": _fill(b"\0", before=b"{"),
    "bytes that are no text": _fill(b"\xff\xfe", before=b'{"records":[{"time":"', after=b'"}]}'),
    "no text at all": _fill(b"\xfe"),
    "a number of digits": _fill(b"1"),
    "a time of digits": _fill(b"1", before=b'{"records":[{"operationName":"a/b","time":"', after=b'"}]}'),
    "a time that is a number": _fill(b"1", before=b'{"records":[{"time":', after=b"}]}"),
    "a result of digits": _in_record(b'"resultType"', b"1", quoted=False),
    "a fraction of digits": _in_record(b'"resultType":0.', b"1", quoted=False),
    "an exponent of digits": _fill(b"9", before=b'{"records":[{"time":1e', after=b"}]}"),
    "addresses of mail": _fill(b"a.b@", before=b"{"),
    "what begins a token": _fill(b"eyJ", before=b"{"),
    "what begins a signature": _fill(b"sig=", before=b"{"),
    "what might be a key": _fill(b"secre", before=b"{"),
    # what single fields are made of
    "addresses": _in_record(b'"callerIpAddress"', b"1.1.1.1:"),
    "error codes": _in_record(b'"resultType":"Failure","properties":{"statusMessage":""},"x"', b'\\"code\\":'),
    "resources": _in_record(b'"resourceId"', b"/subscriptions/"),
    "operations": _in_record(b'"identity":{"authorization":{"action":""}},"x"', b"/a/b"),
    "claims as pairs": _claims(b'{"key":"a","value":"b"}'),
    "claims as pairs in texts": _claims(json.dumps('{"key":"a","value":"b"}').encode()),
    "claims as broken texts": _claims(b'"{"'),
    "claims in a text": _as_text(_listed(b'{"key":"a"}', before=b'{"time":"x","claims":[', after=b"]}"), 1),
    "a message in a text": _as_text(_listed(b"{}"), 1),
    "a message in a text in a text": _as_text(_listed(b"{}"), 2),
    "lines in a text": _as_text(_fill(b"{}\n"), 1),
    # another encoding
    "UTF-16": lambda size: b"\xff\xfe" + b"{\0}\0" * (size // 4),
    "UTF-16 that is none": _fill(b"\x00\xd8", before=b"\xff\xfe"),
    # packed
    "packed: empty objects": _packed(_fill(b"{}"), 31),
    "packed: envelope of empty objects": _packed(_listed(b"{}"), 31),
    "packed: empty objects, a line each": _packed(_fill(b"{}\n"), 31),
    "packed: lines in a text": _packed(_as_text(_fill(b"{}\n"), 1), 31),
    "packed: short records": _packed(_listed(SHORT), 31),
    "packed: records without a time": _packed(_listed(BAD), 31),
    "packed: sparse records without a time": _packed(_listed(BAD[:-1] + b',"x":"' + b"a" * 200 + b'"}'), 31),
    "packed: braces": _packed(_fill(b"{"), 31),
    "packed: braces after new lines": _packed(_fill(b"\n{" + b"a" * 60), 31),
    "packed: bad escapes": _packed(_fill(b"\\q", before=b'{"a":"', after=b'"}'), 31),
    "packed: objects without an end": _packed(_fill(b'{"a":'), 31),
    "packed: records before a long rest": _packed(_fill(b'{"zz":' + b"{" * 30_000), 31),
    "packed: envelopes in records": _packed(_fill(b'{"records":[{'), 31),
    "packed: zero bytes": _packed(_fill(b"\0"), 200),
    "packed: many members": _fill(gzip.compress(b"{}", mtime=0)),
}


class Cost(NamedTuple):
    """What a message took: processor time in all, the longest time without a pause, and what became of it."""

    seconds: float
    held: float
    records: int
    rejects: int


def cost(body: bytes) -> Cost:
    """Read a message, and measure that."""
    steps = ActivityLogParser().parse_steps(body)
    began = paused = time.process_time()
    held = 0.0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            now = time.process_time()
            return Cost(now - began, max(held, now - paused), end.value.records, len(end.value.rejects))
        now = time.process_time()
        held, paused = max(held, now - paused), now


def main() -> None:
    """Print the table."""
    rows: list[tuple[float, Cost, int, str]] = []
    for name, shape in SHAPES.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        body = shape(MIB)
        best = min(cost(body) for _ in range(ROUNDS))
        rows.append((best.seconds / max(1.0, len(body) / MIB), best, len(body), name))
    print(f"{'':50}{'s a MiB':>9}{'held, s':>9}{'KiB':>7}{'records':>10}{'rejects':>9}")
    for worst, one, size, name in sorted(rows, reverse=True):
        print(f"{name:50}{worst:9.3f}{one.held:9.3f}{size // 1024:7,}{one.records:10,}{one.rejects:9,}")
    print(f"\nworst: {max(rows)[0]:.2f} s a MiB, held {max(row[1].held for row in rows):.2f} s")


if __name__ == "__main__":
    main()
