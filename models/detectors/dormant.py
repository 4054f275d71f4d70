"""Dormant: an identity that has been silent for unusually long wakes and acts.

Why it matters: forgotten accounts and old secrets have no owner who would notice. How long is long depends on the
identity's own gaps and on those of its kind; what it does on waking counts more when it never did that before.
"""

import math
from collections.abc import Mapping, Sequence
from sys import intern
from typing import Any, ClassVar

from models.detectors.anomalies import NO_EVIDENCE, Anomaly
from models.detectors.contract import Card, Declaration, Memory
from models.detectors.counterfactual import imagined, least_below, more_of
from models.detectors.examples import TEAM, Activity, Example, daily, weekdays
from models.detectors.sensitivity import SENSITIVE, weighing
from models.detectors.stateful import StatefulDetector
from models.statistics import (
    Backoff,
    Headcount,
    Keyed,
    Lessons,
    SurvivalFunction,
    UserDays,
    UserDayState,
    added,
    odds,
    reached,
    stage_of,
    surprise,
    tried,
)
from models.stream import ActorBucket, Cell, Crowd, Json, Part, fields

NAME = "dormant"
_LEAST = 3  # days from one active day to the next: a weekend
_RUNGS = 8  # rung j stands for 2**j days and more: up to eight months
_MOST_NEWS = 1.5  # of the surprise of the silence: a first time on a Monday is no dormant account
_TRUST = 0.85  # that a thing is new says more than how seldom others do it
_READ_WEIGHT = -1.0  # powers of ten that merely reading weighs less
_MOSTLY_HARMLESS = -2.5  # powers of ten: of those who wake, far fewer are stolen than of those who do something rare

CARD = Card(
    name=NAME,
    title="Silent for long, now active",
    what="An identity that has been silent for much longer than it and its kind usually are has become active.",
    why="Accounts of people who left, and secrets that nobody rotates, are found by those who look for them; their "
    "owners do not notice that they are used.",
    false_positives=(
        "Somebody back from a long leave, or an administrator who is seldom needed.",
        "A yearly or half-yearly job, an emergency account in a drill.",
        "A project that is taken up again.",
    ),
    response=(
        "Should this identity still exist? Ask for its owner; look when its secrets and roles were last reviewed.",
        "Read what it did on waking: its old work, or looking around, granting, reading secrets?",
        "Compare address and sign-in with those of its last active days.",
        "If nobody vouches for it: disable it, which costs a dormant identity nothing, and undo what it did.",
    ),
    mitre=("TA0001/T1078.004", "TA0003/T1098.001", "TA0005/T1550.001"),
)
DECLARATION = Declaration(
    card=CARD,
    threshold=72.0,
    terms=("silence", "mostly_harmless", "action", "sensitivity", "read"),
    evidence=("silence", "action", "identities"),
    speaks=Example(
        "People work on weekdays; one of them falls silent for two months, then grants somebody a role.",
        before=[*daily(weekdays(110), *TEAM), *daily(weekdays(50), "ida")],
        then=[Activity("ida", "microsoft.authorization/roleassignments/write", 110)],
        says="Active again after 61 days",
    ),
    silent=Example(
        "People work on weekdays; one of them comes back after a weekend, and does something new.",
        before=daily(weekdays(110), *TEAM, "ida"),
        then=[Activity("ida", "microsoft.authorization/roleassignments/write", 112)],
    ),
)


class DormantState(UserDayState):
    """When an identity was active, and a sketch of what it has tried.

    Attributes
    ----------
    gap
        Days from the active day before the newest to that one; 0 for the first.
    gaps
        How often its gaps were how long (`SurvivalFunction`).
    mask_of_tried
        What it has tried (`bloom_mask`).
    """

    __slots__ = ("gap", "gaps", "mask_of_tried")

    def __init__(self) -> None:
        super().__init__()
        self.gap = 0
        self.gaps = b""
        self.mask_of_tried = 0

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        tried = f"{self.mask_of_tried:x}"
        return {"user_day": super().row(), "gap": self.gap, "gaps": self.gaps.hex(), "mask_of_tried": tried}

    def restore(self, row: Any) -> None:
        """Become what `row` gave."""
        user_day, gap, gaps, mask_of_tried = fields("state", row, "user_day", "gap", "gaps", "mask_of_tried")
        super().restore(user_day)
        self.gap, self.gaps, self.mask_of_tried = int(gap), bytes.fromhex(gaps), int(mask_of_tried, 16)


