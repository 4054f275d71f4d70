"""Remembers results of a pure function, in bounded number; forgetting them changes nothing but speed."""

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import astuple

_K = TypeVar("_K")
_V = TypeVar("_V")


class Memo(dict[_K, _V]):
    """Results of `function` by its argument; reading a key that is not there computes it.

    A dictionary, and not a function that asks one: a call costs as much as what it would find.

    Parameters
    ----------
    function
        Pure; what it raises is not remembered.
    limit
        Entries held before it starts afresh.
    longest
        Characters of a key beyond which its result is not kept.

    Examples
    --------
    >>> lengths = Memo(len, limit=2, longest=4)
    >>> [lengths[word] for word in ("a", "bc", "def", "much too long")], dict(lengths)
    ([1, 2, 3, 13], {'def': 3})
    """

    def __init__(self, function: Callable[[_K], _V], *, limit: int, longest: int) -> None:
        super().__init__()
        self._function = function
        self._limit = limit
        self._longest = longest

    def __missing__(self, key: _K) -> _V:
        value = self._function(key)
        if _length(key) <= self._longest:
            if len(self) >= self._limit:
                self.clear()
            self[key] = value
        return value


def _length(key: object) -> int:
    if isinstance(key, str):
        return len(key)
    if isinstance(key, Struct):
        key = astuple(key)
    return sum(map(_length, key)) if isinstance(key, tuple) else 0
