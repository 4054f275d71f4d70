"""What would have made it ordinary: imagined changes with the scores that they lead to, and the least that suffices.

A detector imagines the changes while it judges, and knows no threshold; which of them suffices is said when somebody
is told, by the threshold that is in force then.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from models.stream import Json


def imagined(sizes: Iterable[int], score: Callable[[int], float]) -> list[Json]:
    """Return each size of a change with the score that it would lead to, rounded as the scores of anomalies are.

    >>> imagined((1, 2), lambda peers: 80.0 / peers)
    [[1, 80.0], [2, 40.0]]
    """
    return [[size, round(score(size), 2)] for size in sizes]


def least_below(changes: Iterable[Sequence[Any]], threshold: float) -> int | None:
    """Return the size of the first change that leads below a threshold, or to no judgement; None if none does.

    >>> least_below([[1, 80.0], [2, 40.0]], 61.0), least_below([[1, 80.0], [2, 40.0]], 30.0)
    (2, None)
    >>> least_below([[1, 80.0], [2, None]], 30.0)
    2
    """
    return next((int(size) for size, score in changes if score is None or score < threshold), None)


def more_of(number: int, word: str) -> str:
    """Return a number with its noun.

    >>> more_of(1, "identity"), more_of(2, "identity"), more_of(3, "day")
    ('1 more identity', '2 more identities', '3 more days')
    """
    if number == 1:
        return f"1 more {word}"
    return f"{number} more {word[:-1] + 'ies' if word.endswith('ty') else word + 's'}"
