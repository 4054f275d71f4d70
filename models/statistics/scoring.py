"""The scale that people see: a probability becomes a score of 0 to 100, score and sensitivity become a severity.

The only place that knows the scale. Where the probability comes from is the detectors' business.
"""

import math
from enum import StrEnum

SCORE_PER_DECADE = 25.0
BOUNDS = (50.0, 75.0, 90.0, 100.0)
"""Scores from which on it is low, medium, high, critical; below them it is informational."""

SENSITIVE_FROM = 1.0
"""Sensitivity that lifts the severity: what hands out secrets or rights, blinds, executes or exports."""


class Severity(StrEnum):
    """How loudly to say it; the names are those of OCSF."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Place in the order of loudness, from 0.

        >>> Severity.HIGH.rank > Severity.LOW.rank
        True
        """
        return list(Severity).index(self)


def odds(probability: float) -> str:
    """Say a probability as people do: in per cent while that is more than one, else as one in so many.

    >>> odds(0.25), odds(0.0312), odds(0.0004), odds(0.0)
    ('25 %', '3.1 %', '1 in 2,500', '1 in a million or less')
    """
    if probability >= 0.01:
        return f"{100.0 * probability:.2g} %"
    if probability < 1e-6:
        return "1 in a million or less"
    return f"1 in {float(f'{1.0 / probability:.2g}'):,.0f}"


def score(probability: float) -> float:
    """Turn the probability of a user-day at least this surprising into a score.

    ``score = -25 * log10(p)``, so that 50, 75 and 100 mean once in 100, 1,000 and 10,000 user-days.

    Parameters
    ----------
    probability
        Chance, in ``(0, 1]``; smaller values than 1e-4 all give 100.

    Examples
    --------
    >>> score(0.001)
    75.0
    >>> score(1.0)
    0.0
    """
    return min(100.0, max(0.0, -SCORE_PER_DECADE * math.log10(max(probability, 1e-12))))


def severity(value: float, sensitivity: float = 0.0) -> Severity:
    """Return the severity of a score of 0 to 100.

    Parameters
    ----------
    value
        The score: how unusual it is.
    sensitivity
        How much more an intruder needs the operation than others do, in powers of ten; from 1 on, what comes of it is
        worse, and so the severity is one step higher.

    Examples
    --------
    >>> severity(76.0).value, severity(76.0, sensitivity=1.2).value
    ('medium', 'high')
    """
    steps = sum(value >= bound for bound in BOUNDS) + (sensitivity >= SENSITIVE_FROM)
    return list(Severity)[min(steps, len(BOUNDS))]
