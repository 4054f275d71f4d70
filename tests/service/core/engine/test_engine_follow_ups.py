"""Of a verdict those are told who were told of its alert: once in the life of a state, however that is saved."""

import json

import pytest

from service.core.verdicts.verdict import VerdictKind
from tests.service.core.engine.test_engine import DAY, HOUR, MINUTE, START
from tests.service.core.engine.test_engine_verdicts import Feed, begun


@pytest.mark.parametrize("kind", VerdictKind)
def test_a_verdict_is_told_with_the_next_evaluation_and_never_again(kind: VerdictKind) -> None:
    feed, alert = begun(kind)
    [answer] = feed.tick(START + 30 * MINUTE).answered
    assert (answer.alert, answer.kind, answer.severity) == (alert.id, kind, alert.severity)
    assert feed.tick(START + 45 * MINUTE).answered == []
    feed.restart()
    assert feed.tick(START + HOUR).answered == []
    assert feed.engine.answer(START + HOUR) == []


def test_it_is_told_at_once_where_somebody_asks_and_not_with_the_evaluation_then() -> None:
    feed, _ = begun(VerdictKind.BENIGN)
    assert len(feed.engine.answer(START + 20 * MINUTE)) == 1
    assert feed.tick(START + 30 * MINUTE).answered == []


def test_killed_before_it_was_saved_the_same_is_told() -> None:
    feed, _ = begun(VerdictKind.BENIGN)
    before = json.loads(json.dumps(list(feed.engine.dump())))
    first = feed.tick(START + 30 * MINUTE).answered
    feed.engine.load(before)
    assert feed.tick(START + 30 * MINUTE).answered == first


def test_a_snapshot_of_an_older_version_tells_what_was_found_lately() -> None:
    feed, _ = begun(VerdictKind.BENIGN)
    feed.tick(START + 30 * MINUTE)
    older = [(section, row) for section, row in feed.engine.dump() if section != "answered"]
    assert len(older) < len(list(feed.engine.dump()))
    feed.engine.load(older)
    assert len(feed.tick(START + 45 * MINUTE).answered) == 1


def test_a_state_that_was_taught_again_does_not_tell_it_again() -> None:
    feed, _ = begun(VerdictKind.BENIGN)
    feed.tick(START + 30 * MINUTE)
    rows = list(feed.engine.dump())
    taught = Feed()
    taught.engine.succeed(rows)
    taught.give(*feed.given)
    assert taught.tick(START + 45 * MINUTE).answered == []


def test_of_an_alert_that_is_forgotten_nobody_is_told() -> None:
    feed, alert = begun(VerdictKind.DUPLICATE)
    feed.engine.alerts.expire(START + 30 * DAY)
    assert feed.engine.alerts.remembered(alert.id) is None
    assert feed.tick(START + 30 * MINUTE).answered == []
