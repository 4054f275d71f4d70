"""What is remembered of one identity: what it usually does, from where, and what was odd of late.

A plain record with a compact row for the snapshot. How it is filled and read is left to `rarity` and the detectors.
"""

from sys import intern
from typing import Any

from models.statistics.accumulation import NONE, Accumulated
from models.statistics.places import NOWHERE, Places, shared
from models.statistics.rhythm import day_of
from models.statistics.weights import Weights
from models.stream import Json


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
    """

    __slots__ = (
        "actions", "buckets", "day", "days", "evidence", "held", "inventions", "kind", "last_hours", "networks",
        "novel", "rhythm", "scopes", "today", "weight", "worst",
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

    def usual(self, number: int = 5) -> list[str]:
        """Return the actions done most, most frequent first."""
        known = self.actions.plain()
        return sorted(known, key=lambda action: (-known[action], action))[:number]

    def row(self) -> list[Json]:
        """Return a plain row that `restored` reads."""
        counts: list[Json] = [
            self.weight, self.buckets, self.day, self.days, self.today, self.novel, self.inventions, self.last_hours,
            self.worst,
        ]  # fmt: skip
        held: Json = None if self.held is None else dict[str, Json](self.held)
        return [
            self.kind,
            counts,
            dict[str, Json](self.actions.plain()),
            held,
            [list[Json](self.networks.names), self.networks.moves],
            [list[Json](self.scopes.names), self.scopes.moves],
            [self.evidence.value, self.evidence.hours, list[Json](self.evidence.anomalies)],
            self.rhythm.hex(),
        ]

    def restore(self, row: list[Any]) -> None:
        """Become what `row` gave; names shared by many identities are kept once."""
        kind, counts, actions, held, networks, scopes, evidence, rhythm = row
        self.kind = intern(str(kind))
        self.weight, self.last_hours, self.worst = float(counts[0]), float(counts[7]), float(counts[8])
        self.buckets, day, self.days, self.today, self.novel, self.inventions = (int(c) for c in counts[1:7])
        self.day = day_of(24.0 * day)
        self.actions = Weights({intern(str(action)): float(weight) for action, weight in actions.items()})
        self.held = None if held is None else {intern(str(action)): int(day) for action, day in held.items()}
        self.networks = shared(tuple(intern(str(name)) for name in networks[0]), int(networks[1]))
        self.scopes = shared(tuple(intern(str(name)) for name in scopes[0]), int(scopes[1]))
        self.evidence = Accumulated(float(evidence[0]), float(evidence[1]), tuple(str(id_) for id_ in evidence[2]))
        self.rhythm = bytes.fromhex(str(rhythm))
        if not self.evidence.value:
            self.evidence = NONE
