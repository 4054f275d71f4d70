import json
import random

from hypothesis import given
from hypothesis import strategies as st

from models.statistics.calibration import TOLD, Calibration
from models.statistics.lessons import by_number


def learn(model: Calibration, day: int, before: float | None, now: float) -> float:
    lessons = by_number()
    told = model.learn(day, before, now, lessons)
    model.teach(lessons)
    return told


def tenant(days: int, people: int, seed: int = 1) -> Calibration:
    """User-days whose maxima fall off by half a power of ten a unit of surprise."""
    rng, model = random.Random(seed), Calibration()
    for day in range(days):
        for _ in range(people):
            learn(model, day, None, 1.0 + rng.expovariate(1.15))
    learn(model, days, None, 0.0)
    return model


@given(surprises=st.lists(st.floats(0, 60), min_size=2, max_size=20), days=st.integers(0, 5))
def test_more_surprise_never_scores_lower(surprises: list[float], days: int) -> None:
    model = tenant(days, 50)
    scores = [model.score(value) for value in sorted(surprises)]
    assert scores == sorted(scores)
    assert all(0.0 <= score <= 100.0 for score in scores)


def test_is_honest_once_it_knows_the_tenant() -> None:
    model, rng = tenant(60, 100), random.Random(9)
    fresh = [1.0 + rng.expovariate(1.15) for _ in range(50_000)]
    above = [sum(model.score(value) >= score for value in fresh) / len(fresh) for score in (25.0, 50.0, 75.0)]
    assert 0.05 < above[0] < 0.2
    assert 0.005 < above[1] < 0.02
    assert 0.0003 < above[2] < 0.003


def test_is_the_prior_on_the_first_day_and_says_how_warm_it_is() -> None:
    model = Calibration()
    assert model.warmth == 0.0
    assert 40.0 < model.score(8.0) < 60.0
    assert tenant(30, 100).warmth == 1.0


def test_an_attack_does_not_raise_the_bar_for_the_next_one() -> None:
    calm, attacked = tenant(30, 100), tenant(30, 100)
    for day in (31, 32, 33):
        for model in (calm, attacked):
            for person in range(100):
                learn(model, day, None, 1.0 + person / 50.0)
        for _ in range(5):
            assert learn(attacked, day, None, 20.0) == TOLD
    for model in (calm, attacked):
        learn(model, 34, None, 0.0)
    assert attacked.score(8.0) == calm.score(8.0)


def test_a_user_day_counts_once_with_its_maximum() -> None:
    once, rising = Calibration(), Calibration()
    learn(once, 1, None, 3.0)
    assert learn(rising, 1, learn(rising, 1, None, 1.0), 3.0) == 3.0
    assert list(once.dump()) == list(rising.dump())


def test_nothing_changes_before_the_day_is_over() -> None:
    model = tenant(10, 50)
    before = model.score(4.0)
    for _ in range(500):
        learn(model, 10, None, 4.0)
    assert model.score(4.0) == before
    learn(model, 11, None, 0.0)
    assert model.score(4.0) < before


def test_a_dump_restores_every_score() -> None:
    model, restored = tenant(10, 50), Calibration()
    restored.load(json.loads(json.dumps(list(model.dump()))))
    assert [restored.score(v / 4) for v in range(60)] == [model.score(v / 4) for v in range(60)]
    assert list(restored.dump()) == list(model.dump())


def test_what_is_learnt_of_a_new_day_is_judged_by_its_table_before_anything_is_taught_of_it() -> None:
    early, late = tenant(10, 50), tenant(10, 50)
    learn(late, 11, None, 0.0)
    for surprise in (1.0, 6.0, 7.0, 8.0, 9.0, 12.0):
        before = list(early.dump())
        assert early.learn(11, None, surprise, by_number()) == late.learn(11, None, surprise, by_number())
        assert list(early.dump()) == before


def test_a_late_bucket_of_an_older_day_counts_for_the_day_under_way() -> None:
    model = tenant(10, 50)
    [before] = model.dump()
    learn(model, 7, None, 2.0)
    [after] = model.dump()
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert (after["day"], after["known"]) == (before["day"], before["known"])
    assert after["today"] != before["today"]
