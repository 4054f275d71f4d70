"""What of files could not be read, gathered by reason: how much, where, and one redacted sample of each."""

from service.core.parsing import Reject, RejectReason
from service.documents import HARMLESS, Problem, RecordPlace, Trouble

_SHOWN = 3
_SAMPLE = 200


class Unread:
    """Gathers what was not read, in bounded memory.

    Attributes
    ----------
    records, documents
        How many of each could not be read for another reason than what the parser says of a record.
    refused
        How many of these documents the system would not let us read.
    """

    def __init__(self) -> None:
        self.records = 0
        self.documents = 0
        self.refused = 0
        self._problems: dict[Trouble, list[str]] = {}
        self._rejects: dict[RejectReason, list[str]] = {}
        self._more: dict[Trouble | RejectReason, int] = {}

    def add_problem(self, problem: Problem) -> None:
        """Take in what a reader tells."""
        if problem.loses and problem.trouble not in HARMLESS:
            self.records += problem.place.number > 0
            self.documents += problem.place.number == 0
            self.refused += problem.place.number == 0 and problem.trouble is Trouble.UNREADABLE
        shown = self._problems.setdefault(problem.trouble, [])
        self._note(shown, problem.trouble, f"{problem.place}: {problem.detail}", problem.sample)

    def add_reject(self, reject: Reject, place: RecordPlace) -> None:
        """Take in what the parser says of a record."""
        shown = self._rejects.setdefault(reject.reason, [])
        self._note(shown, reject.reason, f"{place}: {reject.detail}", reject.sample, most=1)

    def _note(
        self, shown: list[str], reason: Trouble | RejectReason, text: str, sample: str, most: int = _SHOWN
    ) -> None:
        if len(shown) < most:
            begins = " ".join(sample.split())
            # One sample a reason: it shows what to look for.
            cut = f"{begins[:_SAMPLE]}…" if len(begins) > _SAMPLE else begins
            shown.append(text + (f": {cut}" if cut and not shown else ""))
        else:
            self._more[reason] = self._more.get(reason, 0) + 1

    def lines(self) -> list[str]:
        """Say what could not be read, a line for each place or reason."""
        lines = []
        for trouble, shown in self._problems.items():
            lines += [f"{_words(trouble)}: {text}" for text in shown]
            if more := self._more.get(trouble):
                lines.append(f"{_words(trouble)}: {more:,} more")
        for reason, shown in self._rejects.items():
            count = 1 + self._more.get(reason, 0)
            lines.append(f"rejected, {_words(reason)}: {count:,} record{'s' if count > 1 else ''}, first {shown[0]}")
        return lines


def _words(reason: str) -> str:
    return reason.replace("_", " ")
