import json
from collections.abc import Sequence
from typing import Any

import pytest

from models.statistics.backoff import newcomers
from models.statistics.decay import surprise
from models.statistics.habits import Habit
from models.statistics.lessons import Lessons
from models.statistics.rarity import SETTLED_AFTER, Rarity
from models.stream.cells import Crowd, Tally

NINE = 490_000.0 - 490_000.0 % 24 + 9.0


def learn(model: Rarity, actor: str, kind: str, hours: float, tried: list[tuple[str, bool]], **more: Any) -> Habit:
    lessons = Lessons(hours)
    habit = model.learn(actor, kind, tried, lessons, **more)
    model.teach(lessons)
    return habit


def office(model: Rarity, days: int = 20, people: int = 10) -> Rarity:
    """People who read and write websites every working hour; one of them also deploys."""
    for day in range(days):
        for hour in (0, 1, 5):
            for person in range(people):
                done = [("web/read", False), ("web/write", False)]
                if person == 0 and hour == 1:
                    done.append(("deploy/write", False))
                learn(model, f"p{person}", "human", NINE + 24.0 * day + hour, done)
    return model


def now(model: Rarity, actor: str, action: str, day: int = 20) -> float:
    habit = model.habits.get(actor)
    kind = habit.kind if habit is not None else "human"
    return surprise(model.likelihood(habit, action, kind, NINE + 24.0 * day).probability)


def test_an_own_habit_is_no_surprise_a_peers_is_a_small_one_and_nobodys_a_large_one() -> None:
    model = office(Rarity())
    assert now(model, "p0", "deploy/write") < 1.0
    assert 1.5 < now(model, "p1", "deploy/write") < now(model, "p1", "vault/purge")
    assert now(model, "p1", "vault/purge") > 4.0


def test_a_newcomer_is_judged_by_peers() -> None:
    model = office(Rarity())
    assert now(model, "newcomer", "web/read") < 1.0
    assert now(model, "newcomer", "vault/purge") > 2.5


def test_what_only_failed_teaches_less() -> None:
    model = office(Rarity())
    learn(model, "p1", "human", NINE + 480.0, [("vault/read", True), ("sql/read", False)])
    habit = model.habits.get("p1")
    assert habit is not None
    assert habit.actions["vault/read"] == pytest.approx(0.3 * habit.actions["sql/read"])


def test_what_was_told_teaches_only_when_it_recurs_on_another_day() -> None:
    model = office(Rarity())
    for hour in (0, 1, 5):
        learn(model, "p1", "human", NINE + 480.0 + hour, [("vault/purge", False)], held={"vault/purge"})
    habit = model.habits.get("p1")
    assert habit is not None
    assert "vault/purge" not in habit.actions
    learn(model, "p1", "human", NINE + 504.0, [("vault/purge", False)], held={"vault/purge"})
    assert "vault/purge" in habit.actions


def test_one_busy_day_teaches_little_more_than_a_short_one() -> None:
    short, busy = Rarity(), Rarity()
    for hour in range(4):
        learn(short, "p", "human", NINE + hour, [("a/b", False)])
    for quarter in range(56):
        learn(busy, "p", "human", NINE + quarter / 4.0, [("a/b", False)])
    weights = [model.habits.touch("p").actions["a/b"] for model in (short, busy)]
    assert weights[1] < 4.0 * weights[0]


def test_an_identity_that_makes_up_names_mutes_itself() -> None:
    model = office(Rarity())
    for run in range(200):
        learn(model, "job", "service_principal", NINE + 480.0 + run, [(f"run-{run}/write", False)])
    assert now(model, "job", "run-200/write", day=30) < 1.5
    assert now(model, "p1", "run-200/write", day=30) > 4.0


def test_what_two_begin_in_the_same_bucket_is_nobodys_invention() -> None:
    model, lessons = Rarity(), Lessons(NINE)
    crowd = Crowd(2, {"new/write": Tally(2, 0)})
    for person in ("a", "b"):
        model.learn(person, "human", [("new/write", False)], lessons, crowd=crowd)
    model.teach(lessons)
    assert [model.habits.touch(person).inventions for person in ("a", "b")] == [0, 0]


