"""What makes an alert: an identity's window, or an operation that fails for many; each thing is told once."""

import json
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.detectors.anomalies import Anomaly
from models.detectors.registry import DETECTORS, build
from models.statistics.scoring import Severity
from models.stream.cells import Cell
from models.stream.events import Actor, ActorKind
from models.stream.windows import Bucket
from service.core.alerting.alert_log import AlertLog
from service.core.alerting.alerts import Alert, alert_id
from service.core.alerting.revisions import MOST_FINDINGS, MOST_IDENTITIES
from service.sinks.content.alert_content import Links, alert_content, kql
from service.sinks.content.cloud_event import cloud_event
from service.sinks.content.ocsf import detection_finding

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
WINDOW = timedelta(hours=2)
ALL = {name: build(name) for name in DETECTORS}
WRITE = "microsoft.compute/virtualmachines/write"


def anomaly(
    who: str, action: str = WRITE, *, detector: str = "rare_failure", hour: int = 0, score: float = 80.0
) -> Anomaly:
    time = START + hour * HOUR
    actor = Actor(f"t/{who}", f"{who}@example.com", ActorKind.HUMAN)
    cell = Cell(action, action.replace("microsoft", "Microsoft"), time, 1, 0, 0, 1)
    return Anomaly(detector, actor, Bucket.of(time, HOUR), cell, score, 3.0, "It was refused.", {})


def people(number: int, first: int = 0) -> list[str]:
    return [f"user{one:03}" for one in range(first, first + number)]


def told(log: AlertLog, anomalies: Iterable[Anomaly], tick: int = 1) -> list[Alert]:
    now = START + tick * timedelta(minutes=15)
    return log.tell(anomalies, settled=(), detectors=ALL, threshold=lambda name, time: 75.0, now=now)


def loaded(log: AlertLog, other: AlertLog) -> AlertLog:
    """Return `other` as `log` comes back from a snapshot."""
    parts = [log.dump(), log.dump_failing(), log.rollouts.dump(), log.campaigns.dump(), log.open.dump()]
    other.load(*json.loads(json.dumps(parts)))
    return other


def test_four_identities_are_four_alerts_and_five_are_one() -> None:
    four = told(AlertLog(WINDOW), map(anomaly, people(4)))
    assert [alert.actor_id for alert in four] == [f"t/{name}" for name in people(4)]
    assert {alert.operation for alert in four} == {""}
    [one] = told(AlertLog(WINDOW), map(anomaly, people(5)))
    assert one.operation == "Microsoft.compute/virtualmachines/write"
    assert (one.actor_id, one.actor_kind) == (f"operation/{WRITE}", ActorKind.UNKNOWN)
    assert one.identities == tuple(f"{name}@example.com" for name in people(5))
    assert {finding.actor_name for finding in one.findings} == set(one.identities)


def named(one: Anomaly, name: str) -> Anomaly:
    return one._replace(cell=one.cell._replace(action_name=name))


@given(st.permutations(["Microsoft.Compute/virtualMachines/write", WRITE, WRITE.upper(), WRITE, WRITE]))
def test_an_operation_is_named_the_same_whoever_of_them_was_found_first(names: list[str]) -> None:
    found = [named(anomaly(who), name) for who, name in zip(people(5), names, strict=True)]
    log = AlertLog(WINDOW)
    [alert] = told(log, found)
    [revised] = told(log, [*found, named(anomaly("user005"), WRITE.upper())])

    assert alert.operation == revised.operation == "Microsoft.Compute/virtualMachines/write"


def test_one_identity_failing_five_times_stays_its_own_alert() -> None:
    [alert] = told(AlertLog(WINDOW), [anomaly("ann", f"a/{number}") for number in range(5)])
    assert alert.actor_id == "t/ann"


def succeeded(one: Anomaly) -> Anomaly:
    return one._replace(cell=one.cell._replace(successes=1, denials=0))


def test_what_else_they_did_stays_with_them() -> None:
    done = succeeded(anomaly("user003", detector="rare_action"))
    found = [*map(anomaly, people(5)), anomaly("user002", "a/write"), done]
    by_subject = {alert.actor_id: alert for alert in told(AlertLog(WINDOW), found)}
    assert set(by_subject) == {f"operation/{WRITE}", "t/user002", "t/user003"}
    assert [one.action for one in by_subject["t/user002"].findings] == ["a/write"]
    assert [one.detector for one in by_subject["t/user003"].findings] == ["rare_action"]


