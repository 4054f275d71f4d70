"""When in the day an identity is active, and how surprising an hour is for it.

Twenty-four small counts in UTC, an identity and a kind; weekdays are not told apart.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from sys import intern
from typing import Any

from models.stream import Json, fields

HOURS = 24
_FULL = 255  # a count's largest value: then all are halved, so that old habits fade
PEER_STRENGTH = 2.0  # active buckets' worth of belief that an identity keeps its kind's hours
MOST = 2.0


@lru_cache(maxsize=256)
def day_of(hours: float) -> int:
    """Return the day from the epoch in which an hour falls.

    Remembered not for speed alone: the identities that are active in one bucket keep the very same number.

    >>> day_of(47.5)
    1
    """
    return int(hours // HOURS)


def with_hour(rhythm: bytes, hour: int, times: int = 1) -> bytes:
    """Return the rhythm with so many (at least one) more active buckets at that hour of the day, 0 to 23.

    The same as counting them one by one, however many they are: a count is full after as many as there is room for,
    and from then on is halved, and full again, every so many.

    >>> list(with_hour(b"", 9)[8:11]), list(with_hour(with_hour(b"", 8, 200), 9, 256)[8:11])
    ([0, 1, 0], [100, 128, 0])
    """
    counts = bytearray(rhythm or HOURS)
    room = _FULL - counts[hour]
    if times <= room:
        counts[hour] += times
        return bytes(counts)
    half = _FULL // 2 + 1
    halvings, more = divmod(times - room - 1, half)
    counts = bytearray(count >> min(8, halvings + 1) for count in bytes(counts))
    counts[hour] = half + more
    return bytes(counts)


def off_hours(rhythm: bytes, peers: bytes, hour: int) -> float:
    """Return how much rarer an hour is than if all hours were alike, in powers of ten, 0 to 2.

    Hours next to it count half. What is not known yet of the identity is taken from its peers.

    >>> office = with_hour(with_hour(with_hour(with_hour(b"", 9), 10), 14), 15)
    >>> off_hours(office, office, 10), off_hours(office, office, 3) > 0.5
    (0.0, True)
    """
    if not rhythm:
        return 0.0
    share = (_around(rhythm, hour) + PEER_STRENGTH * (_around(peers, hour) + 1.0) / (sum(peers) + HOURS)) / (
        sum(rhythm) + PEER_STRENGTH
    )
    return min(MOST, max(0.0, -math.log10(share * HOURS)))


def _around(rhythm: bytes, hour: int) -> float:
    return (rhythm[hour] + 0.5 * rhythm[hour - 1] + 0.5 * rhythm[(hour + 1) % HOURS]) / 2.0 if rhythm else 0.0


class Rhythms:
    """When identities of each kind are active, all of them together."""

    def __init__(self) -> None:
        self._of: dict[str, bytes] = {}

    def of(self, kind: str) -> bytes:
        """Return the rhythm of a kind; empty if it is not known."""
        return self._of.get(kind, b"")

    def teach(self, lessons: Mapping[str, Mapping[int, int]]) -> None:
        """Apply how many active buckets a kind had at which hour of the day."""
        for kind, hours in lessons.items():
            for hour, times in sorted(hours.items()):
                self._of[kind] = with_hour(self.of(kind), hour, times)

    def dump(self) -> Iterator[Json]:
        """Yield one row a kind."""
        for kind in sorted(self._of):
            yield {"kind": kind, "counts": self._of[kind].hex()}

    def load(self, rows: Iterable[Any]) -> None:
        """Replace everything by what `dump` gave."""
        known = (fields("rhythm", row, "kind", "counts") for row in rows)
        self._of = {intern(str(kind)): bytes.fromhex(counts) for kind, counts in known}
