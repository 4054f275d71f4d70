"""Long work in steps, so that whoever drives it can do something else in between: a generator and its result."""

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
Steps = Generator[None, None, T]


def finish(steps: Steps[T]) -> T:
    """Take all steps that are left at once; return the result.

    >>> def work():
    ...     yield
    ...     return 42
    >>> finish(work())
    42
    """
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
