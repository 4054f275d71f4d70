"""Verdicts as lines of JSON, one a verdict, and back; a line that cannot be used is named and passed over.

The id that a line carries is that of all it says, so that a line that was damaged or edited is found out. Where the
lines are kept is left to the stores.
"""

import json
from collections.abc import Iterable
from datetime import UTC
from typing import NamedTuple

from models.stream import UnexpectedRow
from service.core.validation import understood
from service.core.verdicts.verdict import Verdict

_FORMAT = 1
MOST_VERDICTS = 20_000
_LONGEST_LINE = 1_000_000


Line = tuple[str, bytes]
"""A line with what to call its place."""


class Journal(NamedTuple):
    """What a journal holds: its verdicts, and what is wrong with each line that holds none."""

    verdicts: tuple[Verdict, ...] = ()
    problems: tuple[str, ...] = ()


def name_of(verdict: Verdict) -> str:
    """Return a name for a verdict's line where each has one: in their order, and nobody else's."""
    return f"{verdict.at.astimezone(UTC):%Y%m%dT%H%M%S%fZ}-{verdict.id}.json"


def line_of(verdict: Verdict) -> bytes:
    """Return a verdict as one line, its end included."""
    row = {"format": _FORMAT, "id": verdict.id, "verdict": verdict.model_dump(mode="json")}
    return json.dumps(row, separators=(",", ":")).encode("ascii") + b"\n"


def read_journal(lines: Iterable[Line]) -> Journal:
    """Return the verdicts of a journal, each once, and a line about each place that holds none.

    Parameters
    ----------
    lines
        Each with what to call its place; empty ones say nothing.
    """
    verdicts: dict[str, Verdict] = {}
    problems = []
    for place, line in lines:
        if not line.strip():
            continue
        if len(verdicts) >= MOST_VERDICTS:
            problems.append(f"{place}: is beyond the {MOST_VERDICTS:,} verdicts that are read")
            break
        try:
            verdict = _read(line)
        except UnexpectedRow as error:
            problems.append(f"{place}: {error}")
        else:
            verdicts[verdict.id] = verdict
    return Journal(tuple(verdicts.values()), tuple(problems))


def _read(line: bytes) -> Verdict:
    if len(line) > _LONGEST_LINE:
        raise UnexpectedRow(f"has more than {_LONGEST_LINE:,} bytes")
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise UnexpectedRow("is no JSON: damaged, or not written to its end") from None
    if not isinstance(row, dict) or row.keys() != {"format", "id", "verdict"}:
        raise UnexpectedRow("is no verdict")
    if row["format"] != _FORMAT:
        raise UnexpectedRow(f"was written by a newer version: format {str(row['format'])[:20]!r}")
    with understood("verdict"):
        verdict = Verdict.model_validate(row["verdict"])
    if verdict.id != row["id"]:
        raise UnexpectedRow("was changed after it was written: its id is that of another text")
    return verdict
