"""Metrics: named by the rules of Prometheus, present before anything happens, and free of people."""

import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from typing import get_args, get_type_hints

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from models.detectors.anomalies import Anomaly
from models.detectors.contract import Memory
from models.statistics.scoring import Severity, severity
from models.stream.cells import Cell
from models.stream.events import Actor, ActorKind
from models.stream.operations import RecordResult
from models.stream.windows import Bucket
from service.core.alerting.alerts import Alert, Finding
from service.core.messages import EndOffset, Position
from service.core.parsing.rejects import RejectReason
from service.core.shadow.recall import Case, Origin, Recall
from service.delivery.dispatcher import Delivery
from service.monitoring.metrics.labels import CLOSINGS, DELIVERIES, INFO_LABELS, LABELS, MAX_PARTITIONS, TROUBLES
from service.monitoring.metrics.live import LiveReading
from service.monitoring.metrics.recorder import Metrics
from service.source.options import Closed, Kind

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PERSON = "ann.planted@contoso.example"
KEYS_TAKEN = Case("key_theft", ActorKind.GUEST, Origin.OWN_NETWORK)
THING = "/subscriptions/planted/resourcegroups/rg"


def fresh() -> tuple[CollectorRegistry, Metrics]:
    registry = CollectorRegistry()
    detectors = ("rare_action", "rare_failure")
    return registry, Metrics(registry, detectors=detectors, sinks=("soc",), identity_limit=100_000)


def finding(minutes: int) -> Finding:
    return Finding(
        id="f",
        detector="rare_action",
        title="t",
        action="a/write",
        action_name="A/write",
        time=NOON - timedelta(minutes=minutes),
        bucket_start=NOON,
        bucket_end=NOON,
        score=80.0,
        surprise=5.0,
        severity=severity(80.0),
        why="",
        evidence={},
        attempts=1,
        failures=0,
        denials=0,
        resources=(THING,),
        addresses=(),
        scopes=(),
        results=(),
        correlations=(),
        late=False,
        settled=True,
        mitre=(),
        response=(),
    )


def everything(metrics: Metrics) -> None:
    """Let everything happen that can happen, with names that must not come out again."""
    metrics.describe(version="0.1.0", python="3.13.1", river="0.26.0", config_hash="0123456789ab")
    metrics.record_batch("0", messages=3, seconds=0.01)
    metrics.record_parsed(records=9, rejects={RejectReason.BAD_TIME: 2}, left_out={"audit": 2, "planted": 1})
    metrics.record_applied(
        fresh=True,
        results={RecordResult.OPERATION: 4, RecordResult.DUPLICATE: 1, RecordResult.LATE: 2, RecordResult.TOO_LATE: 1},
        clamped=1,
    )
    metrics.record_applied(fresh=False, results={}, clamped=0)
    metrics.record_arrival(NOON, NOON - timedelta(minutes=5))
    metrics.record_loop_lag(0.001)
    metrics.record_end_offsets([EndOffset("0", 41, NOON, NOON), EndOffset("1", -1, NOON, NOON)])
    metrics.record_partitions(owned=1, known=2, silent=1)
    metrics.record_trouble("planted")
    metrics.record_closing("recycle")
    metrics.record_expired(7)
    actor = Actor(f"t/{PERSON}", PERSON, ActorKind.HUMAN)
    cell = Cell("a/write", "A/write", NOON, attempts=1, successes=1, failures=0, denials=0)
    anomaly = Anomaly("rare_action", actor, Bucket.of(NOON, timedelta(hours=1)), cell, 80.0, 5.0)
    metrics.record_scores([anomaly, anomaly._replace(score=3.0)])
    metrics.record_anomalies([anomaly])
    alert = Alert(
        id="x",
        revision=1,
        actor_id=actor.id,
        actor_name=PERSON,
        actor_kind=ActorKind.HUMAN,
        window_start=NOON,
        window_end=NOON,
        found_at=NOON,
        score=80.0,
        severity=severity(80.0),
        findings=(finding(30), finding(10)),
    )
    metrics.record_alerts([alert, alert.model_copy(update={"revision": 2})])
    metrics.record_suppressed("known", 3)
    metrics.record_evaluation(seconds=0.1, at=NOON)
    metrics.record_evaluation(seconds=0.1, at=None)
    metrics.record_missed(2)
    metrics.record_snapshot("saved", seconds=0.2, size=1234, at=NOON)
    metrics.record_snapshot("failed")
    metrics.record_delivery("soc", "sent", 0.3)
    metrics.record_delivery("soc", "expired", 0.0)
    metrics.record_dead_letters("undelivered", written=1, dropped=2)
    recall = Recall()
    recall.count(KEYS_TAKEN, alerted=True)
    recall.count(KEYS_TAKEN, alerted=False)
    metrics.watch(
        lambda: LiveReading(
            watermark=NOON,
            positions={"0": Position(40, "x", NOON)},
            memory={"rare_action": Memory(keys=5, entries=50, evicted=2, warmth=0.5)},
            waiting={"soc": 4},
            broken=["soc"],
            thresholds={"rare_action": 61.0},
            alerts_today=3,
            alerts_per_day=5.0,
            expected=4.5,
            recall=recall,
        )
    )


