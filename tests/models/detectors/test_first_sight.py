import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from models.detectors.anomalies import Anomaly
from models.detectors.first_sight import FirstSight
from models.detectors.first_sight.declaration import DECLARATION, GRANT
from models.detectors.first_sight.declaration import KEY_LISTING as KEYS
from models.statistics.arrivals import PRIOR_ACTION, PRIOR_FIRST, PRIOR_SORT, PRIOR_UNKNOWN, STRENGTH
from models.statistics.lessons import by_name
from models.statistics.rhythm import off_hours
from models.stream.cells import ActorBucket, Cell, Crowd
from models.stream.events import Actor, ActorKind
from models.stream.windows import Bucket
from tests.models.detectors.driving import learn, restored, terms_of

HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
PEOPLE = [Actor(f"t/p{number}", f"p{number}", ActorKind.HUMAN) for number in range(12)]
STRANGER = Actor("t/stranger", "stranger", ActorKind.HUMAN)
USUAL, READ = "microsoft.web/sites/write", "microsoft.web/sites/read"
NOBODY_ELSE = Crowd(1, {})
NOW = 40


def bucket_of(actor: Actor, day: float, *actions: str, hour: int = 9, address: str = "10.0.1.1") -> ActorBucket:
    bucket = Bucket.of(MONDAY + timedelta(days=day, hours=hour), HOUR)
    cells = tuple(Cell(name, name, bucket.start, 1, 1, 0, 0, addresses=(address,)) for name in actions)
    return ActorBucket(actor, bucket, cells)


def at_work(newcomers: Iterable[int] = ()) -> FirstSight:
    """People who work every morning; somebody new on these days, who lists keys at once."""
    detector = FirstSight(explain_from=0.0)
    for day in range(NOW):
        learn(detector, *(bucket_of(actor, day, USUAL) for actor in PEOPLE))
        if day in newcomers:
            learn(detector, bucket_of(Actor(f"t/new{day}", "", ActorKind.HUMAN), day, KEYS, hour=10))
    return detector


@pytest.fixture(scope="module")
def known() -> FirstSight:
    """Shared by the tests that only score."""
    return at_work()


def judged(detector: FirstSight, *actions: str, day: float = NOW, actor: Actor = STRANGER, **how: Any) -> list[Anomaly]:
    return detector.score(bucket_of(actor, day, *actions, **how), NOBODY_ELSE)


def test_a_stranger_who_comes_straight_to_the_point_is_told(known: FirstSight) -> None:
    found = judged(known, GRANT, KEYS, hour=3, address="198.51.100.7")
    assert {one.cell.action for one in found} == {GRANT, KEYS}
    assert min(one.score for one in found) >= DECLARATION.threshold
    assert set(terms_of(found[0])) == {"first", "network", "hour", "activity", "sensitivity", "tactics", "only"}


def test_whoever_is_known_is_the_business_of_others(known: FirstSight) -> None:
    assert judged(known, GRANT, KEYS, actor=PEOPLE[0]) == []


def test_work_that_is_not_sensitive_is_not_judged(known: FirstSight) -> None:
    assert judged(known, USUAL, READ) == []


def test_network_hour_and_a_second_tactic_each_surprise_more(known: FirstSight) -> None:
    [plain] = judged(known, KEYS)
    for odder in ({"hour": 3}, {"address": "198.51.100.7"}):
        [one] = judged(known, KEYS, **odder)
        assert one.surprise > plain.surprise
    both = {one.cell.action: one for one in judged(known, KEYS, GRANT)}
    assert both[KEYS].surprise > plain.surprise
    twice = {one.cell.action: one for one in judged(known, KEYS, "microsoft.web/sites/config/list/action")}
    assert twice[KEYS].surprise == plain.surprise, "of the same tactic it adds nothing"


def test_what_else_it_does_makes_it_more_ordinary(known: FirstSight) -> None:
    surprises = [max(one.surprise for one in judged(known, KEYS, *rest)) for rest in ((), (USUAL,), (USUAL, READ))]
    assert surprises == sorted(surprises, reverse=True)
    assert len(set(surprises)) == 3


def test_it_is_judged_on_its_first_two_days_less_after_the_first_hour() -> None:
    detector = at_work()
    [first] = judged(detector, KEYS)
    learn(detector, bucket_of(STRANGER, NOW, READ))
    [later] = judged(detector, KEYS, hour=10)
    assert "later" in terms_of(later)
    assert "only" not in terms_of(later)
    assert later.surprise < first.surprise
    assert later.why.startswith("Nobody had seen it until lately")
    assert judged(detector, KEYS, day=NOW + 1) != []
    assert judged(detector, KEYS, day=NOW + 2) == []


def test_where_somebody_begins_like_this_every_few_days_it_is_ordinary(known: FirstSight) -> None:
    [seldom], [often] = judged(known, KEYS), judged(at_work(range(5, NOW, 3)), KEYS)
    assert often.surprise < seldom.surprise - 1.5
    assert often.score < DECLARATION.threshold


