"""What is said of each event: numbers, log lines and readiness, and nobody's name in any of them."""

from collections.abc import Iterator, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from structlog.testing import capture_logs

from models.stream.operations import RecordResult
from service.core.engine.engine import Engine
from service.core.engine.values import Options
from service.core.messages import EndOffset, Message
from service.core.notices import GapKind
from service.core.outbox import Outbox
from service.core.parsing.parser import ActivityLogParser
from service.delivery.dispatcher import Delivery
from service.monitoring.http import Health
from service.monitoring.metrics.recorder import Metrics
from service.settings.root import Settings
from service.source.options import Closed, EndOffsets, Opened, Recovered, Silent
from service.storage.state import Saved
from service.telemetry.events import (
    BatchApplied,
    CellsJudged,
    CoverageChecked,
    DeadLettersWritten,
    Evaluated,
    SecretFilesChecked,
    Started,
    StateRestored,
    Stopped,
    Stopping,
    TelemetryEvent,
)
from service.telemetry.health import HealthBackend
from service.telemetry.history import HistoryBackend
from service.telemetry.logs import LogBackend
from service.telemetry.metrics import MetricsBackend, expose_live_state
from service.telemetry.telemetry import Telemetry
from service.wiring import unusable_secret_files
from tests.fakes.detector import FirstTime
from tests.fakes.notices import notice
from tests.service.core.parsing.samples import message, record

NOW = datetime(2024, 5, 1, 8, 5, tzinfo=UTC)