def test_whichever_detector_found_it_what_only_failed_is_a_failure() -> None:
    found = [anomaly(name, detector=detector) for name in people(5) for detector in ("rare_action", "rare_failure")]
    [alert] = told(AlertLog(WINDOW), found)
    assert (alert.identity_count, len(alert.findings)) == (5, 10)
    assert len(told(AlertLog(WINDOW), [succeeded(anomaly(name, detector="rare_action")) for name in people(9)])) == 9


def test_a_failure_that_ends_in_success_after_all_is_not_told_twice() -> None:
    log = AlertLog(WINDOW)
    told(log, [anomaly(name, detector="rare_action") for name in people(5)])
    assert told(log, [succeeded(anomaly(name, detector="rare_action")) for name in people(5)], tick=2) == []


def test_who_was_told_before_the_fifth_came_is_named_but_not_told_again() -> None:
    log = AlertLog(WINDOW)
    assert len(told(log, map(anomaly, people(3)))) == 3
    [alert] = told(log, map(anomaly, people(6)), tick=2)
    assert alert.identity_count == 6
    assert len(alert.identities) == 6
    assert {finding.actor_id for finding in alert.findings} == {f"t/{name}" for name in people(3, first=3)}
    assert told(log, map(anomaly, people(6)), tick=3) == []
    assert all(log.told(anomaly(name)) for name in people(6))
    # News of one who was told before brings neither the operation nor what was told back.
    [news] = told(log, [anomaly("user000"), anomaly("user000", "b/write")], tick=4)
    assert (news.actor_id, news.revision) == ("t/user000", 2)


def test_the_fifth_is_found_although_the_first_have_scrolled_out_of_view() -> None:
    log = AlertLog(WINDOW)
    told(log, map(anomaly, people(4)))
    [alert] = told(log, [anomaly("user004", hour=1)], tick=5)
    assert alert.identity_count == 5


def test_more_of_the_same_operation_is_a_revision_and_the_next_window_another_alert() -> None:
    log = AlertLog(WINDOW)
    [first] = told(log, map(anomaly, people(5)))
    [second] = told(log, map(anomaly, people(7)), tick=2)
    [third] = told(log, [anomaly(name, hour=2) for name in people(5)], tick=9)
    assert (first.id, first.revision + 1, 7) == (second.id, second.revision, second.identity_count)
    assert third.id != first.id
    assert third.revision == 1


def test_the_order_of_finding_does_not_matter() -> None:
    found = [anomaly(name, score=60.0 + number) for number, name in enumerate(people(9))]
    assert told(AlertLog(WINDOW), found) == told(AlertLog(WINDOW), found[::-1])


def test_an_identity_cannot_pass_for_an_operation() -> None:
    impostor = anomaly("x", "a/write")
    impostor = impostor._replace(actor=Actor(f"operation/{WRITE}", "7 identities", ActorKind.UNKNOWN))
    alerts = told(AlertLog(WINDOW), [*map(anomaly, people(5)), impostor])
    assert len({alert.id for alert in alerts}) == 2
    assert sorted(bool(alert.operation) for alert in alerts) == [False, True]


def test_thousands_are_counted_and_few_are_listed() -> None:
    [alert] = told(AlertLog(WINDOW), map(anomaly, people(900)))
    assert (alert.identity_count, len(alert.identities)) == (900, MOST_IDENTITIES)
    assert (len(alert.findings), alert.omitted) == (MOST_FINDINGS, 900 - MOST_FINDINGS)
    assert alert_content(alert, Links()).who.text.startswith("900 identities: user000@example.com, ")
    assert alert_content(alert, Links()).who.text.endswith(" and 892 more")


def test_it_goes_on_after_a_restart_as_if_nothing_had_happened() -> None:
    log = AlertLog(WINDOW)
    told(log, map(anomaly, people(4)))
    restored = loaded(log, AlertLog(WINDOW))
    later = [anomaly(name, hour=1) for name in people(3, first=3)]
    assert told(log, later, tick=5) == told(restored, later, tick=5)
    assert (log.dump(), log.dump_failing()) == (restored.dump(), restored.dump_failing())


