"""What one bucket's identities teach the population: integer counts, and so the same in whatever parts they are added.

Collected identity by identity, here or in several processes; applied once, when all of the bucket is in. What a count
means, and what it does to weights and bounds, is left to the statistic that applies it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from operator import add, or_
from typing import Any, TypeVar

from models.stream import Json, fields

K = TypeVar("K", str, int)

ByName = defaultdict[str, defaultdict[str, int]]
"""Counts of names, in groups: adoptions of actions by kind, for example."""

ByNumber = defaultdict[str, defaultdict[int, int]]
"""Counts of small numbers, in groups: rungs by group, for example."""


def by_name() -> ByName:
    """Return an empty table of counts of names."""
    return defaultdict(_names)


def by_number() -> ByNumber:
    """Return an empty table of counts of numbers."""
    return defaultdict(_numbers)


def _names() -> defaultdict[str, int]:
    return defaultdict(int)


def _numbers() -> defaultdict[int, int]:
    return defaultdict(int)


class Lessons:
    """Integer counts of one bucket, a table for each part of a detector; they may be negative, and 0 says nothing.

    Nothing in it depends on the order in which identities were learnt, and parts of a bucket can be added up in any
    order: a count is a sum, a mark a union of bits.

    Parameters
    ----------
    hours
        Start of the bucket, in hours from the epoch.

    Attributes
    ----------
    identities
        How many more identities are known than before.
    by_name, by_number
        Counts, a part of the detector: group, then name or number.
    marks
        Sets of bits, a part of the detector: group, then name.

    Examples
    --------
    >>> some, others = Lessons(490_000.0), Lessons(490_000.0)
    >>> some.by_name["backoff"]["human"]["web/write"] += 2
    >>> others.by_name["backoff"]["human"]["web/write"] -= 1
    >>> some.merge(Lessons.load(others.dump()))
    >>> some.dump()["by_name"]
    {'backoff': {'human': {'web/write': 1}}}
    """

    __slots__ = ("by_name", "by_number", "hours", "identities", "marks")

    def __init__(self, hours: float) -> None:
        self.hours = hours
        self.identities = 0
        self.by_name: defaultdict[str, ByName] = defaultdict(by_name)
        self.by_number: defaultdict[str, ByNumber] = defaultdict(by_number)
        self.marks: defaultdict[str, ByName] = defaultdict(by_name)

    def merge(self, other: "Lessons") -> None:
        """Add what other identities of the same bucket teach.

        Raises
        ------
        ValueError
            If it is of another bucket.
        """
        if other.hours != self.hours:
            raise ValueError(f"lessons of hour {other.hours} cannot be added to those of hour {self.hours}")
        self.identities += other.identities
        _merge(self.by_name, other.by_name, add)
        _merge(self.by_number, other.by_number, add)
        _merge(self.marks, other.marks, or_)

    def dump(self) -> dict[str, Json]:
        """Return plain data, the same for equal lessons: to be handed to another process."""
        return {
            "hours": self.hours,
            "identities": self.identities,
            "by_name": _plain(self.by_name, int),
            "by_number": _plain(self.by_number, int),
            "marks": _plain(self.marks, "{:x}".format),
        }

    @classmethod
    def load(cls, data: Any) -> "Lessons":
        """Restore what `dump` gave.

        Raises
        ------
        UnexpectedRow
            If `data` has other fields.
        """
        names = ("hours", "identities", "by_name", "by_number", "marks")
        hours, identities, named, numbered, marked = fields("lessons", data, *names)
        lessons = cls(float(hours))
        lessons.identities = int(identities)
        for part, group, counts in _groups(named):
            lessons.by_name[part][group].update((name, int(count)) for name, count in counts.items())
        for part, group, counts in _groups(numbered):
            lessons.by_number[part][group].update((int(number), int(count)) for number, count in counts.items())
        for part, group, bits in _groups(marked):
            lessons.marks[part][group].update((name, int(one, 16)) for name, one in bits.items())
        return lessons


def _merge(
    mine: Mapping[str, Mapping[str, defaultdict[K, int]]],
    theirs: Mapping[str, Mapping[str, Mapping[K, int]]],
    union: Callable[[int, int], int],
) -> None:
    for part, groups in theirs.items():
        for group, counts in groups.items():
            own = mine[part][group]
            for key, count in counts.items():
                own[key] = union(own[key], count)


def _groups(table: Any) -> Iterator[tuple[str, str, Any]]:
    for part, groups in table.items():
        for group, counts in groups.items():
            yield part, group, counts


def _plain(table: Mapping[str, Mapping[str, Mapping[Any, int]]], write: Callable[[int], Json]) -> dict[str, Json]:
    """Return parts, groups and what is in them in order, without what says nothing."""
    plain: dict[str, Json] = {}
    for part in sorted(table):
        groups: dict[str, Json] = {}
        for group in sorted(table[part]):
            counts = table[part][group]
            told: dict[str, Json] = {str(key): write(counts[key]) for key in sorted(counts) if counts[key]}
            if told:
                groups[str(group)] = told
        if groups:
            plain[part] = groups
    return plain
