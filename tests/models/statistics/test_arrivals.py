import json

import pytest

from models.statistics.arrivals import Arrivals
from models.statistics.lessons import by_name

KEYS = "listkeys/action"
NOW = 490_000.0


def taught(
    hours: float, *, days: int = 0, firsts: int = 0, activities: int = 0, into: Arrivals | None = None
) -> Arrivals:
    model, active, done = into or Arrivals(), by_name(), by_name()
    for number in range(days):
        model.learn_day("human", active, first=number < firsts)
    for _ in range(activities):
        model.learn_activity("human", "secrets", KEYS, active, done)
    model.teach(active, done, hours)
    return model


def test_chances_are_means_with_a_prior() -> None:
    known = taught(0.0, days=95, firsts=15, activities=15).known("human", "secrets", KEYS, 0.0)
    assert tuple(known) == pytest.approx((95.0, 15.0, 0.0, 15.0, 15.0))
    assert known.first == pytest.approx((15 + 1) / (95 + 5))
    assert known.from_unknown == pytest.approx(2.5 / 20)
    assert known.activity == pytest.approx((15 + 1.5 * (15.25 / 20)) / 20)


def test_what_a_beginning_was_fades_by_half() -> None:
    model = taught(NOW, days=8, firsts=4, activities=2)
    assert tuple(model.known("human", "secrets", KEYS, NOW + 240.0)) == pytest.approx((4.0, 2.0, 0.0, 1.0, 1.0))


def test_the_more_begin_like_this_the_likelier_it_is() -> None:
    known = taught(0.0, days=200, firsts=2).known("human", "secrets", KEYS, 0.0)
    chances = [(one.first, one.from_unknown, one.activity) for one in map(known.and_more, range(20))]
    assert chances == sorted(chances)
    assert [activity for *_, activity in chances] == sorted(activity for *_, activity in chances)


def test_where_nobody_is_known_everybody_is_a_newcomer_of_whatever_kind() -> None:
    assert Arrivals().newcomers("human", 0.0) == 1.0
    model = taught(0.0, days=20, firsts=20)
    assert model.newcomers("human", 0.0) == 1.0
    taught(24.0, days=900, into=model)
    assert model.newcomers("human", 24.0) < 0.05
    assert model.newcomers("service_principal", 24.0) < 0.05, "of a kind never seen, what is known of the tenant"


def test_actions_are_bounded_and_the_lightest_go() -> None:
    model = Arrivals(max_actions=8)
    for number in range(30):
        days, activities = by_name(), by_name()
        for _ in range(1 + (number == 3)):
            model.learn_activity("human", "", f"a/{number:02}", days, activities)
        model.teach(days, activities, 0.0)
        assert model.actions() <= 8
    assert model.evicted == 22
    assert model.known("human", "", "a/03", 0.0).action == 2.0


def test_it_resumes_where_it_stopped() -> None:
    model, resumed = taught(0.0, days=9, firsts=3, activities=2), Arrivals()
    resumed.load(json.loads(json.dumps(list(model.dump()))))
    assert list(resumed.dump()) == list(model.dump())
    assert resumed.newcomers("human", 24.0) == model.newcomers("human", 24.0)