def test_no_series_has_a_label_outside_the_allowed_ones() -> None:
    registry, metrics = fresh()
    everything(metrics)
    for family in registry.collect():
        for sample in family.samples:
            allowed = INFO_LABELS if family.type == "info" else LABELS | {"le"}
            assert sample.labels.keys() <= allowed, sample.name


def test_no_person_no_resource_and_no_unforeseen_word_reaches_a_series() -> None:
    registry, metrics = fresh()
    everything(metrics)
    assert "planted" not in generate_latest(registry).decode()


def test_names_have_our_prefix_base_units_and_a_meaning() -> None:
    registry, metrics = fresh()
    everything(metrics)
    for family in registry.collect():
        assert family.documentation.endswith((".", "seconds")), family.name
        if not family.name.startswith("process_"):
            assert re.fullmatch(r"unwonted_[a-z_]+", family.name)
            assert not re.search(r"_(ms|milliseconds|minutes|hours|kb|mb|percent|age)$", family.name)


def test_every_series_but_those_of_partitions_exists_before_anything_happens() -> None:
    def series(registry: CollectorRegistry) -> set[tuple[str, frozenset[tuple[str, str]]]]:
        return {
            (sample.name, frozenset(sample.labels.items()))
            for family in registry.collect()
            for sample in family.samples
            if "partition" not in sample.labels and family.type != "info"
        }

    before, (after, metrics) = fresh()[0], fresh()
    everything(metrics)
    assert series(after) == series(before)
    assert not any(sample[0].endswith("_created") for sample in series(after))


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("unwonted_messages_total", {"partition": "0"}, 3),
        ("unwonted_records_total", {}, 9),
        ("unwonted_operations_total", {}, 4),
        ("unwonted_events_total", {"result": "late"}, 2),
        ("unwonted_duplicates_total", {"stage": "message"}, 1),
        ("unwonted_duplicates_total", {"stage": "record"}, 1),
        ("unwonted_late_total", {"result": "judged"}, 2),
        ("unwonted_late_total", {"result": "dropped"}, 1),
        ("unwonted_clamped_total", {}, 1),
        ("unwonted_rejects_total", {"reason": "bad_time"}, 2),
        ("unwonted_left_out_total", {"reason": "audit"}, 2),
        ("unwonted_left_out_total", {"reason": "other"}, 1),
        ("unwonted_arrival_delay_seconds_sum", {}, 300),
        ("unwonted_consumer_lag_messages", {"partition": "0"}, 1),
        ("unwonted_consumer_lag_messages", {"partition": "1"}, 0),
        ("unwonted_partition_last_enqueued_timestamp_seconds", {"partition": "0"}, NOON.timestamp()),
        ("unwonted_partition_last_applied_timestamp_seconds", {"partition": "0"}, NOON.timestamp()),
        ("unwonted_threshold_score", {"detector": "rare_action"}, 61),
        ("unwonted_alerts_today", {}, 3),
        ("unwonted_alerts_budget", {}, 5),
        ("unwonted_alerts_expected", {}, 4.5),
        (
            "unwonted_shadow_attacks_total",
            {"style": "key_theft", "kind": "guest", "origin": "own_network", "result": "missed"},
            1,
        ),
        ("unwonted_partitions_owned", {}, 1),
        ("unwonted_partitions_silent", {}, 1),
        ("unwonted_source_errors_total", {"reason": "other"}, 1),
        ("unwonted_source_closings_total", {"reason": "recycle"}, 1),
        ("unwonted_source_expired_messages_total", {}, 7),
        ("unwonted_watermark_timestamp_seconds", {}, NOON.timestamp()),
        ("unwonted_tracked_keys", {"detector": "rare_action"}, 5),
        ("unwonted_tracked_keys", {"detector": "rare_failure"}, 0),
        ("unwonted_tracked_keys_limit", {"detector": "rare_action"}, 100_000),
        ("unwonted_state_entries", {"detector": "rare_action"}, 50),
        ("unwonted_evictions_total", {"detector": "rare_action"}, 2),
        ("unwonted_warmup_ratio", {"detector": "rare_action"}, 0.5),
        ("unwonted_anomalies_total", {"detector": "rare_action", "severity": "medium"}, 1),
        ("unwonted_cell_score_bucket", {"detector": "rare_action", "le": "10.0"}, 1),
        ("unwonted_cell_score_bucket", {"detector": "rare_action", "le": "75.0"}, 1),
        ("unwonted_cell_score_count", {"detector": "rare_action"}, 2),
        ("unwonted_alerts_total", {"severity": "medium", "result": "new"}, 1),
        ("unwonted_alerts_total", {"severity": "medium", "result": "update"}, 1),
        ("unwonted_detection_latency_seconds_sum", {}, 1200),
        ("unwonted_suppressed_total", {"reason": "known"}, 3),
        ("unwonted_evaluations_total", {"result": "success"}, 1),
        ("unwonted_evaluations_total", {"result": "failure"}, 1),
        ("unwonted_evaluations_missed_total", {}, 2),
        ("unwonted_evaluation_last_success_timestamp_seconds", {}, NOON.timestamp()),
        ("unwonted_snapshots_total", {"result": "saved"}, 1),
        ("unwonted_snapshots_total", {"result": "failed"}, 1),
        ("unwonted_snapshot_size_bytes", {}, 1234),
        ("unwonted_snapshot_last_success_timestamp_seconds", {}, NOON.timestamp()),
        ("unwonted_deliveries_total", {"sink": "soc", "result": "sent"}, 1),
        ("unwonted_deliveries_total", {"sink": "soc", "result": "expired"}, 1),
        ("unwonted_delivery_duration_seconds_count", {"sink": "soc"}, 1),
        ("unwonted_outbox_messages", {"sink": "soc"}, 4),
        ("unwonted_sink_broken", {"sink": "soc"}, 1),
        ("unwonted_dead_letters_total", {"reason": "undelivered", "result": "dropped"}, 2),
        ("unwonted_build_info", {"version": "0.1.0", "python": "3.13.1", "river": "0.26.0"}, 1),
        ("unwonted_config_info", {"hash": "0123456789ab"}, 1),
    ],
)
def test_what_happened_is_what_is_counted(name: str, labels: dict[str, str], value: float) -> None:
    registry, metrics = fresh()
    everything(metrics)
    assert registry.get_sample_value(name, labels) == value


