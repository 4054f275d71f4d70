import json

import pytest

from models.statistics.lessons import by_number
from models.statistics.novelty import MOST_CURIOUS, MOST_HAZARD, NoveltyRate, prior_hazard, stage_of


def learn(model: NoveltyRate, kind: str, buckets: int, novel: list[bool], hours: float) -> None:
    lessons = by_number()
    model.learn(kind, buckets, novel, lessons)
    model.teach(lessons, hours)


def taught(model: NoveltyRate, kind: str, buckets: int, every: int) -> NoveltyRate:
    for number in range(buckets):
        learn(model, kind, number, [number % every == 0], float(number))
    return model


def test_a_kind_that_keeps_changing_has_a_higher_rate_than_one_that_never_does() -> None:
    model = taught(taught(NoveltyRate(), "human", 300, 2), "managed_identity", 300, 1_000)
    learn(model, "human", 300, [False], 300.0)
    assert model.rate("human", 200, 100) > 0.3
    assert model.rate("managed_identity", 200, 1) < 0.02


def test_a_curious_identity_has_a_higher_rate_than_its_kind() -> None:
    model = taught(NoveltyRate(), "human", 300, 10)
    assert model.rate("human", 100, 60) > 2 * model.rate("human", 100, 10)


def test_within_one_bucket_of_time_the_rate_stands_still() -> None:
    model = taught(NoveltyRate(), "human", 50, 5)
    learn(model, "human", 50, [True], 50.0)
    before = model.rate("human", 20, 3)
    for _ in range(100):
        learn(model, "human", 20, [True], 50.0)
    assert model.rate("human", 20, 3) == before
    learn(model, "human", 20, [True], 51.0)
    assert model.rate("human", 20, 3) > before


def test_aspects_are_learnt_apart() -> None:
    model = NoveltyRate(aspects=2)
    for hour in range(100):
        learn(model, "human", 40, [True, False], float(hour))
    assert model.rate("human", 40, 5, aspect=0) > 5 * model.rate("human", 40, 5, aspect=1)


def test_a_dump_restores_rates_and_what_is_still_to_be_settled() -> None:
    model, restored = taught(NoveltyRate(), "human", 77, 3), NoveltyRate()
    restored.load(json.loads(json.dumps(list(model.dump()))))
    for one in (model, restored):
        learn(one, "human", 10, [True], 1_000.0)
    assert restored.rate("human", 12, 3) == model.rate("human", 12, 3)


def test_the_prior_falls_with_experience_and_stages_are_bounded() -> None:
    assert prior_hazard(0) > prior_hazard(5) > prior_hazard(10) > 0.0
    assert stage_of(10**12) == stage_of(10**15)


def test_whoever_is_far_more_curious_than_its_kind_teaches_the_kind_nothing() -> None:
    model = NoveltyRate()
    assert model.is_typical("human", 40, 5)
    assert not model.is_typical("human", 300, 120)


def test_for_what_is_guarded_no_curiosity_counts_without_bound() -> None:
    model = NoveltyRate()
    for hour in range(2_000):
        learn(model, "human", 300, [True], float(hour))
    assert model.rate("human", 300, 5_000) == 0.99
    bound = MOST_HAZARD * MOST_CURIOUS * prior_hazard(stage_of(300))
    assert model.rate("human", 300, 5_000, guarded=True) == pytest.approx(bound)
    assert bound < 0.25
