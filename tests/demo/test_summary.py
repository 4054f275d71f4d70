"""What the demo demands of itself before it says that it worked."""

import io
import json
from collections.abc import Sequence
from datetime import timedelta

from prometheus_client import CollectorRegistry, generate_latest

from demo.launch import MUST_ALERT, SINKS, Scrape
from demo.receiver import Kind, Received
from demo.score import Score, Told, Verdict, read_event
from demo.show import Terminal
from demo.summary import Learnt, arrivals, judge, sum_up
from demo.tenant import Campaign, Step
from service.core.messages import EndOffset, Position
from service.monitoring.metrics.live import LiveReading
from service.monitoring.metrics.recorder import Metrics
from service.sinks.content.cloud_event import cloud_event
from service.sinks.content.messages import compact
from tests.fakes.alerts import alert, finding
from tests.fakes.clock import MONDAY_MORNING

ALERT = alert().model_copy(update={"id": "a" * 16, "findings": tuple(finding(detector=name) for name in MUST_ALERT)})
EVENT = json.loads(compact(cloud_event(ALERT)))
CARD = {"text": f"… Alert {'a' * 16}"}
CAMPAIGN = Campaign("c01", "recon", "Doors", "T1526", "t/a", "a@b", (Step(MONDAY_MORNING, "a/b", False),), ())
FOUND = Score((Verdict(CAMPAIGN, MONDAY_MORNING + timedelta(minutes=9), MUST_ALERT),), (), 1)


def received(kind: Kind, payload: object, *problems: str) -> Received:
    return Received(1, kind, payload, {}, 9, MONDAY_MORNING, 202, problems)


def everywhere() -> list[Received]:
    return [received("teams", CARD), received("slack", CARD), received("webhook", EVENT)]


def metrics() -> Scrape:
    registry = CollectorRegistry()
    recorder = Metrics(registry, detectors=MUST_ALERT, sinks=SINKS)
    recorder.describe(version="1", python="1", river="1", config_hash="1")
    recorder.record_end_offsets([EndOffset("0", 7, MONDAY_MORNING, MONDAY_MORNING)])
    recorder.watch(lambda: LiveReading(positions={"0": Position(7, "7", MONDAY_MORNING)}))
    return Scrape(generate_latest(registry).decode())


def judged(got: Sequence[Received], result: Score = FOUND, scrape: Scrape | None = None) -> tuple[bool, str]:
    stream = io.StringIO()
    told: list[Told] = [read_event(EVENT)]
    return judge(Terminal(stream), result, told, got, scrape), stream.getvalue()


def failed(text: str) -> int:
    return text.count("FAILED")


def test_all_is_well_when_each_detectors_alert_came_everywhere() -> None:
    worked, text = judged(everywhere(), scrape=metrics())
    assert worked
    assert failed(text) == 0


def test_an_alert_that_slack_never_got_satisfies_neither() -> None:
    worked, text = judged([received("teams", CARD), received("webhook", EVENT)])
    assert not worked
    assert "FAILED  rare_action" in text
    assert "FAILED  rare_failure" in text


def test_a_message_that_nobody_would_have_seen_counts_as_not_arrived_and_as_a_fault() -> None:
    got = [received("teams", CARD, "size: too large"), *everywhere()[1:]]
    assert arrivals(got)["teams"] == set()
    worked, text = judged(got)
    assert not worked
    assert "FAILED  the receiver took each of 3 messages" in text


def test_half_of_the_attacks_is_not_most_of_them() -> None:
    half = FOUND._replace(verdicts=(*FOUND.verdicts, Verdict(CAMPAIGN, None, ())))
    assert "FAILED  most of the attacks were found" in judged(everywhere(), half)[1]
    assert "ok      most of the attacks were found" in judged(everywhere())[1]


def test_a_service_without_metrics_has_not_worked() -> None:
    worked, text = judged(everywhere(), scrape=None)
    assert not worked
    assert failed(text) == 1
    assert "FAILED  every metric is there, but for all of them" in text


def test_the_sum_names_attacks_false_alerts_and_speed() -> None:
    stream = io.StringIO()
    sum_up(Terminal(stream), FOUND, {}, Learnt(1000, 99.6), 120, 1)
    text = stream.getvalue()
    assert "found          1 of 1 attacks, half of them within 9 min of the first step" in text
    assert "false alerts   none in 1 day of 120 identities" in text
    assert "learning       1,000 records, 100 a second" in text
