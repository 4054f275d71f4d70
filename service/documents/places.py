"""The values that reading files hands on: texts of records, where each stood, and what could not be read.

They say nothing of what a record means; that is for `service.core.parsing`.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

LARGEST_TEXT = 32 * 1024 * 1024
"""Bytes of one record or line beyond which it is told and passed over: what the parser takes at most, too."""


class Unit(StrEnum):
    """What the records of a document are counted in."""

    LINE = "line"
    RECORD = "record"
    ROW = "row"
    MESSAGE = "message"


class RecordPlace(NamedTuple):
    """Where something stands.

    Attributes
    ----------
    source
        File, or ``standard input``.
    member
        Path inside an archive; empty if the source is none.
    unit, number
        Which line, record, row or message, counted from 1; 0 for the document as a whole.

    Examples
    --------
    >>> str(RecordPlace("logs.zip", "may/1.csv", Unit.ROW, 7)), str(RecordPlace("logs.zip"))
    ('logs.zip (may/1.csv), row 7', 'logs.zip')
    """

    source: str
    member: str = ""
    unit: Unit = Unit.RECORD
    number: int = 0

    def __str__(self) -> str:
        inside = f" ({self.member})" if self.member else ""
        return f"{self.source}{inside}" + (f", {self.unit} {self.number:,}" if self.number else "")


class Document(NamedTuple):
    """One thing that was found to hold records: a file, or a member of an archive.

    Attributes
    ----------
    source, member
        As in `RecordPlace`.
    kind
        What it was found to be, in words.
    unit
        What its records are counted in.
    before
        How many documents were begun before it.
    """

    source: str
    member: str
    kind: str
    unit: Unit
    before: int = 0

    def place(self, number: int = 0) -> RecordPlace:
        """Return where its record of that number stands, counted from 1; 0 means the document itself."""
        return RecordPlace(self.source, self.member, self.unit, number)


class Batch(NamedTuple):
    """Texts that stand one after another in a document: a record each, an envelope each, or what should be one.

    Attributes
    ----------
    document
        Where they come from.
    first
        Number of the first, counted from 1.
    texts
        JSON, as it was written where the document is JSON.
    """

    document: Document
    first: int
    texts: list[bytes]


class Trouble(StrEnum):
    """Why a document, or a part of it, could not be read."""

    EMPTY = "empty"  # nothing in it
    NO_FILES = "no_files"  # a folder or an archive without a file
    UNREADABLE = "unreadable"  # the system refuses it: permissions, a broken disk
    DAMAGED = "damaged"  # cut off or corrupt inside a compressed or binary format
    UNKNOWN_FORMAT = "unknown_format"  # neither JSON nor CSV nor anything else that is known
    COLUMN_MISSING = "column_missing"  # a table without a column that is needed or would help
    NO_ORIGINAL = "no_original"  # a search engine's document that does not hold the record as Azure wrote it
    TOO_LONG = "too_long"  # longer than any record
    TOO_DEEP = "too_deep"  # archives in archives in archives
    NOT_INSTALLED = "not_installed"  # needs a library that is an extra


HARMLESS = frozenset({Trouble.EMPTY, Trouble.NO_FILES})


class Problem(NamedTuple):
    """What could not be read, and where.

    Attributes
    ----------
    place
        The document, or the record in it.
    trouble
        One of the fixed list.
    detail
        What exactly, in words.
    sample
        Beginning of what could not be read, redacted; may be empty.
    loses
        Whether something was there that was not read.
    """

    place: RecordPlace
    trouble: Trouble
    detail: str
    sample: str = ""
    loses: bool = True


class Unreadable(Exception):  # noqa: N818 - becomes a `Problem`
    """Raised inside the package when the rest of a document cannot be read."""

    def __init__(self, trouble: Trouble, detail: str, sample: bytes = b"") -> None:
        super().__init__(detail)
        self.trouble = trouble
        self.detail = detail
        self.sample = sample


def from_lines(name: str, lines: Iterable[bytes], *, before: int = 0) -> Iterator[Batch]:
    """Yield lines that are in memory already as a document's batches.

    >>> [batch.texts for batch in from_lines("memory", [b"1", b"2"])]
    [[b'1', b'2']]
    """
    document = Document(name, "", "lines", Unit.LINE, before)
    first, texts = 1, list[bytes]()
    for at, line in enumerate(lines, 1):
        texts.append(line)
        if len(texts) == _LINES:
            yield Batch(document, first, texts)
            first, texts = at + 1, []
    if texts:
        yield Batch(document, first, texts)


_LINES = 256
