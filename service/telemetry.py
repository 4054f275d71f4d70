"""What happens, said twice: as metrics for machines and as log lines for people.

The only module that knows both. Nobody's name, resource or address passes through here; whoever wants to know who
reads the alert.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import structlog

from models.detectors import Anomaly
from models.stream import Seen
from service.core.alerting import Stage
from service.core.engine import Applied, Engine, Evaluation
from service.core.messages import Message
from service.core.notices import GapKind, Notice
from service.core.outbox import Outbox
from service.core.parsing import Parsed, RejectReason
from service.delivery import Delivery
from service.monitoring import Health
from service.monitoring.metrics import DeadLetterReason, LiveReading, Metrics
from service.source import Closed, EndOffsets, Expired, Opened, Recovered, Silent, SourceEvent, SourceTrouble
from service.storage import Saved
from service.suppressions import Looked

log = structlog.get_logger("unwonted")


class Telemetry:
    """Takes events from every part and makes metrics and log lines of them.

    Parameters
    ----------
    metrics, health
        Where numbers go, and where the probes look.
    sinks
        Names of the configured sinks.
    """

    def __init__(self, metrics: Metrics, health: Health, sinks: Sequence[str]) -> None:
        self.metrics = metrics
        self.health = health
        self._sinks = tuple(sinks)
        self._partitions: set[str] = set()
        self._open: set[str] = set()
        self._silent: set[str] = set()
        self._broken: set[str] = set()
        self._dead: dict[DeadLetterReason, tuple[int, int]] = {}
        self._thresholds: Mapping[str, float] = {}
        self._stages: Mapping[str, Stage] = {}

    def watch(self, engine: Engine, outbox: Outbox) -> None:
        """Let each scrape look at what `engine` and `outbox` hold."""
        self.metrics.watch(
            lambda: LiveReading(
                watermark=engine.watermark.time,
                positions=engine.positions,
                memory={name: detector.memory() for name, detector in engine.detectors.items()},
                waiting={sink: outbox.waiting(sink) for sink in self._sinks},
                broken=[sink for sink in self._sinks if outbox.broken(sink)],
                thresholds=engine.budget.thresholds(),
                alerts_today=engine.alerts.told_of(engine.watermark.time.date()),
                alerts_per_day=engine.budget.alerts_per_day or 0.0,
                expected=engine.budget.expected,
            )
        )

    def placed(self, geography: str | None, off: Sequence[str]) -> None:
        """Say which geographic database is used, if any, and which detectors are off for want of a better one."""
        log.info("geography", database=geography or "none: geography.database is not set", detectors_off=list(off))

    def restored(self, restored: bool, engine: Engine) -> None:
        """Say what the service begins with."""
        self.health.restored()
        if restored:
            log.info("state_restored", partitions=len(engine.positions), records=engine.records)
        else:
            log.info("state_empty", hint="no snapshot yet: everything is judged by its kind and peers until learnt")

    def started(self, port: int) -> None:
        """Say that all parts run, and where the metrics are."""
        log.info("started", partitions=len(self._partitions), http_port=port)

    def stopping(self) -> None:
        """Say that the end has been asked for."""
        self.health.stopping()
        log.info("stopping")

    def stopped(self, left: int) -> None:
        """Say that it is over, with `left` messages still in the outbox."""
        log.info("stopped", messages_waiting=left)

    def batch(
        self, messages: Sequence[Message], parsed: Sequence[Parsed], applied: Sequence[Applied], seconds: float
    ) -> None:
        """Note a batch of one partition."""
        metrics = self.metrics
        metrics.batch(messages[0].partition, len(messages), seconds)
        seen: Counter[Seen] = Counter()
        left_out: Counter[str] = Counter()
        clamped = records = stale = 0
        rejects: list[RejectReason] = []
        for message, one, done in zip(messages, parsed, applied, strict=True):
            if not done.fresh:
                stale += 1
                continue
            seen.update(done.seen)
            clamped += done.clamped
            records += one.records
            left_out.update(one.left_out)
            rejects.extend(reject.reason for reject in one.rejects)
            if one.events:
                metrics.arrived(message.enqueued_time, max(event.time for event in one.events))
            self.judged(done.scored)
        for _ in range(stale):
            metrics.applied(fresh=False, seen={}, clamped=0)
        metrics.applied(fresh=True, seen=seen, clamped=clamped)
        metrics.parsed(records=records, rejects=rejects, left_out=left_out)
        if rejects:
            log.warning(
                "records_rejected", partition=messages[0].partition, count=len(rejects), reasons=_counts(rejects)
            )
        if clamped:
            log.warning("times_clamped", partition=messages[0].partition, count=clamped)
        if seen[Seen.TOO_LATE]:
            log.warning("events_too_late", partition=messages[0].partition, count=seen[Seen.TOO_LATE])
        if seen[Seen.SATURATED]:
            log.warning("cell_saturated", partition=messages[0].partition, count=seen[Seen.SATURATED])

    def judged(self, scored: Iterable[Anomaly]) -> None:
        """Note cells that have been judged for good."""
        scored = tuple(scored)
        self.metrics.scores(scored)
        self.metrics.anomalies(anomaly for anomaly in scored if anomaly.score >= 50.0)

    def evaluated(self, evaluation: Evaluation, seconds: float) -> None:
        """Note a tick."""
        self.metrics.evaluated(seconds=seconds, at=evaluation.now)
        self.metrics.alerts(evaluation.alerts)
        self.metrics.suppressed("known", evaluation.known)
        for one in evaluation.suppressed:
            self.metrics.suppressed_finding(one.detector)
        if evaluation.overflowed:
            self.metrics.suppressed("overflow", evaluation.overflowed)
            log.error("detection_storm", dropped=evaluation.overflowed)
        if self._thresholds and evaluation.thresholds != self._thresholds:
            log.info("thresholds_moved", **evaluation.thresholds)
        self._thresholds = evaluation.thresholds
        log.info(
            "evaluated",
            since=evaluation.since.isoformat(),
            unusual=evaluation.unusual,
            alerts=len(evaluation.alerts),
            suppressed=len(evaluation.suppressed),
            seconds=round(seconds, 3),
        )

    def looked(self, looked: Looked) -> None:
        """Note a look at the suppressions file."""
        stages = looked.suppressions.stages(looked.at)
        self.metrics.suppressions({str(stage): count for stage, count in stages.items()})
        if looked.news == "loaded":
            self.metrics.reloaded(usable=True)
            self.health.note("suppressions", None)
            log.info("suppressions_loaded", **{str(stage): count for stage, count in stages.items()})
        elif looked.news == "refused":
            self.metrics.reloaded(usable=False)
            since = f"{looked.at:%Y-%m-%dT%H:%M:%SZ}"
            self.health.note(
                "suppressions", f"the file cannot be used since {since}, see the log; the last good one is in force"
            )
            log.error("suppressions_refused", problems=list(looked.problems))
        self._say_what_ends(looked)

    def _say_what_ends(self, looked: Looked) -> None:
        before, now = self._stages, dict[str, Stage]()
        for one in looked.suppressions.entries:
            until = one.until.isoformat()
            key = f"{one.id} {until}"
            stage = now[key] = one.stage(looked.at)
            if stage is before.get(key):
                continue
            if stage is Stage.ENDING:
                log.warning("suppression_ending", id=one.id, until=until)
            elif stage is Stage.EXPIRED and key in before:
                log.warning("suppression_expired", id=one.id, until=until)
        self._stages = now

    def noticed(self, notices: Sequence[Notice], open_kinds: Collection[GapKind]) -> None:
        """Note a look for blind spans, and what it found."""
        self.metrics.blind(open_kinds)
        self.metrics.notices(notices)
        for notice in notices:
            fields: Mapping[str, object] = {
                "notice": f"{notice.id}.{notice.revision}",
                "kind": notice.kind.value,
                "since": notice.since.isoformat(),
                "partitions": list(notice.partitions),
                "late_records": notice.late_records,
                "unjudged_records": notice.unjudged_records,
                "lost_messages": notice.lost_messages,
            }
            if notice.until is not None:
                log.info("blind_span_closed", until=notice.until.isoformat(), **fields)
            elif notice.stage == "opened":
                log.warning("blind_span_opened", **fields)
            else:
                log.warning("blind_span_updated", **fields)

    def missed(self, ticks: int) -> None:
        """Note ticks that one wider evaluation stands for."""
        self.metrics.missed(ticks)
        log.warning("evaluations_missed", count=ticks)

    def dead_letters(self, reason: DeadLetterReason, written: int, dropped: int) -> None:
        """Note how many rejected records, or undelivered messages, the dead letter has taken, and lost, in all."""
        before_written, before_dropped = self._dead.get(reason, (0, 0))
        self._dead[reason] = (written, dropped)
        self.metrics.dead_letters(reason, written=written - before_written, dropped=dropped - before_dropped)
        if dropped > before_dropped:
            log.warning("dead_letters_dropped", reason=reason, count=dropped - before_dropped)

    def saved(self, saved: Saved) -> None:
        """Note what came of a snapshot."""
        self.metrics.snapshot(saved.outcome, seconds=saved.seconds, size=saved.size, at=saved.at)
        for section, size in saved.sections.items():
            if section.startswith("detector "):
                self.metrics.state_size(section.removeprefix("detector "), size)
        if saved.outcome in {"failed", "unreadable"}:
            log.error(f"snapshot_{saved.outcome}", bytes=saved.size, reason=saved.reason)

    def delivered(self, delivery: Delivery) -> None:
        """Note what happened to one message."""
        self.metrics.delivery(delivery.sink, delivery.outcome, delivery.seconds)
        fields: Mapping[str, object] = {
            "sink": delivery.sink,
            "message_id": delivery.message_id,
            "alerts": [f"{key}.{revision}" for key, revision in delivery.alerts],
            "attempts": delivery.attempts,
            "reason": delivery.reason,
        }
        if delivery.outcome == "sent":
            log.info("delivered", **fields)
        elif delivery.outcome == "retry":
            log.warning("delivery_retried", **fields)
        elif delivery.outcome == "broken":
            log.error("sink_broken", **fields)
        else:
            log.error("delivery_given_up", fate=delivery.outcome, **fields)
        healed = delivery.sink in self._broken and not delivery.broken
        if healed:
            log.info("sink_healed", sink=delivery.sink)
        (self._broken.add if delivery.broken else self._broken.discard)(delivery.sink)

    def source(self, event: SourceEvent) -> None:
        """Note what the hub does."""
        match event:
            case Opened(partition, after):
                self._partitions.add(partition)
                self._open.add(partition)
                log.info("partition_opened", partition=partition, after=after)
            case Closed(partition, reason):
                self._open.discard(partition)
                self.metrics.closed(reason)
                log.info("partition_closed", partition=partition, reason=reason)
            case SourceTrouble(partition, kind, detail):
                self.metrics.trouble(kind)
                log.warning("source_trouble", partition=partition, kind=kind, detail=detail)
            case Expired(partition, messages):
                self.metrics.expired(messages)
                log.error("messages_expired_unread", partition=partition, count=messages)
            case Silent(partition, seconds, reason):
                self._silent.add(partition)
                log.error("partition_silent", partition=partition, seconds=round(seconds), reason=reason)
            case Recovered(partition):
                self._silent.discard(partition)
                log.info("partition_recovered", partition=partition)
            case EndOffsets(end_offsets):
                self._partitions.update(end_offset.partition for end_offset in end_offsets)
                self.metrics.end_offsets(end_offsets)
        self._count_partitions()

    def _count_partitions(self) -> None:
        owned, known = len(self._open - self._silent), len(self._partitions)
        self.metrics.partitions(owned=owned, known=known, silent=len(self._silent))
        self.health.partitions(owned=owned, known=known)
        silent = ", ".join(sorted(self._silent))
        self.health.source(f"no sign of life from partition {silent}" if silent else None)


def _counts(reasons: Iterable[str]) -> dict[str, int]:
    return {str(reason): count for reason, count in sorted(Counter(reasons).items())}
