"""Cuts a stream of JSON into its records without reading it as a whole, and without reading what they say.

Lines are split where they end. Anything else (arrays, envelopes, documents on many lines) is followed bracket by
bracket to where records stand; between two records that were found so, a whole chunk is cut at once at the last place
that looks the same, and a decoder says whether that was right. What cannot be followed is handed on in one piece: the
parser finds the records in it.
"""

import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, NamedTuple

import msgspec

from service.documents.places import LARGEST_TEXT
from service.documents.unpacking import CHUNK, chunks

SUSPECT: Final = 2 * CHUNK
"""Bytes of one record beyond which a bracket is thought to be missing: Event Hubs carries no message as long."""

_LINES_AT_ONCE = 256
_STRUCTURE = re.compile(rb'[^"{}\[\]]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"{}\[\]]*+)*+([{}\[\]])', re.DOTALL)
_KEY = re.compile(rb'"([^"\\]{1,64}+)"\s*+:\s*\Z')
_BETWEEN = re.compile(rb"\s*+,\s*+(?=[{\[])")
_ANY_BETWEEN = re.compile(rb"\}\s*+,\s*+(?=\{)")
_CLOSES = {ord("{"): ord("}"), ord("["): ord("]")}
_OPEN_ARRAY, _OPEN_OBJECT = ord("["), ord("{")
_BLANK = b" \t\r\n,\0"
_decode_raw_list = msgspec.json.Decoder(list[msgspec.Raw]).decode

CONTAINERS: Final = {
    ("records",): "records",
    ("value",): "value",
    ("results",): "results",
    ("hits", "hits"): "hits",
    ("tables", "", "rows"): "rows",
}
"""Keys that lead to an array of records, and what they are called here; an element of an array has no key."""


class Where(NamedTuple):
    """Where in JSON the records stand.

    Attributes
    ----------
    container
        One of `CONTAINERS`; ``array`` for a bare array, ``documents`` for documents one after another.
    depth
        How many brackets are open around a record.
    """

    container: str
    depth: int


def locate(head: bytes) -> Where:
    """Return where the records stand in JSON that begins with `head`."""
    stack: list[str] = []
    position = 0
    while found := _STRUCTURE.match(head, position):
        bracket, position = head[found.end() - 1], found.end()
        if bracket in _CLOSES:
            key = _KEY.search(head, max(found.start(), position - 256), position - 1)
            stack.append(key[1].decode("utf-8", "replace").lower() if key else "")
            if bracket == _OPEN_ARRAY:
                if len(stack) == 1:
                    return Where("array", 1)
                container = CONTAINERS.get(tuple(stack[1:]))
                if container:
                    return Where(container, len(stack))
        elif stack:
            stack.pop()
            if not stack:
                break
    return Where("documents", 0)


def batched_lines(stream: BinaryIO, on_long: Callable[[int], None]) -> Iterator[tuple[int, list[bytes]]]:
    """Yield lines, and the number of the first of them, counted from 1; `on_long` is told of one too long to hold."""
    rest, number, skipping = b"", 1, False
    for chunk in chunks(stream):
        found = (rest + chunk).split(b"\n")
        rest = found.pop()
        if skipping and found:
            found[0], skipping = b"", False
        for at in range(0, len(found), _LINES_AT_ONCE):
            yield number + at, found[at : at + _LINES_AT_ONCE]
        number += len(found)
        if skipping or len(rest) > LARGEST_TEXT:
            if not skipping:
                on_long(number)
            rest, skipping = b"", True
    if rest and not skipping:
        yield number, [rest]


