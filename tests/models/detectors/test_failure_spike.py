import json
import math
import sys
from datetime import UTC, datetime, timedelta

import pytest

from models.detectors.anomalies import Anomaly
from models.detectors.failure_spike import FailureSpike
from models.statistics.survival import reached
from models.stream.cells import ActorBucket, Cell, Crowd
from models.stream.events import ActivityEvent, Actor, ActorKind, Outcome
from models.stream.windows import Bucket
from tests.models.detectors.driving import learn, restored
from tests.models.detectors.fresh import fresh, otherwise

HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
PEOPLE = [Actor(f"t/p{number}", f"p{number}", ActorKind.HUMAN) for number in range(10)]
JOB = Actor("t/job", "job", ActorKind.SERVICE_PRINCIPAL)
DOORS = tuple(f"microsoft.door{number}/things/listkeys/action" for number in range(7))
NOBODY_ELSE = Crowd(1, {})


def failed(action: str, time: datetime, *, began: datetime | None = None, denied: bool = True) -> Cell:
    """A cell whose first failure is at `time`, as its sample says."""
    outcome = Outcome.DENIED if denied else Outcome.FAILURE
    event = ActivityEvent(time, PEOPLE[0], action, action, outcome, f"{action}/{time}")
    return Cell(action, action, began or time, 1, 0, int(not denied), int(denied), sample=(event,))


def bucket_of(actor: Actor, hour: int, *cells: Cell) -> ActorBucket:
    return ActorBucket(actor, Bucket.of(MONDAY + hour * HOUR, HOUR), cells)


def tried(actor: Actor, hour: int, *doors: str, minutes: float = 2.0, denied: bool = True) -> ActorBucket:
    start = MONDAY + hour * HOUR
    cells = [failed(door, start + timedelta(minutes=minutes * n), denied=denied) for n, door in enumerate(doors)]
    return bucket_of(actor, hour, *cells)


def worked(actor: Actor, hour: int) -> ActorBucket:
    return bucket_of(actor, hour, Cell("web/write", "web/write", MONDAY + hour * HOUR, 1, 1, 0, 0))


@pytest.fixture(scope="module")
def known() -> FailureSpike:
    """Ten people at work for a fortnight; each has one failure a day. Shared by the tests that only score."""
    detector = fresh(FailureSpike)
    for hour in range(14 * 24):
        for number, actor in enumerate(PEOPLE):
            learn(detector, tried(actor, hour, DOORS[0]) if hour % 24 == number else worked(actor, hour))
    return detector


def worst(anomalies: list[Anomaly]) -> float:
    return max((anomaly.score for anomaly in anomalies), default=0.0)


def test_many_different_refusals_within_minutes_fire(known: FailureSpike) -> None:
    assert worst(known.score(tried(PEOPLE[0], 336, *DOORS), NOBODY_ELSE)) >= known.declaration.threshold


def test_two_failures_are_a_coincidence_and_success_is_not_looked_at(known: FailureSpike) -> None:
    assert known.score(tried(PEOPLE[0], 336, *DOORS[:2]), NOBODY_ELSE) == []
    assert known.score(worked(PEOPLE[0], 336), NOBODY_ELSE) == []


def test_the_later_ones_of_a_spike_are_told_and_surprise_more(known: FailureSpike) -> None:
    found = known.score(tried(PEOPLE[0], 336, *DOORS), NOBODY_ELSE)
    assert [anomaly.cell.action for anomaly in found] == list(DOORS[2:])
    assert [anomaly.surprise for anomaly in found] == sorted(anomaly.surprise for anomaly in found)


def test_failures_that_are_far_apart_are_no_spike(known: FailureSpike) -> None:
    assert known.score(tried(PEOPLE[0], 336, *DOORS, minutes=8.0), NOBODY_ELSE) == []


def test_when_it_failed_counts_not_when_it_began(known: FailureSpike) -> None:
    start = MONDAY + 336 * HOUR
    at_once = [failed(door, start + timedelta(minutes=50), began=start + n * timedelta(minutes=8))
               for n, door in enumerate(DOORS[:5])]  # fmt: skip
    assert len(known.score(bucket_of(PEOPLE[0], 336, *at_once), NOBODY_ELSE)) == 3


def test_an_outage_of_one_service_is_no_spike(known: FailureSpike) -> None:
    calls = [f"microsoft.compute/thing{number}/write" for number in range(9)]
    assert known.score(tried(PEOPLE[0], 336, *calls), NOBODY_ELSE) == []


