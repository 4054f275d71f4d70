"""Volume spike: far more deletions, or secrets handed out, within an hour than an identity ever makes.

Why it matters: whoever destroys or copies a tenant does what its owner may do, only to everything. What is counted is
`volumes`' business; what is done for the first time is `rare_action`'s, however often.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from models.detectors.anomalies import NO_EVIDENCE, Anomaly
from models.detectors.contract import Card, Declaration, Memory
from models.detectors.counterfactual import imagined, least_below, more_of
from models.detectors.examples import TEAM, Activity, Example, daily
from models.detectors.stateful import StatefulDetector
from models.detectors.volumes import (
    ALL,
    DELETIONS,
    RUNGS,
    Volume,
    fewer,
    most_on,
    operations_by_sort,
    rung,
    too_few,
    volumes,
)
from models.statistics import (
    NOWHERE,
    Keyed,
    Lessons,
    NoveltyRate,
    Places,
    SurvivalFunction,
    UserDays,
    UserDayState,
    halved,
    odds,
    reached,
    surprise,
)
from models.stream import ActorBucket, Crowd, Json, Part, fields

NAME = "volume_spike"
_SENSITIVITY = 1.0  # powers of ten: who destroys or copies does more of it than others, and what comes of it is worse
_ELSEWHERE_FROM = 3  # deletions in a subscription that is new to the identity: two are a visit
_ELSEWHERE = 1.4  # weight of such a subscription: of who deletes there, few have been sent
_MOST_ELSEWHERE = 3.2  # the rate of new subscriptions is a guess where hardly anybody has ever come to one
_LEAST = 0.5  # powers of ten: nothing is said of what every third hour holds
# Five others look at the same user-days. This one states their number itself: were it counted among them, their scores
# would sink although it judges hours of which they say nothing.
_LOOKS = 5.0

CARD = Card(
    name=NAME,
    title="Far more deletions or secrets than it ever makes",
    what="An identity deleted far more within an hour, or had far more secrets handed out, than it ever does; or it "
    "deleted in a subscription in which it had never worked.",
    why="Who destroys a tenant or copies its secrets uses rights that somebody has and needs: what gives them away is "
    "how much is taken, and where.",
    false_positives=(
        "An environment that is cleared away: a project that ends, a test that is over, a migration.",
        "A clean-up or a rotation of keys that runs for the first time, or for the first time over everything.",
        "A script that tries the same deletion again and again: operations are counted, not resources.",
    ),
    response=(
        "If it still goes on: block the identity and revoke its sessions first, ask afterwards.",
        "List what is gone, and what can still be restored: soft-deleted vaults, storage accounts, backups, snapshots.",
        "Of secrets: take those that were handed out as known to others, and rotate them.",
        "Ask whoever owns the identity, and whoever owns the resources; look for a change or a ticket.",
    ),
    mitre=("TA0040/T1485", "TA0040/T1490", "TA0006/T1552.001", "TA0006/T1528", "TA0009/T1530"),
)
DECLARATION = Declaration(
    card=CARD,
    threshold=57.0,
    terms=("volume", "scope", "sensitivity"),
    evidence=("volume", "scope"),
    speaks=Example(
        "People at work, who delete a site now and then; one of them deletes 120, some of them where it never worked.",
        before=[
            *daily(range(40), *TEAM),
            *daily(range(0, 40, 5), *TEAM, what="microsoft.web/sites/delete"),
        ],
        then=[
            Activity(
                "ann", "microsoft.web/sites/delete", 40, 9 + n / 200, scope="other" if n % 4 == 0 else "subscription"
            )
            for n in range(120)
        ],
        says="120 deletions within an hour, some of them in a subscription in which it never worked",
    ),
    silent=Example(
        "People at work, and a job that deletes sixty sites every night, as it does tonight.",
        before=[
            *daily(range(30), *TEAM),
            *(Activity("job", "microsoft.web/sites/delete", day, 2 + n / 100) for day in range(30) for n in range(60)),
        ],
        then=[Activity("job", "microsoft.web/sites/delete", 30, 2 + n / 100) for n in range(60)],
    ),
)


class VolumeSpikeState(UserDayState):
    """How much an identity does within an hour, and where.

    Attributes
    ----------
    hours
        Hours in which it began anything.
    rungs
        Of these, how many got how far (`SurvivalFunction`): by sort those that held any of it, and all.
    scopes
        Subscriptions in which it was last.
    """

    __slots__ = ("hours", "rungs", "scopes")

    def __init__(self) -> None:
        super().__init__()
        self.hours = 0
        self.rungs: dict[str, bytes] = {}
        self.scopes: Places = NOWHERE

    def row(self) -> dict[str, Json]:
        """Return plain data for a snapshot."""
        return {
            "user_day": super().row(),
            "hours": self.hours,
            "rungs": {sort: self.rungs[sort].hex() for sort in sorted(self.rungs)},
            "scopes": self.scopes.row(),
        }

    def restore(self, row: Any) -> None:
        """Become what `row` gave."""
        user_day, hours, rungs, scopes = fields("state", row, "user_day", "hours", "rungs", "scopes")
        super().restore(user_day)
        self.hours = int(hours)
        self.rungs = {str(sort): bytes.fromhex(own) for sort, own in rungs.items()}
        self.scopes = Places.from_row(scopes)


_STRANGER = VolumeSpikeState()


class VolumeSpike(StatefulDetector[VolumeSpikeState]):
    """Counts the deletions of an hour, and the operations that hand out secrets, and scores the most frequent of each.

    Parameters
    ----------
    explain_from
        Score from which an anomaly carries its explanation.
    max_identities
        Identities remembered.
    half_life_days
        Days after which an active hour of the population counts half; for new subscriptions, twice as many.
    """

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(self, explain_from: float = 40.0, max_identities: int = 200_000, half_life_days: float = 30.0) -> None:
        self.explain_from = explain_from
        self.survival = SurvivalFunction(
            rungs=RUNGS,
            prior=0.35,
            strength=20.0,
            own_strength=2.0,
            half_life=half_life_days * 24.0,
            whole_strength=3.0,
        )
        self.novelty = NoveltyRate(half_life=2.0 * half_life_days * 24.0)
        self.user_days = UserDays(floor=1.5, prior=0.005, location=1.5, slope=0.5, looks=_LOOKS)
        self._states = Keyed(max_identities, VolumeSpikeState)

    def score(self, seen: ActorBucket, crowd: Crowd) -> list[Anomaly]:
        """Judge the action of each sort that was done most, by how much there was of the sort."""
        state, anomalies = self._states.get(seen.actor.id) or _STRANGER, []
        for volume in volumes(seen.cells, state.scopes):
            judged = _Judged(self, volume, str(seen.actor.kind), seen.bucket.hours, state)
            terms = judged.terms(volume, state.rungs)
            if not terms:
                continue
            total = sum(terms.values())
            score, why, facts = self.user_days.score(total), "", NO_EVIDENCE
            if score >= self.explain_from:
                facts = judged.facts(terms, total)
                why = _sentence(facts)
            anomalies.append(
                Anomaly(
                    NAME,
                    seen.actor,
                    seen.bucket,
                    volume.cell,
                    round(score, 2),
                    round(total, 4),
                    why,
                    facts,
                    sensitivity=terms["sensitivity"],
                )
            )
        return anomalies

    def learn(self, seen: ActorBucket, crowd: Crowd, scored: Sequence[Anomaly], lessons: Lessons) -> None:
        """Learn how much there was of each sort, and where."""
        state, worst = self._states.touch(seen.actor.id), max((one.surprise for one in scored), default=0.0)
        self.user_days.learn(state, seen.bucket.hours, lessons.by_number["user_days"], worst)
        if seen.cells[0].late:
            return  # the hour has been counted, with what was known of it then
        counts, kind = operations_by_sort(seen.cells), str(seen.actor.kind)
        if not counts:
            return
        for sort, operations in counts.items():
            self.survival.learn(f"{kind}/{sort}", rung(operations), lessons.by_number["survival"])
            state.rungs[sort] = reached(state.rungs.get(sort, b""), rung(operations))
        scopes = state.scopes.visited({scope for cell in seen.cells for scope in cell.scopes})
        moved = scopes.moves > state.scopes.moves
        self.novelty.learn(kind, state.hours, (moved,), lessons.by_number["novelty"])
        state.scopes = scopes
        state.hours += 1

    def teach(self, lessons: Lessons) -> None:
        """Apply active hours, new subscriptions and user-days."""
        self.survival.teach(lessons.by_number["survival"], lessons.hours)
        self.novelty.teach(lessons.by_number["novelty"], lessons.hours)
        self.user_days.teach(lessons.by_number["user_days"])

    def _parts(self) -> dict[str, Part]:
        return {"user_days": self.user_days, "survival": self.survival, "novelty": self.novelty}

    def memory(self) -> Memory:
        """Say how much is held."""
        return Memory(
            keys=len(self._states),
            entries=len(self._states),
            evicted=self._states.evicted,
            warmth=self.user_days.warmth,
        )

    @staticmethod
    def counterfactual(changes: Mapping[str, Any], threshold: float) -> str:
        """Say how much would have been ordinary, where, and how often it would have to recur to be."""
        said = f"Would be ordinary with {least_below(changes['operations'], threshold)} of them"
        if least_below(changes["scope"], threshold) is not None:
            said += ", in a subscription that it knows"
        if hours := least_below(changes["hours"], threshold):
            said += f" or after {more_of(hours, 'such hour')}"
        return f"{said}."


class _Judged:
    """One volume before what is known: its terms, and those of what it is imagined to be."""

    def __init__(self, detector: VolumeSpike, volume: Volume, kind: str, hours: float, state: VolumeSpikeState) -> None:
        self._detector, self._volume, self._kind, self._hours, self._state = detector, volume, kind, hours, state
        self._rate = detector.novelty.rate(kind, state.hours, state.scopes.moves)

    def terms(self, volume: Volume, own: Mapping[str, bytes]) -> dict[str, float]:
        """Return the named surprises of a volume to an identity with the counts `own`; none if it is next to usual."""
        terms = {"volume": surprise(max(self._chances(volume, own).values()))}
        if volume.sort == DELETIONS and volume.elsewhere >= _ELSEWHERE_FROM:
            terms["scope"] = min(_MOST_ELSEWHERE, _ELSEWHERE * surprise(self._rate))
        if sum(terms.values()) < _LEAST:
            return {}
        return {**terms, "sensitivity": _SENSITIVITY}

    def facts(self, terms: dict[str, float], total: float) -> dict[str, Json]:
        """Return every number that the surprise came from."""
        volume, state, survival = self._volume, self._state, self._detector.survival
        chances = self._chances(volume, state.rungs)
        decisive = ALL if chances[ALL] > chances[volume.sort] else volume.sort
        curves = dict[str, Json]()
        for sort, steps in self._steps(volume).items():
            counts = state.rungs.get(sort, b"").ljust(len(steps) + 1, b"\0")
            curves[sort] = {"steps": list[Json](steps), "own": list[Json](counts)}
        return {
            "surprise": total,
            "terms": dict[str, Json](terms),
            "volume": {
                "sort": volume.sort,
                "operations": volume.operations,
                "all_operations": volume.all_operations,
                "active_hours": state.hours,
                "curves": curves,
                "own_strength": survival.own_strength,
                "whole_strength": survival.whole_strength,
                "decisive": decisive,
                "probability": chances[decisive],
                "probability_for_its_kind": survival.probability(self._steps(volume)[decisive]),
            },
            "scope": {
                "operations": volume.elsewhere if "scope" in terms else 0,
                "mixed": volume.mixed,
                "rate": self._rate,
                "factor": _ELSEWHERE,
                "most": _MOST_ELSEWHERE,
            },
            "user_day": self._detector.user_days.facts(total),
            "changes": self._changes("scope" in terms),
        }

    def _steps(self, volume: Volume) -> dict[str, list[float]]:
        survival, counts = self._detector.survival, {volume.sort: volume.operations, ALL: volume.all_operations}
        return {
            sort: survival.steps(f"{self._kind}/{sort}", rung(count), self._hours) for sort, count in counts.items()
        }

    def _chances(self, volume: Volume, own: Mapping[str, bytes]) -> dict[str, float]:
        """Return how likely so much of the sort is, and so much of anything: who works much, deletes much as well."""
        probability = self._detector.survival.probability
        return {sort: probability(steps, own.get(sort, b"")) for sort, steps in self._steps(volume).items()}

    def _changes(self, elsewhere: bool) -> dict[str, Json]:
        """Imagine fewer operations, the same where it has worked before, and that it has happened so often."""

        def score(volume: Volume, own: Mapping[str, bytes]) -> float:
            return self._detector.user_days.score(sum(self.terms(volume, own).values()))

        volume, own = self._volume, self._state.rungs
        at_home = volume._replace(elsewhere=0)
        counts = {volume.sort: volume.operations, ALL: volume.all_operations}
        recurred = [own]
        for _ in range(10):
            before = recurred[-1]
            recurred.append({sort: reached(before.get(sort, b""), rung(count)) for sort, count in counts.items()})
        return {
            "operations": [
                *imagined(fewer(volume), lambda count: score(volume.with_fewer(count), own)),
                [too_few(volume.sort), None],
            ],
            "scope": imagined((0,) if elsewhere else (), lambda _: score(at_home, own)),
            "hours": imagined(range(1, 11), lambda times: score(at_home, recurred[times])),
        }


def _sentence(facts: Mapping[str, Any]) -> str:
    """Say in one sentence why so much is unusual.

    >>> _sentence({"volume": {"sort": "deletions", "operations": 249, "active_hours": 310, "decisive": "deletions",
    ...                       "curves": {"deletions": {"own": [31, 9, 2, 0, 0, 0, 0]}},
    ...                       "probability_for_its_kind": 0.00025},
    ...            "scope": {"operations": 249, "mixed": False, "rate": 0.002}})
    '249 deletions within an hour, all of them in a subscription in which it never worked (a new one is expected in \
1 in 500 of its active hours); in 31 hours of its own with any never more than 15; 1 in 4,000 such hours of its kind \
get that far.'
    """
    volume, scope = facts["volume"], facts["scope"]
    deleted, count = volume["sort"] == DELETIONS, volume["operations"]
    said = f"{count:,} {'deletions' if deleted else 'operations that hand out secrets'} within an hour"
    if scope["operations"]:
        all_or_so_many = "all" if scope["operations"] == count else f"{scope['operations']:,}"
        part = "some" if scope["mixed"] else all_or_so_many
        said += (
            f", {part} of them in a subscription in which it never worked (a new one is expected in "
            f"{odds(scope['rate'])} of its active hours)"
        )
    own = volume["curves"][volume["sort"]]["own"]
    if own[0]:
        most = most_on(max(at for at, times in enumerate(own) if times))
        # Counts are halved when they are full, and then tell of the last hours alone.
        if halved(bytes(own)):
            said += f"; of late never more than {most:,} in an hour of its own"
        else:
            hours = f"{own[0]} hours" if own[0] > 1 else "the one hour"
            said += f"; in {hours} of its own with any never more than {most:,}"
    elif volume["active_hours"]:
        hours = f"{volume['active_hours']:,} active hours" if volume["active_hours"] > 1 else "the one active hour"
        said += f"; none in {hours} of its own before"
    else:
        said += "; this identity has not been seen before"
    chance = odds(volume["probability_for_its_kind"])
    if volume["decisive"] == ALL:
        return f"{said}; {chance} of the active hours of its kind hold as many operations."
    return f"{said}; {chance} such hours of its kind get that far."
