"""Odd things soon after one another weigh more than each alone: an identity's fading sum of surprises.

An intruder does several unusual things within hours; somebody's one new thing stands alone. What counts as a
surprise, and when the sum is told to anybody, is left to the detectors.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from models.statistics.decay import faded
from models.stream import Cell, Json, fields

_REMEMBERED = 3  # earlier anomalies named in an explanation
NEGLIGIBLE = 0.05


class Contribution(Protocol):
    """One scored cell: its id, the cell, and its surprise by itself."""

    @property
    def id(self) -> str:
        """Identity of the anomaly."""
        ...

    @property
    def cell(self) -> Cell:
        """What was scored."""
        ...

    @property
    def alone(self) -> float:
        """Surprise of the cell by itself, before anything is added."""
        ...


class Accumulated(NamedTuple):
    """What has come together so far.

    Attributes
    ----------
    value
        Sum of surprises beyond the floor, as it stood at `hours`.
    hours
        When it was last added to, in hours from the epoch.
    anomalies
        Ids of the newest contributions, oldest first.
    """

    value: float = 0.0
    hours: float = 0.0
    anomalies: tuple[str, ...] = ()

    def without(self, anomalies: Collection[str]) -> "Accumulated":
        """Return nothing if its newest contributions are all among `anomalies`, by id; else the same as before.

        >>> evidence = Accumulated(3.0, 490_000.0, ("a", "b"))
        >>> evidence.without(["b"]) is evidence, evidence.without(["a", "b", "c"]) is NONE
        (True, True)
        """
        return NONE if all(id_ in anomalies for id_ in self.anomalies) else self

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        return {"value": self.value, "hours": self.hours, "anomalies": list[Json](self.anomalies)}

    @classmethod
    def from_row(cls, row: Any) -> "Accumulated":
        """Restore what `row` gave: nothing is always the very same."""
        value, hours, anomalies = fields("evidence", row, "value", "hours", "anomalies")
        return cls(float(value), float(hours), tuple(str(id_) for id_ in anomalies)) if value else NONE


NONE = Accumulated()


class AccumulationRule(NamedTuple):
    r"""The rule by which evidence adds up.

    With S the surprise of a cell by itself and e the evidence around it, which is what is left of earlier buckets and
    what all other cells of its own bucket add, the cell's total is

    .. math:: V = S + share \cdot \min(e, most) \cdot \min(1, \tfrac{S - begins}{floor - begins})

    and S alone where it does not exceed `begins`. A cell adds :math:`\max(0, S - floor)`, fading by half every
    `half_life` hours. What follows in the same service within a bucket adds half as much each time: a new project
    touches one service, an intruder several.

    Examples
    --------
    >>> rule = AccumulationRule(begins=1.5, floor=2.5, share=0.6, half_life=12.0)
    >>> rule.total(4.0, 0.0), rule.total(4.0, 5.0), rule.total(2.0, 5.0), rule.total(1.0, 5.0)
    (4.0, 7.0, 3.5, 1.0)
    >>> rule.gain(4.0), rule.gain(4.0, repeats=1)
    (1.5, 0.75)

    Each of two cells sees what the other adds, whichever came first:

    >>> rule.around(1.0, [(4.5, "sql"), (3.5, "web")])
    [2.0, 3.0]
    """

    begins: float = 1.5
    floor: float = 2.5
    share: float = 0.6
    half_life: float = 12.0
    most: float = 12.0

    def so_far(self, evidence: Accumulated, hours: float) -> float:
        """Return the evidence left at `hours`."""
        return faded(evidence.value, hours - evidence.hours, self.half_life)

    def total(self, surprise: float, around: float) -> float:
        """Return V."""
        if surprise <= self.begins:
            return surprise
        part = (surprise - self.begins) / (self.floor - self.begins) if surprise < self.floor else 1.0
        return surprise + part * self.share * min(around, self.most)

    def gain(self, surprise: float, repeats: int = 0) -> float:
        """Return what a cell of that surprise adds, when `repeats` of its service have added to it in its bucket."""
        return max(0.0, surprise - self.floor) * math.ldexp(1.0, -repeats)

    def gains(self, cells: Iterable[tuple[float, str]]) -> list[float]:
        """Return what each of a bucket's cells adds: `cells` are surprise and service, in the order of the bucket."""
        services: dict[str, int] = {}
        gains = []
        for surprise, service in cells:
            repeats = services.get(service, 0)
            gains.append(self.gain(surprise, repeats))
            if surprise > self.floor:
                services[service] = repeats + 1
        return gains

    def around(self, so_far: float, cells: Iterable[tuple[float, str]]) -> list[float]:
        """Return the evidence around each of a bucket's cells, given what is left of earlier buckets."""
        gains = self.gains(cells)
        total = so_far + sum(gains)
        return [total - gain for gain in gains]

    def after(self, evidence: Accumulated, hours: float, scored: Sequence[Contribution]) -> Accumulated:
        """Return the evidence with what a bucket's anomalies add, in the order in which they were scored."""
        gains = self.gains((one.alone, one.cell.service) for one in scored)
        value = self.so_far(evidence, hours) + sum(gains)
        if value < NEGLIGIBLE:
            return NONE
        ids = [one.id for one, gain in zip(scored, gains, strict=True) if gain]
        if not ids:
            return evidence
        return Accumulated(value, max(hours, evidence.hours), (*evidence.anomalies, *ids)[-_REMEMBERED:])