def test_refusals_weigh_more_than_other_failures(known: FailureSpike) -> None:
    refused = known.score(tried(PEOPLE[0], 336, *DOORS), NOBODY_ELSE)[-1]
    conflicting = known.score(tried(PEOPLE[0], 336, *DOORS, denied=False), NOBODY_ELSE)[-1]
    assert refused.surprise == pytest.approx(conflicting.surprise + 1.0)


def test_a_pipeline_whose_parts_all_fail_every_night_is_silent_after_some_nights() -> None:
    detector, loud = fresh(FailureSpike), []
    for day in range(30):
        for actor in PEOPLE:
            learn(detector, worked(actor, 24 * day + 9))
        found = learn(detector, tried(JOB, 24 * day + 3, *DOORS[:6], denied=False))
        loud += [day for anomaly in found if anomaly.score >= detector.declaration.threshold]
    assert set(loud) <= {0, 1, 2}


def test_somebody_never_seen_is_judged_by_its_kind(known: FailureSpike) -> None:
    stranger = Actor("t/new", "new", ActorKind.HUMAN)
    [*_, last] = known.score(tried(stranger, 336, *DOORS), NOBODY_ELSE)
    assert last.score >= known.declaration.threshold
    assert "not been seen before" in last.why


def test_the_sum_can_be_redone_from_the_payload_alone(known: FailureSpike) -> None:
    explained = [one for one in known.score(tried(PEOPLE[0], 336, *DOORS), NOBODY_ELSE) if one.evidence]
    assert len(explained) == 5
    for anomaly in explained:
        payload = json.loads(json.dumps(anomaly.evidence))
        terms, spike = payload["terms"], payload["spike"]
        chance = 1.0
        for at, step in enumerate(spike["steps"]):
            worth = spike["own_strength"]
            chance *= (spike["own"][at + 1] + worth * step) / (spike["own"][at] + worth)
        assert terms["spike"] == pytest.approx(-math.log10(chance))
        assert terms["denials"] == pytest.approx(spike["denial_weight"] * spike["denied"] / spike["failing_operations"])
        assert anomaly.surprise == pytest.approx(sum(terms.values()), abs=1e-4)
        assert anomaly.score == pytest.approx(-25.0 * math.log10(payload["user_day"]["probability"]), abs=0.01)


@pytest.mark.parametrize("threshold", [55.0, 70.0, 85.0])
def test_the_counterfactual_is_true_whatever_the_threshold(known: FailureSpike, threshold: float) -> None:
    seen = tried(PEOPLE[0], 336, *DOORS)
    *_, last = known.score(seen, NOBODY_ELSE)
    said = otherwise(known, last, threshold)
    fewer = int(said.partition(" with ")[2].split()[0])
    assert worst(known.score(tried(PEOPLE[0], 336, *DOORS[:fewer]), NOBODY_ELSE)) < threshold
    assert worst(known.score(tried(PEOPLE[0], 336, *DOORS[: fewer + 1]), NOBODY_ELSE)) >= threshold
    hours = int(said.partition(" or after ")[2].split()[0]) if " or after " in said else 10
    assert (" or after " in said) == (threshold > 60.0), "a dozen such hours are a lot"
    detector = restored(fresh(FailureSpike), known)
    for number in range(hours):
        assert detector.score(seen, NOBODY_ELSE)[-1].score >= threshold, number
        state = detector._states.touch(PEOPLE[0].id)
        state.rungs = reached(state.rungs, len(DOORS))
    assert detector.score(seen, NOBODY_ELSE)[-1].score < threshold or " or after " not in said


def test_why_is_a_sentence_with_the_numbers(known: FailureSpike) -> None:
    *_, last = known.score(tried(PEOPLE[0], 336, *DOORS), NOBODY_ELSE)
    assert last.why.startswith("7 different operations failed within 15 minutes, all of them refused; in ")
    assert "active hours of its own at most 1 did" in last.why


def test_an_identity_takes_few_bytes() -> None:
    detector = fresh(FailureSpike)
    for hour in range(50):
        learn(detector, tried(PEOPLE[0], hour, *DOORS))
    state = detector._states.touch(PEOPLE[0].id)
    parts = [state, state.rungs, state.last_hours, state.worst]
    assert sum(map(sys.getsizeof, parts)) <= 200