def test_partitions_beyond_what_any_hub_has_share_one_series() -> None:
    registry, metrics = fresh()
    for number in range(MAX_PARTITIONS + 10):
        metrics.record_batch(f"p{number}", messages=1, seconds=0.0)
    [family] = [family for family in registry.collect() if family.name == "unwonted_messages"]
    assert len({sample.labels["partition"] for sample in family.samples}) == MAX_PARTITIONS + 1
    assert registry.get_sample_value("unwonted_messages_total", {"partition": "other"}) == 10


def test_a_sink_that_is_not_configured_any_more_is_counted_without_its_name() -> None:
    registry, metrics = fresh()
    metrics.record_delivery("planted", "orphaned", 0.0)
    assert registry.get_sample_value("unwonted_deliveries_total", {"sink": "other", "result": "orphaned"}) == 1
    assert "planted" not in generate_latest(registry).decode()


def test_the_vocabulary_is_the_one_that_the_other_parts_speak() -> None:
    assert set(get_args(get_type_hints(Delivery)["outcome"])) == set(DELIVERIES)
    assert set(get_args(Kind)) == set(TROUBLES)
    assert set(get_args(get_type_hints(Closed)["reason"])) == set(CLOSINGS) - {"other"}
    assert {severity.value for severity in Severity} >= {"low", "high"}


@pytest.mark.integration
def test_promtool_finds_nothing_to_complain_about() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: the names were not checked by Prometheus itself")
    registry, metrics = fresh()
    everything(metrics)
    done = subprocess.run(
        [promtool, "check", "metrics"], input=generate_latest(registry), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (0, "", "")
