"""The engine and what was announced: not told, counted once, learnt or not, and told after all where it should be."""

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest

from models.stream.events import ActivityEvent, Outcome
from service.core.alerting.suppressed_log import SuppressedLog
from service.core.alerting.suppressions import Suppression, Suppressions
from service.core.engine.engine import Engine
from service.core.engine.values import Evaluation, Options
from service.core.messages import Message
from tests.fakes.detector import FirstTime
from tests.service.core.engine.test_engine import ANN, BOB, DAY, HOUR, MINUTE, START, event

NIGHT = Suppression("", "", "", "first_time", START, START + 3 * HOUR, "maintenance", "ops", learn=False)
PLAIN = Options()
ANNS = NIGHT._replace(actor="ann@example.com")


class Feed:
    """An engine in front of one partition."""

    def __init__(self, *entries: Suppression, options: Options = PLAIN, sensitivity: float = 0.0) -> None:
        self._sensitivity = sensitivity
        self.engine = self._fresh(options)
        self.engine.suppress(Suppressions(entries))
        self._sent = 0

    def _fresh(self, options: Options) -> Engine:
        engine = Engine(options, [FirstTime(sensitivity=self._sensitivity)])
        engine.expect(["0"])
        engine.begin(START - DAY)
        return engine

    def send(self, *events: ActivityEvent) -> None:
        newest = max(one.time for one in events)
        self.engine.apply(Message("0", self._sent, str(self._sent), newest, b""), events)
        self._sent += 1

    def restart(self) -> None:
        before = self.engine
        self.engine = self._fresh(before.options)
        self.engine.load(json.loads(json.dumps(list(before.dump()))))
        self.engine.suppress(before.suppressions)

    def tick(self, now: timedelta) -> Evaluation:
        return self.engine.evaluate(START + now)


def told(evaluation: Evaluation) -> list[str]:
    return sorted(f"{one.actor_id} {one.action}" for alert in evaluation.alerts for one in alert.findings)


def test_what_is_covered_is_counted_once_and_not_told_open_or_closed() -> None:
    feed = Feed(ANNS)
    feed.send(event(START), event(START, actor=BOB))
    first = feed.tick(MINUTE)
    assert told(first) == ["t/bob a/write"]
    assert [one.actor_id for one in first.suppressed] == ["t/ann"]
    feed.send(event(START + 3 * HOUR, "z/read", actor=BOB))
    feed.restart()
    second = feed.tick(2 * HOUR)
    assert second.suppressed == []
    assert feed.engine.suppressed.counts[ANNS.id].findings == 1
    assert [(one.detector, one.score) for one in feed.engine.suppressed.listed] == [("first_time", 100.0)]


@pytest.mark.parametrize("learn", [True, False])
def test_after_its_end_only_what_was_learnt_is_ordinary(learn: bool) -> None:
    feed = Feed(ANNS._replace(learn=learn))
    feed.send(event(START))
    feed.send(event(START + 4 * HOUR))
    evaluation = feed.tick(4 * HOUR + MINUTE)
    assert told(evaluation) == ([] if learn else ["t/ann a/write"])


def test_a_repetition_after_the_end_is_told_though_the_hour_before_is_still_open() -> None:
    feed = Feed(ANNS._replace(until=START + HOUR))
    feed.send(event(START + 50 * MINUTE))
    feed.send(event(START + 65 * MINUTE))
    assert told(feed.tick(66 * MINUTE)) == ["t/ann a/write"]


def test_what_comes_late_is_covered_by_when_it_happened() -> None:
    feed = Feed(ANNS._replace(until=START + HOUR))
    feed.send(event(START + 3 * HOUR, "z/read", actor=BOB))
    feed.send(event(START), event(START + HOUR, "b/write"))
    evaluation = feed.tick(3 * HOUR + MINUTE)
    assert "t/ann b/write" in told(evaluation)
    assert [one.action for one in evaluation.suppressed] == ["A/WRITE"]


def test_lifted_in_time_it_is_told_after_all() -> None:
    feed = Feed(ANNS)
    feed.send(event(START))
    feed.send(event(START + 100 * MINUTE, "z/read", actor=BOB))  # closes the hour
    assert told(feed.tick(100 * MINUTE)) == ["t/bob z/read"]
    feed.engine.suppress(Suppressions())
    assert told(feed.tick(105 * MINUTE)) == ["t/ann a/write"]


