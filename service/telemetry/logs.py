"""Log lines out of the events: one place for their names, levels and fields, which operators search for."""

from collections.abc import Mapping
from functools import singledispatchmethod

import structlog

from models.stream import RecordResult
from service.core.alerting import Stage
from service.core.notices import Notice
from service.delivery import Delivery
from service.monitoring.metrics import DeadLetterReason
from service.owners import OwnersLooked
from service.source import Closed, Expired, Opened, Recovered, Silent, SourceTrouble
from service.storage import Saved
from service.suppressions import Looked
from service.telemetry.events import (
    AlertsDigested,
    BatchApplied,
    ClockDoubted,
    ClockJumped,
    CoverageChecked,
    DeadLettersWritten,
    EndedWhileReading,
    Evaluated,
    EvaluationsMissed,
    GeographyOpened,
    HistoryFetching,
    HistoryLearning,
    HistoryLearnt,
    HistoryMissed,
    HubBegunAnew,
    MessageSetAside,
    SecretFilesChecked,
    Started,
    StateRestored,
    Stopped,
    Stopping,
    TelemetryEvent,
    TookOver,
    VerdictsLate,
    WaitingAsStandby,
)
from service.verdicts import VerdictsRead

log = structlog.get_logger("unwonted")
_MOST_PROBLEMS = 20


