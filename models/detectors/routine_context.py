"""What an identity's everyday work in the same bucket says about a new thing: that it is rather its owner's.

Whoever uses a stolen identity seldom does its everyday work around it, and not from the owner's network. What counts
as everyday is the detector's to say.
"""

from collections.abc import Iterable
from typing import NamedTuple

from models.statistics import network
from models.stream import Cell

_EACH = 0.6  # powers of ten that each usual action in the bucket makes a new one less telling
_MOST = 2.4
_SHARE = 0.75


class RoutineCell(NamedTuple):
    """A cell of everyday work, and the networks that it came from."""

    cell: Cell
    networks: frozenset[str]

    @classmethod
    def of(cls, cell: Cell) -> "RoutineCell":
        """Look up the networks of a cell."""
        return cls(cell, frozenset(map(network, cell.addresses)))


def routine_context(cell: Cell, work: Iterable[RoutineCell]) -> int:
    """Return how many other cells of everyday work came from a network that `cell` came from.

    An address that is not known excuses and is excused.

    >>> from datetime import UTC, datetime
    >>> def did(action, *addresses):
    ...     return Cell(action, action, datetime(2026, 3, 2, tzinfo=UTC), 1, 1, 0, 0, addresses)
    >>> work = [RoutineCell.of(did("web/restart", "10.1.2.3")), RoutineCell.of(did("web/write", "10.1.2.9"))]
    >>> [routine_context(did("vault/purge", address), work) for address in ("10.1.2.77", "198.51.100.7")]
    [2, 0]
    """
    networks = frozenset(map(network, cell.addresses))
    return sum(
        other.cell is not cell and (not networks or not other.networks or not networks.isdisjoint(other.networks))
        for other in work
    )


def discount(usual: int, excess: float) -> float:
    """Return the (negative) surprise of a new thing amid so many usual ones.

    Never more than a share of what it has in excess of the ordinary: amid however much work, the more surprising of
    two things stays so.

    >>> discount(1, 4.0), discount(100, 4.0), discount(100, 2.0)
    (-0.6, -2.4, -1.5)
    """
    return -min(_MOST, _EACH * usual, _SHARE * excess)
