"""Thresholds tried on days that were: who would be told of besides, which alerts would not be, how many a day."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from models.stream.events import Actor, ActorKind
from service.core.alerting.alerts import Alert
from service.core.alerting.score_history import day_number
from service.core.alerting.trial import Peak, thresholds_within, try_thresholds
from tests.fakes.alerts import alert, finding
from tests.fakes.clock import MONDAY_MORNING

HOUR = timedelta(hours=1)
TODAY = day_number(MONDAY_MORNING)
ACTIVE = {TODAY: 10, TODAY + 1: 8}
NOW = {"rare_action": 60.0, "dormant": 70.0}


def actor(name: str) -> Actor:
    return Actor(f"t/{name}", name, ActorKind.HUMAN)


def peak(name: str, hour: float, score: float, detector: str = "rare_action") -> Peak:
    return Peak(actor(name), MONDAY_MORNING + hour * HOUR, {detector: (score, "a/write")})


def told(name: str, hour: float, score: float, number: int = 1) -> Alert:
    start = MONDAY_MORNING + hour * HOUR
    one = finding(actor_id=f"t/{name}", score=score, bucket_start=start, bucket_end=start + HOUR)
    return alert(number, actor_id=f"t/{name}", window_start=start, window_end=start + 2 * HOUR).model_copy(
        update={"findings": (one,)}
    )


def test_lower_thresholds_add_whom_they_reach_once_a_day_by_the_hour_that_is_furthest_above() -> None:
    peaks = [peak("ann", 0, 55.0), peak("ann", 1, 58.0), peak("ann", 25, 56.0), peak("bob", 0, 49.0)]
    trial = try_thresholds(peaks, [], ACTIVE, NOW, {**NOW, "rare_action": 50.0})
    assert [(one.actor.name, one.scores["rare_action"][0]) for one in trial.appearing] == [("ann", 56.0), ("ann", 58.0)]
    assert [(day.active, day.now, day.tried) for day in trial.days] == [(10, 0, 1), (8, 0, 1)]
    assert trial.a_day(MONDAY_MORNING + 50 * HOUR) == (0.0, 1.0)
    assert try_thresholds(peaks, [], ACTIVE, NOW, NOW).a_day(MONDAY_MORNING) == (0.0, 0.0)


def test_whoever_is_told_of_on_that_day_anyway_is_not_added() -> None:
    peaks = [peak("ann", 0, 55.0), peak("bob", 0, 65.0), peak("bob", 1, 55.0), peak("bob", 2, 54.0)]
    alerts = [told("ann", 3, 61.0)]
    trial = try_thresholds(peaks, alerts, ACTIVE, NOW, {**NOW, "rare_action": 50.0})
    assert trial.appearing == []
    assert [(day.now, day.tried) for day in trial.days] == [(1, 2), (0, 0)]


def test_higher_thresholds_take_away_what_no_longer_reaches_them_and_nothing_else() -> None:
    alerts = [told("ann", 0, 62.0, 1), told("bob", 1, 80.0, 2), told("cid", 2, 55.0, 3)]
    trial = try_thresholds([], alerts, ACTIVE, NOW, {**NOW, "rare_action": 70.0})
    assert [one.actor_id for one in trial.vanishing] == ["t/ann"], "cid was told of under other thresholds"
    assert try_thresholds([], alerts, ACTIVE, NOW, NOW).vanishing == []


def test_a_detector_that_has_no_threshold_has_that_of_any_other() -> None:
    peaks = [peak("ann", 0, 76.0, "of old"), peak("bob", 0, 74.0, "of old")]
    assert [day.tried for day in try_thresholds(peaks, [], ACTIVE, NOW, NOW).days] == [1, 0]


def test_a_budget_leads_to_thresholds_that_keep_it_and_a_larger_one_to_lower_ones() -> None:
    days = {TODAY + number: 300 for number in range(28)}
    peaks = [peak(f"user{number}", 24 * day, 40.0 + 3.0 * (number % 20)) for day in range(28) for number in range(20)]
    few, many = (thresholds_within(peaks, days, NOW, budget) for budget in (1.0, 8.0))
    assert few["rare_action"] > many["rare_action"]
    assert few["dormant"] > many["dormant"]
    assert thresholds_within([], {}, NOW, 5.0).keys() == NOW.keys()


@given(
    scores=st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 9), st.floats(40, 100), st.sampled_from(sorted(NOW))), max_size=60
    ),
    budget=st.floats(0.1, 10.0),
    least=st.floats(41, 80),
)
def test_of_a_budget_that_leads_above_a_score_hours_below_it_may_be_left_out(
    scores: list[tuple[int, int, float, str]], budget: float, least: float
) -> None:
    days = {TODAY + number: 30 for number in range(7)}
    peaks = [peak(f"user{who}", 24 * day, score, detector) for day, who, score, detector in scores]
    over = thresholds_within([one for one in peaks if one.reaches(dict.fromkeys(NOW, least))], days, NOW, budget)
    if min(over.values()) >= least:
        assert over == thresholds_within(peaks, days, NOW, budget)