class LogBackend:
    """Writes a line for each event that an operator should read of, and none for the rest."""

    def __init__(self) -> None:
        self._thresholds: Mapping[str, float] = {}
        self._stages: Mapping[str, Stage] = {}
        self._secret_problems: frozenset[str] = frozenset()
        self._verdict_problems: frozenset[str] = frozenset()
        self._broken_sinks: set[str] = set()
        self._dead_letters_dropped: dict[DeadLetterReason, int] = {}

    @singledispatchmethod
    def handle(self, event: TelemetryEvent) -> None:
        """Leave every other event alone."""

    @handle.register
    def _(self, event: GeographyOpened) -> None:
        database = event.database or "none: geography.database is not set"
        log.info("geography", database=database, detectors_off=list(event.detectors_off))

    @handle.register
    def _(self, event: StateRestored) -> None:
        if event.from_snapshot:
            log.info("state_restored", partitions=event.partitions, records=event.records)
        else:
            log.info("state_empty", hint="no snapshot yet: everything is judged by its kind and peers until learnt")

    @handle.register
    def _(self, event: WaitingAsStandby) -> None:
        hint = "nothing is read until no other instance holds the lease"
        log.info("standby_waiting", http_port=event.http_port, hint=hint)

    @handle.register
    def _(self, _: TookOver) -> None:
        log.info("standby_took_over")

    @handle.register
    def _(self, _: HistoryLearning) -> None:
        log.info("history_learning", hint="the state is empty: nothing is read until history has been learnt")

    @handle.register
    def _(self, event: HistoryFetching) -> None:
        log.info("history_fetching", pieces=event.pieces, planned=event.planned)

    @handle.register
    def _(self, event: HistoryLearnt) -> None:
        if event.refused:
            log.warning("history_refused", origins=dict(event.refused))
        days = (event.last - event.first).total_seconds() / 86_400 if event.first and event.last else 0.0
        log.info("history_learnt", records=event.records, rejected=event.rejects, days=round(days, 1))

    @handle.register
    def _(self, event: HistoryMissed) -> None:
        log.error("history_missed", reason=event.reason)

    @handle.register
    def _(self, event: Started) -> None:
        log.info("started", partitions=event.partitions, http_port=event.http_port)

    @handle.register
    def _(self, _: Stopping) -> None:
        log.info("stopping")

    @handle.register
    def _(self, event: Stopped) -> None:
        log.info("stopped", messages_waiting=event.messages_waiting)

    @handle.register
    def _(self, event: BatchApplied) -> None:
        partition, results = event.partition, event.results
        if event.rejects:
            reasons = {reason.value: count for reason, count in sorted(event.rejects.items())}
            log.warning("records_rejected", partition=partition, count=sum(reasons.values()), reasons=reasons)
        if event.clamped:
            log.warning("times_clamped", partition=partition, count=event.clamped)
        if too_late := results.get(RecordResult.TOO_LATE):
            log.warning("events_too_late", partition=partition, count=too_late)
        if saturated := results.get(RecordResult.SATURATED):
            log.warning("cell_saturated", partition=partition, count=saturated)

    @handle.register
    def _(self, event: EndedWhileReading) -> None:
        place = {"partition": event.partition, "sequence_number": event.sequence_number}
        log.warning("ended_while_reading", **place, times=event.ends)

    @handle.register
    def _(self, event: MessageSetAside) -> None:
        place = {"partition": event.partition, "sequence_number": event.sequence_number}
        log.error("message_set_aside", **place, bytes=event.bytes)

    @handle.register
    def _(self, event: Evaluated) -> None:
        evaluation = event.evaluation
        if evaluation.overflowed:
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
            seconds=round(event.seconds, 3),
        )

    @handle.register
    def _(self, event: EvaluationsMissed) -> None:
        log.warning("evaluations_missed", count=event.evaluations)

    @handle.register
    def _(self, event: ClockJumped) -> None:
        log.warning("clock_jumped", seconds=round(event.seconds, 1))

    @handle.register
    def _(self, event: ClockDoubted) -> None:
        if event.seconds:
            log.error("clock_wrong", ahead_by=round(event.seconds, 1))
        else:
            log.info("clock_right_again")

    @handle.register
    def _(self, event: Looked) -> None:
        if event.news == "loaded":
            stages = event.suppressions.stages(event.at)
            log.info("suppressions_loaded", **{str(stage): count for stage, count in stages.items()})
        elif event.news == "refused":
            log.error("suppressions_refused", problems=list(event.problems))
        self._log_suppressions_that_end(event)

    def _log_suppressions_that_end(self, looked: Looked) -> None:
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

    @handle.register
    def _(self, event: OwnersLooked) -> None:
        if event.news == "refused":
            log.error("owners_refused", problems=list(event.problems))
            return
        log.info("owners_loaded", count=event.known, rejected=event.rejected)
        if event.rejected:
            log.warning("owners_rows_rejected", count=event.rejected, problems=list(event.problems))

    @handle.register
    def _(self, event: VerdictsRead) -> None:
        if event.opened and event.new:
            log.info("verdicts_loaded", count=len(event.verdicts))
        for one in () if event.opened else event.new:
            takes_effect = one.takes_effect.isoformat()
            log.info("verdict_given", id=one.id, kind=str(one.kind), alert=one.alert, takes_effect=takes_effect)
        if event.unread:
            log.error("verdicts_unreadable", problem=event.problems[0])
        elif problems := [one for one in event.problems if one not in self._verdict_problems]:
            log.error("verdicts_damaged", count=len(event.problems), problems=problems[:_MOST_PROBLEMS])
        self._verdict_problems = self._verdict_problems.union(event.problems)

    @handle.register
    def _(self, event: VerdictsLate) -> None:
        log.warning("verdicts_late", ids=[one.id for one in event.verdicts])

    @handle.register
    def _(self, event: CoverageChecked) -> None:
        for notice in event.notices:
            fields = _notice_fields(notice)
            if notice.until is not None:
                log.info("coverage_gap_closed", until=notice.until.isoformat(), **fields)
            elif notice.stage == "opened":
                log.warning("coverage_gap_opened", **fields)
            else:
                log.warning("coverage_gap_updated", **fields)

    @handle.register
    def _(self, event: DeadLettersWritten) -> None:
        dropped = event.dropped - self._dead_letters_dropped.get(event.reason, 0)
        self._dead_letters_dropped[event.reason] = event.dropped
        if dropped > 0:
            log.warning("dead_letters_dropped", reason=event.reason, count=dropped)

    @handle.register
    def _(self, event: Saved) -> None:
        if event.outcome in {"failed", "unreadable"}:
            log.error(f"snapshot_{event.outcome}", bytes=event.size, reason=event.reason)
        elif event.outcome == "not_kept":
            log.warning("snapshot_not_kept", bytes=event.size, reason=event.reason)

    @handle.register
    def _(self, event: Delivery) -> None:
        fields: Mapping[str, object] = {
            "sink": event.sink,
            "message_id": event.message_id,
            "alerts": [f"{key}.{revision}" for key, revision in event.alerts],
            "attempts": event.attempts,
            "reason": event.reason,
        }
        if event.outcome == "sent":
            log.info("delivered", **fields)
        elif event.outcome == "retry":
            log.warning("delivery_retried", **fields)
        elif event.outcome == "broken":
            log.error("sink_broken", **fields)
        else:
            log.error("delivery_given_up", fate=event.outcome, **fields)
        if event.broken:
            self._broken_sinks.add(event.sink)
        elif event.sink in self._broken_sinks:
            self._broken_sinks.remove(event.sink)
            log.info("sink_healed", sink=event.sink)

    @handle.register
    def _(self, event: AlertsDigested) -> None:
        log.warning("alerts_digested", sink=event.sink, count=event.alerts)

    @handle.register
    def _(self, event: Opened) -> None:
        log.info("partition_opened", partition=event.partition, after=event.after)

    @handle.register
    def _(self, event: Closed) -> None:
        log.info("partition_closed", partition=event.partition, reason=event.reason)

    @handle.register
    def _(self, event: SourceTrouble) -> None:
        log.warning("source_trouble", partition=event.partition, kind=event.kind, detail=event.detail)

    @handle.register
    def _(self, event: SecretFilesChecked) -> None:
        for problem in event.lines:
            if problem not in self._secret_problems:
                log.warning("secret_file_unusable", problem=problem)
        self._secret_problems = frozenset(event.lines)

    @handle.register
    def _(self, event: HubBegunAnew) -> None:
        log.error("hub_recreated", created_at=event.created_at.isoformat(), partitions=list(event.partitions))

    @handle.register
    def _(self, event: Expired) -> None:
        log.error("messages_expired_unread", partition=event.partition, count=event.messages)

    @handle.register
    def _(self, event: Silent) -> None:
        seconds = round(event.seconds)
        log.error("partition_silent", partition=event.partition, seconds=seconds, reason=event.reason)

    @handle.register
    def _(self, event: Recovered) -> None:
        log.info("partition_recovered", partition=event.partition)


def _notice_fields(notice: Notice) -> Mapping[str, object]:
    return {
        "notice": f"{notice.id}.{notice.revision}",
        "kind": notice.kind.value,
        "since": notice.since.isoformat(),
        "partitions": list(notice.partitions),
        "late_records": notice.late_records,
        "unjudged_records": notice.unjudged_records,
        "lost_messages": notice.lost_messages,
        "subscriptions": list(notice.subscriptions),
    }
