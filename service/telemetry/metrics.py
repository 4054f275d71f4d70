"""Numbers out of the events; names, units and labels of the metrics are the recorder's."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import singledispatchmethod
from typing import assert_never

from models.detectors import Anomaly
from service.core.engine import Engine
from service.core.outbox import Outbox
from service.delivery import Delivery
from service.monitoring.metrics import BesideReading, DeadLetterReason, LiveReading, Metrics
from service.source import Closed, EndOffsets, Expired, Opened, Recovered, Silent, SourceTrouble
from service.storage import Saved
from service.suppressions import Looked
from service.telemetry.events import (
    AlertsBelowSeverity,
    AlertsDigested,
    BatchApplied,
    CellsJudged,
    ClockDoubted,
    ClockJumped,
    CoverageChecked,
    DeadLettersWritten,
    Evaluated,
    EvaluationsMissed,
    HubBegunAnew,
    LoopLagSampled,
    SecretFilesChecked,
    TelemetryEvent,
)
from service.telemetry.partitions import PartitionTally
from service.verdicts import VerdictsRead

UNUSUAL_FROM = 50.0
"""Least score of a cell that counts as an anomaly, whatever its detector's threshold."""


class MetricsBackend:
    """Counts events in `metrics`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._partitions = PartitionTally()
        self._dead_letters: dict[DeadLetterReason, DeadLettersWritten] = {}

    @singledispatchmethod
    def handle(self, event: TelemetryEvent) -> None:
        """Leave every other event alone."""

    @handle.register
    def _(self, event: BatchApplied) -> None:
        metrics = self._metrics
        metrics.record_batch(event.partition, event.messages, event.seconds)
        for _ in range(event.replayed):
            metrics.record_applied(fresh=False, results={}, clamped=0)
        metrics.record_applied(fresh=True, results=event.results, clamped=event.clamped)
        metrics.record_parsed(records=event.records, rejects=event.rejects, left_out=event.left_out)
        for enqueued_time, newest in event.arrivals:
            metrics.record_arrival(enqueued_time, newest)
        self._count_cells(event.scored)

    @handle.register
    def _(self, event: CellsJudged) -> None:
        self._count_cells(event.scored)

    def _count_cells(self, scored: Sequence[Anomaly]) -> None:
        self._metrics.record_scores(scored)
        self._metrics.record_anomalies(anomaly for anomaly in scored if anomaly.score >= UNUSUAL_FROM)

    @handle.register
    def _(self, event: Evaluated) -> None:
        metrics, evaluation = self._metrics, event.evaluation
        metrics.record_evaluation(seconds=event.seconds, at=evaluation.now)
        metrics.record_alerts(evaluation.alerts)
        metrics.record_suppressed("known", evaluation.known)
        for finding in evaluation.suppressed:
            metrics.record_suppressed_finding(finding.detector)
        if evaluation.overflowed:
            metrics.record_suppressed("overflow", evaluation.overflowed)

    @handle.register
    def _(self, event: EvaluationsMissed) -> None:
        self._metrics.record_missed(event.evaluations)

    @handle.register
    def _(self, event: Looked) -> None:
        stages = event.suppressions.stages(event.at)
        self._metrics.record_suppressions({str(stage): count for stage, count in stages.items()})
        if event.news != "none":
            self._metrics.record_reload(usable=event.news == "loaded")

    @handle.register
    def _(self, event: VerdictsRead) -> None:
        kinds = Counter(str(one.kind) for one in event.verdicts.entries)
        damaged = None if event.unread else len(event.problems)
        self._metrics.record_verdicts(kinds, damaged=damaged)

    @handle.register
    def _(self, event: CoverageChecked) -> None:
        self._metrics.record_open_gaps(event.open_kinds)
        self._metrics.record_notices(event.notices)

    @handle.register
    def _(self, event: DeadLettersWritten) -> None:
        before = self._dead_letters.get(event.reason, DeadLettersWritten(event.reason, 0, 0))
        self._dead_letters[event.reason] = event
        written, dropped = event.written - before.written, event.dropped - before.dropped
        self._metrics.record_dead_letters(event.reason, written=written, dropped=dropped)

    @handle.register
    def _(self, event: Saved) -> None:
        self._metrics.record_snapshot(event.outcome, seconds=event.seconds, size=event.size, at=event.at)
        held: Counter[str] = Counter()
        for section, size in event.sections.items():
            part, _, name = section.partition(" ")
            if part in {"population", "identities"}:
                held[name] += size
        for name, size in held.items():
            self._metrics.record_state_size(name, size)

    @handle.register
    def _(self, event: Delivery) -> None:
        self._metrics.record_delivery(event.sink, event.outcome, event.seconds)

    @handle.register
    def _(self, event: SecretFilesChecked) -> None:
        self._metrics.record_unusable_sinks(event.problems)

    @handle.register
    def _(self, event: AlertsBelowSeverity) -> None:
        self._metrics.record_suppressed("severity", event.alerts)

    @handle.register
    def _(self, event: AlertsDigested) -> None:
        self._metrics.record_suppressed("digest", event.alerts)

    @handle.register
    def _(self, event: LoopLagSampled) -> None:
        self._metrics.record_loop_lag(event.seconds)

    @handle.register
    def _(self, event: ClockJumped) -> None:
        self._metrics.record_clock_jump(event.seconds)

    @handle.register
    def _(self, event: ClockDoubted) -> None:
        self._metrics.record_clock_skew(event.seconds)

    @handle.register
    def _(self, event: SourceTrouble) -> None:
        self._metrics.record_trouble(event.kind)

    @handle.register
    def _(self, _: HubBegunAnew) -> None:
        self._metrics.record_trouble("recreated")

    @handle.register
    def _(self, event: Expired) -> None:
        self._metrics.record_expired(event.messages)

    @handle.register
    def _(self, event: Opened | Closed | Silent | Recovered | EndOffsets) -> None:
        match event:
            case Closed(_, reason):
                self._metrics.record_closing(reason)
            case EndOffsets(end_offsets):
                self._metrics.record_end_offsets(end_offsets)
            case Opened() | Silent() | Recovered():
                pass  # the tally below is all that they change
            case _:
                assert_never(event)
        partitions = self._partitions
        partitions.update(event)
        self._metrics.record_partitions(owned=partitions.owned, known=partitions.known, silent=len(partitions.silent))


def expose_live_state(
    metrics: Metrics,
    engine: Engine,
    outbox: Outbox,
    sinks: Sequence[str],
    beside: Callable[[], BesideReading] = BesideReading,
) -> None:
    """Let each scrape look at what `engine` and `outbox` hold, and at what goes on beside them."""
    metrics.watch(
        lambda: LiveReading(
            watermark=engine.watermark.time,
            positions=engine.positions,
            memory={name: detector.memory() for name, detector in engine.detectors.items()},
            waiting={sink: outbox.waiting(sink) for sink in sinks},
            broken=[sink for sink in sinks if outbox.broken(sink)],
            thresholds=engine.budget.thresholds(),
            alerts_today=engine.alerts.told_of(engine.watermark.time.date()),
            alerts_per_day=engine.budget.alerts_per_day or 0.0,
            expected=engine.budget.expected,
            beside=beside(),
            recall=engine.shadows.recall,
        )
    )
