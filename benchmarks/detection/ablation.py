"""What each part of the rare-action model is worth: the same trials with one part taken out.

Parts are taken out of a detector that has been built, so that the product needs no switches for it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import accumulate

from models.detectors import Judged, RareAction, RoutineCell
from models.statistics import (
    AccumulationRule,
    Backoff,
    CampaignRule,
    FailureRate,
    Habit,
    Likelihood,
    NoveltyRate,
    Rarity,
    newcomers,
    prior_hazard,
    stage_of,
)
from models.stream import ActorBucket, Cell, Crowd
from service.core.engine import Engine

DETECTOR = "rare_action"
POPULATION = "all"


class CertainFailure(FailureRate):
    """Finds every failure certain, so that how something ended says nothing."""

    def probability(self, *_: object, **__: object) -> float:
        """Return 1."""
        return 1.0


class UnlearntNovelty(NoveltyRate):
    """Keeps to the prior hazard: neither what its kind does nor what an identity did before says anything."""

    def rate(self, kind: str, buckets: int, seen: int, aspect: int = 0, guarded: bool = False) -> float:
        """Return the prior hazard at that experience."""
        return prior_hazard(stage_of(buckets))


class OnePopulation(Backoff):
    """Knows the tenant, but no kinds of identities."""

    def adopt(self, action: str, kind: str, number: int = 1) -> None:
        """Count so many more identities of the tenant."""
        super().adopt(action, _everybody(kind), number)

    def abandon(self, action: str, kind: str, number: int = 1) -> None:
        """Take them back."""
        super().abandon(action, _everybody(kind), number)

    def probability(
        self,
        action: str,
        kind: str,
        session: Collection[str] = (),
        extra: int = 0,
        guarded: bool = False,
        established: bool = False,
    ) -> float:
        """Return the probability for anybody."""
        return super().probability(action, POPULATION, session, extra, guarded, established)


def _everybody(kind: str) -> str:
    return newcomers(POPULATION) if kind.endswith(newcomers("")) else POPULATION


class Placeless(Rarity):
    """Does not look at where an identity acts from and in."""

    def moved(self, habit: Habit, networks: Collection[str], scopes: Collection[str]) -> tuple[float, float]:
        """Find every place known."""
        return 0.0, 0.0


class Timeless(Rarity):
    """Does not look at the hour of the day."""

    def off_hours(self, habit: Habit, hours: float) -> float:
        """Find every hour usual."""
        return 0.0


class Alone(Rarity):
    """Does not look at who else does it at the same time."""

    def likelihood(
        self,
        habit: Habit | None,
        action: str,
        kind: str,
        hours: float,
        session: Collection[str] = (),
        extra: int = 0,
        guarded: bool = False,
        least: float = 0.0,
    ) -> Likelihood:
        """Return how likely it would be if nobody else did it in that hour."""
        return super().likelihood(habit, action, kind, hours, session, guarded=guarded, least=least)


class OnlyBefore(AccumulationRule):
    """Sees in the light of what came before, and not of what follows in the same hour."""

    def around(self, so_far: float, cells: Iterable[tuple[float, str]]) -> list[float]:
        """Return the evidence before each cell."""
        return list(accumulate(self.gains(cells), initial=so_far))[:-1]


class Unaccompanied(RareAction):
    """Finds nobody's work everyday."""

    def _judge(
        self, seen: ActorBucket, crowd: Crowd, habit: Habit | None, tried: Sequence[Cell], own: Sequence[float]
    ) -> tuple[list[Judged], list[RoutineCell]]:
        return super()._judge(seen, crowd, habit, tried, own)[0], []


def _like(rarity: Rarity, kind: type[Rarity]) -> Rarity:
    return kind(rarity.discount, rarity.concentration, rarity.half_life, rarity.max_identities, rarity.max_actions)


def _session(detector: RareAction) -> None:
    detector.rarity.backoff.session_weight = 0.0


def _floor(detector: RareAction) -> None:
    detector.rarity.backoff.floor = 1e-12
    detector.rarity.backoff.unseen_share = 0.0


def _kinds(detector: RareAction) -> None:
    known = detector.rarity.backoff
    detector.rarity.backoff = OnePopulation(known.discount, known.concentration, known.session_weight, known.floor)


def _novelty(detector: RareAction) -> None:
    detector.rarity.novelty = UnlearntNovelty(detector.rarity.novelty.aspects)


def _outcome(detector: RareAction) -> None:
    detector.failures = CertainFailure()


def _evidence(detector: RareAction) -> None:
    detector.evidence = detector.evidence._replace(share=0.0)


def _sensitivity(detector: RareAction) -> None:
    detector.weigh = lambda action: 0.0


def _places(detector: RareAction) -> None:
    detector.rarity = _like(detector.rarity, Placeless)


def _hour(detector: RareAction) -> None:
    detector.rarity = _like(detector.rarity, Timeless)


def _company(detector: RareAction) -> None:
    detector.__class__ = Unaccompanied


def _others(detector: RareAction) -> None:
    detector.rarity = _like(detector.rarity, Alone)


def _campaign(detector: RareAction) -> None:
    detector.campaign = CampaignRule(share=0.0)


def _following(detector: RareAction) -> None:
    detector.evidence = OnlyBefore(*detector.evidence)


WITHOUT: Mapping[str, Callable[[RareAction], None]] = {
    "services of the session": _session,
    "floor under the peers' probability": _floor,
    "kinds of identities": _kinds,
    "learnt novelty rate": _novelty,
    "outcome": _outcome,
    "evidence": _evidence,
    "evidence from what follows in the hour": _following,
    "campaign": _campaign,
    "everyday work around it": _company,
    "others who do it at the same time": _others,
    "sensitivity of operations": _sensitivity,
    "network and scope": _places,
    "hour of the day": _hour,
}


def without(part: str, engine: Engine) -> None:
    """Take a part out of an engine that has not seen anything yet.

    Raises
    ------
    KeyError
        If there is no such part, or no rare-action detector.
    TypeError
        If that is another detector than the one that has these parts.
    """
    detector = engine.detectors[DETECTOR]
    if not isinstance(detector, RareAction):
        raise TypeError(f"{type(detector).__name__} has no such parts")
    WITHOUT[part](detector)
