"""Reads sources one after another: their records in batches with their places, and what cannot be read as problems.

A document that cannot be read costs nobody else: its problem is told, and reading goes on. No more than a few megabytes
are held, whatever the size of a file. What a record means is left to the parser.
"""

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import BinaryIO, cast

from service.core.parsing import redact
from service.documents.columnar import read_avro, read_parquet
from service.documents.detection import Format, detect
from service.documents.json_text import Elements, batched_lines
from service.documents.places import Batch, Document, Problem, RecordPlace, Trouble, Unreadable
from service.documents.sources import FileSource
from service.documents.tables import columns_of, read_csv, row_to_record, tells_of_query
from service.documents.unpacking import DAMAGE, Content, damaged, seekable, unpack
from service.documents.wrappers import unwrap

_SAMPLE_LENGTH = 400


class Reader:
    """Iterates over the batches of records in sources.

    Parameters
    ----------
    sources
        What to read, in this order.
    on_problem
        Told of each thing that cannot be read, as soon as it is met.
    standard_input
        What ``-`` stands for; by default the process's own.

    Attributes
    ----------
    looked_at
        Documents, and files that are none, so far.
    position, size
        Bytes of the files read so far, packed as they are, and of all of them.
    """

    def __init__(
        self,
        sources: Sequence[FileSource],
        on_problem: Callable[[Problem], None],
        standard_input: BinaryIO | None = None,
    ) -> None:
        self.looked_at = 0
        self.size = sum(source.size for source in sources)
        self._sources = sources
        self._on_problem = on_problem
        self._standard_input = standard_input
        self._begun = 0
        self._behind = 0
        self._file: BinaryIO | None = None

    @property
    def position(self) -> int:
        """Bytes of the files read so far; standard input does not count."""
        return self._behind + (self._file.tell() if self._file else 0)

    def __iter__(self) -> Iterator[Batch]:
        for source in self._sources:
            if source.path is None:
                yield from self._source(source, self._standard_input or sys.stdin.buffer)
                continue
            try:
                file = cast("BinaryIO", io.FileIO(source.path))
            except OSError as error:
                self.looked_at += 1
                self._tell(RecordPlace(source.name), damaged(error))
                continue
            with closing(file):
                self._file = file
                yield from self._source(source, file)
                self._file = None
            self._behind += source.size

    def _source(self, source: FileSource, raw: BinaryIO) -> Iterator[Batch]:
        found = False
        try:
            for content in unpack(raw):
                found = True
                self.looked_at += 1
                yield from self._document(source.name, content)
        except DAMAGE as error:
            self._tell(RecordPlace(source.name), damaged(error))
        else:
            if not found:
                self._tell(RecordPlace(source.name), Unreadable(Trouble.NO_FILES, "an archive without a file"))
        self.looked_at += not found

    def _document(self, name: str, content: Content) -> Iterator[Batch]:
        place = RecordPlace(name, content.member)
        try:
            if content.problem:
                raise content.problem
            form = detect(content.head)
            document = Document(name, content.member, form.kind, form.unit, self._begun)
            self._begun += 1
            for first, texts in self._texts(document, form, content):
                yield Batch(document, first, texts)
        except Unreadable as error:
            self._tell(place, error)
        except DAMAGE as error:
            self._tell(place, damaged(error))

    def _texts(self, document: Document, form: Format, content: Content) -> Iterator[tuple[int, list[bytes]]]:
        stream = content.stream

        def on_long(number: int) -> None:
            self._tell(document.place(number), Unreadable(Trouble.TOO_LONG, "longer than 32 MiB: passed over"))

        if form.reading == "lines":
            found = batched_lines(stream, on_long)
        elif form.reading == "elements":
            found = self._elements(document, form, content, on_long)
        elif form.reading == "csv" and form.header:
            for missing in form.header.missing:
                self._tell(document.place(), Unreadable(Trouble.COLUMN_MISSING, f"no column {missing}"), loses=False)
            found = read_csv(stream, form.header)
        elif form.reading == "avro":
            found = _numbered(read_avro(stream))
        else:
            found = _numbered(_parquet(content))
        return self._unwrapped(document, form, found) if form.wrapping else found

    def _elements(
        self, document: Document, form: Format, content: Content, on_long: Callable[[int], None]
    ) -> Iterator[tuple[int, list[bytes]]]:
        columns = columns_of(content.head) if form.where.container == "rows" else None
        only_first = columns is not None and tells_of_query(content.head)
        elements = Elements(content.stream, form.where, on_long, first_array_only=only_first)
        any_record = False
        for first, texts in _numbered(elements):
            any_record = True
            yield first, [row_to_record(text, columns) for text in texts] if columns else texts
        if elements.unfinished:
            raise Unreadable(Trouble.DAMAGED, "its brackets do not match: it may have been cut off")
        if not any_record:
            raise Unreadable(Trouble.EMPTY, "no record in it")

    def _unwrapped(
        self, document: Document, form: Format, found: Iterator[tuple[int, list[bytes]]]
    ) -> Iterator[tuple[int, list[bytes]]]:
        for first, texts in found:
            inner: list[bytes] = []
            for at, text in enumerate(texts, first):
                try:
                    # A blank stands for what is none, so that the others keep their numbers.
                    inner.append((unwrap(text, form.wrapping) if form.wrapping and text.strip() else text) or b"")
                except Unreadable as error:
                    self._tell(document.place(at), error)
                    inner.append(b"")
            yield first, inner

    def _tell(self, place: RecordPlace, error: Unreadable, *, loses: bool = True) -> None:
        sample = redact(error.sample.decode("utf-8", "replace"))[:_SAMPLE_LENGTH]
        self._on_problem(Problem(place, error.trouble, redact(error.detail), sample, loses=loses))


def _parquet(content: Content) -> Iterator[list[bytes]]:
    with seekable(content.raw, content.stream) as file:
        yield from read_parquet(file)


def _numbered(lists: Iterator[list[bytes]] | Elements) -> Iterator[tuple[int, list[bytes]]]:
    first = 1
    for texts in lists:
        yield first, texts
        first += len(texts)
