"""Odd things soon after one another weigh more than each alone: an identity's fading sum of surprises.

An intruder does several unusual things within hours; somebody's one new thing stands alone. What counts as a
surprise, and when the sum is told to anybody, is left to the detectors.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from models.anomalies import Anomaly
from models.decay import faded

REMEMBERED = 3  # earlier anomalies named in an explanation
NEGLIGIBLE = 0.05


class Evidence(NamedTuple):
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


NONE = Evidence()


class Accumulation(NamedTuple):
    r"""The rule by which evidence adds up.

    With S the surprise of a cell and e the evidence so far, the cell's total is

    .. math:: V = S + share \cdot \min(e, most) \;\text{if}\; S > floor, \;\text{else}\; S

    and e grows by :math:`\max(0, S - floor)`, fading by half every `half_life` hours. What follows in the same service
    within a bucket adds half as much each time: a new project touches one service, an intruder several.

    Examples
    --------
    >>> rule = Accumulation(floor=2.5, share=0.6, half_life=12.0)
    >>> rule.total(4.0, 0.0), rule.total(4.0, 5.0), rule.total(1.0, 5.0)
    (4.0, 7.0, 1.0)

    The surprise can be had back from the total:

    >>> rule.own(7.0, 5.0)
    4.0
    >>> rule.gain(4.0), rule.gain(4.0, repeats=1)
    (1.5, 0.75)
    """

    floor: float = 3.0
    share: float = 0.6
    half_life: float = 12.0
    most: float = 12.0

    def so_far(self, evidence: Evidence, hours: float) -> float:
        """Return the evidence left at `hours`."""
        return faded(evidence.value, hours - evidence.hours, self.half_life)

    def total(self, surprise: float, so_far: float) -> float:
        """Return V."""
        return surprise + self.share * min(so_far, self.most) if surprise > self.floor else surprise

    def own(self, total: float, so_far: float) -> float:
        """Return the S that gave `total`."""
        return total - self.share * min(so_far, self.most) if total > self.floor else total

    def gain(self, surprise: float, repeats: int = 0) -> float:
        """Return what a cell of that surprise adds, when `repeats` of its service have added to it in its bucket."""
        return max(0.0, surprise - self.floor) * math.ldexp(1.0, -repeats)

    def after(self, evidence: Evidence, hours: float, scored: Sequence[Anomaly]) -> Evidence:
        """Return the evidence with a bucket's anomalies, in the order in which they were scored, added."""
        so_far, gathering, ids = self.so_far(evidence, hours), Gathering(self), []
        for anomaly in scored:
            own = self.own(anomaly.surprise, so_far + gathering.gained)
            if gathering.add(own, anomaly.cell.service):
                ids.append(anomaly.id)
        if so_far + gathering.gained < NEGLIGIBLE:
            return NONE
        if not ids:
            return evidence
        value, newest = so_far + gathering.gained, max(hours, evidence.hours)
        return Evidence(value, newest, (*evidence.anomalies, *ids)[-REMEMBERED:])


class Gathering:
    """What one bucket's cells add, one after the other.

    Attributes
    ----------
    gained
        Sum so far.
    """

    __slots__ = ("_rule", "_services", "gained")

    def __init__(self, rule: Accumulation) -> None:
        self.gained = 0.0
        self._rule = rule
        self._services: dict[str, int] = {}

    def add(self, surprise: float, service: str) -> float:
        """Add a cell of that surprise, not counting evidence; return what it gained."""
        if surprise <= self._rule.floor:
            return 0.0
        repeats = self._services.get(service, 0)
        self._services[service] = repeats + 1
        gain = self._rule.gain(surprise, repeats)
        self.gained += gain
        return gain
