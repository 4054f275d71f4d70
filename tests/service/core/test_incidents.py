"""Which alerts make one incident, and what becomes of what people have said of it."""

import random
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from models.statistics.scoring import Severity
from service.core.incidents import GivenVerdict, Handling, IncidentState, incidents, place_in_incident
from tests.fakes.clock import MONDAY_MORNING

HOUR = timedelta(hours=1)


class Told(NamedTuple):
    id: str
    subject: str
    window_start: datetime
    window_end: datetime
    found_at: datetime
    severity: Severity = Severity.LOW
    score: float = 50.0


def told(id_: str, hours: float, subject: str = "t/ann", **changes: Any) -> Told:
    start = MONDAY_MORNING + hours * HOUR
    return Told(id_, subject, start, start + 2 * HOUR, start + 2 * HOUR)._replace(**changes)


def said(state: IncidentState, hours: float, assignee: str = "") -> Handling:
    return Handling(state, assignee, "bob", MONDAY_MORNING + hours * HOUR)


def test_alerts_of_one_subject_within_twelve_hours_of_each_other_are_one_incident() -> None:
    alerts = [told("a", 0), told("b", 14), told("c", 28), told("d", 42.1), told("x", 1, "t/bob")]
    found = incidents(random.Random(1).sample(alerts, len(alerts)))
    assert [[one.id for one in incident.alerts] for incident in found] == [["d"], ["a", "b", "c"], ["x"]]
    assert [one.id for one in found] == ["d", "a", "x"]
    assert (found[1].start, found[1].end) == (MONDAY_MORNING, MONDAY_MORNING + 30 * HOUR)


def test_a_long_window_reaches_further_than_a_short_one_that_follows() -> None:
    long = told("a", 0, window_end=MONDAY_MORNING + 24 * HOUR)
    assert len(incidents([long, told("b", 1), told("c", 30)])) == 1


def test_the_worst_alert_is_the_most_severe_then_the_highest() -> None:
    alerts = [told("a", 0, score=99.0), told("b", 1, severity=Severity.HIGH, score=70.0), told("c", 2)]
    [one] = incidents(alerts)
    assert one.worst.id == "b"


def test_what_was_said_last_of_any_of_its_alerts_holds() -> None:
    handled = {
        "b": said(IncidentState.ACKNOWLEDGED, 5, "ann"),
        "a": said(IncidentState.NEW, 4),
        "z": said(IncidentState.CLOSED, 9),
    }
    [one] = incidents([told("a", 0), told("b", 1)], handled)
    assert (one.state, one.assignee) == (IncidentState.ACKNOWLEDGED, "ann")
    [earlier] = incidents([told("0", -1), told("a", 0), told("b", 1)], handled)
    assert (earlier.id, earlier.state) == ("0", IncidentState.ACKNOWLEDGED)


def test_one_that_was_closed_is_new_again_when_there_is_news_of_it() -> None:
    [shut] = incidents([told("a", 0)], {"a": said(IncidentState.CLOSED, 3, "ann")})
    assert shut.state is IncidentState.CLOSED
    [again] = incidents([told("a", 0), told("b", 5)], {"a": said(IncidentState.CLOSED, 3, "ann")})
    assert (again.state, again.assignee) == (IncidentState.NEW, "ann")
    [known] = incidents([told("a", 0), told("b", 5)], {"a": said(IncidentState.ACKNOWLEDGED, 3)})
    assert known.state is IncidentState.ACKNOWLEDGED


def test_nothing_was_said_of_a_new_one() -> None:
    [one] = incidents([told("a", 0)])
    assert (one.state, one.assignee, one.subject) == (IncidentState.NEW, "", "t/ann")