class Elements:
    """Iterates over the records of a JSON text, in lists of their texts.

    Parameters
    ----------
    stream
        UTF-8.
    where
        Where its records stand.
    on_long
        Told the number of a record that is too long to hold, and is passed over.
    first_array_only
        Whether what follows the first array of records is none of our business.
    """

    def __init__(
        self, stream: BinaryIO, where: Where, on_long: Callable[[int], None], *, first_array_only: bool = False
    ) -> None:
        self._chunks = chunks(stream)
        self._where = where
        self._on_long = on_long
        self._text = b""
        self._position = 0
        self._stack = bytearray()
        self._around = bytearray()  # the brackets open around a record, once one was found
        self._start = -1
        self._gap = 0 if not where.depth else -1  # where what is neither a record nor between two would begin
        self._mark = b""
        self._slow_until = 0
        self._lost = False
        self._first_array_only = first_array_only
        self._over = False
        self._found: list[bytes] = []
        self._count = 0

    def __iter__(self) -> Iterator[list[bytes]]:
        for chunk in self._chunks:
            if self._over:
                continue  # only so that all of the file is read
            self._refill(chunk)
            while found := _STRUCTURE.match(self._text, self._position):
                self._follow(found.end())
                if self._over:
                    break
            if self._start >= 0 and len(self._text) - self._start > SUSPECT:
                self._give_up_record()
            yield from self._take()
        self._end()
        yield from self._take()

    def _take(self) -> Iterator[list[bytes]]:
        if self._found:
            self._count += len(self._found)
            yield self._found
            self._found = []

    def _refill(self, chunk: bytes) -> None:
        kept = min((at for at in (self._start, self._gap) if at >= 0), default=self._position)
        if len(self._text) - kept > LARGEST_TEXT:
            self._on_long(self._count + len(self._found) + 1)
            self._stack[:] = self._around
            self._start, self._gap = -1, -1
            kept = self._position = len(self._text)
        self._text = self._text[kept:] + chunk
        self._position -= kept
        self._slow_until -= kept
        self._start -= kept if self._start >= 0 else 0
        self._gap -= kept if self._gap >= 0 else 0

    def _follow(self, end: int) -> None:
        """Take one bracket, which ends at `end`, into account."""
        bracket = self._text[end - 1]
        self._position = end
        if bracket in _CLOSES:
            if self._start < 0:
                self._flush_gap(end - 1)
                if self._begins_record(bracket):
                    self._start = end - 1
                    self._around[:] = self._stack
            self._stack.append(bracket)
            if self._start < 0:
                self._gap = end if self._holds_records() else -1
        elif not self._stack or _CLOSES[self._stack[-1]] != bracket:
            self._give_up_record()
        else:
            if self._start < 0:
                self._flush_gap(end - 1)
                self._over = self._first_array_only and self._holds_records() and bool(self._count or self._found)
            self._stack.pop()
            if self._start >= 0 and len(self._stack) == len(self._around):
                self._found.append(self._text[self._start : end])
                self._start, self._gap = -1, end
                if self._stack and end >= self._slow_until:
                    self._leap(end)
            elif self._start < 0:
                self._gap = end if not self._stack else -1

    def _begins_record(self, bracket: int) -> bool:
        depth = len(self._stack)
        if not depth and self._where.depth <= 1:
            return bracket == _OPEN_OBJECT
        return self._holds_records() and (bracket == _OPEN_ARRAY or self._where.container != "rows")

    def _holds_records(self) -> bool:
        return bool(self._stack) and len(self._stack) == self._where.depth and self._stack[-1] == _OPEN_ARRAY

    def _flush_gap(self, end: int) -> None:
        """Hand on what stands between records and is none, for the parser to say what it is."""
        if self._gap >= 0:
            text = self._text[self._gap : end].strip(_BLANK)
            if text:
                self._found.append(text)
        self._gap = -1

    def _leap(self, end: int) -> None:
        """Take all records of the chunk at once, if the next ones are separated as the last two were."""
        between = _BETWEEN.match(self._text, end)
        if between is None:
            return
        self._mark = self._text[end - 1 : between.end() + 1]
        cut = self._text.rfind(self._mark, end)
        if cut < 0:
            return
        try:
            self._found += map(bytes, _decode_raw_list(b"[%b]" % self._text[between.end() : cut + 1]))
        except (ValueError, RecursionError):
            self._slow_until = cut
            return
        self._position = self._gap = cut + 1

    def _give_up_record(self) -> None:
        """Hand on what cannot be followed, up to the last place that looks like the end of a record."""
        start = max(self._start, self._gap)
        cut = self._last_end(start) if start >= 0 else -1
        if cut > start >= 0:
            self._found.append(self._text[start:cut])
            self._start, self._gap, self._position = -1, cut, cut
            self._stack[:] = self._around
        elif self._start < 0:
            self._stack[:] = self._around
            self._lost = True
        else:
            self._position = len(self._text)  # it may end in what is not read yet

    def _last_end(self, start: int) -> int:
        if self._mark:
            return self._text.rfind(self._mark, start) + 1
        cut = -1
        for found in _ANY_BETWEEN.finditer(self._text, start):
            cut = found.start() + 1
        return cut

    @property
    def unfinished(self) -> bool:
        """Whether the text ended before its brackets were closed, or had one that closes nothing."""
        return not self._over and (bool(self._stack) or self._lost)

    def _end(self) -> None:
        """Hand on what stands behind the last bracket."""
        if self._over:
            return
        rest = self._text[max(self._start, self._gap, 0) :] if max(self._start, self._gap) >= 0 else b""
        if rest.strip(_BLANK + b"]}"):
            self._found.append(rest.strip(_BLANK))
