"""Names that anybody has used, bounded: those unused longest are forgotten first, and forgetting is counted.

What the names are of, and what it means that one is not among them, is the owner's business.
"""

from collections.abc import Collection, Iterable, Iterator
from sys import intern
from typing import Any

from models.stream import Json, fields


class LastUsed:
    """When each name was used last.

    When there would be more than `limit`, the eighth unused longest goes at once; ties are broken by name, so that what
    is forgotten depends on what was used, not on its order.

    Parameters
    ----------
    limit
        Largest number of names, at least 1.

    Attributes
    ----------
    evicted
        Names forgotten so far.

    Examples
    --------
    >>> known = LastUsed(2)
    >>> for hour, name in enumerate(["a", "b", "a", "c"]):
    ...     known.teach([name], float(hour))
    >>> [name in known for name in "abc"], known.evicted
    ([True, False, True], 1)
    """

    def __init__(self, limit: int) -> None:
        self.limit = max(1, limit)
        self.evicted = 0
        self._hours: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._hours)

    def __contains__(self, name: str) -> bool:
        return name in self._hours

    def teach(self, names: Collection[str], hours: float) -> None:
        """Apply that these were used at `hours`; what came late makes nothing older than it was."""
        for name in names:
            self._hours[intern(name)] = max(hours, self._hours.get(name, hours))
        if len(self._hours) <= self.limit:
            return
        unused = sorted(self._hours, key=lambda name: (self._hours[name], name))
        for name in unused[: len(unused) - self.limit + self.limit // 8]:
            del self._hours[name]
            self.evicted += 1

    def dump(self) -> Iterator[Json]:
        """Yield the count of evictions, then one row an hour, with the names used last then."""
        yield {"evicted": self.evicted}
        names_at: dict[float, list[Json]] = {}
        for name in sorted(self._hours):
            names_at.setdefault(self._hours[name], []).append(name)
        for hours in sorted(names_at):
            yield {"hours": hours, "names": names_at[hours]}

    def load(self, rows: Iterable[Any]) -> None:
        """Replace everything known by what `dump` gave."""
        self._hours, self.evicted = {}, 0
        for number, row in enumerate(rows):
            if number == 0:
                (self.evicted,) = fields("last used", row, "evicted")
                continue
            hours, names = fields("last used", row, "hours", "names")
            self._hours |= {intern(str(name)): float(hours) for name in names}