def test_operations_are_forgotten_with_their_window() -> None:
    log = AlertLog(WINDOW)
    told(log, map(anomaly, people(5)))
    log.expire(START + WINDOW)
    assert not log.dump()
    assert not log.dump_failing()
    assert log.told_of(START.date()) == 0


def test_alerts_of_a_day_are_counted_by_whom_they_are_about() -> None:
    log = AlertLog(WINDOW)
    told(log, [*map(anomaly, people(5)), anomaly("ann", "a/write"), anomaly("ann", "a/write", hour=4)])
    assert log.told_of(START.date()) == 2
    assert log.told_of((START + 24 * HOUR).date()) == 0


def test_machines_are_told_whose_each_finding_is_and_for_how_many_it_fails() -> None:
    [alert] = told(AlertLog(WINDOW), map(anomaly, people(5)))
    finding: Any = detection_finding(alert)
    assert {one["actor"]["user"]["uid"] for one in finding["evidences"]} == {f"t/{name}" for name in people(5)}
    assert finding["unmapped"]["identity_count"] == 5
    assert "5 identities: unusual failures of create or change virtual machines" in finding["message"]
    assert "Caller" not in kql(alert)
    [own] = told(AlertLog(WINDOW), [anomaly("ann")])
    assert "identity_count" not in detection_finding(own)["unmapped"]  # type: ignore[operator]  # JSON


@pytest.mark.parametrize(
    ("sensitivity", "outcome", "severity"),
    [
        (1.2, (1, 1, 0, 0), Severity.MEDIUM),
        (1.2, (1, 0, 0, 0), Severity.MEDIUM),  # begun, its end not yet known
        (1.2, (2, 0, 1, 1), Severity.LOW),  # in vain
        (0.6, (1, 1, 0, 0), Severity.LOW),
        (0.0, (1, 1, 0, 0), Severity.LOW),
    ],
)
def test_a_sensitive_operation_that_did_not_only_fail_is_a_step_more_severe(
    sensitivity: float, outcome: tuple[int, int, int, int], severity: Severity
) -> None:
    one = anomaly("ann", detector="rare_action", score=60.0)
    one = one._replace(cell=Cell(WRITE, WRITE, START, *outcome), sensitivity=sensitivity)
    [alert] = told(AlertLog(WINDOW), [one])
    assert alert.severity is alert.findings[0].severity is severity


ASSIGN = "microsoft.authorization/roleassignments/write"


@pytest.mark.parametrize(
    ("action", "success", "mitre", "first"),
    [
        (ASSIGN, True, ("TA0004/T1098.003",), "Who got which role"),
        (ASSIGN, False, ("TA0007/T1526", "TA0004/T1098.003"), "All of it failed"),
        ("microsoft.web/sites/write", True, ("TA0001/T1078.004",), "Read the list of operations"),
    ],
)
def test_attack_and_next_steps_are_those_of_the_operation_and_its_outcome_else_the_detectors(
    action: str, success: bool, mitre: tuple[str, ...], first: str
) -> None:
    one = anomaly("ann", action, detector="rare_action")
    [alert] = told(AlertLog(WINDOW), [succeeded(one) if success else one])
    [finding] = alert.findings
    assert finding.mitre == mitre
    assert finding.response[0].startswith(first)
    assert finding.response[-1] == DETECTORS["rare_action"].declaration.card.response[-1]


def test_of_findings_of_several_families_each_has_its_first_step_on_a_card() -> None:
    found = [succeeded(anomaly("ann", action, detector="rare_action")) for action in (ASSIGN, "a/b/listkeys/action")]
    [alert] = told(AlertLog(WINDOW), found)
    checks = alert_content(alert, Links()).checks
    assert {check.partition(" ")[0] for check in checks[:2]} == {"Who", "Take"}
    assert len(checks) == 5


ticks = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(people(7)),
            st.sampled_from(["a/write", "b/write"]),
            st.sampled_from(["rare_action", "rare_failure"]),
            st.integers(0, 3),
            st.booleans(),
        ),
        max_size=12,
    ),
    max_size=6,
)


