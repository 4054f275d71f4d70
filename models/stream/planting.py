"""An identity's bucket with cells that it has not done, and the crowd with them: what would have been there.

Which cells, and what is made of the answer, is decided elsewhere.
"""

from collections.abc import Sequence

from models.stream.cells import ActorBucket, Cell, Crowd, Tally


class CrowdWith(Crowd):
    """A crowd in which one identity has done more than it did.

    Parameters
    ----------
    crowd
        Everybody, as it was.
    cells
        What the identity does in addition, each an action that it did not do by itself.
    joined
        1 if the identity was not active at all, else 0.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> more = Cell("sql/write", "SQL/write", datetime(2026, 3, 1, tzinfo=UTC), 1, 0, 0, 1)
    >>> crowd = CrowdWith(Crowd(9, {"sql/write": Tally(3, 2), "sql/read": Tally(8, 0)}), [more], 0)
    >>> crowd.tally("sql/write"), crowd.service("sql"), crowd.tally("sql/read"), crowd.actors
    (Tally(actors=4, failing=3), Tally(actors=12, failing=3), Tally(actors=8, failing=0), 9)
    """

    def __init__(self, crowd: Crowd, cells: Sequence[Cell], joined: int) -> None:
        super().__init__(0, {})
        self._crowd = crowd
        self._added = cells
        self._joined = joined

    @property
    def actors(self) -> int:
        """Distinct identities active in the bucket, this one among them."""
        return self._crowd.actors + self._joined

    def tally(self, action: str) -> Tally:
        """Return who did `action`."""
        return _more(self._crowd.tally(action), [cell for cell in self._added if cell.action == action])

    def service(self, name: str) -> Tally:
        """Return who did anything of a service."""
        return _more(self._crowd.service(name), [cell for cell in self._added if cell.service == name])


def _more(tally: Tally, cells: Sequence[Cell]) -> Tally:
    return Tally(tally.actors + len(cells), tally.failing + sum(cell.failed for cell in cells))


def planted(seen: ActorBucket, crowd: Crowd, cells: Sequence[Cell]) -> tuple[ActorBucket, Crowd]:
    """Return a bucket with `cells` of different actions in it as well, and the crowd with them.

    What the identity did of an action by itself is one cell with what is added. A bucket without cells is one of an
    identity that was not active.
    """
    own = {cell.action: cell for cell in seen.cells}
    new = [cell for cell in cells if cell.action not in own]
    merged = {**own, **{cell.action: _joined(own.get(cell.action), cell) for cell in cells}}
    ordered = sorted(merged.values(), key=lambda cell: (cell.first_time, cell.action))
    return seen._replace(cells=tuple(ordered)), CrowdWith(crowd, new, int(not seen.cells))


def _joined(own: Cell | None, more: Cell) -> Cell:
    if own is None:
        return more
    return own._replace(
        first_time=min(own.first_time, more.first_time),
        attempts=own.attempts + more.attempts,
        successes=own.successes + more.successes,
        failures=own.failures + more.failures,
        denials=own.denials + more.denials,
        addresses=tuple(sorted({*own.addresses, *more.addresses})),
        scopes=tuple(sorted({*own.scopes, *more.scopes})),
    )
