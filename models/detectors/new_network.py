"""New network: an identity does for the first time what few of its peers do, from a network new to it.

Why it matters: stolen tokens and secrets are used from elsewhere, and for something else. Either alone happens to
everybody who travels or learns; how often each happens is learnt by kind of identity, never listed: a service
principal that has never moved surprises more than a person on a train.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from sys import intern
from typing import Any, ClassVar

from models.detectors.anomalies import NO_EVIDENCE, Anomaly
from models.detectors.contract import Card, Declaration, Memory
from models.detectors.counterfactual import imagined, least_below, more_of
from models.detectors.examples import ELSEWHERE, TEAM, Activity, Example, daily
from models.detectors.sensitivity import SENSITIVE, weighing
from models.detectors.stateful import StatefulDetector
from models.statistics import (
    NOWHERE,
    Backoff,
    Headcount,
    Keyed,
    Lessons,
    NoveltyRate,
    Places,
    UserDays,
    UserDayState,
    added,
    network,
    odds,
    surprise,
    tried,
)
from models.stream import ActorBucket, Cell, Crowd, Json, Part, fields

NAME = "new_network"
_NETWORK, _ACTION = range(2)  # aspects of novelty
_TRUST = 0.85  # that a thing is new says more than how seldom others do it
_MOSTLY_HARMLESS = -2.0  # powers of ten: people travel more often than they are robbed

CARD = Card(
    name=NAME,
    title="New network, and something it never did before",
    what="An identity came from a network that it had never used, and did there what it had never done and few do.",
    why="A token or a secret that was stolen is used from the thief's machine, not from the owner's, and seldom for "
    "the owner's work.",
    false_positives=(
        "Somebody who travels, or changes provider, on the day of a new task.",
        "A pipeline that moved to other build agents together with a new step.",
        "A first use of the cloud shell or of a new bastion.",
    ),
    response=(
        "Whose is the address: the company's, a cloud's, an anonymiser's? What else came from it in these days?",
        "Compare with the identity's sign-ins: the same address, a token from elsewhere, a device nobody knows?",
        "Ask the owner through another channel whether they were there and did this.",
        "If not: revoke sessions, rotate secrets and certificates, and undo what was done from there.",
    ),
    mitre=("TA0001/T1078.004", "TA0006/T1528", "TA0005/T1550.001", "TA0008/T1021.007"),
)
DECLARATION = Declaration(
    card=CARD,
    threshold=70.0,
    terms=("network", "action", "mostly_harmless", "sensitivity"),
    evidence=("network", "action", "identities"),
    speaks=Example(
        "People at work in their office; with the account of one of them, keys are read from elsewhere.",
        before=daily(range(60), *TEAM),
        then=[Activity("ann", "microsoft.storage/storageaccounts/listkeys/action", 60, source=ELSEWHERE)],
        says="From the network 198.51.100, new to it",
    ),
    silent=Example(
        "People at work in their office; one of them does the usual work from elsewhere.",
        before=daily(range(60), *TEAM),
        then=daily([60], "ann", source=ELSEWHERE),
    ),
)


class NewNetworkState(UserDayState):
    """Where an identity has been, and a sketch of what it has tried.

    Attributes
    ----------
    buckets, novel
        Active buckets, and those with an action new to it.
    networks
        Networks known of it.
    mask_of_tried
        What it has tried (`bloom_mask`).
    """

    __slots__ = ("buckets", "mask_of_tried", "networks", "novel")

    def __init__(self) -> None:
        super().__init__()
        self.buckets = 0
        self.novel = 0
        self.networks: Places = NOWHERE
        self.mask_of_tried = 0

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        return {
            "user_day": super().row(),
            "buckets": self.buckets,
            "novel": self.novel,
            "networks": self.networks.row(),
            "mask_of_tried": f"{self.mask_of_tried:x}",
        }

    def restore(self, row: Any) -> None:
        """Become what `row` gave."""
        names = ("user_day", "buckets", "novel", "networks", "mask_of_tried")
        user_day, buckets, novel, networks, mask_of_tried = fields("state", row, *names)
        super().restore(user_day)
        self.buckets, self.novel, self.mask_of_tried = int(buckets), int(novel), int(mask_of_tried, 16)
        self.networks = Places.from_row(networks)


class NewNetwork(StatefulDetector[NewNetworkState]):
    """Scores each cell that is new to its identity in both respects.

    Parameters
    ----------
    explain_from
        Score from which an anomaly carries its explanation.
    max_identities
        Identities remembered.
    half_life_days
        Days after which what the population did counts half.
    sensitive
        Additional surprise, in powers of ten, by operation (`sensitivity`).
    looks
        How many detectors look at every user-day like this one (`UserDays`).
    """

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(
        self,
        explain_from: float = 40.0,
        max_identities: int = 200_000,
        half_life_days: float = 60.0,
        sensitive: Mapping[str, float] = SENSITIVE,
        looks: float = 1.0,
    ) -> None:
        self.explain_from = explain_from
        self.weigh = weighing(sensitive)
        self.novelty = NoveltyRate(aspects=2, half_life=half_life_days * 24.0)
        self.backoff = Backoff()
        self.user_days = UserDays(floor=1.0, prior=0.02, location=1.5, slope=0.5, looks=looks)
        self.headcount = Headcount()
        self._states = Keyed(max_identities, NewNetworkState)

    def score(self, seen: ActorBucket, crowd: Crowd) -> list[Anomaly]:
        """Judge each cell with an attempt that is new in both respects, to an identity of which both are known."""
        state = self._states.get(seen.actor.id)
        if state is None or not state.networks.names:
            return []
        known, mask_of_tried, anomalies = state.networks.names, state.mask_of_tried, []
        for cell in seen.cells:
            if not cell.attempts or tried(mask_of_tried, cell.action):
                continue
            if all(network(address) in known for address in cell.addresses):
                continue
            terms = self._terms(state, cell, seen.actor.kind)
            total = max(0.0, sum(terms.values()))
            score, why, facts = self.user_days.score(total), "", NO_EVIDENCE
            if score >= self.explain_from:
                facts = self._facts(state, cell, seen.actor.kind, terms, total)
                why = _sentence(facts)
            anomaly = Anomaly(NAME, seen.actor, seen.bucket, cell, round(score, 2), round(total, 4), why, facts)
            anomalies.append(anomaly._replace(sensitivity=terms.get("sensitivity", 0.0)))
        return anomalies

    def learn(self, seen: ActorBucket, crowd: Crowd, scored: Sequence[Anomaly], lessons: Lessons) -> None:
        """Remember where the identity was and what it tried."""
        state, kind = self._states.touch(seen.actor.id, lessons), seen.actor.kind
        worst = max(anomaly.surprise for anomaly in scored) if scored else 0.0
        self.user_days.learn(state, seen.bucket.hours, lessons.by_number["user_days"], worst)
        cells = [cell for cell in seen.cells if cell.attempts]
        if not cells:
            return
        before, new = state.networks.moves, False
        state.networks = state.networks.visited(_networks(cells))
        for cell in cells:
            if not tried(state.mask_of_tried, cell.action):
                state.mask_of_tried = added(state.mask_of_tried, cell.action)
                lessons.by_name["backoff"][kind][intern(cell.action)] += 1
                new = True
        if not cells[0].late:
            moved = state.networks.moves > before
            self.novelty.learn(kind, state.buckets, (moved, new), lessons.by_number["novelty"])
            state.buckets += 1
            state.novel += new

    def teach(self, lessons: Lessons) -> None:
        """Apply moves, first attempts and user-days."""
        self.headcount.teach(lessons)
        self.user_days.teach(lessons.by_number["user_days"])
        self.novelty.teach(lessons.by_number["novelty"], lessons.hours)
        self.backoff.teach(lessons.by_name["backoff"])

    def _parts(self) -> dict[str, Part]:
        return {
            "identities": self.headcount,
            "user_days": self.user_days,
            "novelty": self.novelty,
            "backoff": self.backoff,
        }

    def memory(self) -> Memory:
        """Say how much is held."""
        return Memory(
            keys=len(self._states),
            entries=len(self._states) + self.backoff.actions(),
            evicted=self._states.evicted + self.backoff.evicted,
            warmth=self.user_days.warmth,
        )

    def _terms(self, state: NewNetworkState, cell: Cell, kind: str, peers: int = 0) -> dict[str, float]:
        """Return the named surprises of a cell; `peers` more identities are imagined to have done it."""
        moves = self.novelty.rate(kind, state.buckets, state.networks.moves, _NETWORK)
        novel = self.novelty.rate(kind, state.buckets, state.novel, _ACTION)
        base = self.backoff.probability(cell.action, kind, extra=peers)
        terms = {
            "network": surprise(moves),
            "action": surprise(novel * math.pow(base, _TRUST)),
            "mostly_harmless": _MOSTLY_HARMLESS,
        }
        if weight := self.weigh(cell.action):
            terms["sensitivity"] = weight
        return terms

    def _facts(
        self, state: NewNetworkState, cell: Cell, kind: str, terms: Mapping[str, float], total: float
    ) -> dict[str, Json]:
        """Return every number that the surprise came from."""
        base = self.backoff.probability(cell.action, kind)
        novel = self.novelty.rate(kind, state.buckets, state.novel, _ACTION)
        new = sorted({network(address) for address in cell.addresses} - set(state.networks.names))
        return {
            "surprise": total,
            "terms": dict[str, Json](terms),
            "network": {
                "new": list[Json](new),
                "known": list[Json](state.networks.names),
                "probability": self.novelty.rate(kind, state.buckets, state.networks.moves, _NETWORK),
                "moves": state.networks.moves,
                "active_buckets": state.buckets,
            },
            "action": {
                "novelty": novel,
                "base": base,
                "trust": _TRUST,
                "probability": novel * math.pow(base, _TRUST),
                "identities_with_action": self.backoff.adopters(cell.action),
            },
            "identities": self.headcount.known,
            "user_day": self.user_days.facts(total),
            "changes": self._changes(state, cell, kind),
        }

    def _changes(self, state: NewNetworkState, cell: Cell, kind: str) -> dict[str, Json]:
        """Imagine that so many more of its kind have done it."""

        def score(peers: int) -> float:
            return self.user_days.score(max(0.0, sum(self._terms(state, cell, kind, peers).values())))

        return {"identities": imagined((1, 2, 3, 5, 10), score)}

    @staticmethod
    def counterfactual(changes: Mapping[str, Any], threshold: float) -> str:
        """Say what would have kept it silent; from a known network nothing is judged at all."""
        said = "Would be ordinary from a network that it has used before"
        if peers := least_below(changes["identities"], threshold):
            said += f", or if {more_of(peers, 'identity')} of its kind had done this"
        return f"{said}."


def _sentence(facts: Mapping[str, Any]) -> str:
    """Say in one sentence why network and action together are unusual.

    >>> _sentence({"network": {"new": ["198.51.100"], "known": ["10.1.2", "10.1.3"], "probability": 0.004},
    ...           "action": {"identities_with_action": 2}, "identities": 300, "terms": {"sensitivity": 1.0}})
    'From the network 198.51.100, new to it (it is known from 2 others; a new one is expected in 1 in 250 of its \
active hours), it did this for the first time; 2 of 300 known identities ever did; the operation is a sensitive one.'
    """
    place, having = facts["network"], facts["action"]["identities_with_action"]
    others = len(place["known"])
    new, known = ", ".join(place["new"][:2]), f"it is known from {others or 'no'} {'others' if others > 1 else 'other'}"
    expected = f"a new one is expected in {odds(place['probability'])} of its active hours"
    parts = [
        f"From the network {new}, new to it ({known}; {expected}), it did this for the first time",
        f"{having or 'none'} of {facts['identities']} known identities ever did",
    ]
    if "sensitivity" in facts["terms"]:
        parts.append("the operation is a sensitive one")
    return "; ".join(parts) + "."


def _networks(cells: Collection[Cell]) -> set[str]:
    return {network(address) for cell in cells for address in cell.addresses}
