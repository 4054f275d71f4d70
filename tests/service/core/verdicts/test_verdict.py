"""A verdict: what it answers, what it keeps from being learnt, and from when on."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.detectors.anomalies import Anomaly
from models.stream.windows import Bucket
from service.core.alerting.alerts import Alert
from service.core.alerting.sample_alert import sample_alert
from service.core.verdicts.verdict import HEARD_WITHIN, VerdictKind, cells_of, takes_effect_from
from tests.fakes.alerts import alert, campaign, outage, rollout
from tests.fakes.verdicts import ANN, HOUR, START, judged, verdict, verdict_on

ONCE, MALICIOUS, DUPLICATE = VerdictKind.BENIGN_ONCE, VerdictKind.MALICIOUS, VerdictKind.DUPLICATE


def anomaly(action: str = "a/write", after: timedelta = timedelta(0)) -> Anomaly:
    bucket = Bucket(START + after, HOUR)
    return Anomaly("rare_action", ANN, bucket, judged(action).cell(bucket), 90.0, 5.0)


def test_its_id_is_that_of_all_it_says() -> None:
    assert verdict().id == verdict().id
    assert len({verdict().id, verdict(ONCE).id, verdict(why="else").id, verdict(at=START + 4 * HOUR).id}) == 4


@pytest.mark.parametrize(
    ("kind", "later", "learnt", "expected"),
    [
        (VerdictKind.BENIGN, 0, False, True),
        (VerdictKind.BENIGN, 0, True, True),
        (VerdictKind.BENIGN, 9, False, True),
        (VerdictKind.BENIGN, 9, True, False),  # by then it is a habit, or odd all the same
        (ONCE, 1, True, True),
        (ONCE, 9, False, False),
        (DUPLICATE, 1, False, True),
        (DUPLICATE, 9, False, False),
        (MALICIOUS, 0, False, False),  # of an attack everything is told
    ],
)
def test_it_answers_what_it_is_about(kind: VerdictKind, later: int, learnt: bool, expected: bool) -> None:
    one = verdict(kind)
    assert one.covers(anomaly(after=later * HOUR), learnt=learnt) is expected
    assert not one.covers(anomaly("b/write"), learnt=learnt)
    assert not one.covers(anomaly(after=-2 * HOUR), learnt=learnt)


@pytest.mark.parametrize(
    ("kind", "action", "later", "expected"),
    [
        (VerdictKind.BENIGN, "a/write", 0, False),
        (DUPLICATE, "a/write", 0, False),
        (ONCE, "a/write", 0, True),
        (ONCE, "b/write", 0, False),
        (ONCE, "a/write", 2, False),
        (MALICIOUS, "b/write", 1, True),
        (MALICIOUS, "b/write", 2, False),
    ],
)
def test_it_keeps_out_what_it_is_about(kind: VerdictKind, action: str, later: int, expected: bool) -> None:
    assert verdict(kind).keeps_out(ANN.id, anomaly(action, later * HOUR).cell) is expected


def test_of_an_operation_that_fails_for_many_only_that_operation_is_kept_out() -> None:
    one = verdict(MALICIOUS, actor_id="operation/a/write")
    assert (one.keeps_out("t/bob", anomaly().cell), one.keeps_out("t/bob", anomaly("b/write").cell)) == (True, False)


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"end": START}, "should end after it begins"),
        ({"end": START + timedelta(days=91)}, "should be about 90 days at most"),
        ({"for_kind": True, "kind": ONCE}, "should speak for a kind only if it is benign"),
        ({"why": ""}, "at least 1 character"),
        ({"why": "a" * 501}, "at most 500 characters"),
        ({"by": "eve\n"}, "should have no control characters in it"),
        ({"end": datetime(2026, 3, 2, 11)}, "should have timezone info"),  # noqa: DTZ001 - that is what is wrong
        ({"mood": "good"}, "Extra inputs are not permitted"),
    ],
)
def test_what_makes_no_sense_is_refused(given_: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        verdict(given_.pop("kind", VerdictKind.BENIGN), **given_)


@given(
    st.timedeltas(timedelta(0), timedelta(days=2)),
    st.timedeltas(timedelta(0), timedelta(hours=2)),
    st.sampled_from([timedelta(minutes=15), HOUR, timedelta(days=1)]),
)
def test_it_takes_effect_where_nothing_is_closed_until_it_is_heard_of_and_as_soon_as_that(
    later: timedelta, lateness: timedelta, width: timedelta
) -> None:
    start = takes_effect_from(START + later, lateness, width)
    closed_by_then = START + later + HEARD_WITHIN - lateness
    assert start == Bucket.of(start, width).start
    assert start <= closed_by_then < start + width


def test_what_is_closed_already_is_not_touched() -> None:
    assert takes_effect_from(START, HOUR, HOUR, closed_until=START + 3 * HOUR) == START + 3 * HOUR


@pytest.mark.parametrize("kind", VerdictKind)
def test_one_can_be_given_on_an_alert_that_has_been_open_for_long(kind: VerdictKind) -> None:
    alert = sample_alert(START)
    long = alert.model_copy(update={"window_end": alert.window_start + timedelta(days=120)})
    given_ = verdict_on(long, kind, long.window_end)
    assert given_.end - given_.start == timedelta(days=90)
    assert given_.end >= long.window_end


@pytest.mark.parametrize("made", [alert, outage, rollout, campaign])
def test_of_an_attack_nothing_is_learnt_for_a_day_whatever_the_window_of_its_alert(made: Callable[[], Alert]) -> None:
    found = made()
    until = max(one.bucket_end for one in found.findings)
    assert verdict_on(found, MALICIOUS, until + HOUR).end == until + timedelta(hours=25)
    assert verdict_on(found, MALICIOUS, until + HOUR).start == found.window_start


def test_what_an_alert_tells_of_is_kept_out_even_by_a_clock_that_is_behind() -> None:
    found = alert()
    assert verdict_on(found, MALICIOUS, found.window_start - timedelta(days=3)).end == found.findings[0].bucket_end


def test_each_cell_of_an_alert_is_told_once_whatever_was_said_of_it() -> None:
    alert = sample_alert(START)
    twice = alert.findings[0].model_copy(update={"id": "another", "detector": "new_network"})
    cells = cells_of(alert.model_copy(update={"findings": (*alert.findings, twice)}))
    assert [cell.action for cell in cells] == [one.action for one in alert.findings]
    assert {cell.actor_id for cell in cells} == {alert.actor_id}
