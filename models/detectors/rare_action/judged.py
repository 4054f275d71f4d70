"""A cell as it is judged by itself: its terms, and what everyday work around it takes off.

How its terms come about is the detector's business.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from models.detectors.routine_context import RoutineCell, discount, routine_context
from models.detectors.sensitivity import tactic
from models.statistics import CampaignEntry, CampaignRule
from models.stream import Cell

CONTEXT_FLOOR = 1.5  # surprise from which the context is looked at
CAMPAIGN = CampaignRule()
GUARDED_FROM = 0.6  # sensitivity from which an identity cannot make an operation much likelier by what else it does
_OF_CAMPAIGN = 0.25  # of its routine context counts for a sensitive thing in an hour of several tactics: work is cover
_NO_COVER_FROM = 2.0  # sensitivity from which that is so in any hour


class Judged(NamedTuple):
    """A cell by itself.

    Attributes
    ----------
    cell, alone
        What it is of, and its surprise without what is around it.
    terms
        What that is made of; None for an everyday cell.
    session
        Services that were touched before it in its hour.
    begins
        Whether intruders need it, and the identity has never done it, or so lately that its first time is still on its
        account of a campaign: what intruders need does not become ordinary by repetition alone.
    """

    cell: Cell
    alone: float
    terms: dict[str, float] | None = None
    session: tuple[str, ...] = ()
    begins: bool = False

    @property
    def tactic(self) -> str:
        """What an intruder wants of it."""
        return tactic(self.cell.action)

    def amid(self, work: Sequence[RoutineCell], tactics: int) -> "Judged":
        """Return what it comes to amid everyday work, in an hour with beginnings of so many tactics."""
        if self.terms is None or self.alone <= CONTEXT_FLOOR or not (usual := routine_context(self.cell, work)):
            return self
        sensitive = self.terms.get("sensitivity", 0.0)
        cover = sensitive >= _NO_COVER_FROM or (sensitive >= GUARDED_FROM and tactics > 1)
        share = _OF_CAMPAIGN if cover else 1.0
        terms = {**self.terms, "company": share * discount(usual, self.alone - CONTEXT_FLOOR)}
        return self._replace(terms=terms, alone=sum(terms.values()))


def begun(judged: Iterable[Judged], hours: float) -> list[CampaignEntry]:
    """Return what the beginnings of a bucket are of a campaign."""
    return [
        CampaignEntry.of(one.tactic, one.cell.action, hours, one.alone - CAMPAIGN.floor)
        for one in judged
        if one.begins and one.alone > CAMPAIGN.floor
    ]
