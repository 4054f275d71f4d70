"""What is remembered of one identity: what it usually does, from where, and what was odd of late.

A plain record with a compact row for the snapshot. How it is filled and read is left to `rarity` and the detectors.
"""

from sys import intern
from typing import Any

from models.statistics.accumulation import NONE, Accumulated
from models.statistics.campaign import NO_CAMPAIGN, Campaign, CampaignEntry
from models.statistics.places import NOWHERE, Places
from models.statistics.rhythm import day_of
from models.statistics.weights import Weights
from models.stream import Json, fields

FIELDS = (
    "kind", "weight", "buckets", "day", "days", "today", "actions", "novel", "inventions", "held", "networks",
    "scopes", "evidence", "last_hours", "worst", "rhythm", "campaign",
)  # fmt: skip


class Habit:
    """One identity's memory; weights are forward-decayed (`decay.growth`), times are hours from the epoch.

    Attributes
    ----------
    kind
        Sort of identity, as last seen.
    weight, buckets
        Active buckets: fading, with a daily cap, and plainly counted.
    day, days, today
        Last active day from the epoch, active days so far, active buckets of that day.
    actions
        Fading number of active buckets with each action.
    novel, inventions
        Buckets with something new; actions that it was the first of all to do.
    held
        Actions that were told as unusual and teach only from another day on: the day of that.
    networks, scopes
        Places that it acts from and in.
    evidence
        What was odd of late.
    last_hours
        Time of the last active bucket.
    worst
        Largest surprise of `day`.
    rhythm
        Active buckets by hour of the day (`rhythm`).
    campaign
        What it did for the first time in the last weeks that an intruder needs.
    """

    __slots__ = (
        "actions", "buckets", "campaign", "day", "days", "evidence", "held", "inventions", "kind", "last_hours",
        "networks", "novel", "rhythm", "scopes", "today", "weight", "worst",
    )  # fmt: skip

    def __init__(self) -> None:
        self.kind = ""
        self.weight = 0.0
        self.buckets = 0
        self.day = -1
        self.days = 0
        self.today = 0
        self.actions = Weights()
        self.novel = 0
        self.inventions = 0
        self.held: dict[str, int] | None = None
        self.networks: Places = NOWHERE
        self.scopes: Places = NOWHERE
        self.evidence: Accumulated = NONE
        self.last_hours = 0.0
        self.worst = 0.0
        self.rhythm = b""
        self.campaign: Campaign = NO_CAMPAIGN

    def usual(self, number: int = 5) -> list[str]:
        """Return the actions done most, most frequent first."""
        known = self.actions.plain()
        return sorted(known, key=lambda action: (-known[action], action))[:number]

    def began(self, action: str) -> bool:
        """Whether the first time of an action is still on the account of a campaign."""
        return any(entry.action == action for entry in self.campaign)

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        return {
            "kind": self.kind,
            "weight": self.weight,
            "buckets": self.buckets,
            "day": self.day,
            "days": self.days,
            "today": self.today,
            "actions": {**self.actions.plain()},
            "novel": self.novel,
            "inventions": self.inventions,
            "held": None if self.held is None else dict[str, Json](self.held),
            "networks": self.networks.row(),
            "scopes": self.scopes.row(),
            "evidence": self.evidence.row(),
            "last_hours": self.last_hours,
            "worst": self.worst,
            "rhythm": self.rhythm.hex(),
            "campaign": [entry.row() for entry in self.campaign],
        }

    def restore(self, row: Any) -> None:
        """Become what `row` gave; names shared by many identities are kept once."""
        kind, weight, buckets, day, days, today, actions, novel, inventions, held, *rest = fields("habit", row, *FIELDS)
        networks, scopes, evidence, last_hours, worst, rhythm, campaign = rest
        self.kind = intern(str(kind))
        self.weight, self.last_hours, self.worst = float(weight), float(last_hours), float(worst)
        self.buckets, self.days, self.today = int(buckets), int(days), int(today)
        self.novel, self.inventions = int(novel), int(inventions)
        self.day = day_of(24.0 * int(day))
        self.actions = Weights.from_row(actions)
        self.held = None if held is None else {intern(str(action)): int(one) for action, one in held.items()}
        self.networks, self.scopes = Places.from_row(networks), Places.from_row(scopes)
        self.evidence = Accumulated.from_row(evidence)
        self.rhythm = bytes.fromhex(str(rhythm))
        self.campaign = tuple(map(CampaignEntry.from_row, campaign))
