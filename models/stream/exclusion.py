"""What is left of an identity's bucket when some of its cells are to be passed over: the rest, and the crowd around it.

What is passed over, and why, is decided elsewhere; that every detector sees the rest as if nothing else had been there
is decided here, once for all of them.
"""

from collections.abc import Collection, Mapping, Sequence

from models.stream.cells import ActorBucket, Cell, Crowd, Tally

Exclusions = Mapping[str, Mapping[str, bool]]
"""Actions of one bucket to pass over, a detector; True for those that become part of what is normal all the same."""

NOTHING_EXCLUDED: Exclusions = {}


def exclude_nothing(_: ActorBucket) -> Exclusions:
    """Pass over nothing of a bucket."""
    return NOTHING_EXCLUDED


def without(seen: ActorBucket, actions: Collection[str]) -> ActorBucket:
    """Return the bucket without the cells of `actions`; it may be left with none."""
    return seen._replace(cells=tuple(cell for cell in seen.cells if cell.action not in actions))


class CrowdWithout(Crowd):
    """A crowd in which one identity did not do some of what it did.

    Without this, what is taken out of an identity's own bucket would count as what others do.

    Parameters
    ----------
    crowd
        Everybody, with everything.
    cells
        The identity's cells that are left out.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> own = Cell("sql/write", "SQL/write", datetime(2026, 3, 1, tzinfo=UTC), 1, 0, 0, 1)
    >>> crowd = CrowdWithout(Crowd(9, {"sql/write": Tally(3, 2), "sql/read": Tally(8, 0)}), [own])
    >>> crowd.tally("sql/write"), crowd.service("sql"), crowd.tally("sql/read")
    (Tally(actors=2, failing=1), Tally(actors=10, failing=1), Tally(actors=8, failing=0))
    """

    __slots__ = ("_crowd", "_left_out")

    def __init__(self, crowd: Crowd, cells: Sequence[Cell]) -> None:
        super().__init__(0, {})
        self._crowd = crowd
        self._left_out = cells

    @property
    def actors(self) -> int:
        """Distinct identities active in the bucket: this one is among them with what is left."""
        return self._crowd.actors

    def tally(self, action: str) -> Tally:
        """Return who else did `action`, if it is left out, else who did it."""
        return _less(self._crowd.tally(action), [cell for cell in self._left_out if cell.action == action])

    def service(self, name: str) -> Tally:
        """Return who did anything of a service."""
        return _less(self._crowd.service(name), [cell for cell in self._left_out if cell.service == name])


def _less(tally: Tally, cells: Sequence[Cell]) -> Tally:
    return Tally(tally.actors - len(cells), tally.failing - sum(cell.failed for cell in cells))


def excluding(seen: ActorBucket, crowd: Crowd, actions: Collection[str]) -> tuple[ActorBucket, Crowd]:
    """Return a bucket without the cells of `actions`, and the crowd without them."""
    if not actions:
        return seen, crowd
    return without(seen, actions), CrowdWithout(crowd, [cell for cell in seen.cells if cell.action in actions])