@given(ticks, st.integers(0, 6), st.randoms(use_true_random=False))
def test_each_thing_is_told_once_and_of_one_subject_whatever_the_order_and_the_restarts(
    drawn: list[list[tuple[str, str, str, int, bool]]], restart: int, chance: random.Random
) -> None:
    log, shuffled = AlertLog(WINDOW, group_from=3), AlertLog(WINDOW, group_from=3)
    where: dict[str, str] = {}
    revisions: dict[str, int] = {}
    for tick, rows in enumerate(drawn):
        found: dict[str, Anomaly] = {}
        for who, action, detector, hour, success in rows:
            one = anomaly(who, action, detector=detector, hour=hour)
            found.setdefault(one.id, succeeded(one) if success else one)
        if tick == restart:
            log = loaded(shuffled, AlertLog(WINDOW, group_from=3))
        alerts = told(log, found.values(), tick)
        mixed = list(found.values())
        chance.shuffle(mixed)
        assert alerts == told(shuffled, mixed, tick)
        for alert in alerts:
            assert alert.revision == revisions.get(alert.id, 0) + 1
            revisions[alert.id] = alert.revision
            assert any(each.id not in where for each in alert.findings)
            for each in alert.findings:
                assert where.setdefault(each.id, alert.id) == alert.id
                assert alert.operation or each.actor_id == alert.actor_id
            if alert.operation:
                assert alert.identity_count >= 3
                assert {each.action for each in alert.findings} == {alert.operation.lower()}
                assert {each.actor_name for each in alert.findings} <= set(alert.identities)
        assert all(log.told(one) for one in found.values())
        assert all(log.told(one) for one in found.values())
    assert (log.dump(), log.dump_failing()) == (shuffled.dump(), shuffled.dump_failing())


def test_everything_that_tells_of_an_alert_counts_the_findings_that_it_does_not_hold() -> None:
    [alert] = told(AlertLog(WINDOW), [anomaly("ann", f"a/{number:02}") for number in range(60)])
    content = alert_content(alert, Links(), findings=5)
    assert content.heading.endswith("and 59 more")
    assert (len(content.findings), content.hidden) == (5, 55)
    data: Any = cloud_event(alert)["data"]
    assert data["message"] == data["finding_info"]["title"] == content.heading
    assert (len(data["evidences"]), data["unmapped"]["findings_left_out"]) == (25, 35)


def test_an_alert_says_which_of_its_incident_it_is_in_every_life_alike() -> None:
    log, other = AlertLog(WINDOW), AlertLog(WINDOW)
    found = [anomaly("ann", f"a/{hour}", hour=hour) for hour in (0, 4, 18, 40)] + [anomaly("bob", hour=4)]
    places = []
    for number, one in enumerate(found):
        [alert] = told(log, [one], tick=number)
        places.append((alert.incident, alert.incident_place))
        log = loaded(log, AlertLog(WINDOW))
    first = alert_id("t/ann", Bucket.of(START, WINDOW))
    assert places == [("", 1), (first, 2), (first, 3), ("", 1), ("", 1)]
    told(other, found)
    assert log.alerts != []
    assert {one.id for one in log.alerts} == {one.id for one in other.alerts}


def test_what_arrives_late_takes_its_place_before_what_was_told_already() -> None:
    log = AlertLog(WINDOW)
    [first] = told(log, [anomaly("ann", "a/4", hour=4)])
    [late] = told(log, [anomaly("ann", "a/0", hour=0)], tick=2)
    [revised] = told(log, [anomaly("ann", "a/5", hour=5)], tick=3)
    assert [one.incident_place for one in (first, late, revised)] == [1, 1, 2]
    assert (revised.id, revised.incident) == (first.id, late.id)


def test_the_place_is_told_and_not_remembered() -> None:
    log = AlertLog(WINDOW)
    told(log, [anomaly("ann", "a/0")])
    [second] = told(log, [anomaly("ann", "a/4", hour=4)], tick=2)
    assert second.model_dump()["incident_place"] == 2
    assert not any("incident" in row["alert"] for row in log.dump())
    assert Alert.model_validate_json(second.model_dump_json()) == second
