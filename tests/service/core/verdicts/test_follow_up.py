"""Of which verdicts those are told who were told of the alerts, and that it is once."""

import json
from datetime import datetime, timedelta

import pytest

from models.statistics.scoring import Severity
from models.stream.rows import UnexpectedRow
from service.core.alerting.alerts import Alert
from service.core.verdicts.collection import Verdicts
from service.core.verdicts.follow_up import TOLD_WITHIN, FollowUps
from service.core.verdicts.verdict import Verdict, VerdictKind
from tests.fakes.alerts import alert
from tests.fakes.verdicts import HOUR, START, judged, verdict

NOW = START + 3 * HOUR
TOLD = alert()


def remembered(wanted: str) -> Alert | None:
    return {TOLD.id: TOLD}.get(wanted)


def on_it(kind: VerdictKind = VerdictKind.BENIGN, at: datetime = NOW - HOUR, why: str = "she has asked") -> Verdict:
    return verdict(kind, judged("a/write"), judged("b/write"), judged("a/write"), alert=TOLD.id, at=at, why=why)


def test_a_verdict_is_told_once_with_all_that_it_says() -> None:
    follow_ups, verdicts = FollowUps(), Verdicts([on_it()])
    [one] = follow_ups.due(verdicts, remembered, NOW)
    assert (one.id, one.alert, one.severity) == (on_it().id, TOLD.id, Severity.HIGH)
    assert (one.by, one.why, one.actions) == ("eve@example.com", "she has asked", ("A/WRITE", "B/WRITE"))
    assert follow_ups.due(verdicts, remembered, NOW + HOUR) == []


def test_each_of_several_on_one_alert_is_told_in_their_order() -> None:
    first, second = on_it(), on_it(VerdictKind.MALICIOUS, NOW - HOUR / 2)
    told = FollowUps().due(Verdicts([second, first]), remembered, NOW)
    assert [one.id for one in told] == [first.id, second.id]
    assert [one.stage for one in told] == ["closed", "updated"]


@pytest.mark.parametrize(
    "one",
    [
        on_it(at=NOW + timedelta(seconds=1)),
        on_it(at=NOW - TOLD_WITHIN),
        verdict(alert="another", at=NOW - HOUR),
    ],
    ids=["not given yet", "heard of too late", "of an alert that is forgotten"],
)
def test_of_some_verdicts_nobody_waits_for_news(one: Verdict) -> None:
    assert FollowUps().due(Verdicts([one]), remembered, NOW) == []


def test_what_was_told_survives_a_crash_and_is_forgotten_when_it_is_old() -> None:
    follow_ups, again = FollowUps(), FollowUps()
    follow_ups.due(Verdicts([on_it()]), remembered, NOW)
    again.load(json.loads(json.dumps(list(follow_ups.dump()))))
    assert again.due(Verdicts([on_it()]), remembered, NOW) == []
    again.due(Verdicts(), remembered, NOW + TOLD_WITHIN - HOUR)
    assert list(again.dump()) == list(follow_ups.dump()), "a clock may be set back by a day"
    again.due(Verdicts(), remembered, NOW + 2 * TOLD_WITHIN)
    assert list(again.dump()) == []


def test_a_row_that_is_none_is_refused() -> None:
    with pytest.raises(UnexpectedRow, match="unknown field 'mood'"):
        FollowUps().load([{"id": "a", "at": NOW.isoformat(), "mood": "good"}])


def test_at_most_twenty_operations_are_named() -> None:
    many = verdict(VerdictKind.BENIGN, *(judged(f"a/{one}") for one in range(30)), alert=TOLD.id, at=NOW)
    [one] = FollowUps().due(Verdicts([many]), remembered, NOW)
    assert len(one.actions) == 20
