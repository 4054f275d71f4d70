"""Every metric there is: name, unit, meaning and labels, on a registry that is handed in.

Labels are few, bounded and known beforehand, so that each series exists at 0 before anything happens, and never a
person, a resource or an address: who may read metrics need not be allowed to read names. What the engine holds is
read at each scrape (`LiveReading`); what happens is recorded as it happens (the methods).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, Info, ProcessCollector, disable_created_metrics

from models.detectors import Anomaly
from models.statistics import Severity
from models.stream import RecordResult
from service.core.alerting import Alert
from service.core.messages import EndOffset
from service.core.notices import Notice
from service.core.parsing import LeftOut, RejectReason
from service.monitoring.metrics.families import BRIEF, DELAYS, LONG, METRIC_PREFIX, Families
from service.monitoring.metrics.labels import (
    ATTEMPTS,
    CLOSINGS,
    DEAD_LETTERS,
    DELIVERIES,
    GAP_KINDS,
    MAX_PARTITIONS,
    NOTICES,
    OTHER,
    SNAPSHOTS,
    SUPPRESSED,
    SUPPRESSION_STAGES,
    TROUBLES,
    VERDICTS,
    DeadLetterReason,
)
from service.monitoring.metrics.live import LiveCollector, LiveReading
from service.monitoring.metrics.scores import ScoreCollector

_LEFT_OUT = frozenset(kind.value for kind in LeftOut)


class Metrics:
    """Counts and measures what happens.

    Parameters
    ----------
    registry
        Where everything is registered; one object of this class a registry.
    detectors, sinks
        Names that label series; a sink beyond them is counted as ``other``.
    identity_limit
        Most identities that a detector remembers.
    """

    def __init__(  # noqa: PLR0915 - one statement a metric, in the order in which operators read of them
        self,
        registry: CollectorRegistry,
        *,
        detectors: Sequence[str] = (),
        sinks: Sequence[str] = (),
        identity_limit: int = 0,
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library left its annotation out
        self._partitions: set[str] = set()
        self._sinks = frozenset(sinks)
        severities = [severity.value for severity in Severity]
        families = Families(registry)
        counter, gauge, histogram = families.counter, families.gauge, families.histogram
        ProcessCollector(registry=registry)

        # What comes in.
        self._messages = counter("messages_total", "Event Hubs messages applied.", partition=())
        self._records = counter("records_total", "Activity log records read, including rejected and left-out ones.")
        self._results = counter("events_total", "Events by result.", result=[result.value for result in RecordResult])
        self._operations = counter(
            "operations_total", "Operations; the two or three records of an operation count once."
        )
        self._duplicates = counter(
            "duplicates_total",
            "Messages or records that had been applied before; they change nothing.",
            stage=["message", "record"],
        )
        self._late = counter(
            "late_total",
            "Events that arrived after their bucket had closed, by whether they were still judged.",
            result=["judged", "dropped"],
        )
        self._clamped = counter(
            "clamped_total", "Events from the future, which got the time at which the hub took their message."
        )
        self._rejects = counter(
            "rejects_total",
            "Records that could not be read, by reason.",
            reason=[reason.value for reason in RejectReason],
        )
        self._left_out = counter(
            "left_out_total",
            "Records that are not the doing of an identity, or belong to another log.",
            reason=[*sorted(_LEFT_OUT), OTHER],
        )
        self._arrival = histogram(
            "arrival_delay_seconds", "From the newest event of a message until the hub took it, in seconds.", DELAYS
        )
        self._batch = histogram("batch_duration_seconds", "Processing of one batch of messages, in seconds.", BRIEF)
        self._loop_lag = histogram(
            "event_loop_lag_seconds", "How much later than asked for the event loop ran a task, in seconds.", BRIEF
        )

        self._clock_jumps = counter("clock_jumps_total", "How often the machine's clock was set while it ran.")
        self._clock_jump = gauge(
            "clock_jump_seconds", "By how much the machine's clock was set last, in seconds; negative: back."
        )
        self._clock_skew = gauge("clock_skew_seconds", "How far the clock is ahead of the hub's, if it is wrong.")

        # Where it comes from.
        self._enqueued = gauge(
            "partition_last_enqueued_timestamp_seconds",
            "When the hub took its newest message, Unix time.",
            partition=(),
        )
        self._owned = gauge("partitions_owned", "Partitions that this process reads.")
        self._known = gauge("partitions", "Partitions that the hub has.")
        self._troubles = counter(
            "source_errors_total", "Failures of the connection to the hub; each is retried.", reason=TROUBLES
        )
        self._closings = counter("source_closings_total", "Partition connections that were closed.", reason=CLOSINGS)
        self._expired = counter("source_expired_messages_total", "Messages that the hub dropped before they were read.")
        self._silent = gauge(
            "partitions_silent", "Partitions whose connection delivers neither messages nor empty batches."
        )
        self._open_gaps = gauge(
            "blind_window_open", "1 while a coverage gap of this kind is open, else 0.", reason=GAP_KINDS
        )
        self._notices = counter(
            "notices_total",
            "Notices about coverage gaps, by kind of gap (reason) and stage (result).",
            reason=GAP_KINDS,
            result=NOTICES,
        )

        # What is made of it.
        self._scores = ScoreCollector(detectors)
        registry.register(self._scores)
        self._anomalies = counter("anomalies_total", "Unusual cells found.", detector=detectors, severity=severities)
        self._alerts = counter(
            "alerts_total",
            "Alerts, by whether new or an update of an earlier one.",
            severity=severities,
            result=["new", "update"],
        )
        self._suppressed = counter(
            "suppressed_total", "Findings or alerts that were not sent, by reason.", reason=SUPPRESSED
        )
        self._suppressed_findings = counter(
            "would_have_alerted_total", "Findings that a suppression covered, each counted once.", detector=detectors
        )
        self._suppressions = gauge(
            "suppressions",
            "Suppressions in the file: planned, in force, ending soon or expired.",
            stage=SUPPRESSION_STAGES,
        )
        self._reloads = counter(
            "suppressions_reloads_total",
            "Changes of the suppressions file, by whether it could be used.",
            result=["loaded", "refused"],
        )
        self._file_broken = gauge(
            "suppressions_file_broken", "1 while the suppressions file cannot be used and an older one is in force."
        )
        self._verdicts = gauge("verdicts", "Verdicts that people have given, by what they found.", result=VERDICTS)
        self._verdicts_damaged = gauge(
            "verdict_lines_damaged", "Lines of the journal of verdicts that are no verdicts, and were passed over."
        )
        self._latency = histogram(
            "detection_latency_seconds", "From the newest event in an alert to the alert, in seconds.", DELAYS
        )
        self._evaluations = counter("evaluations_total", "Scheduled evaluations.", result=["success", "failure"])
        self._evaluation = histogram("evaluation_duration_seconds", "Duration of an evaluation, in seconds.", LONG)
        self._evaluated = gauge(
            "evaluation_last_success_timestamp_seconds", "When the last evaluation succeeded, Unix time."
        )
        self._missed = counter(
            "evaluations_missed_total",
            "Scheduled evaluations that were skipped; a later one looked back further instead.",
        )

        # What is kept, and what is told.
        self._snapshots = counter("snapshots_total", "Snapshots by result.", result=SNAPSHOTS)
        self._snapshot = histogram("snapshot_duration_seconds", "Encoding and storing a snapshot, in seconds.", LONG)
        self._snapshot_size = gauge("snapshot_size_bytes", "Size of the last snapshot, compressed, in bytes.")
        self._state_size = gauge(
            "state_bytes",
            "Share of a detector in the last snapshot, before compression, in bytes.",
            detector=detectors,
        )
        self._snapshot_time = gauge(
            "snapshot_last_success_timestamp_seconds", "When the last snapshot was saved, Unix time."
        )
        self._deliveries = counter(
            "deliveries_total",
            "Delivery attempts, and messages given up, by sink and result.",
            sink=sinks,
            result=DELIVERIES,
        )
        self._delivery = histogram(
            "delivery_duration_seconds", "Duration of a delivery attempt, in seconds.", LONG, sink=sinks
        )
        self._dead = counter(
            "dead_letters_total",
            "Rejected records and undelivered messages that the dead letter took, or lost.",
            reason=DEAD_LETTERS,
            result=["written", "dropped"],
        )
        self._build = Info(METRIC_PREFIX + "build", "Versions of the service, Python and river.", registry=registry)
        self._config = Info(METRIC_PREFIX + "config", "Hash of the configuration, secrets left out.", registry=registry)
        self._live = LiveCollector(detectors, sinks, identity_limit)
        registry.register(self._live)

    def describe(self, *, version: str, python: str, river: str, config_hash: str) -> None:
        """Set the versions that are running and the hash of the configuration."""
        self._build.info({"version": version, "python": python, "river": river})
        self._config.info({"hash": config_hash})

    def watch(self, read: Callable[[], LiveReading]) -> None:
        """Call `read` at each scrape; it must be quick and must not raise."""
        self._live.read = read

    def record_batch(self, partition: str, messages: int, seconds: float) -> None:
        """Note that `messages` of one partition were processed in `seconds`."""
        self._messages.labels(self._partition(partition)).inc(messages)
        self._batch.observe(seconds)

    def record_applied(self, *, fresh: bool, results: Mapping[RecordResult, int], clamped: int) -> None:
        """Note what became of one message's events; `fresh` is False for a message applied before."""
        if not fresh:
            self._duplicates.labels("message").inc()
        for result, count in results.items():
            self._results.labels(result.value).inc(count)
        self._operations.inc(results.get(RecordResult.OPERATION, 0))
        self._duplicates.labels("record").inc(results.get(RecordResult.DUPLICATE, 0))
        self._late.labels("judged").inc(results.get(RecordResult.LATE, 0))
        self._late.labels("dropped").inc(results.get(RecordResult.TOO_LATE, 0))
        self._clamped.inc(clamped)

    def record_parsed(self, *, records: int, rejects: Mapping[RejectReason, int], left_out: Mapping[str, int]) -> None:
        """Note what parsing made of one message."""
        self._records.inc(records)
        for reason, count in rejects.items():
            self._rejects.labels(reason.value).inc(count)
        for kind, count in left_out.items():
            self._left_out.labels(kind if kind in _LEFT_OUT else OTHER).inc(count)

    def record_arrival(self, enqueued_time: datetime, newest_event: datetime) -> None:
        """Note how long a message's newest event took to reach the hub."""
        self._arrival.observe(max(0.0, (enqueued_time - newest_event).total_seconds()))

    def record_loop_lag(self, seconds: float) -> None:
        """Note how late the event loop was."""
        self._loop_lag.observe(seconds)

    def record_clock_jump(self, seconds: float) -> None:
        """Note that the machine's clock was set, forward if positive."""
        self._clock_jumps.inc()
        self._clock_jump.set(seconds)

    def record_clock_skew(self, seconds: float) -> None:
        """Note how far the machine's clock is ahead of the hub's, as far as that is known; 0: not in doubt."""
        self._clock_skew.set(seconds)

    @property
    def end_offsets(self) -> Mapping[str, EndOffset]:
        """What the hub has said to be its newest message, by partition."""
        return self._live.end_offsets

    def record_end_offsets(self, end_offsets: Iterable[EndOffset]) -> None:
        """Note the hub's newest messages."""
        for end_offset in end_offsets:
            partition = self._partition(end_offset.partition)
            if end_offset.sequence_number >= 0:
                self._enqueued.labels(partition).set(end_offset.enqueued_time.timestamp())
            self._messages.labels(partition).inc(0)
            self._live.end_offsets[partition] = end_offset

    def record_partitions(self, *, owned: int, known: int, silent: int = 0) -> None:
        """Note how many partitions are read, exist, and are silent."""
        self._owned.set(owned)
        self._known.set(known)
        self._silent.set(silent)

    def record_trouble(self, reason: str) -> None:
        """Note a failure of the connection to the hub."""
        self._troubles.labels(reason if reason in TROUBLES else OTHER).inc()

    def record_closing(self, reason: str) -> None:
        """Note that a partition's connection was closed."""
        self._closings.labels(reason if reason in CLOSINGS else OTHER).inc()

    def record_expired(self, messages: int) -> None:
        """Note messages that the hub dropped before we read them."""
        self._expired.inc(messages)

    def record_open_gaps(self, open_kinds: Collection[str]) -> None:
        """Note of which kinds a coverage gap is open."""
        for kind in GAP_KINDS:
            self._open_gaps.labels(kind).set(float(kind in open_kinds))

    def record_notices(self, notices: Iterable[Notice]) -> None:
        """Note notices as they are decided."""
        for notice in notices:
            self._notices.labels(notice.kind.value, notice.stage).inc()

    def record_anomalies(self, found: Iterable[Anomaly]) -> None:
        """Note unusual cells, each once, when it settles."""
        for anomaly in found:
            self._anomalies.labels(anomaly.detector, anomaly.severity.value).inc()

    def record_scores(self, judged: Iterable[Anomaly]) -> None:
        """Note the score of each judged cell, unusual or not."""
        self._scores.observe(judged)

    def record_alerts(self, alerts: Iterable[Alert]) -> None:
        """Note alerts as they are decided, and how long after the newest event of each."""
        for alert in alerts:
            self._alerts.labels(alert.severity.value, "new" if alert.revision == 1 else "update").inc()
            newest = max(finding.time for finding in alert.findings)
            self._latency.observe(max(0.0, (alert.found_at - newest).total_seconds()))

    def record_suppressed(self, reason: str, count: int = 1) -> None:
        """Note what was not sent: ``known``, below a sink's ``severity``, ``overflow``, ``suppression``, ``digest``."""
        self._suppressed.labels(reason).inc(count)

    def record_suppressed_finding(self, detector: str) -> None:
        """Note a finding that a suppression covered."""
        self._suppressed_findings.labels(detector).inc()
        self.record_suppressed("suppression")

    def record_suppressions(self, stages: Mapping[str, int]) -> None:
        """Note how many suppressions are in each stage."""
        for stage, count in stages.items():
            self._suppressions.labels(stage).set(count)

    def record_reload(self, *, usable: bool) -> None:
        """Note that another content of the suppressions file was found."""
        self._reloads.labels("loaded" if usable else "refused").inc()
        self._file_broken.set(not usable)

    def record_verdicts(self, kinds: Mapping[str, int], *, damaged: int | None) -> None:
        """Note how many verdicts of each kind there are, and how many lines are none; None if nobody can know."""
        for kind in VERDICTS:
            self._verdicts.labels(kind).set(kinds.get(kind, 0))
        if damaged is not None:
            self._verdicts_damaged.set(damaged)

    def record_evaluation(self, *, seconds: float, at: datetime | None) -> None:
        """Note an evaluation; `at` is None if it failed."""
        self._evaluations.labels("success" if at else "failure").inc()
        self._evaluation.observe(seconds)
        if at:
            self._evaluated.set(at.timestamp())

    def record_missed(self, ticks: int) -> None:
        """Note evaluations that did not happen when they should have."""
        self._missed.inc(ticks)

    def record_snapshot(self, result: str, *, seconds: float = 0.0, size: int = 0, at: datetime | None = None) -> None:
        """Note what came of a snapshot: ``saved``, ``failed``, ``unreadable``, ``restored`` or ``fenced``."""
        self._snapshots.labels(result).inc()
        if result == "saved" and at is not None:
            self._snapshot.observe(seconds)
            self._snapshot_size.set(size)
            self._snapshot_time.set(at.timestamp())

    def record_state_size(self, detector: str, size: int) -> None:
        """Note how many bytes a detector's memory takes before compression."""
        self._state_size.labels(detector).set(size)

    def record_delivery(self, sink: str, result: str, seconds: float) -> None:
        """Note an attempt to deliver, or the end of a message without one."""
        sink = sink if sink in self._sinks else OTHER  # a message may outlive the configuration of its sink
        self._deliveries.labels(sink, result).inc()
        if result in ATTEMPTS:
            self._delivery.labels(sink).observe(seconds)

    def record_unusable_sinks(self, sinks: Iterable[str]) -> None:
        """Note of which sinks a file with secrets cannot be used now."""
        self._live.unusable_sinks = frozenset(sinks)

    def record_dead_letters(self, reason: DeadLetterReason, *, written: int = 0, dropped: int = 0) -> None:
        """Note what went to the dead letter, and what had no room there."""
        self._dead.labels(reason, "written").inc(written)
        self._dead.labels(reason, "dropped").inc(dropped)

    def _partition(self, partition: str) -> str:
        if partition not in self._partitions:
            if len(self._partitions) >= MAX_PARTITIONS:
                return OTHER
            self._partitions.add(partition)
        return partition
