"""When in the day an identity is active, and how surprising an hour is for it.

Twenty-four small counts in UTC, an identity and a kind; weekdays are not told apart.
"""

import math
from functools import lru_cache

HOURS = 24
FULL = 255  # a count's largest value: then all are halved, so that old habits fade
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


def counted(rhythm: bytes, hour: int) -> bytes:
    """Return the rhythm with one more active bucket at that hour of the day, 0 to 23.

    >>> list(counted(b"", 9)[8:11])
    [0, 1, 0]
    """
    counts = bytearray(rhythm or HOURS)
    if counts[hour] == FULL:
        counts = bytearray(count // 2 for count in counts)
    counts[hour] += 1
    return bytes(counts)


def off_hours(rhythm: bytes, peers: bytes, hour: int) -> float:
    """Return how much rarer an hour is than if all hours were alike, in powers of ten, 0 to 2.

    Hours next to it count half. What is not known yet of the identity is taken from its peers.

    >>> office = counted(counted(counted(counted(b"", 9), 10), 14), 15)
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