@given(
    st.lists(st.tuples(st.sampled_from(["t/ann", "t/bob"]), st.integers(0, 60)), min_size=1, max_size=12), st.randoms()
)
def test_the_place_of_an_alert_is_the_one_it_has_in_its_incident_in_whatever_order_they_are_remembered(
    drawn: list[tuple[str, int]], randomly: random.Random
) -> None:
    alerts = [told(f"{number:02}", hours, subject) for number, (subject, hours) in enumerate(drawn)]
    for incident in incidents(alerts):
        for number, one in enumerate(incident.alerts, 1):
            remembered = randomly.sample(alerts, len(alerts))
            assert place_in_incident(one, remembered) == (incident.id, number)
            assert place_in_incident(one, [other for other in remembered if other != one]) == (incident.id, number)


def answer(hours: float, *, ends: bool = True, by: str = "zoe") -> GivenVerdict:
    return GivenVerdict(ends, by, MONDAY_MORNING + hours * HOUR)


def test_an_incident_is_closed_once_all_its_alerts_have_a_verdict_and_new_again_with_another_alert() -> None:
    alerts, answers = [told("a", 0), told("b", 5)], {"a": answer(8), "b": answer(9, by="ann")}
    [one] = incidents(alerts, {}, {"a": answer(8)})
    assert one.state is IncidentState.NEW
    [one] = incidents(alerts, {}, answers)
    assert one.handling == Handling(IncidentState.CLOSED, "", "ann", MONDAY_MORNING + 9 * HOUR)
    assert one.state is IncidentState.CLOSED
    [one] = incidents([*alerts, told("c", 10)], {}, answers)
    assert one.state is IncidentState.NEW
    [one] = incidents([*alerts, told("c", 10)], {}, {**answers, "c": answer(13)})
    assert one.state is IncidentState.CLOSED


def test_an_alert_that_is_updated_after_its_verdict_makes_its_incident_new_again() -> None:
    [one] = incidents([told("a", 0, found_at=MONDAY_MORNING + 9 * HOUR)], {}, {"a": answer(8)})
    assert one.state is IncidentState.NEW


def test_an_attack_is_acknowledged_by_its_verdict_and_closed_by_hand() -> None:
    alerts, answers = [told("a", 0), told("b", 5)], {"a": answer(8, ends=False), "b": answer(9)}
    [one] = incidents(alerts, {}, answers)
    assert (one.state, one.assignee) == (IncidentState.ACKNOWLEDGED, "zoe")
    [one] = incidents(alerts, {"a": said(IncidentState.ACKNOWLEDGED, 7.5, "ann")}, answers)
    assert (one.state, one.assignee) == (IncidentState.ACKNOWLEDGED, "ann")
    [one] = incidents(alerts, {"a": said(IncidentState.CLOSED, 10, "ann")}, answers)
    assert (one.state, one.assignee) == (IncidentState.CLOSED, "ann")


def test_what_was_set_by_hand_after_the_last_verdict_holds_and_keeps_whose_it_is() -> None:
    alerts, answers = [told("a", 0)], {"a": answer(8)}
    [one] = incidents(alerts, {"a": said(IncidentState.ACKNOWLEDGED, 7, "ann")}, answers)
    assert (one.state, one.assignee) == (IncidentState.CLOSED, "ann")
    [one] = incidents(alerts, {"a": said(IncidentState.NEW, 9)}, answers)
    assert one.state is IncidentState.NEW
    [one] = incidents(alerts, {"a": said(IncidentState.ACKNOWLEDGED, 8)}, answers)
    assert one.state is IncidentState.ACKNOWLEDGED, "of the same moment, what was set by hand"


def test_a_revision_is_another_one_whenever_there_is_news() -> None:
    a, handled, answers = told("a", 0), {"a": said(IncidentState.CLOSED, 3)}, {"a": answer(8)}
    seen = [
        incidents(alerts, by_hand, by_verdict)[0].revision
        for alerts, by_hand, by_verdict in (
            ([a], {}, {}),
            ([a, told("b", 1)], {}, {}),
            ([a._replace(found_at=a.found_at + HOUR)], {}, {}),
            ([a], handled, {}),
            ([a], {"a": said(IncidentState.CLOSED, 3, "ann")}, {}),
            ([a], {}, answers),
        )
    ]
    assert len(set(seen)) == len(seen)
    assert incidents([a], handled)[0].revision == incidents([a], handled)[0].revision
