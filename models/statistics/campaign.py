"""What an identity did for the first time in the last weeks that an intruder needs: one entry a tactic.

An intruder who is in no hurry does one thing today and another in two days. Somebody's new duty repeats one
tactic; who reads secrets, grants roles and runs commands for the first time within two weeks has begun something. Which
operations these are, and what an entry weighs, is the detectors' to say.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from models.statistics.decay import faded
from models.stream import Json, fields

_NEGLIGIBLE = 0.1


class CampaignEntry(NamedTuple):
    """One first time: of which tactic, which operation, when (hours from the epoch), and what it weighed then."""

    tactic: str
    action: str
    hours: float
    value: float

    @classmethod
    def of(cls, tactic: str, action: str, hours: float, value: float) -> "CampaignEntry":
        """Make one; the value is rounded, so that it is the same in an explanation and in the state."""
        return cls(str(tactic), action, hours, round(value, 4))

    @property
    def service(self) -> str:
        """The provider of the operation."""
        return self.action.partition("/")[0]

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        return {**self._asdict()}

    @classmethod
    def from_row(cls, row: Any) -> "CampaignEntry":
        """Restore what `row` gave."""
        tactic, action, hours, value = fields("campaign entry", row, *cls._fields)
        return cls(str(tactic), str(action), float(hours), float(value))


Campaign = tuple[CampaignEntry, ...]
NO_CAMPAIGN: Campaign = ()


class CampaignRule(NamedTuple):
    r"""How first times of several tactics add up over weeks.

    A cell that is itself such a first time, of tactic t in service s, is raised by

    .. math:: share \cdot \min(most, \sum_{tactics \ne t} \max_{entries\ not\ of\ s} value \cdot 2^{-age / half\_life})

    So it counts how many tactics there are, and not how often one is used, nor how many operations of one service: a
    new project touches one service, an intruder several.

    Attributes
    ----------
    share
        Of what other tactics weigh.
    half_life
        Hours after which an entry weighs half.
    most
        Bound of their sum.
    floor
        What is taken off the surprise of a cell to make the value of its entry.

    Examples
    --------
    >>> rule = CampaignRule(share=0.5, half_life=240.0)
    >>> role = CampaignEntry("power", "authorization/roleassignments/write", 0.0, 2.0)
    >>> [rule.around([role], hours, "secrets", "storage") for hours in (0.0, 240.0)]
    [1.0, 0.5]
    >>> rule.around([role], 0.0, "power", "storage"), rule.around([role], 0.0, "blinding", "authorization")
    (0.0, 0.0)
    """

    share: float = 0.4
    half_life: float = 240.0
    most: float = 6.0
    floor: float = 2.0

    def around(self, entries: Iterable[CampaignEntry], hours: float, tactic: str, service: str) -> float:
        """Return by how much entries of other tactics and services raise a first time at `hours`."""
        others = self._others(entries, hours, tactic, service)
        return self.share * min(self.most, sum(self._worth(entry, hours) for entry in others))

    def facts(self, entries: Iterable[CampaignEntry], hours: float, tactic: str, service: str) -> dict[str, Json]:
        """Return the same with the entries that it comes from, for an explanation."""
        others = self._others(entries, hours, tactic, service)
        return {
            "share": self.share,
            "half_life": self.half_life,
            "most": self.most,
            "entries": [{**entry.row(), "worth": self._worth(entry, hours)} for entry in others],
        }

    def after(self, campaign: Campaign, new: Iterable[CampaignEntry], hours: float) -> Campaign:
        """Return the entries with new ones: of each tactic the one that weighs most at `hours`, in their order."""
        kept = self._best((*campaign, *new), hours)
        return tuple(entry for entry in kept if self._worth(entry, hours) >= _NEGLIGIBLE)

    def _others(
        self, entries: Iterable[CampaignEntry], hours: float, tactic: str, service: str
    ) -> Sequence[CampaignEntry]:
        return self._best((one for one in entries if one.tactic != tactic and one.service != service), hours)

    def _best(self, entries: Iterable[CampaignEntry], hours: float) -> Sequence[CampaignEntry]:
        best: dict[str, CampaignEntry] = {}
        for entry in entries:
            known = best.get(entry.tactic)
            if known is None or (self._worth(entry, hours), entry) > (self._worth(known, hours), known):
                best[entry.tactic] = entry
        return [best[name] for name in sorted(best)]

    def _worth(self, entry: CampaignEntry, hours: float) -> float:
        return faded(entry.value, max(0.0, hours - entry.hours), self.half_life)
