import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.statistics.survival import FULL, SurvivalFunction, reached


def taught(kind: str = "human", times: int = 100, high_every: int = 10, high: int = 2) -> SurvivalFunction:
    model = SurvivalFunction()
    for number in range(times):
        model.learn_one({"kind": kind, "rung": high if number % high_every == 0 else 0, "time": float(number)})
    return model


def chance(model: SurvivalFunction, rung: int, kind: str = "human", own: bytes = b"") -> float:
    return model.probability(model.steps(kind, rung, 100.0), own)


def test_each_rung_is_less_likely_than_the_one_below() -> None:
    chances = [chance(taught(), rung) for rung in range(9)]
    assert chances[0] == 1.0
    assert chances == sorted(chances, reverse=True)
    assert len(set(chances)) == len(chances)


def test_a_share_is_learnt() -> None:
    assert chance(taught(times=1_000), 2) == pytest.approx(0.1, rel=0.2)


def test_a_rung_that_nobody_has_reached_is_half_as_likely_as_the_one_below() -> None:
    model = taught()
    assert chance(model, 6) == pytest.approx(chance(model, 5) / 2)


def test_what_one_does_often_is_likely_for_it_alone() -> None:
    model, own = taught(), b""
    for _ in range(6):
        own = reached(own, 5)
    assert chance(model, 5, own=own) > 0.3
    assert chance(model, 5) < 0.05


def test_another_kind_goes_its_own_way() -> None:
    model = taught(times=500)
    for number in range(500):
        model.learn_one({"kind": "managed_identity", "rung": 0, "time": float(number)})
    assert chance(model, 2, "managed_identity") < 0.05 < chance(model, 2)


def test_what_is_long_ago_counts_less() -> None:
    model = SurvivalFunction(half_life=10.0)
    for _ in range(50):
        model.learn_one({"kind": "human", "rung": 3, "time": 438_288.0})
    for _ in range(50):
        model.learn_one({"kind": "human", "rung": 0, "time": 438_488.0})
    assert model.probability(model.steps("human", 3, 438_488.0)) < 0.1


def test_who_often_gets_a_little_way_is_not_therefore_likely_to_get_very_far() -> None:
    rung_by_rung, outright = SurvivalFunction(own_strength=2.0), SurvivalFunction(own_strength=2.0, whole_strength=4.0)
    for number in range(100):
        for model in (rung_by_rung, outright):
            model.learn_one({"kind": "human", "rung": 6 if number % 10 == 0 else 0, "time": float(number)})
    own = b""
    for number in range(40):
        own = reached(own, int(number % 3 == 0))
    assert chance(outright, 6, own=own) < chance(rung_by_rung, 6, own=own) / 2
    for _ in range(40):
        own = reached(own, 5)
    again = chance(outright, 6, own=own)
    assert again > 0.01, "who usually gets far is held against no more than the way from there"
    assert chance(outright, 6) == pytest.approx(chance(rung_by_rung, 6)), (
        "of somebody unknown nothing is held against the whole way"
    )


@given(rungs=st.lists(st.integers(0, 8), max_size=300), strength=st.floats(0.5, 10.0))
def test_a_higher_rung_is_never_likelier_whatever_one_has_done(rungs: list[int], strength: float) -> None:
    model, own = SurvivalFunction(whole_strength=strength), b""
    for rung in rungs:
        model.learn_one({"kind": "human", "rung": rung, "time": 0.0})
        own = reached(own, rung)
    chances = [model.probability(model.steps("human", rung, 0.0), own) for rung in range(9)]
    assert chances == sorted(chances, reverse=True)


@given(rungs=st.lists(st.integers(0, 12), max_size=600))
def test_own_counts_stay_small_and_never_rise_up_the_ladder(rungs: list[int]) -> None:
    own = b""
    for rung in rungs:
        own = reached(own, rung)
    assert len(own) <= 13
    assert all(count <= FULL for count in own)
    assert list(own) == sorted(own, reverse=True)


def test_resumes_from_its_rows() -> None:
    model, again = taught(), SurvivalFunction()
    again.load(json.loads(json.dumps(list(model.dump()))))
    assert again.steps("human", 8, 100.0) == model.steps("human", 8, 100.0)
