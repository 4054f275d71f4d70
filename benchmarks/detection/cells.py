"""What every method is fed with and judged on: (identity, action, hour) cells, which of them an attack made, scores."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Key = tuple[str, str, int]
SPILL = 600.0  # seconds before the end of an hour from which the end of an operation may fall into the next


class Labelled(NamedTuple):
    """One cell.

    Attributes
    ----------
    actor, kind
        Stable id and sort of the identity.
    action
        Case-folded operation.
    hour
        Hours from the epoch.
    failed
        Whether any of it failed.
    began
        Whether any of it began in this hour; otherwise it is the end of something older.
    campaign
        Id of the attack that it is part of, or empty.
    """

    actor: str
    kind: str
    action: str
    hour: int
    failed: bool
    began: bool = True
    campaign: str = ""

    @property
    def key(self) -> Key:
        """What makes it one cell."""
        return self.actor, self.action, self.hour

    @property
    def user_day(self) -> tuple[str, int]:
        """The identity, and the day from the epoch."""
        return self.actor, self.hour // 24


class Step(NamedTuple):
    """One step of an attack; `time` in seconds from the epoch."""

    campaign: str
    actor: str
    action: str
    time: float


class Told(NamedTuple):
    """One finding of an alert: when it was first told (seconds from the epoch), and of which cell."""

    time: float
    key: Key


class Scores(NamedTuple):
    """What one method says.

    Attributes
    ----------
    name
        Of the method, for tables.
    surprise
        One value a cell that ranks it; 0 is no opinion.
    score
        One value a cell that is held against `threshold`.
    threshold
        At which the method alerts as it is shipped.
    told
        What it did tell, if it was run as a service and not only asked for scores; None otherwise.
    """

    name: str
    surprise: Floats
    score: Floats
    threshold: float
    told: tuple[Told, ...] | None = None


@dataclass(frozen=True)
class Trial:
    """One stream of cells with its truth.

    Attributes
    ----------
    cells
        Distinct, in order of time.
    campaigns
        First step of each attack, in seconds from the epoch.
    judged_from
        First hour (from the epoch) that counts; everything before only teaches.
    identities
        Number of identities that the rates are told for.
    days
        Days that count.
    styles
        Style of each attack, where known.
    """

    cells: Sequence[Labelled]
    campaigns: Mapping[str, float]
    judged_from: int
    identities: int
    days: float
    styles: Mapping[str, str] = field(default_factory=dict)


def by_hour(cells: Sequence[Labelled]) -> Iterator[tuple[int, list[int]]]:
    """Yield each hour with the numbers of its cells; `cells` are in order of time."""
    for hour, numbers in groupby(range(len(cells)), key=lambda number: cells[number].hour):
        yield hour, list(numbers)


def label(cells: Iterable[Labelled], steps: Iterable[Step]) -> list[Labelled]:
    """Mark the cells that `steps` made: those of their hour, and what only ended in the next.

    An ordinary call that falls into the same cell as a step is lost in it: nobody could tell them apart.
    """
    made: dict[Key, str] = {}
    ended: dict[Key, str] = {}
    for step in steps:
        hour = int(step.time // 3600)
        made[step.actor, step.action, hour] = step.campaign
        if step.time % 3600 >= 3600 - SPILL:
            ended[step.actor, step.action, hour + 1] = step.campaign
    return [cell._replace(campaign=made.get(cell.key, "" if cell.began else ended.get(cell.key, ""))) for cell in cells]
