"""The history behind thresholds: a day's largest scores, counted without names, for four weeks."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from models.detectors.anomalies import Anomaly
from models.stream.cells import ActorBucket, Cell
from models.stream.events import Actor, ActorKind
from models.stream.windows import Bucket
from service.core.alerting.score_history import DAYS, MOST_PROFILES, History, day_begins, day_number

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DETECTORS = ("rare_action", "rare_failure")


def feed(history: History, time: datetime, scores: Mapping[str, Mapping[str, float]]) -> None:
    """Let identities be active at `time`, with a score a detector."""
    bucket = Bucket.of(time, HOUR)
    cell = Cell("a/write", "A/write", time, 1, 1, 0, 0)
    actors = {name: Actor(f"t/{name}", name, ActorKind.HUMAN) for name in scores}
    anomalies = [
        Anomaly(detector, actors[name], bucket, cell, score, 1.0)
        for name, of_detectors in scores.items()
        for detector, score in of_detectors.items()
    ]
    history.observe([ActorBucket(actor, bucket, (cell,)) for actor in actors.values()], anomalies)


def test_an_identity_counts_once_a_day_with_its_largest_score_of_each_detector() -> None:
    history = History(DETECTORS)
    feed(history, MONDAY, {"ann": {"rare_action": 50.0}, "bob": {}})
    feed(history, MONDAY + 5 * HOUR, {"ann": {"rare_action": 61.7, "rare_failure": 45.0}})
    feed(history, MONDAY + 9 * HOUR, {"ann": {"rare_action": 42.0}})
    assert history.finish(MONDAY + DAY)
    [day] = history.days
    assert (day.active, day.profiles) == (2, {(61, 45): 1})
    assert [day.alerted([t, 100.0]) for t in (60.0, 61.0, 62.0)] == [1, 1, 0]
    assert day.alerted([62.0, 45.0]) == 1


def test_a_day_is_over_only_when_event_time_is_complete_beyond_it() -> None:
    history = History(DETECTORS)
    assert not history.finish(MONDAY)
    feed(history, MONDAY, {"ann": {"rare_action": 50.0}})
    assert not history.finish(MONDAY + 23 * HOUR)
    assert history.alerted([40.0, 40.0]) == 0.0
    assert history.finish(MONDAY + DAY)
    assert not history.finish(MONDAY + 2 * DAY)
    assert history.alerted([40.0, 40.0]) == 1.0


def test_what_comes_late_counts_for_the_day_under_way() -> None:
    history = History(DETECTORS)
    feed(history, MONDAY, {"ann": {}})
    history.finish(MONDAY + DAY)
    feed(history, MONDAY + 20 * HOUR, {"bob": {"rare_action": 80.0}})
    history.finish(MONDAY + 2 * DAY)
    assert [(day.number - day_number(MONDAY), day.alerted([75.0, 75.0])) for day in history.days] == [(0, 0), (1, 1)]


def test_four_weeks_are_remembered_and_no_more() -> None:
    history = History(DETECTORS)
    for day in range(40):
        feed(history, MONDAY + day * DAY, {"ann": {"rare_action": 50.0}})
        history.finish(MONDAY + (day + 1) * DAY)
    assert len(history.days) == DAYS
    feed(history, MONDAY + 400 * DAY, {"ann": {}})
    history.finish(MONDAY + 401 * DAY)
    assert len(history.days) == 1


def test_many_identities_are_estimated_and_many_profiles_are_simplified() -> None:
    history = History(DETECTORS)
    scores = {
        f"u{number}": {"rare_action": 40.0 + number % 60, "rare_failure": 40.0 + number // 60 % 60}
        for number in range(5_000)
    }
    feed(history, MONDAY, scores)
    assert len(history._active.entries) < 2_048
    history.finish(MONDAY + DAY)
    [day] = history.days
    assert 4_500 < day.active < 5_500
    assert len(day.profiles) <= MOST_PROFILES
    assert sum(day.profiles.values()) == 5_000
    exact = sum(max(one.values()) >= 80.0 for one in scores.values())
    assert day.alerted([80.0, 80.0]) == exact


scores = st.dictionaries(
    st.sampled_from(["ann", "bob", "eve"]), st.dictionaries(st.sampled_from(DETECTORS), st.floats(0.0, 100.0))
)


@given(st.lists(st.tuples(st.integers(0, 60), scores), max_size=12), st.integers(0, 12))
def test_dump_load_continue_equals_continue(feeds: list[tuple[int, dict[str, dict[str, float]]]], cut: int) -> None:
    history = History(DETECTORS)
    for number, (hour, of_identities) in enumerate(sorted(feeds, key=lambda one: one[0])):
        if number == cut:
            restored = History(DETECTORS)
            restored.load(list(history.dump()))
            history = restored
        history.finish(MONDAY + hour * HOUR)
        feed(history, MONDAY + hour * HOUR, of_identities)
    whole = History(DETECTORS)
    for hour, of_identities in sorted(feeds, key=lambda one: one[0]):
        whole.finish(MONDAY + hour * HOUR)
        feed(whole, MONDAY + hour * HOUR, of_identities)
    assert list(history.dump()) == list(whole.dump())


def test_a_detector_that_comes_or_goes_leaves_the_others_days_as_they_were() -> None:
    history = History(DETECTORS)
    feed(history, MONDAY, {"ann": {"rare_action": 50.0, "rare_failure": 60.0}, "bob": {"rare_failure": 60.0}})
    history.finish(MONDAY + DAY)
    feed(history, MONDAY + DAY, {"ann": {"rare_failure": 70.0}})
    other = History(("dormant", "rare_failure"))
    other.load(list(history.dump()))
    assert other.days[0].profiles == {(0, 60): 2}
    other.finish(MONDAY + 2 * DAY)
    assert other.days[1].profiles == {(0, 70): 1}


def test_days_are_counted_from_midnight_to_midnight() -> None:
    assert day_begins(day_number(MONDAY + 23 * HOUR)) == MONDAY
