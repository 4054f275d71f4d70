"""Exponential forgetting, in the two forms that cost nothing to keep up: by growing weights and by fading values.

Which of the two a statistic uses is its own choice; what it counts is left to it as well.
"""

import math
from functools import lru_cache

LANDMARK_HOURS = 438_288.0  # 2020-01-01T00:00Z in hours from the epoch: any fixed instant would do
LARGEST_EXPONENT = 900.0  # growth stays within 2**-900 and 2**900, so that sums and ratios of it stay finite


@lru_cache(maxsize=256)
def growth(hours: float, half_life: float) -> float:
    """Return the weight of something that happens at `hours`: forward decay [1]_.

    Instead of shrinking everything old, everything new weighs more: add ``growth(t)`` when something happens at
    ``t`` and divide the sum by ``growth(now)`` when it is read. Nothing is ever swept, and because things that
    happen at one time have one weight, sums of them do not depend on their order.

    Parameters
    ----------
    hours
        Hours from the epoch (``Bucket.hours``).
    half_life
        Hours after which a weight counts half.

    Returns
    -------
    float
        Positive and finite, also for times that are centuries off.

    References
    ----------
    .. [1] Cormode, Shkapenyuk, Srivastava, Xu (2009). Forward decay: a practical time decay model for streaming
           systems. ICDE.

    Examples
    --------
    >>> month = 720.0
    >>> seen = growth(500_000.0, month) + growth(500_720.0, month)
    >>> seen / growth(500_720.0, month)
    1.5
    """
    exponent = (hours - LANDMARK_HOURS) / half_life
    return math.exp2(min(LARGEST_EXPONENT, max(-LARGEST_EXPONENT, exponent)))


def faded(value: float, elapsed: float, half_life: float) -> float:
    """Return what is left of `value` after `elapsed` hours; time that runs backwards leaves it whole.

    For half-lives of hours, where forward decay would overflow within months.

    >>> faded(4.0, 24.0, 12.0)
    1.0
    """
    if value == 0.0 or elapsed <= 0.0:
        return value
    return value * math.exp2(-elapsed / half_life)


def surprise(probability: float) -> float:
    """Return ``-log10(probability)``: how many powers of ten less likely than certain.

    >>> surprise(0.001)
    3.0
    """
    return -math.log10(max(1e-300, min(1.0, probability)))
