"""The engine's own decisions: whom it waits for, what it believes, how far it looks back, and what is news."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.detectors.anomalies import Anomaly
from models.detectors.counterfactual import imagined, least_below
from models.statistics.lessons import Lessons
from models.stream.cells import ActorBucket, Crowd
from models.stream.events import ActivityEvent, Actor, ActorKind, Outcome
from models.stream.json_value import Json
from models.stream.operations import RecordResult
from service.core.alerting.open_alerts import OPEN_DAYS
from service.core.engine.engine import Engine
from service.core.engine.judging import JUDGED_A_STEP
from service.core.engine.values import Applied, Options
from service.core.messages import Message
from tests.fakes.detector import FirstTime

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
ANN = Actor("t/ann", "ann@example.com", ActorKind.HUMAN)
BOB = Actor("t/bob", "bob@example.com", ActorKind.HUMAN)


def event(
    time: datetime,
    action: str = "a/write",
    *,
    actor: Actor = ANN,
    outcome: Outcome = Outcome.SUCCESS,
    operation: str = "",
) -> ActivityEvent:
    return ActivityEvent(time, actor, action, action.upper(), outcome, operation or f"{action}@{time}")


class Feed:
    """An engine, and partitions to put messages into."""

    def __init__(
        self,
        partitions: Sequence[str] = ("0",),
        *,
        alert_from: datetime | None = START - DAY,
        sensitivity: float = 0.0,
    ) -> None:
        self.engine = Engine(Options(thresholds={"first_time": 75.0}), [FirstTime(sensitivity=sensitivity)])
        self.engine.expect(partitions)
        if alert_from is not None:
            self.engine.begin(alert_from)
        self._next = dict.fromkeys(partitions, 0)

    def send(self, partition: str, *events: ActivityEvent, at: datetime | None = None) -> Applied:
        number = self._next[partition]
        self._next[partition] = number + 1
        enqueued = at or max(one.time for one in events)
        return self.engine.apply(Message(partition, number, str(number), enqueued, b""), events)

    def told(self, now: datetime) -> list[str]:
        """Tick; returns the actions that are news."""
        return sorted(one.action for alert in self.engine.evaluate(now).alerts for one in alert.findings)


def test_a_bucket_closes_only_when_every_partition_has_passed_it() -> None:
    feed = Feed(["0", "1"])
    feed.send("0", event(START))
    assert feed.send("0", event(START + 3 * HOUR)).scored == []
    [anomaly] = feed.send("1", event(START + 2 * HOUR)).scored
    assert anomaly.bucket.start == START


def test_what_has_only_begun_is_told_when_it_ends_or_when_its_hour_does() -> None:
    feed = Feed()
    feed.send("0", event(START, outcome=Outcome.STARTED, operation="one"))
    feed.send("0", event(START, "b/write", outcome=Outcome.STARTED, operation="two"))
    assert feed.told(START + 5 * MINUTE) == []
    feed.send("0", event(START + 6 * MINUTE, operation="one"))
    assert feed.told(START + 7 * MINUTE) == ["a/write"]
    feed.send("0", event(START + 3 * HOUR))
    assert feed.told(START + 3 * HOUR) == ["a/write", "b/write"]


def test_what_takes_away_what_we_read_from_is_told_before_anybody_knows_how_it_ends() -> None:
    feed = Feed(sensitivity=2.5)
    feed.send("0", event(START, outcome=Outcome.STARTED, operation="one"))
    assert feed.told(START + 5 * MINUTE) == ["a/write"]


def test_an_idle_partition_lets_the_others_pass_and_a_slow_one_does_not() -> None:
    feed = Feed(["0", "1"])
    feed.send("0", event(START))
    feed.send("0", event(START + 3 * HOUR))
    assert feed.engine.idle("1", 0, START + 3 * HOUR) == []
    assert len(feed.engine.idle("1", -1, START + 3 * HOUR)) == 1


def test_an_idle_notice_counts_from_when_the_hub_was_asked() -> None:
    feed = Feed()
    feed.send("0", event(START))
    assert feed.engine.idle("0", 0, START + HOUR + 29 * MINUTE) == []
    assert len(feed.engine.idle("0", 0, START + HOUR + 30 * MINUTE)) == 1


class Counting(FirstTime):
    """Counts how often it is asked or taught."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def score(self, seen: ActorBucket, crowd: Crowd) -> list[Anomaly]:
        self.calls += 1
        return super().score(seen, crowd)

    def learn(self, seen: ActorBucket, crowd: Crowd, scored: Sequence[Anomaly], lessons: Lessons) -> None:
        self.calls += 1
        super().learn(seen, crowd, scored, lessons)


