"""A budget of alerts a day: how it moves the thresholds, how far, how fast, and what it is deaf to."""

import math
import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stream.events import ActivityEvent, Actor, ActorKind, Outcome
from service.cli.printing import threshold_table
from service.core.alerting.budget import HIGHEST, MOST_DOWN, MOST_UP, Budget, outlook
from service.core.alerting.score_history import LOWEST, Day, History, day_begins
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.messages import Message
from tests.fakes.detector import FirstTime

FIRST = 20_514
START = {"rare_action": 57.0, "rare_failure": 65.0}
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def honest_day(number: int, identities: int, chance: random.Random) -> Day:
    """One on which scores keep their promise: s or more with probability 10^(-s/25), a detector."""
    profiles: dict[tuple[int, ...], int] = {}
    for _ in range(identities):
        profile = tuple(min(100, int(-25.0 * math.log10(1.0 - chance.random()))) for _ in START)
        kept = tuple(points if points >= LOWEST else 0 for points in profile)
        if any(kept):
            profiles[kept] = profiles.get(kept, 0) + 1
    return Day(number, identities, profiles)


def flooded(day: Day, identities: int) -> Day:
    """The same day, with so many identities at the top of the scale besides."""
    return day._replace(profiles={**day.profiles, (100, 100): identities})


def lived(days: list[Day], alerts_per_day: float | None) -> tuple[Budget, list[dict[str, float]]]:
    """Let days pass; returns the budget and the thresholds after each."""
    budget = Budget(START, alerts_per_day, History(START))
    thresholds = []
    for day in days:
        budget.history.days = [known for known in budget.history.days if known.number > day.number - 28] + [day]
        budget.settle()
        thresholds.append(budget.thresholds())
    return budget, thresholds


def test_what_is_asked_for_keeps_its_threshold_and_uses_up_no_budget() -> None:
    thresholds = {"first_time": 57.0, "asked_for": 100.0}
    engine = Engine(
        Options(thresholds=thresholds, alerts_per_day=1.0), [FirstTime(), FirstTime("asked_for", always=True)]
    )
    assert engine.budget.history.detectors == ("first_time",)
    chance = random.Random(1)
    for n in range(20):
        flood = Day(
            FIRST + n, 2_000, {(min(100, int(-25.0 * math.log10(1.0 - chance.random()))),): 1 for _ in range(40)}
        )
        engine.budget.history.days.append(flood)
        engine.budget.settle()
    now = engine.budget.thresholds()
    assert now["first_time"] > 57.0
    assert now["asked_for"] == 100.0
    assert engine.budget.threshold("asked_for", day_begins(FIRST + 21)) == 100.0
    assert all(len(row) == 1 for _, row, _ in outlook(engine.budget).by_budget)


def test_without_a_budget_the_thresholds_stay_where_they_are() -> None:
    chance = random.Random(1)
    budget, thresholds = lived([honest_day(FIRST + n, 2_000, chance) for n in range(5)], None)
    assert all(one == START for one in thresholds)
    assert budget.expected > 0.0


@pytest.mark.parametrize("identities", [100, 2_000, 5_000])
@pytest.mark.parametrize("alerts_per_day", [1.0, 5.0])
def test_where_scores_keep_their_promise_a_budget_is_kept_from_the_first_day(
    identities: int, alerts_per_day: float
) -> None:
    chance = random.Random(identities)
    days = [honest_day(FIRST + n, identities, chance) for n in range(14)]
    budget, thresholds = lived(days, alerts_per_day)
    for now in (thresholds[0], thresholds[-1]):
        given_ = [day.alerted(list(now.values())) for day in days]
        assert sum(given_) / len(days) <= alerts_per_day * 1.5 + 1.0
    # It is not kept by silence, either: unless the bottom of the scale is reached, most of it is spent.
    if min(thresholds[-1].values()) > LOWEST:
        assert budget.expected >= alerts_per_day / 3.0


def test_all_thresholds_move_by_the_same_points() -> None:
    chance = random.Random(3)
    _, thresholds = lived([honest_day(FIRST, 5_000, chance)], 5.0)
    assert thresholds[0]["rare_failure"] - thresholds[0]["rare_action"] == 8.0
    assert thresholds[0]["rare_action"] > 57.0


@pytest.mark.slow
def test_one_day_of_attacks_costs_a_point_and_a_month_of_them_does_not_deafen() -> None:
    chance = random.Random(4)
    calm = [honest_day(FIRST + n, 1_000, chance) for n in range(28)]
    _, before = lived(calm, 2.0)
    attacked = [*calm, flooded(honest_day(FIRST + 28, 1_000, chance), 400)]
    _, after = lived(attacked, 2.0)
    assert after[-1]["rare_action"] <= before[-1]["rare_action"] + 1.0
    month = [flooded(honest_day(FIRST + 28 + n, 1_000, chance), 400) for n in range(60)]
    budget, thresholds = lived([*calm, *month], 2.0)
    promised = budget._promised(2.0)
    assert thresholds[-1]["rare_action"] <= 57.0 + promised + MOST_UP
    assert thresholds[-1]["rare_failure"] <= HIGHEST
    assert budget.expected >= 400.0


