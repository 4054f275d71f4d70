"""The unit of judgement: what one identity did in one bucket, one cell an action.

Statistics count cells, not records: a thousand equal calls within a bucket are one cell. Collecting records into
cells is the engine's work, judging cells is the detectors'.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from models.stream.events import ActivityEvent, Actor
from models.stream.json_value import Json
from models.stream.rows import fields
from models.stream.windows import Bucket


class Cell(NamedTuple):
    """One action of one identity in one bucket, its operations already joined.

    Attributes
    ----------
    action, action_name
        Case-folded and as written.
    first_time
        Time of the first record of the cell.
    attempts
        Operations begun in this bucket; 0 when the cell only holds the end of an older operation.
    successes, failures, denials
        Operations that ended so in this bucket; `failures` does not include `denials`.
    addresses, scopes
        Distinct source addresses and subscriptions, sorted, bounded; empty strings left out.
    sample
        Up to three records as evidence, the telling ones (failed ends) first.
    late
        Whether it arrived after its bucket had been closed.
    """

    action: str
    action_name: str
    first_time: datetime
    attempts: int
    successes: int
    failures: int
    denials: int
    addresses: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    sample: tuple[ActivityEvent, ...] = ()
    late: bool = False

    @property
    def service(self) -> str:
        """The action's provider, for example ``microsoft.compute``; the whole action when it has none."""
        return self.action.partition("/")[0]

    @property
    def failed(self) -> bool:
        """Whether any operation of the cell failed, denials included."""
        return self.failures + self.denials > 0

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        return {
            **self._asdict(),
            "first_time": self.first_time.isoformat(),
            "addresses": list[Json](self.addresses),
            "scopes": list[Json](self.scopes),
            "sample": [event.row() for event in self.sample],
        }

    @classmethod
    def from_row(cls, row: Any) -> "Cell":
        """Restore what `row` gave."""
        of_cell = fields("cell", row, *cls._fields)
        action, name, first_time, attempts, successes, failures, denials, addresses, scopes, sample, late = of_cell
        return cls(
            action=action,
            action_name=name,
            first_time=datetime.fromisoformat(first_time),
            attempts=attempts,
            successes=successes,
            failures=failures,
            denials=denials,
            addresses=tuple(addresses),
            scopes=tuple(scopes),
            sample=tuple(map(ActivityEvent.from_row, sample)),
            late=late,
        )


class ActorBucket(NamedTuple):
    """Everything one identity did in one bucket; `cells` are ordered by first time, then action."""

    actor: Actor
    bucket: Bucket
    cells: tuple[Cell, ...]


class Tally(NamedTuple):
    """How many distinct identities did an action in one bucket, and how many of them saw it fail.

    Of a service it is the sum over its actions.
    """

    actors: int
    failing: int


NOBODY = Tally(0, 0)


class Crowd:
    """What the whole tenant did in the same bucket: what tells an outage or a roll-out from one identity's deviation.

    Parameters
    ----------
    actors
        Distinct identities active in the bucket.
    actions
        Tally of each action (key: case-folded action).

    Examples
    --------
    >>> crowd = Crowd(9, {"sql/write": Tally(3, 2), "sql/read": Tally(8, 0)})
    >>> crowd.tally("sql/write"), crowd.service("sql"), crowd.tally("web/write")
    (Tally(actors=3, failing=2), Tally(actors=11, failing=2), Tally(actors=0, failing=0))
    """

    __slots__ = ("_actions", "_actors", "_services")

    def __init__(self, actors: int, actions: Mapping[str, Tally]) -> None:
        self._actors = actors
        self._actions = actions
        self._services: dict[str, Tally] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Crowd) and (self._actors, self._actions) == (other._actors, other._actions)

    __hash__ = None  # type: ignore[assignment]  # equal by what it holds, so it is no key

    @classmethod
    def of(cls, buckets: Sequence[ActorBucket]) -> "Crowd":
        """Count who did what in the buckets of all identities."""
        actors: dict[str, int] = {}
        failing: dict[str, int] = {}
        for seen in buckets:
            for cell in seen.cells:
                action = cell.action
                actors[action] = actors.get(action, 0) + 1
                if cell.failures or cell.denials:
                    failing[action] = failing.get(action, 0) + 1
        return cls(len(buckets), {action: Tally(count, failing.get(action, 0)) for action, count in actors.items()})

    @classmethod
    def merged(cls, parts: Iterable["Crowd"]) -> "Crowd":
        """Add up crowds of different identities in the same bucket.

        >>> some, others = Crowd(9, {"sql/write": Tally(3, 2)}), Crowd(2, {"sql/write": Tally(1, 0)})
        >>> Crowd.merged([some, others]) == Crowd(11, {"sql/write": Tally(4, 2)})
        True
        """
        actors, actions = 0, dict[str, Tally]()
        for part in parts:
            actors += part.actors
            for action, tally in part.tallies.items():
                before = actions.get(action, NOBODY)
                actions[action] = Tally(before.actors + tally.actors, before.failing + tally.failing)
        return cls(actors, actions)

    @property
    def actors(self) -> int:
        """Distinct identities active in the bucket."""
        return self._actors

    @property
    def tallies(self) -> Mapping[str, Tally]:
        """Who did each action that was done at all."""
        return self._actions

    def tally(self, action: str) -> Tally:
        """Return who did `action`."""
        return self._actions.get(action, NOBODY)

    def service(self, name: str) -> Tally:
        """Return who did anything of a service."""
        if self._services is None:
            self._services = tallied((action, *tally) for action, tally in self._actions.items())
        return self._services.get(name, NOBODY)


def tallied(actions: Iterable[tuple[str, int, int]]) -> dict[str, Tally]:
    """Sum actions, how many did each and how many failed, by service."""
    sums: dict[str, list[int]] = {}
    for name, actors, failing in actions:
        entry = sums.setdefault(name.partition("/")[0], [0, 0])
        entry[0] += actors
        entry[1] += failing
    return {service: Tally(*entry) for service, entry in sums.items()}
