import json

import pytest

from models.statistics.lessons import by_number
from models.statistics.user_days import UserDays, UserDayState


def learn(model: UserDays, state: UserDayState, hours: float, worst: float) -> None:
    lessons = by_number()
    model.learn(state, hours, lessons, worst)
    model.teach(lessons)


def taught(days: int = 30, people: int = 100, judged: int = 2, surprise: float = 3.0) -> UserDays:
    """A tenant in which `judged` of `people` see some surprise each day."""
    model, known = UserDays(floor=1.0, looks=5.0), [UserDayState() for _ in range(people)]
    for day in range(days):
        for number, one in enumerate(known):
            learn(model, one, 24.0 * day + 9.0, surprise + 0.01 * day if number < judged else 0.0)
    return model


def test_what_is_below_the_floor_scores_nothing() -> None:
    assert taught().score(0.9) == 0.0


def test_a_score_says_how_often_a_user_day_gets_that_far() -> None:
    assert taught().probability(1.0) == pytest.approx(5 * 0.02, rel=0.1)
    assert taught(judged=12).probability(1.0) == pytest.approx(5 * 0.12, rel=0.3)


def test_the_same_surprise_scores_less_where_it_is_frequent() -> None:
    assert taught(judged=30).score(3.5) < taught(judged=1).score(3.5)


def test_more_surprise_never_scores_lower() -> None:
    for model in (UserDays(), taught(), taught(judged=60)):
        scores = [model.score(number / 10.0) for number in range(400)]
        assert scores == sorted(scores)
        assert scores[-1] <= 100.0


def test_within_a_day_scores_stand_still() -> None:
    model, somebody = taught(), UserDayState()
    learn(model, somebody, 24.0 * 29 + 20.0, 2.0)
    before = model.score(5.0)
    for _ in range(200):
        learn(model, UserDayState(), 24.0 * 29 + 21.0, 6.0)
    assert model.score(5.0) == before


def test_a_day_counts_once_with_its_largest_surprise() -> None:
    once, often = taught(days=3), taught(days=3)
    one, same = UserDayState(), UserDayState()
    learn(once, one, 49.0, 5.0)
    for value in (2.0, 5.0, 4.0):
        learn(often, same, 49.0, value)
    assert list(often.dump()) == list(once.dump())


def test_what_comes_late_for_an_older_day_is_not_counted() -> None:
    model, one = taught(days=3), UserDayState()
    learn(model, one, 49.0, 2.0)
    before = list(model.dump())
    learn(model, one, 25.0, 9.0)
    assert list(model.dump()) == before
    assert one.last_hours == 49.0


def test_resumes_from_its_rows() -> None:
    model, again = taught(), UserDays(floor=1.0, looks=5.0)
    again.load(json.loads(json.dumps(list(model.dump()))))
    assert list(again.dump()) == list(model.dump())
    assert again.facts(4.0) == model.facts(4.0)


def test_it_warms_up_with_the_user_days_that_it_knows() -> None:
    assert UserDays().warmth == 0.0
    assert 0.0 < taught(days=2).warmth < taught(days=6).warmth <= 1.0