class Dormant(StatefulDetector[DormantState]):
    """Scores what an identity does on the day on which it wakes: at once everything, later only what is new to it.

    Parameters
    ----------
    explain_from
        Score from which an anomaly carries its explanation.
    max_identities
        Identities remembered: an identity that is forgotten cannot be missed.
    half_life_days
        Days after which a gap of the population counts half.
    sensitive
        Additional surprise, in powers of ten, by operation (`sensitivity`), of what is new to it.
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
        self.survival = SurvivalFunction(rungs=_RUNGS, half_life=half_life_days * 24.0)
        self.backoff = Backoff()
        self.user_days = UserDays(floor=0.5, prior=0.03, location=1.0, slope=0.5, looks=looks)
        self.headcount = Headcount()
        self._states = Keyed(max_identities, DormantState)

    def score(self, seen: ActorBucket, crowd: Crowd) -> list[Anomaly]:
        """Judge each cell with an attempt of an identity that has just woken."""
        state, hours = self._states.get(seen.actor.id), seen.bucket.hours
        if state is None:
            return []
        day = int(hours // 24.0)
        waking = day > state.day
        gap = day - state.day if waking else state.gap
        if gap < _LEAST or day < state.day:
            return []
        gaps, anomalies = state.gaps if waking else _without(state.gaps, _rung(gap)), []
        for cell in seen.cells:
            if not cell.attempts or not (waking or not tried(state.mask_of_tried, cell.action)):
                continue
            terms = self._terms(state, gaps, gap, seen, cell)
            total = max(0.0, sum(terms.values()))
            score, why, facts = self.user_days.score(total), "", NO_EVIDENCE
            if score >= self.explain_from:
                facts = self._facts(state, gaps, gap, seen, cell, terms, total)
                why = _sentence(facts)
            anomaly = Anomaly(NAME, seen.actor, seen.bucket, cell, round(score, 2), round(total, 4), why, facts)
            anomalies.append(anomaly._replace(sensitivity=terms.get("sensitivity", 0.0)))
        return anomalies

    def learn(self, seen: ActorBucket, crowd: Crowd, scored: Sequence[Anomaly], lessons: Lessons) -> None:
        """Count the gap that has ended, and remember what was tried."""
        state, hours, kind = self._states.touch(seen.actor.id, lessons), seen.bucket.hours, seen.actor.kind
        day, before = int(hours // 24.0), state.day
        if day > before:
            state.gap = day - before if before >= 0 else 0
            if before >= 0:
                self.survival.learn(_group(kind, state.gaps), _rung(state.gap), lessons.by_number["survival"])
                state.gaps = reached(state.gaps, _rung(state.gap))
        worst = max(anomaly.surprise for anomaly in scored) if scored else 0.0
        self.user_days.learn(state, hours, lessons.by_number["user_days"], worst)
        for cell in seen.cells:
            if cell.attempts and not tried(state.mask_of_tried, cell.action):
                state.mask_of_tried = added(state.mask_of_tried, cell.action)
                lessons.by_name["backoff"][kind][intern(cell.action)] += 1

    def teach(self, lessons: Lessons) -> None:
        """Apply gaps, first attempts and user-days."""
        self.headcount.teach(lessons)
        self.survival.teach(lessons.by_number["survival"], lessons.hours)
        self.user_days.teach(lessons.by_number["user_days"])
        self.backoff.teach(lessons.by_name["backoff"])

    def _parts(self) -> dict[str, Part]:
        return {
            "identities": self.headcount,
            "user_days": self.user_days,
            "survival": self.survival,
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

    def _terms(self, state: DormantState, gaps: bytes, gap: int, seen: ActorBucket, cell: Cell) -> dict[str, float]:
        """Return the named surprises of a cell after a silence of `gap` days, for somebody used to `gaps`."""
        steps = self.survival.steps(_group(seen.actor.kind, gaps), _rung(gap), seen.bucket.hours)
        terms = {"silence": surprise(self.survival.probability(steps, gaps)), "mostly_harmless": _MOSTLY_HARMLESS}
        if not tried(state.mask_of_tried, cell.action):
            novelty = surprise(math.pow(self.backoff.probability(cell.action, seen.actor.kind), _TRUST))
            terms["action"] = min(novelty, _MOST_NEWS * terms["silence"])
            if weight := self.weigh(cell.action):
                terms["sensitivity"] = weight
        if cell.action.endswith("/read"):
            terms["read"] = _READ_WEIGHT
        return terms

    def _facts(
        self,
        state: DormantState,
        gaps: bytes,
        gap: int,
        seen: ActorBucket,
        cell: Cell,
        terms: Mapping[str, float],
        total: float,
    ) -> dict[str, Json]:
        """Return every number that the surprise came from."""
        steps = self.survival.steps(_group(seen.actor.kind, gaps), _rung(gap), seen.bucket.hours)
        return {
            "surprise": total,
            "terms": dict[str, Json](terms),
            "silence": {
                "days": gap,
                "at_least": 1 << _rung(gap),
                "steps": list[Json](steps),
                "own": list[Json](gaps.ljust(len(steps) + 1, b"\0")),
                "own_strength": self.survival.own_strength,
                "probability": self.survival.probability(steps, gaps),
            },
            "action": {
                "new": "action" in terms,
                "base": self.backoff.probability(cell.action, seen.actor.kind),
                "trust": _TRUST,
                "most": _MOST_NEWS,
                "identities_with_action": self.backoff.adopters(cell.action),
            },
            "identities": self.headcount.known,
            "user_day": self.user_days.facts(total),
            "changes": self._changes(state, gaps, gap, seen, cell),
        }

    def _changes(self, state: DormantState, gaps: bytes, gap: int, seen: ActorBucket, cell: Cell) -> dict[str, Json]:
        """Imagine shorter silences, down to one that is not judged, and that so long a one has recurred so often."""

        def score(known: bytes, days: int) -> float:
            return self.user_days.score(max(0.0, sum(self._terms(state, known, days, seen, cell).values())))

        shorter = [days for rung in range(_rung(gap), 1, -1) if (days := (1 << rung) - 1) >= _LEAST]
        recurred = [gaps]
        for _ in range(10):
            recurred.append(reached(recurred[-1], _rung(gap)))
        return {
            "days": [*imagined(shorter, lambda days: score(gaps, days)), [_LEAST - 1, None]],
            "times": imagined(range(1, 11), lambda times: score(recurred[times], gap)),
        }

    @staticmethod
    def counterfactual(changes: Mapping[str, Any], threshold: float) -> str:
        """Say how short a silence would have been ordinary, and how often so long a one would have to recur to be."""
        days = least_below(changes["days"], threshold)
        said = f"Would be ordinary after at most {days} {'day' if days == 1 else 'days'} of silence"
        if times := least_below(changes["times"], threshold):
            said += f", or once it has been silent for so long {more_of(times, 'time')}"
        return f"{said}."


def _sentence(facts: Mapping[str, Any]) -> str:
    """Say in one sentence why waking is unusual.

    >>> _sentence({"silence": {"days": 47, "at_least": 32, "own": [60, 12, 1, 0, 0, 0], "probability": 0.0002},
    ...           "action": {"new": True, "identities_with_action": 3}, "identities": 300, "terms": {}})
    'Active again after 47 days; none of its 60 gaps so far was of 32 days or more; the chance of so long \
a gap was 1 in 5,000; it never did this before, 3 of 300 known identities ever did.'
    """
    silence, action = facts["silence"], facts["action"]
    own, longer = silence["own"][0], silence["own"][-1]
    at_least = f"of {silence['at_least']} days or more"
    if own > 1:
        known = f"{longer or 'none'} of its {own} gaps so far {'was' if longer < 2 else 'were'} {at_least}"
    elif own:
        known = f"its only gap so far {'was' if longer else 'was not'} {at_least}"
    else:
        known = "it had been active on one day only"
    parts = [
        f"Active again after {silence['days']} days",
        known,
        f"the chance of so long a gap was {odds(silence['probability'])}",
    ]
    if action["new"]:
        having = action["identities_with_action"] or "none"
        parts.append(f"it never did this before, {having} of {facts['identities']} known identities ever did")
    if "sensitivity" in facts["terms"]:
        parts.append("the operation is a sensitive one")
    return "; ".join(parts) + "."


def _rung(gap: int) -> int:
    return min(_RUNGS, gap.bit_length() - 1)


def _without(gaps: bytes, rung: int) -> bytes:
    """Take one gap back: on the day on which an identity wakes, that gap does not explain itself."""
    return bytes(max(0, count - (at <= rung)) for at, count in enumerate(gaps))


def _group(kind: str, gaps: bytes) -> str:
    """Return whose gaps to compare with: of the same kind, and about as well known."""
    return intern(f"{kind}/{stage_of(gaps[0] if gaps else 0)}")
