"""Imagines attacks by real identities in an hour that has just been judged, and asks what would be said of them.

Nothing of it is learnt, told or saved: who asks for an hour gets the same answers whether or not this has been asked.
Judging is left to whoever judges everything else.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from heapq import nsmallest
from itertools import chain
from typing import NamedTuple
from zlib import crc32

from models.detectors import Anomaly, Judgement
from models.stream import ActivityEvent, Actor, ActorBucket, Bucket, Cell, Crowd, Outcome, Steps, planted
from service.core.shadow.attacks import ATTACKS, ShadowAttack, ShadowStep
from service.core.shadow.recall import VICTIM_KINDS, Case, Origin, Recall

STRANGE = "198.51.100.23"
"""An address of the range that is kept for documentation (RFC 5737): nobody's, so no identity knows it."""

_PAUSE = timedelta(seconds=20)
_JUDGED_A_STEP = 5  # imagined attacks that are judged in one step: about ten milliseconds
_CHOSEN_A_STEP = 5_000  # identities that are looked at in one step

Judges = Callable[[ActorBucket, Crowd], Judgement]


class Plan(NamedTuple):
    """One attack to imagine: which, from where, and whose hour it falls into."""

    attack: ShadowAttack
    origin: Origin
    victim: ActorBucket

    @property
    def case(self) -> Case:
        """What it counts as."""
        return Case(self.attack.name, self.victim.actor.kind, self.origin)


class Shadows:
    """Imagines attacks in one closed hour after each evaluation.

    So a service that keeps up imagines some in every hour, and one that catches up with days, in few of them.

    Parameters
    ----------
    each
        Identities of each kind that are imagined to be stolen in an hour; 0: none.

    Attributes
    ----------
    recall
        What became of them.
    due
        Whether the next hour that closes is one to imagine attacks in.
    """

    def __init__(self, each: int = 0) -> None:
        self.recall = Recall()
        self.due = False
        self._each = each

    def evaluated(self) -> None:
        """Note an evaluation."""
        self.due = self._each > 0

    def judge_steps(
        self, hour: Sequence[ActorBucket], crowd: Crowd, judge: Judges, tells: Callable[[Anomaly], bool]
    ) -> Iterator[None]:
        """Judge some attacks in `hour`, before it is learnt, in steps; an hour that is judged again is left alone.

        Parameters
        ----------
        hour, crowd
            What everybody did.
        judge
            What the detectors say of a bucket, learning and remembering nothing.
        tells
            Whether an anomaly is told of, at the thresholds of its day and under the suppressions in force.
        """
        if not self.due or not hour or hour[0].cells[0].late:
            return
        self.due = False
        chosen = yield from _chosen_steps(hour, self._each)
        for count, plan in enumerate(chosen, 1):
            imagined, steps = _imagined(plan)
            said = judge(*planted(imagined, crowd, steps))
            actions = {step.action for step in steps}
            # What a verdict keeps from being learnt is passed over, and told of all the same.
            every = chain(said.anomalies.values(), said.suppressed.values())
            found = (one for one in chain.from_iterable(every) if one.cell.action in actions)
            self.recall.count(plan.case, alerted=any(map(tells, found)))
            if count % _JUDGED_A_STEP == 0:
                yield


def _chosen_steps(hour: Sequence[ActorBucket], each: int) -> Steps[list[Plan]]:
    """Choose so many of each kind, by hash of identity and hour: the same ones in whatever order they came."""
    ranked: dict[str, list[tuple[int, str, ActorBucket]]] = {kind: [] for kind in VICTIM_KINDS}
    when = hour[0].bucket.start.isoformat()
    for count, seen in enumerate(hour, 1):
        if (of_kind := ranked.get(seen.actor.kind)) is not None:
            of_kind.append((crc32(f"{seen.actor.id}\x1f{when}".encode()), seen.actor.id, seen))
        if count % _CHOSEN_A_STEP == 0:
            yield
    return [_plan(seen) for some in ranked.values() for _, _, seen in nsmallest(each, some)]


def _plan(victim: ActorBucket) -> Plan:
    """Draw what becomes of an identity in an hour, by the hash of both."""
    key = f"{victim.actor.id}\x1f{victim.bucket.start.isoformat()}"
    drawn = int.from_bytes(sha256(key.encode()).digest()[:8])
    origins = tuple(Origin)
    return Plan(ATTACKS[drawn % len(ATTACKS)], origins[drawn // len(ATTACKS) % len(origins)], victim)


def _imagined(plan: Plan) -> tuple[ActorBucket, list[Cell]]:
    """Return the bucket into which an attack falls, and the attack's cells."""
    victim = plan.victim
    whose = victim
    if plan.origin is Origin.NEW_IDENTITY:
        actor = victim.actor
        whose = ActorBucket(Actor(f"{actor.id}/shadow", "", actor.kind), victim.bucket, ())
    places: tuple[str, ...] = (STRANGE,)
    if plan.origin is Origin.OWN_NETWORK:
        places = next((cell.addresses[:1] for cell in victim.cells if cell.addresses), ())
    scopes = next((cell.scopes[:1] for cell in victim.cells if cell.scopes), ())
    begins = victim.cells[-1].first_time
    return whose, [
        _cell(step, whose.actor, victim.bucket, begins + number * _PAUSE, places, scopes)
        for number, step in enumerate(plan.attack.steps, 1)
    ]


def _cell(
    step: ShadowStep, actor: Actor, bucket: Bucket, time: datetime, places: tuple[str, ...], scopes: tuple[str, ...]
) -> Cell:
    first = min(time, bucket.end - timedelta(microseconds=1))
    record = ActivityEvent(
        first,
        actor,
        step.action,
        step.operation,
        Outcome.SUCCESS,
        f"shadow/{step.action}",
        scope="".join(scopes),
        address="".join(places),
    )
    return Cell(step.action, step.operation, first, step.times, step.times, 0, 0, places, scopes, (record,))
