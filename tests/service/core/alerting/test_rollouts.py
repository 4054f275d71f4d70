"""What many take up within days is told once; the first are told of as ever, and who is fresh vouches for nobody."""

import json
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
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
from service.core.alerting import rollouts
from service.core.alerting.alert_log import AlertLog
from service.core.alerting.alerts import Alert, AlertKind
from service.core.alerting.rollouts import TENURE, Rollouts
from service.sinks.content.alert_content import ALL_LINKS, alert_content, digest_title, heading, kql, others
from service.sinks.content.ocsf import detection_finding

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR, WINDOW = timedelta(hours=1), timedelta(hours=2)
ALL = {name: build(name) for name in DETECTORS}
FABRIC = "microsoft.fabric/capacities/write"
ASSIGN = "microsoft.authorization/roleassignments/write"


def anomaly(
    who: int | str,
    action: str = FABRIC,
    *,
    hour: int = 0,
    days: int = 40,
    sensitivity: float = 0.0,
    score: float = 80.0,
    strange: str = "",
    detector: str = "rare_action",
    failed: bool = False,
) -> Anomaly:
    name = f"user{who:03}" if isinstance(who, int) else who
    time = MONDAY + hour * HOUR
    cell = Cell(action, action.replace("microsoft", "Microsoft"), time, 1, int(not failed), 0, int(failed))
    evidence: dict[str, Any] = {"terms": {"action": 4.0}, "days_known": days, "networks_known": ["192.0.2"]}
    if strange:
        evidence["terms"] = {"action": 4.0, "network": 1.0}
        cell = cell._replace(addresses=("192.0.2.9", strange))
    actor = Actor(f"t/{name}", f"{name}@example.com", ActorKind.HUMAN)
    bucket = Bucket.of(time, HOUR)
    return Anomaly(detector, actor, bucket, cell, score, 4.0, "Never in its 40 days.", evidence, 4.0, sensitivity)


def told(log: AlertLog, anomalies: Iterable[Anomaly], hour: int = 1) -> list[Alert]:
    now = MONDAY + hour * HOUR
    return log.tell(anomalies, settled=(), detectors=ALL, threshold=lambda name, time: 58.0, now=now)


def loaded(log: AlertLog, other: AlertLog) -> AlertLog:
    """Return `other` as `log` comes back from a snapshot."""
    parts = [log.dump(), log.dump_failing(), log.rollouts.dump(), log.campaigns.dump(), log.open.dump()]
    other.load(*json.loads(json.dumps(parts)))
    return other


def one_an_hour(count: int, **given_: Any) -> list[Alert]:
    """Let so many take something up, one an hour apart from window to window, and be looked at each time."""
    log = AlertLog(WINDOW)
    return [
        alert for one in range(count) for alert in told(log, [anomaly(one, hour=2 * one, **given_)], hour=2 * one + 1)
    ]


def test_the_first_four_are_told_of_as_ever_and_who_comes_later_in_one_alert_that_names_all() -> None:
    alerts = one_an_hour(9)
    assert [alert.actor_id for alert in alerts[:4]] == [f"t/user{one:03}" for one in range(4)]
    assert {alert.kind for alert in alerts[4:]} == {AlertKind.ROLLOUT}
    assert len({alert.id for alert in alerts[4:]}) == 1
    assert [alert.revision for alert in alerts[4:]] == list(range(1, len(alerts) - 3))
    last = alerts[-1]
    assert last.actor_id == f"rollout/{FABRIC}"
    assert last.rollout == ("Microsoft.fabric/capacities/write",)
    assert "user000@example.com" in last.identities


def test_those_of_one_window_are_told_together_whoever_was_first() -> None:
    [alert] = told(AlertLog(WINDOW), map(anomaly, range(80)))
    assert (alert.kind, alert.identity_count, alert.finding_count) == (AlertKind.ROLLOUT, 80, 80)


