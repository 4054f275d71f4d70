"""A weight for each of some names, in little room: what one of very many identities remembers of its actions.

A dictionary is faster by a tenth of a microsecond and takes nearly twice the room. What a weight means is the owner's
business.
"""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from sys import intern
from typing import Any, TypeVar

_K = TypeVar("_K", str, tuple[str, str])


class Weights(Mapping[str, float]):
    """A mapping of names, in their order, to numbers: the names in a tuple, the numbers bare in an array beside it.

    A name is found by bisection, in about a quarter of a microsecond. A new one makes tuple and array again, without
    room to spare: it seldom comes, and what is spared is spared for very many identities.

    Parameters
    ----------
    known
        What it holds at first.

    Examples
    --------
    >>> done = Weights({"web/write": 1.0})
    >>> done.add("web/read", 0.5)
    >>> done.add("web/write", 0.25)
    >>> list(done.items()), done.get("vault/purge", 0.0)
    ([('web/read', 0.5), ('web/write', 1.25)], 0.0)
    >>> done.lightest(1)
    ['web/read']
    """

    __slots__ = ("_names", "_values")

    def __init__(self, known: Mapping[str, float] | None = None) -> None:
        self._names = tuple(sorted(known)) if known else ()
        self._values = array("d", [known[name] for name in self._names] if known else ())

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Weights":
        """Restore what `plain` gave; names shared by many are kept once.

        >>> Weights.from_row({"web/write": 1, "web/read": 0.5}).plain()
        {'web/read': 0.5, 'web/write': 1.0}
        """
        names = tuple(map(intern, row))
        if list(names) != sorted(names):
            return cls({name: float(row[name]) for name in names})
        weights = cls()
        weights._names, weights._values = names, array("d", row.values())
        return weights

    def __getitem__(self, name: str) -> float:
        names = self._names
        at = bisect_left(names, name)
        if at < len(names) and names[at] == name:
            return self._values[at]
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        names = self._names
        at = bisect_left(names, name)
        return at < len(names) and names[at] == name

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def known(self, name: str) -> float:
        """Return the weight of `name`, 0 if it has none: `get` where every tenth of a microsecond counts."""
        names = self._names
        at = bisect_left(names, name)
        return self._values[at] if at < len(names) and names[at] == name else 0.0

    def raised(self, name: str, weight: float) -> bool:
        """Let `name` weigh that much more, and return whether it could: one that is not known stays so."""
        names = self._names
        at = bisect_left(names, name)
        if at == len(names) or names[at] != name:
            return False
        self._values[at] += weight
        return True

    def add(self, name: str, weight: float) -> None:
        """Let `name` weigh that much more, be it known or not."""
        if not self.raised(name, weight):
            names, values = self._names, self._values
            at = bisect_left(names, name)
            self._names = (*names[:at], name, *names[at:])
            self._values = values[:at] + array("d", (weight,)) + values[at:]

    def remove(self, names: Collection[str]) -> None:
        """Forget these names, if they are known."""
        forgotten = frozenset(names)
        kept = {name: weight for name, weight in self.plain().items() if name not in forgotten}
        self._names, self._values = tuple(kept), array("d", kept.values())

    def lightest(self, number: int) -> list[str]:
        """Return the `number` names that weigh least, lightest first; of equals the first by name."""
        return [name for _, name in sorted(zip(self._values, self._names, strict=True))[:number]]

    def plain(self) -> dict[str, float]:
        """Return the same as a dictionary."""
        return dict(zip(self._names, self._values, strict=True))


def lightest(weights: Mapping[_K, float], number: int) -> list[_K]:
    """Return the `number` keys that weigh least, lightest first; of equals the first by its name.

    >>> lightest({"web/write": 2.0, "web/read": 1.0, "vault/purge": 1.0}, 2)
    ['vault/purge', 'web/read']
    """
    return [key for _, key in sorted((weight, key) for key, weight in weights.items())[:number]]
