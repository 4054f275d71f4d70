"""What an identity tried in a bucket, gathered in one pass for all that learns from it.

This is done for every identity of every hour. What is learnt of it is the detector's business.
"""

from collections.abc import Sequence
from typing import NamedTuple

from models.statistics import network
from models.stream import Cell


class Attempts(NamedTuple):
    """What was tried.

    Attributes
    ----------
    failed, failed_only
        Each action, and whether any of it failed, or nothing but that came of it.
    networks, scopes
        Where it was tried from, and in.
    """

    failed: Sequence[tuple[str, bool]]
    failed_only: Sequence[tuple[str, bool]]
    networks: set[str]
    scopes: set[str]

    @classmethod
    def of(cls, cells: Sequence[Cell]) -> "Attempts":
        """Gather it from cells with attempts.

        >>> from datetime import UTC, datetime
        >>> cell = Cell("web/write", "Web/write", datetime(2026, 3, 2, tzinfo=UTC), 2, 1, 1, 0, ("10.1.2.3",), ("sub",))
        >>> Attempts.of([cell])[:2]
        ([('web/write', True)], [('web/write', False)])
        """
        failed: list[tuple[str, bool]] = []
        failed_only: list[tuple[str, bool]] = []
        networks: set[str] = set()
        scopes: set[str] = set()
        for cell in cells:
            action, any_failed = cell.action, cell.failures > 0 or cell.denials > 0
            failed.append((action, any_failed))
            failed_only.append((action, any_failed and not cell.successes))
            networks.update(map(network, cell.addresses))
            scopes.update(cell.scopes)
        return cls(failed, failed_only, networks, scopes)
