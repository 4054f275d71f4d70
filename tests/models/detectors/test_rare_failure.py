import json
import math
import re
from datetime import UTC, datetime, timedelta

import pytest

from models.detectors.anomalies import Anomaly
from models.detectors.rare_failure import RareFailure
from models.stream.cells import ActorBucket, Cell, Crowd
from models.stream.events import Actor, ActorKind
from models.stream.windows import Bucket
from tests.models.detectors.driving import crowd_of, learn
from tests.models.detectors.fresh import otherwise

HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
JOB = Actor("t/log-delivery", "log-delivery", ActorKind.SERVICE_PRINCIPAL)
PEOPLE = [Actor(f"t/p{number}", f"p{number}", ActorKind.HUMAN) for number in range(10)]
WRITE = "microsoft.web/sites/write"
DOORS = ("microsoft.keyvault/vaults/read", "microsoft.sql/servers/write", "microsoft.storage/accounts/listkeys/action")


def bucket_of(
    actor: Actor, hour: int, *actions: str, succeeded: int = 0, failures: int = 0, denials: int = 0
) -> ActorBucket:
    bucket = Bucket.of(MONDAY + hour * HOUR, HOUR)
    attempts = succeeded + failures + denials
    cells = [
        Cell(name, name, bucket.start + timedelta(minutes=n), attempts, succeeded, failures, denials)
        for n, name in enumerate(actions)
    ]
    return ActorBucket(actor, bucket, tuple(cells))


def at_work(hours: int = 300) -> RareFailure:
    detector = RareFailure()
    for hour in range(hours):
        learn(detector, *(bucket_of(actor, hour, WRITE, succeeded=2) for actor in PEOPLE))
    return detector


@pytest.fixture(scope="module")
def known() -> RareFailure:
    """Shared by the tests that only score."""
    return at_work()


def judged(detector: RareFailure, seen: ActorBucket) -> list[Anomaly]:
    return detector.score(seen, crowd_of(seen))


def test_doors_that_stay_shut_fire_and_success_is_not_judged_at_all(known: RareFailure) -> None:
    assert (
        max(a.score for a in judged(known, bucket_of(PEOPLE[0], 300, *DOORS, denials=1))) >= known.declaration.threshold
    )
    assert judged(known, bucket_of(PEOPLE[0], 300, WRITE, succeeded=3)) == []


def test_ten_thousand_equal_refusals_a_week_are_silent_after_their_first_hours() -> None:
    detector, loud = at_work(48), []
    for hour in range(48, 48 + 168):
        group = [bucket_of(actor, hour, WRITE, succeeded=2) for actor in PEOPLE]
        group.append(bucket_of(JOB, hour, "microsoft.insights/logs/write", denials=60))
        loud += [hour for anomaly in learn(detector, *group) if anomaly.score >= detector.declaration.threshold]
    assert len(loud) <= 1
    assert set(loud) <= {48}


def test_a_refusal_weighs_more_than_a_conflict(known: RareFailure) -> None:
    [refused] = judged(known, bucket_of(PEOPLE[0], 300, WRITE, denials=1))
    [conflict] = judged(known, bucket_of(PEOPLE[0], 300, WRITE, failures=1))
    assert refused.surprise > conflict.surprise


def test_a_failure_at_something_never_tried_weighs_more_than_at_the_usual(known: RareFailure) -> None:
    crowd = Crowd(1, {})
    [usual] = known.score(bucket_of(PEOPLE[0], 300, WRITE, denials=1), crowd)
    [never] = known.score(bucket_of(PEOPLE[0], 300, "microsoft.web/sites/delete", denials=1), crowd)
    assert never.surprise > usual.surprise


def test_an_outage_of_a_service_is_not_an_alert_for_everybody(known: RareFailure) -> None:
    group = [bucket_of(actor, 300, WRITE, failures=1) for actor in PEOPLE]
    scores = [anomaly.score for seen in group for anomaly in known.score(seen, crowd_of(*group))]
    assert len(scores) == len(PEOPLE)
    assert max(scores) < 25.0


def test_an_end_that_came_in_a_later_bucket_is_judged(known: RareFailure) -> None:
    seen = bucket_of(PEOPLE[0], 300, DOORS[0], denials=1)
    seen = seen._replace(cells=tuple(cell._replace(attempts=0) for cell in seen.cells))
    assert len(judged(known, seen)) == 1


def test_the_sum_can_be_redone_from_the_payload_alone(known: RareFailure) -> None:
    explained = [a for a in judged(known, bucket_of(PEOPLE[0], 300, *DOORS, denials=1)) if a.evidence]
    assert explained
    for anomaly in explained:
        payload = json.loads(json.dumps(anomaly.evidence))
        terms, gathered = payload["terms"], payload["evidence"]
        assert terms["outcome"] == pytest.approx(-math.log10(payload["outcome"]["probability"]))
        alone = sum(value for name, value in terms.items() if name != "evidence")
        part = min(1.0, max(0.0, (alone - gathered["begins"]) / (gathered["floor"] - gathered["begins"])))
        expected = part * gathered["share"] * min(gathered["around"], gathered["most"])
        assert terms["evidence"] == pytest.approx(expected)
        assert anomaly.surprise == pytest.approx(alone + expected, abs=1e-4)
        assert anomaly.why.startswith("It was refused, which is expected in ")


@pytest.mark.parametrize("threshold", [30.0, 40.0, 60.0])
def test_the_counterfactual_is_true_whatever_the_threshold(threshold: float) -> None:
    detector = at_work()
    [found] = judged(detector, bucket_of(PEOPLE[0], 300, DOORS[2], denials=1))
    text = otherwise(detector, found, threshold)
    said = re.fullmatch(r"Would be ordinary had it failed in (\d+) more hours? before.", text)
    assert said
    for day in range(int(said[1])):
        learn(detector, bucket_of(PEOPLE[0], 300 + 24 * day, DOORS[2], denials=1))
    [again] = judged(detector, bucket_of(PEOPLE[0], 300 + 24 * int(said[1]), DOORS[2], denials=1))
    assert again.score < threshold
