"""Rows with named fields: what a snapshot holds of a thing has exactly the fields that it is read by.

What is in a field, and how one version's rows become another's, is left to others.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any, Protocol

from models.stream.json_value import Json


class UnexpectedRow(ValueError):  # noqa: N818 - it names what was found, not a fault of the caller
    """A row that is not what it should be; the text is one line that says where and what."""


def fields(what: str, row: Any, *names: str) -> tuple[Any, ...]:
    """Return the values of exactly these fields, in this order.

    Parameters
    ----------
    what
        What the row is of, for an error's text.
    row
        Plain data, as it came out of a snapshot; one that says its `names` and has its `values_in_order` is quick to
        read where these are the names that it must have.
    names
        The fields that it must have, and no others.

    Raises
    ------
    UnexpectedRow
        If the row is no object, lacks a field, or has one that nobody would read.

    Examples
    --------
    >>> fields("position", {"partition": "0", "offset": "7"}, "offset", "partition")
    ('7', '0')
    >>> fields("position", {"partition": "0", "offset": "7", "epoch": 1}, "offset", "partition")
    Traceback (most recent call last):
    ...
    models.stream.rows.UnexpectedRow: position: unknown field 'epoch'
    """
    if getattr(row, "names", None) == names:
        in_order: tuple[Any, ...] = row.values_in_order
        return in_order
    try:
        values = tuple([row[name] for name in names])
        if len(row) == len(names):
            return values
    except (KeyError, TypeError, IndexError):
        pass
    if not isinstance(row, Mapping):
        raise UnexpectedRow(f"{what}: should be an object with named fields, is {type(row).__name__}")
    unknown, missing = sorted(row.keys() - set(names)), [name for name in names if name not in row]
    problem = "unknown field" if unknown else "missing field"
    raise UnexpectedRow(f"{what}: {problem} {', '.join(map(repr, unknown or missing))}")


class Part(Protocol):
    """Whatever can be written down as rows, and read again."""

    def dump(self) -> Iterator[Json]:
        """Yield plain rows in a stable order."""
        ...

    def load(self, rows: Iterable[Any]) -> None:
        """Replace everything by what `dump` gave."""
        ...


def dump_parts(parts: Mapping[str, Part]) -> Iterator[Json]:
    """Yield the rows of each part, with its name."""
    for name, part in parts.items():
        for row in part.dump():
            yield {"part": name, "row": row}


def load_parts(parts: Mapping[str, Part], rows: Iterable[Any]) -> None:
    """Let each part read its rows, as they come; one without any is emptied.

    Raises
    ------
    UnexpectedRow
        If there are rows of another part, or a part cannot read its own.
    """
    missing = dict(parts)
    tagged = (fields("row", row, "part", "row") for row in rows)
    for name, of_part in groupby(tagged, itemgetter(0)):
        if name not in missing:
            raise UnexpectedRow(f"rows of part {name!r} twice" if name in parts else f"unknown part {name!r}")
        with reading(f"part {name}"):
            missing.pop(name).load(row for _, row in of_part)
    for part in missing.values():
        part.load(())


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Put `where` in front of what is wrong with a row that is read meanwhile.

    >>> with reading("section position"):
    ...     fields("position", {}, "partition")
    Traceback (most recent call last):
    ...
    models.stream.rows.UnexpectedRow: section position: position: missing field 'partition'
    """
    try:
        yield
    except UnexpectedRow as error:
        raise UnexpectedRow(f"{where}: {error}") from error
