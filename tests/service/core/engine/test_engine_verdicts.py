"""The engine and what people found: learnt, kept out, answered, each once and at its place; whatever crashed."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from models.detectors.contract import Detector
from models.detectors.registry import DETECTORS, build
from models.stream.events import ActivityEvent, Actor, Outcome
from service.core.alerting.alerts import Alert
from service.core.engine.consequences import PEERS
from service.core.engine.engine import Engine
from service.core.engine.inspection import explain
from service.core.engine.values import Evaluation, Options
from service.core.messages import Message
from service.core.verdicts.collection import Verdicts
from service.core.verdicts.verdict import Verdict, VerdictKind
from tests.fakes.detector import FirstTime
from tests.fakes.verdicts import verdict_on
from tests.models.detectors.driving import terms_of
from tests.service.core.engine.test_engine import ANN, BOB, DAY, HOUR, MINUTE, START, event

KINDS = tuple(VerdictKind)
ROLE = "microsoft.authorization/roleassignments/write"
TEAM = [BOB._replace(id=f"t/{number}", name=f"p{number}@example.com") for number in range(6)]


class Feed:
    """An engine in front of one partition, and the verdicts that it has been told of."""

    def __init__(self, *, real: bool = False, sensitivity: float = 0.0) -> None:
        self.real = real
        self.sensitivity = sensitivity
        self.given: list[Verdict] = []
        self.engine = self._fresh()
        self._sent = 0

    def _fresh(self) -> Engine:
        shipped = [build(name) for name in sorted(DETECTORS)] if self.real else []
        detectors: list[Detector] = [*shipped] or [FirstTime(sensitivity=self.sensitivity)]
        thresholds = {one.declaration.name: one.declaration.threshold for one in detectors}
        engine = Engine(Options(thresholds=thresholds), detectors)
        engine.expect(["0"])
        engine.begin(START - DAY)
        return engine

    def send(self, *events: ActivityEvent) -> None:
        newest = max(one.time for one in events)
        self.engine.apply(Message("0", self._sent, str(self._sent), newest, b""), events)
        self._sent += 1

    def give(self, *verdicts: Verdict) -> None:
        self.given += verdicts
        self.engine.accept(Verdicts(self.given))

    def restart(self) -> None:
        before = self.engine
        self.engine = self._fresh()
        self.engine.load(json.loads(json.dumps(list(before.dump()))))
        self.engine.accept(Verdicts(self.given))

    def tick(self, now: datetime) -> Evaluation:
        return self.engine.evaluate(now)

    def told(self, now: datetime) -> list[str]:
        return sorted({f"{one.actor_id} {one.action}" for alert in self.tick(now).alerts for one in alert.findings})

    def detectors(self) -> str:
        rows = [[*one.dump_population(), *one.dump_identities()] for _, one in sorted(self.engine.detectors.items())]
        return json.dumps(rows, sort_keys=True)


def begun(kind: VerdictKind, *, sensitivity: float = 0.0) -> tuple[Feed, Alert]:
    """Ann does something new at eight; twenty minutes later somebody says what that was."""
    feed = Feed(sensitivity=sensitivity)
    feed.send(event(START), event(START, actor=BOB))
    [alert] = [one for one in feed.tick(START + MINUTE).alerts if one.actor_id == ANN.id]
    feed.give(verdict_on(alert, kind, START + 20 * MINUTE))
    return feed, alert


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_answered_is_not_told_again_and_all_else_is(kind: VerdictKind) -> None:
    feed, _ = begun(kind)
    feed.send(event(START + 25 * MINUTE), event(START + 26 * MINUTE, "b/write"))
    [told] = feed.tick(START + 30 * MINUTE).alerts
    assert [one.action for one in told.findings if one.bucket_start == START] == ["a/write", "b/write"]
    assert told.revision == 2
    assert feed.tick(START + 45 * MINUTE).alerts == []


def test_until_it_was_given_it_answers_nothing_even_if_it_is_known() -> None:
    feed, alert = begun(VerdictKind.BENIGN)
    again = Feed()
    again.give(*feed.given)
    again.send(event(START), event(START, actor=BOB))
    assert {one.actor_id for one in again.tick(START + MINUTE).alerts} == {ANN.id, BOB.id}
    later = Feed()
    later.give(*feed.given)
    later.send(event(START), event(START, actor=BOB))
    assert later.told(alert.found_at + HOUR) == ["t/bob a/write"]


@pytest.mark.parametrize(
    ("kind", "tomorrow", "same_hour"),
    [
        (VerdictKind.BENIGN, [], []),
        (VerdictKind.BENIGN_ONCE, ["t/ann a/write"], []),
        (VerdictKind.MALICIOUS, ["t/ann a/write"], []),
        (VerdictKind.DUPLICATE, [], []),
    ],
)
def test_only_what_is_in_order_becomes_a_habit(kind: VerdictKind, tomorrow: list[str], same_hour: list[str]) -> None:
    feed, _ = begun(kind)
    feed.restart()
    feed.send(event(START + 2 * HOUR, "z/read", actor=BOB))  # closes the hour in question
    assert feed.told(START + 2 * HOUR + MINUTE) == ["t/bob z/read", *same_hour]
    feed.send(event(START + DAY, actor=ANN))
    assert feed.told(START + DAY + MINUTE) == tomorrow


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_sensitive_and_goes_on_although_it_is_usual_is_told_only_of_an_attack(kind: VerdictKind) -> None:
    feed, alert = begun(kind, sensitivity=1.0)
    told: set[str] = set()
    for day in range(5):
        feed.send(event(START + day * DAY + 25 * MINUTE), event(START + day * DAY + 3 * HOUR, "z/read", actor=BOB))
        told |= {one.id for one in feed.tick(START + day * DAY + 3 * HOUR + MINUTE).alerts}
    assert (alert.id in told) == (kind is VerdictKind.MALICIOUS)


def test_what_was_an_attack_keeps_all_of_its_time_out() -> None:
    feed, alert = begun(VerdictKind.DUPLICATE)
    feed.given.clear()
    feed.give(verdict_on(alert, VerdictKind.MALICIOUS, START + 20 * MINUTE, until=START + 3 * HOUR))
    feed.send(event(START + HOUR, "b/write"), event(START + 3 * HOUR, "c/write"))
    feed.send(event(START + 5 * HOUR, "z/read", actor=BOB))
    feed.tick(START + 5 * HOUR)
    tomorrow = START + DAY
    feed.send(event(tomorrow), event(tomorrow, "b/write"), event(tomorrow, "c/write"))
    assert feed.told(tomorrow + MINUTE) == ["t/ann a/write", "t/ann b/write"]


def test_it_is_applied_once_before_its_bucket_is_judged_and_after_a_crash_again_there() -> None:
    feed, _ = begun(VerdictKind.BENIGN)
    [given] = feed.given
    assert given.takes_effect == START - HOUR
    feed.restart()
    assert feed.engine.rulings.applied == {}
    feed.send(event(START + 2 * HOUR, "z/read", actor=BOB))
    assert feed.engine.rulings.applied == {given.id: given.takes_effect}
    once = feed.detectors()
    feed.restart()
    feed.send(event(START + 2 * HOUR + MINUTE, "z/read", actor=BOB))
    assert feed.detectors() == once


def test_one_that_comes_too_late_is_applied_at_the_next_chance() -> None:
    feed, alert = begun(VerdictKind.DUPLICATE)
    feed.send(event(START + 9 * HOUR, "z/read", actor=BOB))
    late = verdict_on(alert, VerdictKind.BENIGN, START + 30 * MINUTE)
    feed.give(late)
    feed.send(event(START + 10 * HOUR + 40 * MINUTE, "z/read", actor=BOB))
    assert late.id in feed.engine.rulings.applied


def office(days: int) -> list[ActivityEvent]:
    """Return what six people do at work, five things an hour, for so many days before `START`."""
    actions = ("web/sites/write", "compute/vms/start/action", "storage/accounts/read", "sql/servers/write")
    return sorted(
        event(START - (days - day) * DAY + hour * HOUR + place * MINUTE, actions[(place + hour) % 4], actor=actor)
        for day in range(days)
        for hour in range(3)
        for place, actor in enumerate(TEAM)
    )


def judged_score(feed: Feed, actor: Actor, action: str) -> float:
    """Return the highest score that the shipped detectors would give."""
    found = explain(feed.engine, actor.id, action, failed=False)
    return max([one.score for one in found.anomalies if one.detector != "watch_list"], default=0.0)


def told_of_a_role() -> tuple[Feed, Alert]:
    feed = Feed(real=True)
    for one in office(30):
        feed.send(one)
    feed.send(event(START, ROLE, actor=TEAM[0]), event(START + HOUR, ROLE, actor=TEAM[0]))
    alerts = feed.tick(START + HOUR + MINUTE).alerts
    [alert] = [one for one in alerts if one.actor_id == TEAM[0].id]
    return feed, alert


def test_with_the_real_detectors_it_makes_a_habit_of_one_identity_and_of_no_other() -> None:
    feed, alert = told_of_a_role()
    rare = feed.engine.detectors["rare_action"].declaration.threshold
    feed.give(verdict_on(alert, VerdictKind.BENIGN, START + 2 * HOUR))
    before = judged_score(feed, TEAM[1], ROLE)
    feed.send(event(START + 9 * HOUR, "web/sites/write", actor=TEAM[2]))
    assert judged_score(feed, TEAM[0], ROLE) < 25.0 < rare
    assert judged_score(feed, TEAM[1], ROLE) > rare
    assert before > rare


@pytest.mark.parametrize("kind", KINDS)
def test_an_open_alert_that_was_answered_is_not_told_again_the_next_day_unless_it_is_an_attack(
    kind: VerdictKind,
) -> None:
    feed, alert = told_of_a_role()
    feed.give(verdict_on(alert, kind, START + 2 * HOUR))
    feed.restart()
    feed.send(event(START + DAY, ROLE, actor=TEAM[0]))
    told = {one.id for one in feed.tick(START + DAY + MINUTE).alerts}
    feed.send(event(START + DAY + 9 * HOUR, "web/sites/write", actor=TEAM[2]))
    told |= {one.id for one in feed.tick(START + DAY + 9 * HOUR + MINUTE).alerts}
    assert (alert.id in told) == (kind is VerdictKind.MALICIOUS)


def test_for_its_kind_it_makes_the_others_less_odd_and_knows_them_by_no_name() -> None:
    scores = []
    for for_kind in (False, True):
        feed, alert = told_of_a_role()
        feed.give(verdict_on(alert, VerdictKind.BENIGN, START + 2 * HOUR, for_kind=for_kind))
        feed.send(event(START + 9 * HOUR, "web/sites/write", actor=TEAM[2]))
        scores.append(judged_score(feed, TEAM[1], ROLE))
        known = len(TEAM) + (PEERS if for_kind else 0)
        assert feed.engine.detectors["rare_action"].memory().keys == known
        assert len(feed.engine.people) == len(TEAM)
    assert scores[1] < scores[0] - 5.0


def test_what_was_in_order_is_no_part_of_a_campaign_any_more() -> None:
    feed, alert = told_of_a_role()
    feed.send(event(START + 4 * HOUR, "web/sites/write", actor=TEAM[2]))
    before = terms_of_a_secret(feed)
    feed.give(verdict_on(alert, VerdictKind.BENIGN_ONCE, START + 5 * HOUR))
    feed.send(event(START + 9 * HOUR, "web/sites/write", actor=TEAM[2]))
    after = terms_of_a_secret(feed)
    assert min(before["campaign"], before["evidence"]) > 0.5
    assert "campaign" not in after
    assert after["evidence"] == 0.0


def terms_of_a_secret(feed: Feed) -> dict[str, float]:
    """Return why it would be odd to read a secret next."""
    found = explain(feed.engine, TEAM[0].id, "microsoft.keyvault/vaults/accesspolicies/write", failed=False)
    [anomaly] = [one for one in found.anomalies if one.detector == "rare_action"]
    return terms_of(anomaly)


def test_failures_that_were_in_order_become_ordinary() -> None:
    feed = Feed(real=True)
    for one in office(30):
        feed.send(one)
    actions = [f"{service}/things/write" for service in ("web", "sql", "network", "compute", "dns", "cdn")]
    feed.send(*(event(START, action, actor=TEAM[0], outcome=Outcome.DENIED) for action in actions))
    [alert] = [one for one in feed.tick(START + MINUTE).alerts if one.actor_id == TEAM[0].id]
    feed.give(verdict_on(alert, VerdictKind.BENIGN, START + 30 * MINUTE))
    again = START + DAY
    feed.send(*(event(again, action, actor=TEAM[0], outcome=Outcome.DENIED) for action in actions))
    feed.tick(again + MINUTE)
    assert told_of(feed.tick(again + MINUTE).alerts, TEAM[0]) == []


def told_of(alerts: Sequence[Alert], actor: Actor) -> list[str]:
    return [one.action for alert in alerts if alert.actor_id == actor.id for one in alert.findings]


def test_a_verdict_on_an_operation_that_fails_for_many_speaks_of_all_of_them() -> None:
    feed = Feed()
    feed.engine.alerts.group_from = 2
    feed.send(*(event(START, actor=actor, outcome=Outcome.DENIED) for actor in (ANN, BOB)))
    [alert] = feed.tick(START + MINUTE).alerts
    feed.give(verdict_on(alert, VerdictKind.BENIGN_ONCE, START + 20 * MINUTE))
    feed.send(event(START + 25 * MINUTE, actor=TEAM[0], outcome=Outcome.DENIED))
    assert feed.tick(START + 30 * MINUTE).alerts == []
    feed.send(event(START + 25 * MINUTE, "b/write", actor=TEAM[0]))
    assert told_of(feed.tick(START + 45 * MINUTE).alerts, TEAM[0]) == ["b/write"]


def test_no_verdict_costs_nothing() -> None:
    feed, plain = Feed(), Feed()
    feed.give()
    for one in (feed, plain):
        one.send(event(START))
        one.send(event(START + 3 * HOUR))
    assert feed.detectors() == plain.detectors()
    assert [section for section, _ in feed.engine.dump()] == [section for section, _ in plain.engine.dump()]
    assert not any(section == "verdict" for section, _ in feed.engine.dump())
    assert timedelta(0) < feed.engine.buckets.closed_until - START
