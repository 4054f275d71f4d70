"""A table that keeps at most so many keys, the same ones whatever the order in which they came.

Keeping the first that arrive would make the result depend on the order of arrival; keeping those with the smallest
hash does not, and tells at the same time how many there were.
"""

from typing import Generic, TypeVar
from zlib import crc32

V = TypeVar("V")

HASHES = 1 << 32


class BottomKSample(Generic[V]):
    """Bottom-k sample of keys by their hash.

    Parameters
    ----------
    limit
        Keys kept; up to twice as many are held for a moment, so that pruning costs little.

    References
    ----------
    Cohen, E. and Kaplan, H. (2007). Summarizing data using bottom-k sketches. PODC.

    Examples
    --------
    >>> forth, back = BottomKSample[int](limit=8), BottomKSample[int](limit=8)
    >>> for n in range(100):
    ...     _ = forth.put(f"key {n}", n), back.put(f"key {99 - n}", 99 - n)
    >>> sorted(forth.prune().entries) == sorted(back.prune().entries)
    True
    >>> len(forth.entries), 50 < forth.estimate(kept=8) < 200
    (8, True)
    """

    __slots__ = ("entries", "limit", "threshold")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.entries: dict[str, V] = {}
        self.threshold = HASHES

    def admits(self, key: str) -> bool:
        """Whether `key` may be put; always so until the table has overflowed once."""
        return self.threshold == HASHES or crc32(key.encode()) < self.threshold

    def put(self, key: str, value: V) -> list[V]:
        """Keep `value`; returns the values that had to go for it. The caller asks `admits` first."""
        self.entries[key] = value
        if len(self.entries) < 2 * self.limit:
            return []
        before = self.entries
        self.prune()
        return [entry for name, entry in before.items() if name not in self.entries]

    def prune(self) -> "BottomKSample[V]":
        """Cut down to `limit` keys."""
        if len(self.entries) > self.limit:
            ranked = sorted((crc32(name.encode()), name) for name in self.entries)
            self.threshold = ranked[self.limit][0]
            self.entries = {name: self.entries[name] for rank, name in ranked if rank < self.threshold}
        return self

    def sample(self) -> dict[str, V]:
        """Return the keys to reckon with: all of them, or the `limit` smallest once the table has overflowed."""
        if self.threshold == HASHES or len(self.entries) <= self.limit:
            return self.entries
        ranked = sorted((crc32(name.encode()), name) for name in self.entries)
        return {name: self.entries[name] for _, name in ranked[: self.limit]}

    def estimate(self, kept: int) -> int:
        """Estimate how many of all keys ever put share a trait that `kept` of the sampled ones have."""
        if self.threshold == HASHES:
            return kept
        ranked = sorted(crc32(name.encode()) for name in self.entries)
        ceiling = ranked[self.limit] if len(ranked) > self.limit else self.threshold
        return round(kept * HASHES / max(ceiling, 1))
