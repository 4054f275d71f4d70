"""One instance of honest work."""

from typing import NamedTuple

from demo.tenant import Call


class Instance(NamedTuple):
    """What honest people or machines do.

    Attributes
    ----------
    calls
        All that is planted.
    judged
        What counts; all of `calls` if None.
    """

    calls: tuple[Call, ...]
    judged: tuple[Call, ...] | None = None