def test_what_was_told_before_it_was_announced_is_not_counted_as_kept_back() -> None:
    feed = Feed()
    feed.send(event(START))
    assert told(feed.tick(MINUTE)) == ["t/ann a/write"]
    feed.engine.suppress(Suppressions([ANNS]))
    feed.send(event(START + 2 * MINUTE, "b/write"))
    evaluation = feed.tick(15 * MINUTE)
    assert (told(evaluation), [one.action for one in evaluation.suppressed]) == ([], ["B/WRITE"])


def test_what_has_become_usual_and_only_goes_on_is_not_counted_as_kept_back() -> None:
    feed = Feed(options=Options(thresholds={"first_time": 75.0}), sensitivity=1.0)
    feed.send(event(START))
    assert told(feed.tick(MINUTE)) == ["t/ann a/write"]
    feed.engine.suppress(Suppressions([ANNS._replace(until=START + 9 * DAY, learn=True)]))
    feed.send(event(START + DAY))
    feed.send(event(START + DAY + 2 * HOUR, "z/read", actor=BOB))
    evaluation = feed.tick(DAY + 2 * HOUR)
    assert (told(evaluation), evaluation.suppressed) == (["t/bob z/read"], [])


def test_what_is_announced_while_it_waits_is_kept_back() -> None:
    feed = Feed()
    feed.send(event(START))
    feed.send(event(START + 100 * MINUTE, "z/read", actor=BOB))
    feed.engine.suppress(Suppressions([ANNS]))
    assert told(feed.tick(100 * MINUTE)) == ["t/bob z/read"]
    assert feed.engine.suppressed.counts[ANNS.id].findings == 1


def test_it_counts_as_no_alert_in_the_history_that_a_budget_reckons_from() -> None:
    feed = Feed(ANNS, options=Options(alerts_per_day=5.0))
    feed.send(event(START), event(START, actor=BOB))
    feed.send(event(START + DAY + 2 * HOUR, "z/read", actor=BOB))
    [day] = feed.engine.budget.history.days
    assert (day.active, sum(day.profiles.values())) == (2, 1)


def test_it_makes_no_operation_fail_for_many() -> None:
    feed = Feed(ANNS, options=Options(group_failures_from=2))
    feed.send(*(event(START, actor=actor, outcome=Outcome.DENIED) for actor in (ANN, BOB)))
    [alert] = feed.tick(MINUTE).alerts
    assert (alert.actor_id, alert.operation) == ("t/bob", "")


def test_in_a_storm_what_was_announced_makes_room_first() -> None:
    feed = Feed(ANNS, options=Options(recent=3))
    feed.send(*(event(START, f"a/{number}") for number in range(5)), event(START, "b/write", actor=BOB))
    feed.send(event(START + 100 * MINUTE, "z/read", actor=BOB))
    evaluation = feed.tick(100 * MINUTE)
    assert told(evaluation) == ["t/bob b/write", "t/bob z/read"]
    assert (evaluation.overflowed, len(evaluation.suppressed)) == (3, 2)


def outcome(feed: Feed, events: Sequence[ActivityEvent]) -> tuple[list[str], list[str], SuppressedLog]:
    for one in events:
        feed.send(one)
    evaluations = [feed.tick(number * 15 * MINUTE) for number in range(1, 30)]
    detector = json.dumps(list(feed.engine.detectors["first_time"].dump_identities()))
    return [line for one in evaluations for line in told(one)], [detector], feed.engine.suppressed


def test_what_is_neither_told_nor_learnt_leaves_all_else_as_if_it_had_not_been() -> None:
    covered = [event(START + number * HOUR, f"a/{number % 2}") for number in range(3)]
    rest = [event(START + number * HOUR + MINUTE, f"b/{number % 3}", actor=BOB) for number in range(6)]
    *with_it, suppressed = outcome(Feed(ANNS), sorted([*covered, *rest]))
    *without_it, nothing = outcome(Feed(ANNS), rest)
    assert with_it == without_it
    assert suppressed.counts[ANNS.id].findings == 3
    assert nothing.counts == {}