@given(st.lists(st.tuples(st.integers(1, 3_000), st.integers(0, 300)), min_size=2, max_size=20), st.floats(0.1, 50.0))
def test_thresholds_stay_within_their_range_and_the_correction_within_its_pace(
    drawn: list[tuple[int, int]], alerts_per_day: float
) -> None:
    budget = Budget(START, alerts_per_day, History(START))
    corrections = [0]
    for number, (active, alerted) in enumerate(drawn):
        budget.history.days.append(Day(FIRST + number, active, {(90, 0): alerted}))
        budget.settle()
        corrections.append(budget._correction)
        assert all(LOWEST <= threshold <= HIGHEST for threshold in budget.thresholds().values())
    assert all(-2 <= after - before <= 1 for before, after in pairwise(corrections))
    assert all(-MOST_DOWN <= one <= MOST_UP for one in corrections)
    restored = Budget(START, alerts_per_day, History(START))
    restored.load(list(budget.dump()))
    assert list(restored.dump()) == list(budget.dump())
    assert restored.expected == budget.expected


def test_a_day_keeps_its_thresholds_when_later_days_get_others() -> None:
    chance = random.Random(5)
    budget, thresholds = lived([honest_day(FIRST + n, 300 * (n + 1), chance) for n in range(6)], 1.0)
    for number, then in enumerate(thresholds):
        morning = day_begins(FIRST + number + 1) + 9 * HOUR
        assert budget.threshold("rare_action", morning) == then["rare_action"]
    assert budget.threshold("rare_action", day_begins(FIRST)) == START["rare_action"]
    assert budget.threshold("rare_action", day_begins(FIRST + 90)) == thresholds[-1]["rare_action"]
    assert thresholds[0] != thresholds[-1]


def test_taking_the_budget_away_brings_the_configured_thresholds_back() -> None:
    chance = random.Random(6)
    budget, _ = lived([honest_day(FIRST, 4_000, chance)], 1.0)
    plain = Budget(START, None, History(START))
    plain.load(list(budget.dump()))
    assert plain.thresholds() == START
    assert plain.history.days == budget.history.days


def test_the_outlook_agrees_with_a_count_of_the_days() -> None:
    chance = random.Random(7)
    days = [honest_day(FIRST + n, 1_500, chance) for n in range(10)]
    budget, _ = lived(days, 5.0)
    told = outlook(budget)
    for threshold, alone, together in told.by_threshold:
        both = [threshold, threshold]
        assert together == sum(day.alerted(both) for day in days) / 10
        assert max(alone) <= together <= sum(alone) + 1e-9
    assert [wanted for wanted, _, _ in told.by_budget] == [1.0, 2.0, 5.0, 10.0, 20.0, 50.0]
    gave = [gave for _, _, gave in told.by_budget]
    assert gave == sorted(gave)
    text = threshold_table(told)
    assert "with a budget of 5 a day" in text
    assert text.count("\n") > 20


def test_before_a_day_is_over_there_is_nothing_to_reckon_from() -> None:
    assert "no day is over yet" in threshold_table(outlook(Budget(START, 5.0, History(START))))


def test_the_engine_moves_its_thresholds_when_a_day_of_event_time_is_over_and_not_before() -> None:
    engine = Engine(Options(alerts_per_day=1.0, thresholds={"first_time": 60.0}), [FirstTime()])
    engine.begin(MONDAY - HOUR)
    thresholds = []
    for hour in range(50):
        time = MONDAY + hour * HOUR
        actor = Actor(f"t/{hour}", f"user {hour}", ActorKind.HUMAN)
        seen = ActivityEvent(time, actor, "a/write", "A/write", Outcome.SUCCESS, f"op {hour}")
        engine.apply(Message("0", hour, str(hour), time, b""), [seen])
        engine.evaluate(time)
        thresholds.append(engine.budget.thresholds()["first_time"])
    moved = [hour for hour, (before, after) in enumerate(pairwise(thresholds), 1) if before != after]
    assert moved == [25, 49]
    assert thresholds[0] == 60.0
    restored = Engine(engine.options, [FirstTime()])
    restored.load(list(engine.dump()))
    assert restored.budget.thresholds() == engine.budget.thresholds()
    assert list(restored.dump()) == list(engine.dump())


def test_a_state_from_before_there_were_budgets_is_read() -> None:
    engine = Engine(Options(alerts_per_day=1.0), [FirstTime()])
    rows = [row for row in engine.dump() if row[0] != "budget"]
    engine.load(rows)
    assert engine.budget.history.days == []
