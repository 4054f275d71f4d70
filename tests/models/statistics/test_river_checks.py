"""River's own checks, run on every estimator of ours with a stream of our own, for they would fetch one."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from river import base

from models.statistics.arrivals import Arrivals
from models.statistics.backoff import Backoff
from models.statistics.calibration import Calibration
from models.statistics.failure_rate import FailureRate
from models.statistics.location_rarity import LocationRarity
from models.statistics.novelty import NoveltyRate
from models.statistics.rarity import Rarity
from models.statistics.survival import SurvivalFunction
from models.statistics.user_days import UserDays

pytestmark = pytest.mark.slow

ESTIMATORS: tuple[Callable[[], base.AnomalyDetector], ...] = (
    Arrivals,
    Backoff,
    Calibration,
    FailureRate,
    SurvivalFunction,
    NoveltyRate,
    Rarity,
    UserDays,
    LocationRarity,
)
NEEDS_SKLEARN = "check_roc_auc"  # not installed here: the same is asserted below without it

every_estimator = pytest.mark.parametrize("make", ESTIMATORS, ids=lambda make: make.__name__)


def stream(length: int) -> Iterator[tuple[dict[base.typing.FeatureName, Any], bool]]:
    """Usual things by a few identities; one in fifty is odd in every respect, and labelled so."""
    rng = random.Random(5)
    for number in range(length):
        odd = number > 100 and rng.random() < 0.02
        yield (
            {
                "actor": f"actor-{rng.randrange(5)}",
                "kind": "human",
                "action": f"odd/{number}" if odd else f"usual/{rng.randrange(4)}",
                "failed": odd,
                "novel": odd,
                "buckets": number // 5,
                "seen": 1,
                "place": f"odd{number}" if odd else f"usual{rng.randrange(3)}",
                "rung": 6 if odd else rng.randrange(2),
                "surprise": 9.0 if odd else rng.random(),
                "day": number // 40,
                "time": float(number // 5),
            },
            odd,
        )


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Any:
    """River's checks, with our stream where theirs would be downloaded."""
    river_checks = pytest.importorskip("river.checks")
    monkeypatch.setattr(
        river_checks, "_yield_datasets", lambda model, scale=1: iter([list(stream(100 * min(scale, 5)))])
    )
    return river_checks


@every_estimator
def test_passes_the_checks_of_river(make: Callable[[], base.AnomalyDetector], checks: Any) -> None:
    done = []
    for check in checks.yield_checks(make()):
        if check.__name__ != NEEDS_SKLEARN:
            check(make().clone())
            done.append(check.__name__)
    assert len(done) > 20


@every_estimator
def test_ranks_what_is_odd_above_what_is_usual(make: Callable[[], base.AnomalyDetector]) -> None:
    model = make()
    odd: list[float] = []
    usual: list[float] = []
    for x, label in stream(1_000):
        (odd if label else usual).append(model.score_one(x))
        model.learn_one(x)
    above = sum((o > u) + 0.5 * (o == u) for o in odd for u in usual)
    assert above / (len(odd) * len(usual)) > 0.9


@every_estimator
def test_needs_no_feature_to_be_there(make: Callable[[], base.AnomalyDetector]) -> None:
    model = make()
    model.learn_one({})
    assert model.score_one({}) >= 0.0