def test_it_is_told_again_when_half_as_many_have_come_along_and_not_before() -> None:
    tellings = [alert.identity_count for alert in one_an_hour(80)[4:]]
    assert tellings[0] == 5
    assert len(tellings) <= 9
    assert all(more <= 1.7 * less for less, more in pairwise(tellings))


def test_what_nobody_was_told_of_yet_is_in_the_next_telling() -> None:
    log = AlertLog(WINDOW)
    told(log, map(anomaly, range(6)))
    assert told(log, [anomaly(6)], hour=2) == []
    [alert] = told(log, [anomaly(one) for one in range(7, 12)], hour=3)
    assert alert.revision == 2
    assert alert.identity_count == alert.finding_count == 12
    assert "t/user006" in {finding.actor_id for finding in alert.findings}


def test_it_is_told_again_when_it_becomes_worse() -> None:
    log = AlertLog(WINDOW)
    [first] = told(log, map(anomaly, range(6)))
    [second] = told(log, [anomaly(6, score=95.0)], hour=2)
    assert (first.severity, second.severity) == (Severity.MEDIUM, Severity.HIGH)


def test_a_sensitive_operation_needs_twice_as_many() -> None:
    alerts = told(AlertLog(WINDOW), [anomaly(one, ASSIGN, sensitivity=1.2) for one in range(9)])
    assert {alert.kind for alert in alerts} == {AlertKind.IDENTITY}
    [alert] = told(AlertLog(WINDOW), [anomaly(one, ASSIGN, sensitivity=1.2) for one in range(10)])
    assert alert.kind is AlertKind.ROLLOUT


def test_several_operations_that_the_same_take_up_are_one_roll_out_and_others_another() -> None:
    sensitive = [anomaly(one, ASSIGN, sensitivity=1.2) for one in range(6)]
    other = [anomaly(one, "microsoft.web/sites/write") for one in range(50, 56)]
    alerts = told(AlertLog(WINDOW), [*map(anomaly, range(8)), *sensitive, *other])
    assert sorted(len(alert.rollout) for alert in alerts) == [1, 2]
    assert {alert.identity_count for alert in alerts} == {8, 6}


@pytest.mark.parametrize(
    "change",
    [
        {"days": TENURE - 1},
        {"failed": True, "detector": "rare_failure"},
        {"detector": "watch_list"},
    ],
    ids=["fresh", "failing", "asked for"],
)
def test_fresh_ones_failures_and_what_was_asked_for_are_no_part_of_it(change: dict[str, Any]) -> None:
    log = AlertLog(WINDOW, group_from=99)
    alerts = told(log, [*map(anomaly, range(9)), *(anomaly(one, **change) for one in range(50, 59))])
    assert sum(alert.kind is AlertKind.IDENTITY for alert in alerts) == 9
    [grouped] = [alert for alert in alerts if alert.kind is AlertKind.ROLLOUT]
    assert grouped.identity_count == 9


def test_who_does_what_is_sensitive_from_a_strange_network_does_not_hide_among_those_at_home() -> None:
    at_home = [anomaly(one, ASSIGN, sensitivity=1.2) for one in range(12)]
    thief = anomaly("thief", ASSIGN, sensitivity=1.2, strange="198.51.100.7")
    kinds = {alert.actor_id: alert.kind for alert in told(AlertLog(WINDOW), [*at_home, thief])}
    assert kinds == {f"rollout/{ASSIGN}": AlertKind.ROLLOUT, "t/thief": AlertKind.IDENTITY}
    moved = [anomaly(one, ASSIGN, sensitivity=1.2, strange="198.51.100.7") for one in range(20, 30)]
    assert [alert.kind for alert in told(AlertLog(WINDOW), moved)] == [AlertKind.ROLLOUT, AlertKind.CAMPAIGN]


def test_what_else_one_of_them_did_stays_with_them() -> None:
    alerts = told(AlertLog(WINDOW), [*map(anomaly, range(8)), anomaly(3, "microsoft.sql/servers/delete")])
    assert {alert.actor_id for alert in alerts} == {f"rollout/{FABRIC}", "t/user003"}