class Watched:
    """Telemetry with everything that it speaks to."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.health = Health()
        metrics = Metrics(self.registry, detectors=("first_time",), sinks=("hook",), identity_limit=100)
        self.telemetry = Telemetry(metrics, self.health)
        self.engine = Engine(Options(), [FirstTime()])
        expose_live_state(metrics, self.engine, Outbox(), ("hook",))

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"unwonted_{name}", labels) or 0.0

    def apply(self, *bodies: bytes) -> None:
        messages = [Message("0", number, str(number), NOW, body) for number, body in enumerate(bodies)]
        parsed = [ActivityLogParser().parse(body) for body in bodies]
        applied = [self.engine.apply(one, found.events) for one, found in zip(messages, parsed, strict=True)]
        self.telemetry.emit(BatchApplied.of(messages, parsed, applied, 0.01))

    def ready(self) -> bool:
        self.health.note_restored()
        return self.health.result("ready").ok


@pytest.fixture
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    with capture_logs() as lines:
        yield lines


def said(logs: list[MutableMapping[str, Any]]) -> list[str]:
    return [line["event"] for line in logs]


def test_a_batch_is_counted_once_however_often_it_comes(logs: list[MutableMapping[str, Any]]) -> None:
    watched = Watched()
    bodies = [message(record(), {"time": "never"}), message(record(time="2031-05-01T08:00:00Z", correlationId=None))]
    watched.apply(*bodies)
    watched.apply(*bodies)
    assert watched.metric("records_total") == 3
    assert watched.metric("events_total", result=RecordResult.OPERATION.value) == 2
    assert watched.metric("duplicates_total", stage="message") == 2
    assert watched.metric("clamped_total") == 1
    assert said(logs) == ["records_rejected", "times_clamped"]


def test_nobodys_name_or_resource_is_in_a_metric_or_a_line(logs: list[MutableMapping[str, Any]]) -> None:
    watched = Watched()
    watched.apply(message(record(), {"caller": "ann@contoso.com"}))
    watched.telemetry.emit(Evaluated(watched.engine.evaluate(NOW), 0.1))
    watched.telemetry.emit(CellsJudged(watched.engine.idle("0", 0, datetime(2024, 5, 2, tzinfo=UTC))))
    shown = (generate_latest(watched.registry).decode() + str(logs)).lower()
    assert watched.metric("alerts_total", severity="critical", result="new") == 1
    for private in ("ann@", "brien", "contoso", "vm1", "203.0.113.7"):
        assert private not in shown


def test_the_threshold_in_force_and_who_was_alerted_today_are_asked_of_the_engine() -> None:
    watched = Watched()
    assert watched.metric("threshold_score", detector="first_time") == 75.0
    watched.apply(message(record()))
    watched.engine.evaluate(NOW)
    watched.engine.idle("0", 0, NOW)
    assert watched.metric("alerts_today") == 1
    assert watched.metric("alerts_budget") == 0
    assert watched.metric("alerts_expected") == 0
    watched.engine.idle("0", 0, datetime(2024, 5, 2, 1, tzinfo=UTC))
    assert watched.metric("alerts_today") == 0
    assert watched.metric("alerts_expected") == 1


def test_what_is_news_and_what_was_known_are_counted_apart() -> None:
    watched = Watched()
    watched.apply(message(record(), record(operationName="a/b/write", correlationId=None)))
    first = watched.engine.evaluate(NOW)
    watched.telemetry.emit(Evaluated(first, 0.1))
    assert watched.metric("suppressed_total", reason="known") == 0
    watched.telemetry.emit(Evaluated(watched.engine.evaluate(NOW), 0.1))
    assert watched.metric("suppressed_total", reason="known") == first.unusual == 2
    watched.apply(*[message(record())] * 2, message(record(operationName="c/d/write", correlationId=None)))
    third = watched.engine.evaluate(NOW)
    assert [len(alert.findings) for alert in third.alerts] == [3]
    watched.telemetry.emit(Evaluated(third, 0.1))
    assert watched.metric("suppressed_total", reason="known") == 4


def test_thresholds_that_have_moved_are_logged_once(logs: list[MutableMapping[str, Any]]) -> None:
    watched = Watched()
    evaluation = watched.engine.evaluate(NOW)
    for threshold in (60.0, 60.0, 58.0, 58.0):
        watched.telemetry.emit(Evaluated(evaluation._replace(thresholds={"first_time": threshold}), 0.1))
    moved = [line for line in logs if line["event"] == "thresholds_moved"]
    assert [line["first_time"] for line in moved] == [58.0]


def test_it_is_ready_while_every_partition_is_read_and_gives_signs_of_life() -> None:
    watched = Watched()
    tell = watched.telemetry.emit
    assert not watched.ready()
    tell(EndOffsets(tuple(EndOffset(partition, 3, NOW, NOW) for partition in "01")))
    tell(Opened("0", None))
    assert not watched.ready()
    tell(Opened("1", 3))
    assert watched.ready()
    tell(Silent("1", 61.0, "no sign of life"))
    assert not watched.ready()
    assert watched.health.result("ready").reasons["source"] == "no sign of life from partition 1"
    tell(Recovered("1"))
    assert watched.ready()
    tell(Closed("0", "error"))
    assert not watched.ready()


def test_a_snapshot_that_fails_is_an_error_and_one_that_succeeds_is_silent(
    logs: list[MutableMapping[str, Any]],
) -> None:
    watched = Watched()
    watched.telemetry.emit(Saved("saved", 100, 0.1, NOW))
    assert logs == []
    watched.telemetry.emit(Saved("failed", 100, 0.1, NOW, "No space left on device"))
    watched.telemetry.emit(Saved("unreadable", 100, 0.1, NOW, "its checksum does not fit"))
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("snapshot_failed", "error"),
        ("snapshot_unreadable", "error"),
    ]
    assert watched.metric("snapshots_total", result="failed") == 1


def test_a_sink_that_heals_is_told_of_once(logs: list[MutableMapping[str, Any]]) -> None:
    watched = Watched()

    def deliver(outcome: Any, *, broken: bool) -> None:
        delivery = Delivery("hook", outcome, "http_404", 0.1, 1, "id", (("a", 1),), broken)
        watched.telemetry.emit(delivery)

    deliver("broken", broken=True)
    deliver("broken", broken=True)
    deliver("sent", broken=False)
    deliver("sent", broken=False)
    deliver("refused", broken=False)
    assert said(logs) == ["sink_broken", "sink_broken", "delivered", "sink_healed", "delivered", "delivery_given_up"]


def test_dead_letters_are_counted_by_what_is_new() -> None:
    watched = Watched()
    watched.telemetry.emit(DeadLettersWritten("rejected", 3, 0))
    watched.telemetry.emit(DeadLettersWritten("undelivered", 2, 0))
    watched.telemetry.emit(DeadLettersWritten("rejected", 5, 1))
    assert watched.metric("dead_letters_total", reason="rejected", result="written") == 5
    assert watched.metric("dead_letters_total", reason="rejected", result="dropped") == 1
    assert watched.metric("dead_letters_total", reason="undelivered", result="written") == 2
    assert watched.metric("dead_letters_total", reason="undelivered", result="dropped") == 0


def test_events_that_are_too_old_to_be_judged_are_told_of(logs: list[MutableMapping[str, Any]]) -> None:
    watched = Watched()
    watched.apply(message(record(time="2023-05-01T08:00:00Z")))
    assert watched.metric("late_total", result="dropped") == 1
    assert [line["count"] for line in logs if line["event"] == "events_too_late"] == [1]


def test_a_coverage_gap_is_a_number_a_warning_and_when_it_is_over_a_line(logs: list[MutableMapping[str, Any]]) -> None:
    watched = Watched()
    watched.telemetry.emit(CoverageChecked([notice()], frozenset({GapKind.SILENT})))
    assert watched.metric("blind_window_open", reason="silent") == 1
    assert watched.metric("blind_window_open", reason="lost") == 0
    watched.telemetry.emit(CoverageChecked([], frozenset({GapKind.SILENT})))
    watched.telemetry.emit(
        CoverageChecked([notice(revision=2, stage="updated", partitions=("2", "3"))], frozenset({GapKind.SILENT}))
    )
    watched.telemetry.emit(CoverageChecked([notice(revision=3, stage="closed", until=NOW)], frozenset()))
    assert watched.metric("blind_window_open", reason="silent") == 0
    assert watched.metric("notices_total", reason="silent", result="opened") == 1
    assert watched.metric("notices_total", reason="silent", result="closed") == 1
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("coverage_gap_opened", "warning"),
        ("coverage_gap_updated", "warning"),
        ("coverage_gap_closed", "info"),
    ]
    assert logs[2]["until"] == NOW.isoformat()


def test_every_event_has_a_back_end_that_does_something_with_it() -> None:
    unhandled = {
        event.__name__
        for event in get_args(TelemetryEvent)
        if all(
            backend["handle"].dispatcher.dispatch(event) is backend["handle"].dispatcher.dispatch(object)
            for backend in map(vars, (MetricsBackend, LogBackend, HealthBackend, HistoryBackend))
        )
    }
    assert unhandled == set()


def test_a_life_is_told_in_the_log_and_by_the_probes(logs: list[MutableMapping[str, Any]]) -> None:
    watched = Watched()
    watched.telemetry.emit(StateRestored(from_snapshot=False, partitions=0, records=0))
    assert watched.health.result("startup").ok
    watched.telemetry.emit(Started(partitions=4, http_port=8080))
    watched.telemetry.emit(Stopping())
    assert watched.health.result("ready").reasons["process"] == "is shutting down"
    watched.telemetry.emit(Stopped(messages_waiting=2))
    assert said(logs) == ["state_empty", "started", "stopping", "stopped"]
    assert logs[1]["partitions"] == 4


def test_a_sink_without_a_file_with_its_secrets_counts_as_broken_and_keeps_the_process_from_being_ready(
    tmp_path: Path,
) -> None:
    watched, file = Watched(), tmp_path / "url"
    hook = {"kind": "webhook", "url_file": str(file)}
    settings = Settings.model_validate({"sinks": {"hook": hook, "off": {**hook, "enabled": False}}})
    with capture_logs() as logs:
        for _ in range(2):
            watched.telemetry.emit(SecretFilesChecked(unusable_secret_files(settings)))
            assert watched.metric("sink_broken", sink="hook") == 1.0
            reasons = watched.health.result("ready").reasons
            assert reasons["secret files"] == f"sinks.hook.url_file: {file}: No such file or directory"
        file.write_text("https://receiver.example/")
        watched.telemetry.emit(SecretFilesChecked(unusable_secret_files(settings)))
    assert watched.metric("sink_broken", sink="hook") == 0.0
    assert "secret files" not in watched.health.result("ready").reasons
    assert said(logs) == ["secret_file_unusable"]