def test_in_a_new_tenant_being_new_says_nothing() -> None:
    detector = FirstSight()
    for day in range(5):
        here = [actor for number, actor in enumerate(PEOPLE) if number % 5 <= day]  # some come later in the week
        scores = [one.score for actor in here for one in judged(detector, USUAL, KEYS, day=day, actor=actor)]
        assert scores == [] or day > 0
        assert all(score < DECLARATION.threshold for score in scores)
        learn(detector, *(bucket_of(actor, day, USUAL, KEYS) for actor in here))


def test_what_newcomers_come_to_while_they_are_many_is_learnt_all_the_same() -> None:
    detector = FirstSight()
    assert learn(detector, *(bucket_of(actor, 0, KEYS) for actor in PEOPLE)) == []
    learn(detector, bucket_of(PEOPLE[0], 1, USUAL))
    assert detector.user_days.score(3.0) < FirstSight().user_days.score(3.0)


def test_what_it_would_take_to_be_ordinary_is_true(known: FirstSight) -> None:
    [told] = judged(known, KEYS, hour=3)
    changes = cast("Mapping[str, Any]", told.evidence["changes"])
    scores = [told.score, *(score for _, score in changes["identities"])]
    assert scores == sorted(scores, reverse=True)
    enough = scores[3] + 0.01  # what three more lead to
    assert FirstSight.counterfactual(changes, enough).endswith("if 3 more identities of its kind had begun like this.")
    assert FirstSight.counterfactual(changes, 1.0) == "Would be ordinary of somebody seen two days before."
    often = restored(FirstSight(), known)
    days, activities = by_name(), by_name()
    for _ in range(3):
        often.arrivals.learn_day("human", days, first=True, unknown=True)
        often.arrivals.learn_activity("human", "secrets", KEYS, days, activities)
    often.arrivals.teach(days, activities, Bucket.of(MONDAY + timedelta(days=NOW, hours=3), HOUR).hours)
    assert [one.score for one in judged(often, KEYS, hour=3)] == [scores[3]]


def test_the_surprise_can_be_worked_out_from_its_evidence_alone(known: FirstSight) -> None:
    for told in judged(known, GRANT, KEYS, USUAL, hour=3, address="198.51.100.7"):
        facts = json.loads(json.dumps(told.evidence))
        counts, activities, own = facts["arrivals"], facts["activities"], {}
        first = (counts["firsts"] + STRENGTH * PRIOR_FIRST) / (counts["days"] + STRENGTH)
        unknown = (counts["unknown"] + STRENGTH * PRIOR_UNKNOWN) / (counts["firsts"] + STRENGTH)
        of_sort = (counts["sort"] + STRENGTH * PRIOR_SORT) / (counts["firsts"] + STRENGTH)
        activity = (counts["action"] + STRENGTH * PRIOR_ACTION * of_sort) / (counts["firsts"] + STRENGTH)
        strongest: dict[str, float] = {}
        for one in activities["judged"]:
            if one["action"] == activities["this"]:
                own = one
            value = one["sensitivity"] - math.log10(one["probability"])
            strongest[one["tactic"]] = max(strongest.get(one["tactic"], 0.0), value)
        rhythm = bytes(facts["hour"]["its_kind"])
        total = -math.log10(first) - math.log10(activity) + own["sensitivity"]
        total += -math.log10(unknown) if facts["network"]["unknown"] else 0.0
        total += facts["hour"]["share"] * off_hours(rhythm, rhythm, facts["hour"]["of_day"])
        total += activities["more"] * sum(value for sort, value in strongest.items() if sort != own["tactic"])
        total += activities["only"] * (activities["sensitive"] / activities["all"]) ** 2
        assert told.surprise == pytest.approx(total, abs=1e-3)


def test_networks_rhythms_and_first_days_survive_a_restart() -> None:
    detector = at_work(range(5, NOW, 7))
    learn(detector, bucket_of(STRANGER, NOW, KEYS, READ))
    resumed = restored(FirstSight(explain_from=0.0), detector)
    for hour, address in ((10, "10.0.1.1"), (3, "198.51.100.7")):
        for actor in (STRANGER, Actor("t/other", "other", ActorKind.HUMAN)):
            said = judged(detector, GRANT, KEYS, actor=actor, hour=hour, address=address)
            assert said
            assert judged(resumed, GRANT, KEYS, actor=actor, hour=hour, address=address) == said


def test_what_came_late_is_not_counted_as_an_hour_again() -> None:
    detector = at_work()
    before = detector.rhythms.of("human")
    seen = bucket_of(PEOPLE[0], NOW - 1, GRANT)
    learn(detector, seen._replace(cells=tuple(cell._replace(late=True) for cell in seen.cells)))
    assert detector.rhythms.of("human") == before