def test_those_of_more_than_a_week_ago_do_not_count() -> None:
    log = AlertLog(WINDOW)
    assert len(told(log, [anomaly(one) for one in range(4)])) == 4
    [late] = told(log, [anomaly(9, hour=7 * 24 + 2)], hour=7 * 24 + 3)
    assert late.kind is AlertKind.IDENTITY
    log.expire(MONDAY + timedelta(days=15))
    assert log.rollouts.dump() == []


def test_memory_is_bounded_whatever_is_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollouts, "MOST_TAKEN_UP", 40)
    monkeypatch.setattr(rollouts, "MOST_ADOPTERS", 12)
    kept = Rollouts(WINDOW)
    kept.note(anomaly(one, f"a/{kind}/write", hour=one) for kind in range(20) for one in range(kind))
    entries = [row["taken_up"] for row in kept.dump()]
    assert sum(map(len, entries)) <= 40
    assert max(map(len, entries)) == 12
    last = anomaly(99, "a/19/write", hour=99)
    kept.note([last])
    leader = kept.leader(last)
    assert leader is not None
    assert "t/user000" in kept.names(leader)


def test_every_reader_sees_what_is_rolled_out_to_whom_and_is_asked_who_does_not_belong() -> None:
    alerts = told(
        AlertLog(WINDOW),
        [*map(anomaly, range(30)), *(anomaly(one, "microsoft.fabric/x/y/action") for one in range(30))],
    )
    [alert] = alerts
    assert heading(alert) == "Medium 80: 30 identities take up create or change capacities and 1 more operation"
    assert alert_content(alert, ALL_LINKS).who.text.startswith("30 identities: user000@example.com, ")
    assert alert_content(alert, ALL_LINKS).checks[0].startswith("Who rolls this out")
    assert "Caller" not in kql(alert)
    assert "CorrelationId" not in kql(alert)
    finding: Any = detection_finding(alert)
    assert finding["unmapped"]["rollout"] == list(alert.rollout)
    assert finding["unmapped"]["identity_count"] == 30
    assert others(alerts) == "1 more alert"
    assert digest_title(alerts) == "1 alert of what does not usually happen"


drawn = st.lists(
    st.lists(
        st.tuples(
            st.integers(0, 6),
            st.sampled_from(["a/write", "b/write"]),
            st.sampled_from(["rare_action", "rare_failure"]),
            st.booleans(),
            st.sampled_from([0.0, 1.2]),
            st.sampled_from([2, 40]),
        ),
        max_size=12,
    ),
    max_size=8,
)


@given(drawn, st.integers(0, 8), st.randoms(use_true_random=False))
def test_each_thing_is_told_once_and_of_one_subject_whatever_the_order_and_the_restarts(
    ticks: list[list[tuple[int, str, str, bool, float, int]]], restart: int, chance: random.Random
) -> None:
    def made() -> AlertLog:
        return AlertLog(WINDOW, group_from=3, rollout_from=2)

    log, shuffled = made(), made()
    where: dict[str, str] = {}
    revisions: dict[str, int] = {}
    seen: dict[str, Anomaly] = {}
    for tick, rows in enumerate(ticks):
        for who, action, detector, failed, sensitivity, days in rows:
            one = anomaly(who, action, hour=tick, detector=detector, failed=failed, sensitivity=sensitivity, days=days)
            seen[one.id] = one
        if tick == restart:
            log = loaded(shuffled, made())
        mixed = list(seen.values())
        chance.shuffle(mixed)
        alerts = told(log, seen.values(), hour=tick + 1)
        assert alerts == told(shuffled, mixed, hour=tick + 1)
        assert all(log.told(one) for one in seen.values())
        for alert in alerts:
            assert alert.revision == revisions.get(alert.id, 0) + 1
            revisions[alert.id] = alert.revision
            for each in alert.findings:
                assert where.setdefault(each.id, alert.id) == alert.id
