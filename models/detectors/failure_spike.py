"""Failure spike: unusually many different operations of one identity fail within a quarter of an hour.

Why it matters: whoever tries doors tries many. Which of the failures are odd is `rare_failure`'s; here only their
number counts, so that it finds what is odd by number alone, and stays silent about one odd refusal.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple

from models.detectors.anomalies import NO_EVIDENCE, Anomaly
from models.detectors.contract import Card, Declaration, Memory
from models.detectors.counterfactual import imagined, least_below, more_of
from models.detectors.examples import TEAM, Activity, Example, daily
from models.detectors.stateful import StatefulDetector
from models.statistics import Keyed, Lessons, SurvivalFunction, UserDays, UserDayState, odds, reached, surprise
from models.stream import ActorBucket, Cell, Crowd, Json, Outcome, Part, fields

NAME = "failure_spike"
_SLICE = timedelta(minutes=15)
_LEAST = 3  # two are a coincidence
_MOST = 16  # failing operations that are told apart
_OF_ONE_SERVICE = 2  # count: a service that is down makes everything in it fail, an intruder is refused here and there
_DENIAL_WEIGHT = 1.0  # powers of ten that it weighs more when all of them were refusals

CARD = Card(
    name=NAME,
    title="Many different operations failed within minutes",
    what="An identity saw unusually many different operations fail within a quarter of an hour.",
    why="Somebody who holds a stolen identity, or a tool that lists what it may do, tries one thing after another; "
    "a person or a pipeline that is refused usually tries the same thing again.",
    false_positives=(
        "A deployment whose parts all fail, because a role, a quota or a name is wrong.",
        "A role that was taken away from a pipeline with a long programme.",
        "A scanner or an inventory tool on its first day.",
    ),
    response=(
        "Read the failed operations in order: looking for secrets and rights, or the steps of one deployment?",
        "See which ones did succeed in between, and from which address all of them came.",
        "Ask whoever owns the identity; compare with its sign-ins of the last hour.",
        "If nobody can explain it: revoke sessions, rotate secrets, and look at what was refused as a list of targets.",
    ),
    mitre=("TA0007/T1526", "TA0007/T1580", "TA0007/T1069.003", "TA0001/T1078.004"),
)
DECLARATION = Declaration(
    card=CARD,
    threshold=70.0,
    terms=("spike", "denials"),
    evidence=("spike",),
    speaks=Example(
        "People at work; one of them is refused at seven different doors within minutes.",
        before=daily(range(30), *TEAM),
        then=[Activity("ann", f"microsoft.door{n}/things/read", 30, 9 + n / 30, Outcome.DENIED) for n in range(7)],
        says="7 different operations failed within 15 minutes, all of them refused",
    ),
    silent=Example(
        "People at work; for one of them everything fails in a service that is down.",
        before=daily(range(30), *TEAM),
        then=[Activity("ann", f"microsoft.web/thing{n}/write", 30, 9 + n / 30, Outcome.FAILURE) for n in range(7)],
    ),
)


class Spike(NamedTuple):
    """One failing cell, and how many operations have failed in the quarter of an hour that ends with it."""

    cell: Cell
    operations: int
    denied: int


class FailureSpikeState(UserDayState):
    """How often an identity was active, and how often so many of its operations failed together.

    Attributes
    ----------
    rungs
        Active buckets by how many failed together at most (`SurvivalFunction`).
    """

    __slots__ = ("rungs",)

    def __init__(self) -> None:
        super().__init__()
        self.rungs = b""

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        return {"user_day": super().row(), "rungs": self.rungs.hex()}

    def restore(self, row: Any) -> None:
        """Become what `row` gave."""
        user_day, rungs = fields("state", row, "user_day", "rungs")
        super().restore(user_day)
        self.rungs = bytes.fromhex(rungs)


class FailureSpike(StatefulDetector[FailureSpikeState]):
    """Counts different failing operations within a quarter of an hour, and scores the third and later ones.

    Parameters
    ----------
    explain_from
        Score from which an anomaly carries its explanation.
    max_identities
        Identities remembered.
    half_life_days
        Days after which an active hour of the population counts half.
    looks
        How many detectors look at every user-day like this one (`UserDays`).
    """

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(
        self,
        explain_from: float = 40.0,
        max_identities: int = 200_000,
        half_life_days: float = 30.0,
        looks: float = 1.0,
    ) -> None:
        self.explain_from = explain_from
        self.survival = SurvivalFunction(rungs=_MOST, strength=100.0, own_strength=5.0, half_life=half_life_days * 24.0)
        self.user_days = UserDays(floor=2.0, prior=0.002, location=2.0, slope=0.5, looks=looks)
        self._states = Keyed(max_identities, FailureSpikeState)

    def score(self, seen: ActorBucket, crowd: Crowd) -> list[Anomaly]:
        """Judge each cell that fails with enough others in the quarter of an hour before it."""
        spikes = [spike for spike in _spikes(seen) if spike.operations >= _LEAST]
        if not spikes:
            return []
        actor, hours, anomalies = seen.actor, seen.bucket.hours, []
        state = self._states.get(actor.id)
        own = state.rungs if state is not None else b""
        for spike in spikes:
            terms = self._terms(spike, actor.kind, hours, own)
            total = sum(terms.values())
            score, why, facts = self.user_days.score(total), "", NO_EVIDENCE
            if score >= self.explain_from:
                facts = self._facts(spike, actor.kind, hours, own, terms, total)
                why = _sentence(facts)
            anomalies.append(
                Anomaly(NAME, actor, seen.bucket, spike.cell, round(score, 2), round(total, 4), why, facts)
            )
        return anomalies

    def learn(self, seen: ActorBucket, crowd: Crowd, scored: Sequence[Anomaly], lessons: Lessons) -> None:
        """Learn how many failed together at most."""
        state, worst = self._states.touch(seen.actor.id), max(one.surprise for one in scored) if scored else 0.0
        self.user_days.learn(state, seen.bucket.hours, lessons.by_number["user_days"], worst)
        if seen.cells[0].late:
            return  # the hour has been counted, with what was known of it then
        most = max((spike.operations for spike in _spikes(seen)), default=0)
        self.survival.learn(seen.actor.kind, most, lessons.by_number["survival"])
        state.rungs = reached(state.rungs, most)

    def teach(self, lessons: Lessons) -> None:
        """Apply active hours and user-days."""
        self.survival.teach(lessons.by_number["survival"], lessons.hours)
        self.user_days.teach(lessons.by_number["user_days"])

    def _parts(self) -> dict[str, Part]:
        return {"user_days": self.user_days, "survival": self.survival}

    def memory(self) -> Memory:
        """Say how much is held."""
        return Memory(
            keys=len(self._states),
            entries=len(self._states),
            evicted=self._states.evicted,
            warmth=self.user_days.warmth,
        )

    def _terms(self, spike: Spike, kind: str, hours: float, own: bytes) -> dict[str, float]:
        """Return the named surprises of a spike."""
        terms = {"spike": surprise(self.survival.probability(self.survival.steps(kind, spike.operations, hours), own))}
        if spike.denied:
            terms["denials"] = _DENIAL_WEIGHT * spike.denied / spike.operations
        return terms

    def _facts(
        self, spike: Spike, kind: str, hours: float, own: bytes, terms: dict[str, float], total: float
    ) -> dict[str, Json]:
        """Return every number that the surprise came from."""
        steps = self.survival.steps(kind, spike.operations, hours)
        counts = own.ljust(len(steps) + 1, b"\0")
        return {
            "surprise": total,
            "terms": dict[str, Json](terms),
            "spike": {
                "failing_operations": spike.operations,
                "denied": spike.denied,
                "minutes": _SLICE.total_seconds() / 60.0,
                "denial_weight": _DENIAL_WEIGHT,
                "steps": list[Json](steps),
                "own": list[Json](counts),
                "own_strength": self.survival.own_strength,
                "probability": self.survival.probability(steps, own),
                "probability_for_its_kind": self.survival.probability(steps),
            },
            "user_day": self.user_days.facts(total),
            "changes": self._changes(spike, kind, hours, own),
        }

    def _changes(self, spike: Spike, kind: str, hours: float, own: bytes) -> dict[str, Json]:
        """Imagine fewer failures, down to as few as are not judged, and that it has happened so often."""

        def score(count: int, known: bytes) -> float:
            fewer = Spike(spike.cell, count, min(spike.denied, count))
            return self.user_days.score(sum(self._terms(fewer, kind, hours, known).values()))

        recurred = [own]
        for _ in range(10):
            recurred.append(reached(recurred[-1], spike.operations))
        fewer = range(spike.operations - 1, _LEAST - 1, -1)
        return {
            "operations": [*imagined(fewer, lambda count: score(count, own)), [_LEAST - 1, None]],
            "hours": imagined(range(1, 11), lambda times: score(spike.operations, recurred[times])),
        }

    @staticmethod
    def counterfactual(changes: Mapping[str, Any], threshold: float) -> str:
        """Say how many failures would have been ordinary, and how often it would have to recur to be."""
        said = f"Would be ordinary with {least_below(changes['operations'], threshold)} of them"
        if hours := least_below(changes["hours"], threshold):
            said += f" or after {more_of(hours, 'such hour')}"
        return f"{said}."


def _sentence(facts: Mapping[str, Any]) -> str:
    """Say in one sentence why so many failures are unusual.

    >>> _sentence({"spike": {"failing_operations": 6, "denied": 5, "minutes": 15.0, "own": [120, 4, 1, 0, 0, 0, 0],
    ...                     "probability_for_its_kind": 0.0004}})
    '6 different operations failed within 15 minutes, 5 of them refused; in 120 active hours of its own at most 2 did; \
1 in 2,500 of the active hours of its kind get that far.'
    """
    spike = facts["spike"]
    count, denied, own = spike["failing_operations"], spike["denied"], spike["own"]
    refused = f", {'all' if denied == count else denied} of them refused" if denied else ""
    most = max((rung for rung, times in enumerate(own) if times), default=0)
    known = (
        f"in {f'{own[0]} active hours' if own[0] > 1 else 'the one active hour'} of its own "
        f"{f'at most {most}' if most else 'none ever'} did"
        if own[0]
        else "this identity has not been seen before"
    )
    return (
        f"{count} different operations failed within {spike['minutes']:.0f} minutes{refused}; {known}; "
        f"{odds(spike['probability_for_its_kind'])} of the active hours of its kind get that far."
    )


def _spikes(seen: ActorBucket) -> list[Spike]:
    """Return for each failing cell what has failed in the quarter of an hour before it, at most two a service.

    A cell fails when its first telling failure says so: the sample shows those first.
    """
    failing: list[tuple[datetime, str, Cell]] = []
    for cell in seen.cells:
        if cell.failures or cell.denials:
            told = cell.sample[0] if cell.sample and cell.sample[0].outcome.failed else None
            failing.append((told.time if told else cell.first_time, cell.action, cell))
    if not failing:
        return []
    failing.sort(key=lambda one: one[:2])
    spikes, first = [], 0
    for number, (time, _, cell) in enumerate(failing):
        while failing[first][0] <= time - _SLICE:
            first += 1
        count = denied = 0
        services: Counter[str] = Counter()
        for _, _, other in failing[first : number + 1]:
            services[other.service] += 1
            if services[other.service] <= _OF_ONE_SERVICE:
                count += 1
                denied += other.denials > 0
        spikes.append(Spike(cell, min(count, _MOST), min(denied, _MOST)))
    return spikes