def test_an_identity_that_changes_its_kind_takes_its_actions_along() -> None:
    model = Rarity()
    learn(model, "x", "unknown", NINE, [("a/b", False)])
    learn(model, "x", "human", NINE + 1.0, [("a/c", False)])
    assert model.backoff.adopters("a/b", "unknown") == 0
    assert model.backoff.adopters("a/b", "human") == 1


def test_forgetting_an_identity_takes_its_adoptions_back() -> None:
    model = Rarity(max_identities=8)
    for number in range(100):
        learn(model, f"p{number}", "human", NINE + number, [("a/b", False)])
    assert model.backoff.adopters("a/b") == len(model.habits) <= 8


def test_actions_of_one_identity_are_bounded() -> None:
    model = Rarity(max_actions=16)
    for number in range(500):
        learn(model, "p", "human", NINE + number, [(f"a/{number}", False)])
    assert len(model.habits.touch("p").actions) <= 16
    assert model.habits.evicted_values > 400


def test_a_habit_survives_its_row() -> None:
    model = office(Rarity(), days=3, people=2)
    learn(model, "p0", "human", NINE + 100.0, [("x/y", False)], held={"x/y"}, places=({"10.0.0"}, {"sub"}))
    habit, restored = model.habits.touch("p0"), Habit()
    restored.restore(json.loads(json.dumps(habit.row())))
    assert restored.row() == habit.row()
    assert all(getattr(restored, name) == getattr(habit, name) for name in Habit.__slots__)


PURGE = "vault/purge"


def guarded_now(model: Rarity, actor: str, day: int) -> float:
    habit = model.habits.get(actor)
    return surprise(model.likelihood(habit, PURGE, "human", NINE + 24.0 * day, guarded=True).probability)


def accomplices(model: Rarity, day: int, number: int = 10, *, actions: Sequence[str] = (PURGE,)) -> None:
    for one in range(number):
        tried = [(action, False) for action in actions]
        learn(model, f"fresh{one}", "human", NINE + 24.0 * day, tried, guarded={PURGE}.__contains__)


def test_what_newcomers_do_makes_no_guarded_action_usual_for_others_until_they_have_stayed_for_days() -> None:
    model = office(Rarity())
    before = guarded_now(model, "p1", 20)
    accomplices(model, 20)
    assert guarded_now(model, "p1", 21) == pytest.approx(before, abs=0.05)
    assert model.newcomers_left_out(model.habits.get("p1"), PURGE, guarded=True) == 10
    assert guarded_now(model, "somebody new", 21) < guarded_now(office(Rarity()), "somebody new", 21) - 1.0
    for day in range(21, 20 + SETTLED_AFTER):
        accomplices(model, day, actions=("web/read",))
    assert model.newcomers_left_out(model.habits.get("p1"), PURGE, guarded=True) == 0
    assert guarded_now(model, "p1", 20 + SETTLED_AFTER) < before - 1.0


def test_newcomers_that_are_forgotten_or_change_their_kind_are_no_newcomers_of_it_any_more() -> None:
    model = Rarity(max_identities=16)
    accomplices(model, 0)
    learn(model, "fresh0", "guest", NINE + 1.0, [("web/read", False)], guarded={PURGE}.__contains__)
    assert [model.backoff.adopters(PURGE, newcomers(kind)) for kind in ("human", "guest")] == [9, 1]
    for number in range(30):
        learn(model, f"q{number}", "human", NINE + 2.0 + number, [("web/read", False)], guarded={PURGE}.__contains__)
    assert model.backoff.adopters(PURGE) == 0
    assert [model.backoff.adopters(PURGE, newcomers(kind)) for kind in ("human", "guest")] == [0, 0]


def test_a_flood_of_new_things_makes_no_guarded_action_usual_in_an_office_of_few() -> None:
    model = office(Rarity())
    for day in range(20, 34):
        for hour in range(8):
            tried = [(f"made/up{day}-{hour}-{number}", False) for number in range(15)]
            learn(model, "p1", "human", NINE + 24.0 * day + hour, tried, guarded={PURGE}.__contains__)
    assert guarded_now(model, "p1", 34) > 6.0
