"""Scoring the demo: what counts as found, when, and what as a false alert."""

import json
from datetime import date, timedelta

from demo.judged import Judged
from demo.score import Told, read_event, references, score
from demo.tenant import Campaign, Step
from service.core.alerting.alerts import Alert, Finding
from service.sinks.content.cloud_event import cloud_event
from service.sinks.content.messages import compact
from tests.fakes.alerts import alert, finding
from tests.fakes.clock import MONDAY_MORNING

ACTION = "microsoft.keyvault/vaults/delete"
VICTIM = "tenant/victim"
BYSTANDER = "tenant/bystander"


def campaign(*minutes: int, actor: str = VICTIM) -> Campaign:
    steps = tuple(Step(MONDAY_MORNING + timedelta(minutes=minute), ACTION, False) for minute in minutes)
    return Campaign("c01", "stealthy", "Key vault destroyed", "T1485", actor, "victim@contoso.example", steps, ())


def hit(minute: int, action: str = ACTION, detector: str = "rare_action") -> Finding:
    time = MONDAY_MORNING + timedelta(minutes=minute)
    start = time.replace(minute=0)
    return finding(
        id=f"{minute:016x}",
        detector=detector,
        action=action,
        action_name=action,
        time=time,
        bucket_start=start,
        bucket_end=start + timedelta(hours=1),
    )


def told(*findings: Finding, actor: str = VICTIM, after: int = 30, revision: int = 1) -> Told:
    found_at = MONDAY_MORNING + timedelta(minutes=after)
    one = alert(actor_id=actor, found_at=found_at, revision=revision)
    return read_event(event(one.model_copy(update={"findings": findings})))


def event(one: Alert) -> dict[str, object]:
    read: dict[str, object] = json.loads(compact(cloud_event(one)))
    return read


def test_an_attack_is_found_when_an_alert_names_its_identity_and_a_step_of_it() -> None:
    [verdict] = score([campaign(5, 20)], [told(hit(5), after=30)]).verdicts
    assert verdict.delay == timedelta(minutes=25)
    assert verdict.detectors == ("rare_action",)


def test_the_first_alert_counts_whatever_order_they_come_in() -> None:
    late, early = told(hit(5), after=60, revision=2), told(hit(5), after=15)
    assert score([campaign(5)], [late, early]).median_delay == timedelta(minutes=10)


def test_half_of_the_attacks_had_been_told_by_the_median_delay() -> None:
    victims = [f"tenant/{number}" for number in range(4)]
    alerts = [told(hit(5), actor=victim, after=after) for victim, after in zip(victims, (35, 15, 25, 95), strict=True)]
    delays = {n: score([campaign(5, actor=one) for one in victims[:n]], alerts).median_delay for n in (2, 3, 4)}
    assert delays == {n: timedelta(minutes=minutes) for n, minutes in ((2, 10), (3, 20), (4, 20))}


def test_every_detector_that_saw_a_step_is_named() -> None:
    [verdict] = score([campaign(5)], [told(hit(5), hit(5, detector="rare_failure"))]).verdicts
    assert verdict.detectors == ("rare_action", "rare_failure")


def test_of_an_attack_that_nobody_was_told_of_the_highest_score_of_a_step_is_known() -> None:
    hour = (MONDAY_MORNING.replace(minute=0), MONDAY_MORNING.replace(minute=0) + timedelta(hours=1))
    judged = [
        Judged(VICTIM, ACTION, "rare_failure", 31.0, *hour),
        Judged(VICTIM, ACTION, "rare_action", 58.0, *hour),
        Judged(BYSTANDER, ACTION, "rare_action", 99.0, *hour),
        Judged(VICTIM, "microsoft.compute/disks/write", "rare_action", 98.0, *hour),
        Judged(VICTIM, ACTION, "rare_action", 97.0, hour[1], hour[1] + timedelta(hours=1)),
    ]
    [verdict] = score([campaign(5)], [], judged).verdicts
    assert (verdict.delay, verdict.best) == (None, judged[1])


def test_another_identity_another_operation_or_another_hour_is_no_find() -> None:
    misses = [told(hit(5), actor=BYSTANDER), told(hit(5, action="microsoft.compute/disks/write")), told(hit(65))]
    result = score([campaign(5)], misses)
    assert result.found == 0
    assert result.median_delay is None


def test_a_finding_about_somebody_on_a_day_without_an_attack_is_a_false_alert_once_a_day() -> None:
    day = 24 * 60
    misses = [told(hit(5), actor=BYSTANDER), told(hit(95), actor=BYSTANDER), told(hit(day), actor=BYSTANDER)]
    name = misses[0].actor_name
    result = score([campaign(5)], misses)
    assert [(one.actor_name, one.time.date()) for one in result.false] == [
        (name, date(2026, 11, 2)),
        (name, date(2026, 11, 3)),
    ]
    assert result.false[0] == misses[0].hints[0], "the first of the day"


def test_what_is_told_of_the_victim_before_its_attack_has_begun_is_a_false_alert() -> None:
    early = told(hit(5, action="microsoft.compute/disks/write"))
    assert score([campaign(125)], [early]).false == early.hints


def test_what_else_the_victim_did_on_the_day_of_the_attack_is_not_a_false_alert() -> None:
    result = score([campaign(5)], [told(hit(125, action="microsoft.compute/disks/write"))])
    assert (result.found, result.false) == (0, ())


def test_revisions_of_an_alert_are_one_alert() -> None:
    assert score([], [told(hit(5)), told(hit(5), hit(20), revision=2)]).alerts == 1


def test_an_alert_is_read_back_from_its_event_as_it_was_decided() -> None:
    original = alert(actor_id=VICTIM)
    read = read_event(event(original))
    assert (read.id, read.revision, read.actor, read.actor_name) == (
        original.id,
        original.revision,
        VICTIM,
        original.actor_name,
    )
    assert abs(read.found_at - original.found_at) < timedelta(seconds=1)
    [hint], [kept] = read.hints, original.findings
    assert (hint.time, hint.detector, hint.action, hint.why) == (kept.time, kept.detector, kept.action, kept.why)


def test_references_are_found_wherever_they_stand_in_a_message() -> None:
    payload = {"blocks": [{"text": "Alert 0123456789abcdef, update 1"}, {"text": ["Alert fedcba9876543210"]}]}
    assert references(payload) == {"0123456789abcdef", "fedcba9876543210"}
    assert references({"text": "no Alert here 0123456789abcdef"}) == set()