class Changing(FirstTime):
    """Imagines a change to each score from 100 down to 1."""

    def score(self, seen: ActorBucket, crowd: Crowd) -> list[Anomaly]:
        changes: Json = {"sizes": imagined(range(100), lambda size: 100.0 - size)}
        return [one._replace(evidence={"changes": changes}) for one in super().score(seen, crowd)]

    @classmethod
    def counterfactual(cls, changes: Mapping[str, Any], threshold: float) -> str:
        return f"Would be ordinary with {least_below(changes['sizes'], threshold)} less."


@pytest.mark.parametrize("shift", [-7, 0, 12])
def test_what_would_be_ordinary_goes_by_the_threshold_in_force_on_that_day(shift: int) -> None:
    engine = Engine(Options(thresholds={"first_time": 75.0}, alerts_per_day=5.0), [Changing()])
    engine.begin(START - DAY)
    day = int(START.timestamp() // 86_400)
    engine.budget.load(
        [{"part": "shift", "row": {"day": day, "points": shift}}]
    )  # the next day gets its own when this one is over
    engine.expect(["0"])
    times = (START, START + DAY)
    engine.apply(Message("0", 0, "0", times[-1], b""), [event(time, f"a/{time.day}") for time in times])
    findings = [one for alert in engine.evaluate(START + DAY + 10 * MINUTE).alerts for one in alert.findings]
    assert [finding.bucket_start for finding in findings] == [START, START + DAY]
    for finding in findings:
        in_force = engine.budget.threshold("first_time", finding.bucket_start)
        said = str(finding.evidence["counterfactual"])
        less = int(said.split()[4])
        assert 100.0 - less < in_force <= 101.0 - less
        assert "changes" not in finding.evidence
    first, second = (engine.budget.threshold("first_time", one.bucket_start) for one in findings)
    assert first == 75.0 + shift != second


def test_many_identities_are_judged_and_learnt_in_steps_that_are_short() -> None:
    detector = Counting()
    engine = Engine(Options(), [detector])
    people = [Actor(f"t/{number}", f"{number}@example.com", ActorKind.HUMAN) for number in range(3 * JUDGED_A_STEP)]
    engine.apply(Message("0", 0, "0", START, b""), [event(START, actor=person) for person in people])
    for steps in (engine.evaluate_steps(START + HOUR), engine.idle_steps("0", 0, START + 2 * HOUR)):
        calls = detector.calls
        for _ in steps:
            assert detector.calls - calls <= JUDGED_A_STEP
            calls = detector.calls
    assert detector.calls == 2 * len(people)  # judged once, not once more at the end, and learnt


def test_a_time_from_the_future_is_taken_for_the_time_of_arrival() -> None:
    feed = Feed()
    applied = feed.send("0", event(START + 900 * DAY), event(START), at=START + MINUTE)
    assert applied.clamped == 1
    assert feed.engine.watermark.time == START + MINUTE - timedelta(minutes=30)
    [anomaly] = feed.engine.idle("0", 0, START + DAY)
    assert {one.time for one in anomaly.cell.sample} == {START, START + MINUTE}


def test_what_is_older_than_the_horizon_on_arrival_is_only_counted() -> None:
    feed = Feed()
    applied = feed.send("0", event(START - DAY - MINUTE), event(START - DAY + MINUTE), at=START)
    assert applied.results[RecordResult.TOO_LATE] == 1
    assert applied.results[RecordResult.OPERATION] == 1


def test_a_position_moves_on_over_poison_and_never_back() -> None:
    feed = Feed()
    assert feed.send("0", at=START).fresh
    assert feed.engine.positions["0"].sequence_number == 0
    again = feed.engine.apply(Message("0", 0, "0", START, b""), [event(START)])
    assert not again.fresh
    assert feed.engine.records == 0


def test_an_open_bucket_is_told_at_the_next_tick_and_not_again_when_it_closes() -> None:
    feed = Feed()
    feed.send("0", event(START + 5 * MINUTE))
    assert feed.told(START + 15 * MINUTE) == ["a/write"]
    assert feed.told(START + 30 * MINUTE) == []
    feed.engine.idle("0", 0, START + 2 * HOUR)
    assert feed.told(START + 2 * HOUR) == []


def test_a_new_habit_is_told_once_although_its_first_bucket_is_not_learnt_yet() -> None:
    feed = Feed()
    feed.send("0", event(START + 100 * MINUTE))
    assert feed.told(START + 105 * MINUTE) == ["a/write"]
    feed.send("0", event(START + 125 * MINUTE))
    assert feed.told(START + 135 * MINUTE) == []
    feed.engine.idle("0", 1, START + DAY)
    assert feed.told(START + 3 * HOUR) == []


def test_more_of_one_identity_in_a_window_is_a_revision_of_the_same_alert() -> None:
    feed = Feed()
    feed.send("0", event(START + 5 * MINUTE), event(START + 5 * MINUTE, actor=BOB))
    first = feed.engine.evaluate(START + 15 * MINUTE).alerts
    feed.send("0", event(START + 20 * MINUTE, "b/write"))
    [second] = feed.engine.evaluate(START + 30 * MINUTE).alerts
    before = {alert.actor_id: alert for alert in first}
    assert len(before) == 2
    assert second.id == before[ANN.id].id
    assert (before[ANN.id].revision, second.revision) == (1, 2)
    assert {one.action for one in second.findings} == {"a/write", "b/write"}


def test_after_downtime_one_wider_evaluation_tells_what_the_missed_ones_would_have() -> None:
    feed = Feed()
    feed.send("0", event(START))
    assert feed.told(START + 15 * MINUTE) == ["a/write"]
    for hour in range(1, 9):
        feed.send("0", event(START + hour * HOUR, f"b/{hour}"))
    evaluation = feed.engine.evaluate(START + 9 * HOUR)
    assert evaluation.since < START + HOUR
    told = {one.action for alert in evaluation.alerts for one in alert.findings}
    assert told == {"a/write"} | {f"b/{hour}" for hour in range(1, 9)}
    assert feed.told(START + 9 * HOUR + 15 * MINUTE) == []


def test_history_before_the_birth_only_teaches() -> None:
    feed = Feed(alert_from=None)
    for days in range(5, 0, -1):
        feed.send("0", event(START - days * DAY, "old/write"))
    feed.engine.begin(START - 2 * HOUR)
    feed.send("0", event(START, "old/write"), event(START, "new/write"))
    feed.engine.idle("0", 5, START + 2 * HOUR)
    assert feed.told(START + 15 * MINUTE) == ["new/write"]


def test_birth_is_once_in_a_life() -> None:
    feed = Feed(alert_from=START)
    feed.engine.begin(START - 30 * DAY)
    feed.send("0", event(START - HOUR, "before/write"), event(START + MINUTE, "after/write"))
    assert feed.told(START + 15 * MINUTE) == ["after/write"]


def test_a_late_unusual_cell_is_told_although_its_time_has_gone_by() -> None:
    feed = Feed()
    feed.send("0", event(START))
    feed.send("0", event(START + 12 * HOUR))
    feed.told(START + 12 * HOUR)
    applied = feed.send("0", event(START + 2 * HOUR, "late/write"), at=START + 12 * HOUR)
    assert applied.results[RecordResult.LATE] == 1
    [alert] = feed.engine.evaluate(START + 12 * HOUR + 15 * MINUTE).alerts
    [finding] = alert.findings
    assert (finding.action, finding.late) == ("late/write", True)


def test_a_score_below_the_threshold_is_nothing_to_tell() -> None:
    engine = Engine(Options(thresholds={"first_time": 100.1}), [FirstTime()])
    engine.begin(START - DAY)
    engine.apply(Message("0", 0, "0", START, b""), [event(START)])
    assert engine.evaluate(START + 15 * MINUTE).alerts == []


def test_a_state_made_with_another_bucket_length_is_refused_in_plain_words() -> None:
    rows = list(Engine(Options(bucket=HOUR), []).dump())
    other = Engine(Options(bucket=30 * MINUTE), [])
    with pytest.raises(ValueError, match=r"windows\.bucket = 1:00:00, the configuration says 0:30:00"):
        other.load(rows)


def test_a_detector_switched_on_later_begins_empty() -> None:
    bare = Engine(Options(), [])
    bare.apply(Message("0", 0, "0", START, b""), [event(START)])
    engine = Engine(Options(), [FirstTime()])
    engine.load(list(bare.dump()))
    assert engine.records == 1
    assert engine.detectors["first_time"].memory().keys == 0


def test_names_are_remembered_up_to_a_bound_the_longest_silent_going_first() -> None:
    engine = Engine(Options(people=2), [])
    for hour, name in enumerate(["ann", "bob", "ann", "eve"]):
        actor = Actor(f"t/{name}", name, ActorKind.HUMAN)
        engine.apply(Message("0", hour, "", START + hour * HOUR, b""), [event(START + hour * HOUR, actor=actor)])
    engine.idle("0", 3, START + DAY)
    assert [actor.name for actor in engine.people.values()] == ["ann", "eve"]


KEYS, ROLE = "microsoft.storage/storageaccounts/listkeys/action", "microsoft.authorization/roleassignments/write"


@pytest.mark.parametrize(
    ("sensitivity", "actions", "days"), [(1.0, (KEYS, ROLE), [1, 2, 4]), (1.0, (KEYS,), [1]), (0.0, (KEYS, ROLE), [1])]
)
def test_what_was_told_and_is_sensitive_updates_its_alert_although_it_has_become_usual(
    sensitivity: float, actions: Sequence[str], days: list[int]
) -> None:
    feed, told = Feed(sensitivity=sensitivity), []
    for day in range(6):
        feed.send("0", *(event(START + day * DAY, action) for action in actions))
        feed.send("0", event(START + day * DAY + 3 * HOUR, "other/thing"))  # closes the hour
        for alert in feed.engine.evaluate(START + day * DAY + 3 * HOUR).alerts:
            told += [(day + 1, alert.id, alert.days) for one in alert.findings[:1] if one.action != "other/thing"]
    assert [day for day, _, _ in told] == days
    assert {each for _, each, _ in told} == {told[0][1]}
    assert [seen for _, _, seen in told] == days


def test_memory_of_findings_and_alerts_ends_with_the_horizon() -> None:
    feed = Feed()
    for day in range(24):
        feed.send("0", event(START + day * DAY, f"a/{day}"))
        feed.told(START + day * DAY + 15 * MINUTE)
    assert len(feed.engine.alerts) <= 3 + OPEN_DAYS.days
    assert len([row for section, row in feed.engine.dump() if section == "recent"]) <= 3


def test_what_was_closed_is_kept_only_for_whoever_asks_and_is_taken_once() -> None:
    feed = Feed()
    feed.send("0", event(START))
    feed.send("0", event(START + 2 * HOUR))
    assert feed.engine.take_closed() == []
    feed.engine.keeps_closed = True
    feed.send("0", event(START + 1.6 * HOUR, actor=BOB), event(START + 4 * HOUR))
    first, second = feed.engine.take_closed()
    assert [judgement.seen.actor for judgement in first.judgements] == [BOB]
    assert [judgement.seen.actor for judgement in second.judgements] == [ANN]
    assert first.records == second.records == 4
    assert feed.engine.take_closed() == []
