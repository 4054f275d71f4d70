"""What a reader finds in files, with a few records to put there."""

import io

from service.documents.places import Problem, Trouble
from service.documents.reading import Reader
from service.documents.sources import find
from tests.service.core.parsing.samples import record

__all__ = ["RECORDS", "Looked"]

RECORDS = [record(correlationId=f"{number:036}") for number in range(50)]


class Looked:
    """What a reader found."""

    def __init__(self, *names: object, given: bytes | None = None) -> None:
        self.problems: list[Problem] = []
        self.texts: list[bytes] = []
        self.places: list[str] = []
        self.kinds: list[str] = []
        found = find(list(map(str, names)))
        self.empty = found.empty
        reader = Reader(found.sources, self.problems.append, io.BytesIO(given) if given is not None else None)
        for batch in reader:
            self.kinds.append(batch.document.kind)
            for at, text in enumerate(batch.texts, batch.first):
                if text.strip():
                    self.texts.append(text)
                    self.places.append(str(batch.document.place(at)))
        self.looked_at = reader.looked_at
        assert reader.position == reader.size

    @property
    def troubles(self) -> list[Trouble]:
        return [problem.trouble for problem in self.problems]
