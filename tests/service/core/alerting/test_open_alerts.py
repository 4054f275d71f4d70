"""What goes on updates the alert that told of it; something new is told again; what stays away for long is closed."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.detectors.anomalies import Anomaly
from models.detectors.registry import DETECTORS, build
from models.statistics.scoring import Severity
from models.stream.cells import Cell
from models.stream.events import Actor, ActorKind
from models.stream.windows import Bucket
from service.core.alerting import open_alerts
from service.core.alerting.alert_log import GOES_ON, AlertLog
from service.core.alerting.alerts import Alert
from service.core.alerting.open_alerts import OPEN_DAYS
from service.sinks.content.alert_content import heading
from service.sinks.content.ocsf import detection_finding

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ALL = {name: build(name) for name in DETECTORS}
KEYS = "microsoft.storage/storageaccounts/listkeys/action"


def anomaly(
    at: timedelta,
    action: str = KEYS,
    *,
    who: str = "ann",
    detector: str = "rare_action",
    failed: bool = False,
    strange: str = "",
    score: float = 80.0,
    why: str = "Never in its 40 days.",
    sensitivity: float = 1.0,
) -> Anomaly:
    time = MONDAY + at
    cell = Cell(action, action, time, 1, int(not failed), 0, int(failed), (strange,) if strange else ())
    evidence: dict[str, Any] = {"terms": {"network": 1.0}} if strange else {"terms": {}}
    actor = Actor(f"t/{who}", who, ActorKind.HUMAN)
    return Anomaly(detector, actor, Bucket.of(time, HOUR), cell, score, score / 20, why, evidence, 0.0, sensitivity)


def told(log: AlertLog, anomalies: Iterable[Anomaly], usual: Iterable[Anomaly] = ()) -> list[Alert]:
    anomalies, usual = list(anomalies), list(usual)
    now = max(one.bucket.end for one in (*anomalies, *usual))
    return log.tell(anomalies, settled=(), detectors=ALL, threshold=lambda name, time: 58.0, now=now, usual=usual)


def daily(log: AlertLog, days: int, **given: Any) -> dict[int, Alert]:
    """Let the same happen every day, three times a day, and return what is told, by day."""
    found: dict[int, Alert] = {}
    for day in range(days):
        for hour in (0, 4, 9):
            for alert in told(log, [anomaly(day * DAY + hour * HOUR, **given)]):
                assert day not in found
                found[day] = alert
        log.expire(MONDAY + (day - 1) * DAY)
        parts = [log.dump(), log.dump_failing(), log.rollouts.dump(), log.campaigns.dump(), log.open.dump()]
        log.load(*json.loads(json.dumps(parts)))
    return found


def test_what_goes_on_every_day_is_one_alert_that_is_told_again_on_the_second_fourth_and_eighth_day() -> None:
    found = daily(AlertLog(2 * HOUR), 18)
    assert [day + 1 for day in found] == [1, 2, 4, 8, 16]
    assert len({alert.id for alert in found.values()}) == 1
    assert [alert.revision for alert in found.values()] == [1, 2, 3, 4, 5]
    last = found[15]
    assert last.days == 16
    assert [finding.time for finding in last.findings] == [MONDAY, MONDAY + 15 * DAY]
    assert (last.window_start, last.window_end) == (MONDAY, MONDAY + 15 * DAY + HOUR)
    assert heading(last) == "High 80 (update): ann: list keys of storage accounts, on 16 days so far"
    machine: Any = detection_finding(last)
    assert machine["unmapped"]["days"] == 16


def test_what_is_no_longer_unusual_is_in_the_open_alert_and_without_one_it_is_nobodys() -> None:
    log = AlertLog(2 * HOUR)
    assert told(log, [], usual=[anomaly(timedelta(0), score=10.0, why="")]) == []
    assert len(log) == 0
    [first] = told(log, [anomaly(timedelta(0))])
    # A detector says little of what is usual: not how sensitive it is, nor from where it came.
    again = anomaly(DAY, score=10.0, why="", sensitivity=0.0)._replace(evidence={})
    assert log.open.goes_on(again)
    assert told(log, [], usual=[again]) == []
    update = log.remembered(first.id)
    assert update is not None
    assert (update.revision, update.score, update.days) == (1, 80.0, 2)
    assert update.findings[-1].why == GOES_ON
    assert log.told(again)


@pytest.mark.parametrize(
    "second",
    [
        anomaly(DAY, "microsoft.web/sites/publishxml/action"),
        anomaly(DAY, detector="first_sight"),
        anomaly(DAY, failed=True),
        anomaly(DAY, strange="198.51.100.7"),
        anomaly(DAY, who="bob"),
        anomaly(OPEN_DAYS + 2 * DAY),
    ],
    ids=["another operation", "another detector", "refused", "from elsewhere", "somebody else", "after a long time"],
)
def test_what_is_not_the_same_is_told_again(second: Anomaly) -> None:
    log = AlertLog(2 * HOUR)
    [first] = told(log, [anomaly(timedelta(0))])
    log.expire(second.bucket.start)
    [alert] = told(log, [second])
    assert (alert.id == first.id, alert.revision) == (False, 1)


def test_who_is_refused_for_days_and_then_succeeds_is_told_of_at_once() -> None:
    log = AlertLog(2 * HOUR)
    assert [day + 1 for day in daily(log, 7, failed=True)] == [1, 2, 4]
    [alert] = told(log, [anomaly(7 * DAY)])
    assert (alert.revision, alert.days) == (1, 1)


ROLE = "microsoft.authorization/roleassignments/write"


def usual_days(*actions: str, days: int = 9) -> list[int]:
    """Tell of these on one day, let them go on every day as what is usual by then, and return when that was told."""
    log, found = AlertLog(2 * HOUR), []
    told(log, [anomaly(timedelta(0), action) for action in actions])
    for day in range(1, days):
        for hour, action in enumerate(actions):
            again = anomaly(day * DAY + hour * HOUR, action, score=10.0, why="", sensitivity=0.0)
            found += [(day + 1, alert) for alert in told(log, [], usual=[again._replace(evidence={})])]
    assert all(alert.days == day for day, alert in found)
    return [day for day, _ in found]


def test_what_became_usual_is_told_again_only_if_it_serves_several_tactics() -> None:
    assert usual_days(KEYS) == []
    assert usual_days(KEYS, "microsoft.keyvault/vaults/secrets/listkeys/action") == []
    assert usual_days(KEYS, ROLE) == [2, 4, 8]


def test_what_became_usual_keeps_its_alert_open_and_is_in_it_when_that_is_told_next() -> None:
    log = AlertLog(2 * HOUR)
    told(log, [anomaly(timedelta(0))])
    for day in range(1, 13):
        assert told(log, [], usual=[anomaly(day * DAY, score=10.0)]) == []
        log.expire(MONDAY + (day - 1) * DAY)
    [alert] = told(log, [anomaly(13 * DAY, score=100.0)])
    assert (alert.revision, alert.days, alert.severity) == (2, 14, Severity.CRITICAL)


def test_in_a_window_with_something_new_all_is_told_together() -> None:
    log = AlertLog(2 * HOUR)
    told(log, [anomaly(timedelta(0))])
    [alert] = told(log, [anomaly(DAY), anomaly(DAY, "microsoft.web/sites/publishxml/action")])
    assert (alert.revision, len(alert.findings)) == (1, 2)


def test_it_is_told_at_once_when_it_becomes_worse() -> None:
    log = AlertLog(2 * HOUR)
    daily(log, 2)
    [alert] = told(log, [anomaly(2 * DAY, score=100.0)])
    assert (alert.revision, alert.score, alert.severity) == (3, 100.0, Severity.CRITICAL)


def test_what_somebody_asked_for_is_told_every_time() -> None:
    log = AlertLog(2 * HOUR)
    assert [len(told(log, [anomaly(day * DAY, detector="watch_list")])) for day in range(5)] == [1] * 5


def test_what_is_harmless_or_was_refused_goes_on_only_while_it_is_unusual() -> None:
    log = AlertLog(2 * HOUR)
    told(log, [anomaly(timedelta(0), sensitivity=0.0), anomaly(timedelta(0), who="bob", failed=True)])
    assert not log.open.goes_on(anomaly(DAY, sensitivity=0.0, score=10.0))
    told(log, [anomaly(HOUR, who="eve", strange="198.51.100.7")])
    assert log.open.goes_on(anomaly(DAY, who="eve", score=10.0)._replace(evidence={}))
    assert not log.open.goes_on(anomaly(DAY, who="bob", failed=True, score=10.0))


def test_memory_is_bounded_and_what_has_not_come_for_longest_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_alerts, "MOST_OPEN", 3)
    log = AlertLog(2 * HOUR)
    told(log, [anomaly(hour * HOUR, who=f"user{hour}") for hour in range(9)])
    log.expire(MONDAY)
    assert sorted(row["actor"] for row in log.open.dump()) == ["t/user6", "t/user7", "t/user8"]
    log.expire(MONDAY + OPEN_DAYS + 2 * DAY)
    assert (log.dump(), log.open.dump()) == ([], [])
