"""How much of what destroys or takes things away an identity did within an hour: counts by sort, and their rungs.

Operations are counted, those of one resource as well. How odd a count is, is left to `volume_spike`.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from models.detectors.sensitivity import Tactic, tactic
from models.statistics import Places
from models.stream import Cell

DELETIONS, SECRETS, ALL = "deletions", "secrets", "all"
RUNGS = 14  # the last begins at 32,768 operations
_FIRST_RUNG = 4  # operations: everybody does fewer now and then
_FROM = {DELETIONS: 3, SECRETS: 8}  # operations that are judged at all: who looks after a machine reads some keys


class Volume(NamedTuple):
    """What an identity did of one sort within an hour.

    Attributes
    ----------
    cell
        The action of the sort that it did most.
    sort
        `DELETIONS` or `SECRETS`.
    operations, all_operations
        How many of the sort, and how many of any sort.
    elsewhere
        How many of the sort by actions that it did, perhaps among others, in subscriptions in which it never worked.
    mixed
        Whether it did some of those actions in a subscription that it knows as well.
    """

    cell: Cell
    sort: str
    operations: int
    all_operations: int
    elsewhere: int
    mixed: bool

    def with_fewer(self, operations: int) -> "Volume":
        """Return it with only so many of the sort, and all else as it was."""
        rest = self.all_operations - self.operations
        return self._replace(
            operations=operations, all_operations=rest + operations, elsewhere=min(self.elsewhere, operations)
        )


@lru_cache(maxsize=16_384)
def sort_of(action: str) -> str:
    """Return the sort that a case-folded action counts as, empty for one that is not counted.

    >>> sort_of("microsoft.web/sites/delete"), sort_of("microsoft.storage/storageaccounts/listkeys/action")
    ('deletions', 'secrets')
    >>> sort_of("microsoft.web/sites/write")
    ''
    """
    wanted = tactic(action)
    if action.endswith("/delete") or wanted == Tactic.DESTRUCTION:
        return DELETIONS
    return SECRETS if wanted in (Tactic.SECRETS, Tactic.EXPORT) else ""


def rung(operations: int) -> int:
    """Return the rung that so many operations reach; each begins at twice as many as the one before.

    >>> [rung(operations) for operations in (0, 3, 4, 7, 8, 60, 10**9)]
    [0, 0, 1, 1, 2, 4, 14]
    """
    return min(RUNGS, (operations // _FIRST_RUNG).bit_length())


def most_on(reached: int) -> int:
    """Return the most operations that reach this rung and none above it.

    >>> [most_on(reached) for reached in (0, 1, 4)]
    [3, 7, 63]
    """
    return (_FIRST_RUNG << reached) - 1


def operations_by_sort(cells: Sequence[Cell]) -> dict[str, int]:
    """Return how many operations began, of each sort that occurs and of `ALL`; nothing where none began."""
    counts: dict[str, int] = {}
    for cell in cells:
        if cell.attempts:
            counts[ALL] = counts.get(ALL, 0) + cell.attempts
            sort = sort_of(cell.action)
            if sort:
                counts[sort] = counts.get(sort, 0) + cell.attempts
    return counts


def volumes(cells: Sequence[Cell], known: Places) -> list[Volume]:
    """Return what is enough to be judged, to an identity that has worked in the subscriptions `known`."""
    counts, found = operations_by_sort(cells), []
    for sort, least in _FROM.items():
        if counts.get(sort, 0) < least:
            continue
        of_sort = [cell for cell in cells if cell.attempts and sort_of(cell.action) == sort]
        most = max(of_sort, key=lambda cell: (cell.attempts, cell.action))
        strange = [cell for cell in of_sort if known.new(cell.scopes)]
        mixed = any(scope in known.names for cell in strange for scope in cell.scopes)
        elsewhere = sum(cell.attempts for cell in strange)
        found.append(Volume(most, sort, counts[sort], counts[ALL], elsewhere, mixed))
    return found


def fewer(volume: Volume) -> list[int]:
    """Return the smaller numbers of the sort at which the volume reaches a rung less, the largest first.

    Its own rung, or that of all operations: between two of these numbers nothing changes.
    """
    rest = volume.all_operations - volume.operations
    tops = {most_on(at) - less for at in range(RUNGS) for less in (0, rest)}
    return sorted((top for top in tops if _FROM[volume.sort] <= top < volume.operations), reverse=True)


def too_few(sort: str) -> int:
    """Return the most operations of a sort that are not judged.

    >>> too_few(DELETIONS)
    2
    """
    return _FROM[sort] - 1
