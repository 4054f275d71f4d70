"""Reads owners and tags of identities out of CSV; a row that makes no sense costs only itself, and is named by line.

No reason holds what stands in the row: it goes into logs.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from service.core.owners import Owners, Ownership

MOST_FILE_BYTES: Final = 20_000_000
MOST_OWNERS: Final = 200_000
MOST_REASONS: Final = 20
"""Rows that are named one by one; of all others there is the number."""
_COLUMNS: Final = ("identity", "owner", "tags")
_LONGEST: Final = 100
_MOST_TAGS: Final = 10
_LONGEST_KEY: Final = 500


class UnusableOwners(ValueError):  # noqa: N818 - it says what the matter is
    """Nothing of the file can be used; the text is one line that says why."""


class OwnersFile(NamedTuple):
    """What a file says, how many of its rows were rejected, and why the first of them were."""

    owners: Owners
    rejected: int = 0
    reasons: Sequence[str] = ()


class _RejectedRow(ValueError):  # noqa: N818 - as above
    pass


def read_owners(data: bytes) -> OwnersFile:
    r"""Read the columns ``identity`` (an id, object id or name), ``owner`` and ``tags`` (separated by semicolons).

    Columns may be in any order, ``owner`` or ``tags`` may be missing, and others are passed over.

    Raises
    ------
    UnusableOwners
        It is too large, or has no row that says what its columns are.

    Examples
    --------
    >>> file = read_owners(b"identity,owner,tags\nsvc-backup,dba,prod; tier 0\n,nobody,\n")
    >>> file.owners.of("t/1", "SVC-backup"), file.reasons
    (Ownership(owner='dba', tags=('prod', 'tier 0')), ['line 3: identity is empty'])
    """
    if len(data) > MOST_FILE_BYTES:
        raise UnusableOwners(f"has more than {MOST_FILE_BYTES:,} bytes")
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig", "surrogateescape"), newline=""), skipinitialspace=True)
    places = _places(rows)
    entries: dict[str, Ownership] = {}
    reasons: list[str] = []
    rejected = 0
    for line, row in _rows(rows):
        try:
            if isinstance(row, csv.Error):
                raise _RejectedRow(f"no CSV: {row}")
            key, found = _entry([row[place] if 0 <= place < len(row) else "" for place in places])
            if len(entries) >= MOST_OWNERS:
                raise _RejectedRow(f"more than {MOST_OWNERS:,} rows")
            if entries.setdefault(key, found) != found:
                raise _RejectedRow("identity stands in an earlier line, with something else")
        except _RejectedRow as error:
            rejected += 1
            if len(reasons) < MOST_REASONS:
                reasons.append(f"line {line}: {error}")
    return OwnersFile(Owners(entries), rejected, reasons)


def _places(rows: Iterator[list[str]]) -> Sequence[int]:
    """Return where each column stands, by the first row; -1 for one that is missing."""
    try:
        header = [name.strip().casefold() for name in next(rows, [])]
    except csv.Error as error:
        raise UnusableOwners(f"its first line is no CSV: {error}") from None
    if "identity" not in header or not {"owner", "tags"} & set(header):
        raise UnusableOwners("its first line should name the columns: identity, and owner or tags or both")
    return [header.index(name) if name in header else -1 for name in _COLUMNS]


def _rows(rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Yield each row that is not empty with the line that it ends in, or what is wrong with it."""
    while True:
        try:
            row: list[str] | csv.Error = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            row = error
        if isinstance(row, csv.Error) or any(map(str.strip, row)):
            yield rows.line_num, row  # type: ignore[attr-defined]  # that of the reader, which is called an iterator


def _entry(values: Sequence[str]) -> tuple[str, Ownership]:
    identity, owner, tags = (value.strip() for value in values)
    if not identity:
        raise _RejectedRow("identity is empty")
    if len(identity) > _LONGEST_KEY:
        raise _RejectedRow(f"identity has more than {_LONGEST_KEY} characters")
    named = list(dict.fromkeys(tag.strip() for tag in tags.split(";") if tag.strip()))
    if not owner and not named:
        raise _RejectedRow("neither owner nor tags are given")
    if len(named) > _MOST_TAGS:
        raise _RejectedRow(f"more than {_MOST_TAGS} tags")
    for what, text in (("owner", owner), *(("a tag", one) for one in named)):
        if len(text) > _LONGEST:
            raise _RejectedRow(f"{what} has more than {_LONGEST} characters")
    for what, text in (("identity", identity), ("owner", owner), *(("a tag", one) for one in named)):
        if not text.isprintable():
            raise _RejectedRow(f"{what} has control characters, or is not in UTF-8")
    return identity.casefold(), Ownership(owner, tuple(named))
