"""What would have alerted is counted once, listed within bounds, and outlives a restart."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from models.detectors.anomalies import Anomaly
from models.stream.cells import Cell
from models.stream.events import Actor, ActorKind
from models.stream.windows import Bucket
from service.core.alerting.suppressed_log import MOST_LISTED, SuppressedLog
from service.core.alerting.suppressions import Suppression

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN = Actor("t/ann", "ann@contoso.com", ActorKind.HUMAN)
ONE = Suppression("ann", "", "", "", NOON, NOON + 99 * HOUR, "why", "who", learn=False)


def found(number: int, hour: int = 0) -> Anomaly:
    time = NOON + hour * HOUR + timedelta(milliseconds=number)
    cell = Cell(f"a/{number}", f"A/{number}", time, 1, 1, 0, 0)
    return Anomaly("rare_action", ANN, Bucket.of(time, HOUR), cell, 90.0, 3.0, "Never.")


def restored(log: SuppressedLog) -> SuppressedLog:
    again = SuppressedLog()
    again.load(json.loads(json.dumps(list(log.dump()))))
    return again


def test_it_counts_once_however_often_it_is_seen_and_whenever_it_restarts() -> None:
    log = SuppressedLog()
    assert [one.action for one in log.note([(found(2), ONE), (found(1), ONE)])] == ["A/1", "A/2"]
    log = restored(log)
    assert log.note([(found(1), ONE), (found(3, 1), ONE)])[0].action == "A/3"
    assert log.counts[ONE.id] == (3, found(3, 1).cell.first_time)
    assert [one.action for one in log.listed] == ["A/1", "A/2", "A/3"]
    assert (log.listed[0].suppression, log.listed[0].learnt, log.listed[0].why) == (ONE.id, False, "Never.")
    assert list(restored(log).dump()) == list(log.dump())


def test_the_list_keeps_the_newest_and_the_count_goes_on() -> None:
    log = SuppressedLog()
    log.note([(found(number), ONE) for number in range(MOST_LISTED + 5)])
    assert (len(log.listed), log.listed[0].action) == (MOST_LISTED, "A/5")
    assert log.counts[ONE.id].findings == MOST_LISTED + 5


def test_what_is_told_apart_is_bounded_and_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.core.alerting.suppressed_log.MOST_KNOWN", 20)
    log = SuppressedLog()
    log.note([(found(number), ONE) for number in range(21)])
    assert log.counts[ONE.id].findings == 20
    log.expire(NOON + HOUR)
    assert len(log.note([(found(0, 1), ONE)])) == 1


def test_suppressions_long_gone_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.core.alerting.suppressed_log.MOST_COUNTED", 5)
    log = SuppressedLog()
    for number in range(7):
        log.note([(found(number), ONE._replace(actor=str(number)))])
    assert len(log.counts) == 5
    assert ONE._replace(actor="0").id not in log.counts
