"""What an expectation is held against: judged hours, findings of alerts of every kind, and what an alert leaves out."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from models.detectors import Anomaly
from models.detectors.judging import Asked, Judgement
from models.detectors.registry import DETECTORS, play
from models.stream import NOTHING_EXCLUDED, ActorBucket, Crowd
from service.core.alerting.alerts import Alert, finding
from service.core.alerting.sample_alert import sample_alert
from service.core.engine import ClosedBucket
from service.expectations.checking import Checks
from service.expectations.models import Expectation
from service.expectations.results import CheckedExpectation

EXAMPLE = DETECTORS["rare_action"].declaration.speaks
[FOUND, *_] = play("rare_action", EXAMPLE)


def closed(*anomalies: Anomaly) -> list[ClosedBucket]:
    one = FOUND
    seen = ActorBucket(one.actor, one.bucket, (one.cell,))
    said = {one.detector: list(anomalies)}
    judgement = Judgement(seen, Asked(Crowd(1, {})), said, one.score, NOTHING_EXCLUDED)
    return [ClosedBucket(1, [judgement])]


def alert(*findings: Anomaly, **more: object) -> Alert:
    detector = DETECTORS["rare_action"]()
    told = tuple(finding(one, detector, settled=True, threshold=57.0) for one in findings)
    return sample_alert(FOUND.bucket.end).model_copy(update={"findings": told, **more})


def held(wanted: dict[str, object], told: Sequence[Alert] = (), *omitted: Anomaly) -> CheckedExpectation:
    checks = Checks([Expectation.model_validate({"identity": "ann", **wanted})])
    checks.closed(closed(FOUND))
    checks.alerted(told)
    checks.evaluated(lambda one: one in omitted)
    [result] = checks.results()
    return result


def test_a_finding_counts_in_whosever_alert_it_is() -> None:
    assert held({"alerts": True}).failure.startswith("it did not alert; rare_action scored ")
    assert held({"alerts": True}, [alert(FOUND, actor_id="campaign/2", actor_name="2 identities")]).failure == ""
    assert held({"alerts": False}, [alert(FOUND)]).failure.startswith("it alerted: rare_action scored ")


def test_a_finding_of_somebody_else_does_not_count() -> None:
    other = FOUND._replace(actor=FOUND.actor._replace(id="tenant/ben", name="ben"))
    assert held({"alerts": False}, [alert(other)]).failure == ""


def test_what_an_alert_tells_of_by_its_number_alone_was_told() -> None:
    assert held({"alerts": True}, [], FOUND).failure == ""
    assert held({"alerts": False}, [], FOUND).failure.startswith("it alerted: ")


@pytest.mark.parametrize(("minutes", "fits"), [(-1, False), (0, True), (59, True), (60, False)])
def test_a_time_means_the_hour_around_it(minutes: int, fits: bool) -> None:
    at = FOUND.bucket.start + timedelta(minutes=minutes)
    assert held({"score_at_least": 1, "at": at}).failure == ("" if fits else "it did that, but not then")


@pytest.mark.parametrize("name", ["ann", "ANN", "tenant/ann"])
def test_an_identity_goes_by_any_of_its_names(name: str) -> None:
    assert held({"identity": name, "score_at_least": 1}).failure == ""


def test_a_score_is_held_against_its_bounds_themselves() -> None:
    assert held({"score_at_least": FOUND.score}).failure == ""
    assert held({"score_below": FOUND.score}).failure.startswith("rare_action scored ")
