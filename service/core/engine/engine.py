"""The whole state of the service as one value: positions, open buckets, detectors, and what has been told.

Messages and instants come in, alerts come out; nothing here waits, reads a clock or does I/O, so a day can be replayed
in seconds and a crash is only a smaller number of calls. Parsing happens before, rendering and sending after.
`closing` judges and learns complete buckets, `preview` judges open ones, `state_rows` says what a snapshot holds.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, Final

from models.detectors import Anomaly, Detector
from models.stream import EPOCH, ActivityEvent, OpenBuckets, RecordResult, Steps, Watermark, finish
from service.core.alerting import AlertLog, Budget, History, SuppressedLog, Suppression, Suppressions
from service.core.engine.closing import close_steps
from service.core.engine.judging import BucketJudge
from service.core.engine.preview import preview_steps
from service.core.engine.recent import RecentActors, RecentAnomalies
from service.core.engine.relearning import Forgotten, SeenBucket, learn_again
from service.core.engine.rulings import Rulings
from service.core.engine.state_rows import dump_learnt, dump_open, dump_told, load_progress, load_rows
from service.core.engine.values import Applied, ClosedBucket, Evaluation, Options
from service.core.messages import Message, Position
from service.core.shadow import Shadows
from service.core.verdicts import FollowUps, Verdict, VerdictNotice, Verdicts

_STEP: Final = 2048  # events of one message between two pauses
NO_RESULTS = dict.fromkeys(RecordResult, 0)


class Engine:
    """Learns from messages and decides what to tell.

    A method whose name ends in ``_steps`` does the work of the method without it in steps, so that an event loop can
    do something else in between; until the last step nothing else may be asked of the engine.

    Parameters
    ----------
    options
        Windows, thresholds and bounds.
    detectors
        In the order in which they are to be asked; names must differ.

    Attributes
    ----------
    positions
        Where each partition has been read to: the truth about it, kept with the state that it led to.
    records
        How many records have been applied, each once, in the life of this state.
    closings
        How often buckets were closed, or all was replaced, since it was made: what is learnt changes then alone.
    people
        Identities by id: names for ids.
    recent
        Unusual cells of closed buckets, suppressed ones included, for the evaluations to come.
    suppressed
        What would have alerted, had it not been suppressed.
    forgotten
        What was taken out of what is known: whoever learns this state again from an older one leaves it out.
    rulings
        Verdicts of people, and which of them the model heeds.
    follow_ups
        Which verdicts were told to those who had been told of their alerts.
    alert_from
        From when on findings are news; what is older only teaches. None before `begin`.
    evaluated_until
        Where the input had been complete at the last evaluation.
    keeps_closed
        Whether closed buckets are kept for `take_closed`; somebody has to take them then.
    shadows
        Attacks that are imagined in silence; none unless somebody puts others here. No part of the state.
    """

    def __init__(self, options: Options, detectors: Sequence[Detector]) -> None:
        self.options = options
        self.detectors = {detector.declaration.name: detector for detector in detectors}
        self.positions: dict[str, Position] = {}
        self.records = 0
        self.closings = 0
        self.people = RecentActors(options.people)
        self.watermark = Watermark(options.lateness)
        self.buckets = OpenBuckets(options.bucket, options.horizon, options.limits)
        self.alerts = AlertLog(
            options.window, group_from=options.group_failures_from, rollout_from=options.group_rollouts_from
        )
        budgeted = [name for name, detector in self.detectors.items() if not detector.declaration.always]
        self.budget = Budget(options.thresholds, options.alerts_per_day, History(budgeted))
        self.suppressed = SuppressedLog()
        self.recent = RecentAnomalies(options.recent)
        self.alert_from: datetime | None = None
        self.evaluated_until = EPOCH
        self.keeps_closed = False
        self._closed: list[ClosedBucket] = []
        self.shadows = Shadows()
        self.forgotten: tuple[Forgotten, ...] = ()
        self.follow_ups = FollowUps()
        self.rulings = Rulings(self.detectors, options.thresholds, options.bucket)
        self._judge = BucketJudge(self.detectors, self.budget, self.rulings.exclusions)

    @property
    def suppressions(self) -> Suppressions:
        """Those in force; no part of the state: each start of the service reads them anew."""
        return self._judge.suppressions

    def expect(self, partitions: Iterable[str]) -> None:
        """Name all partitions, so that time does not pass a partition that has not delivered anything yet."""
        for partition in sorted(partitions):
            self.watermark.expect(partition)

    def begin(self, alert_from: datetime) -> None:
        """Set, once in the life of a state, from when on findings are news; what is older only teaches."""
        if self.alert_from is None:
            self.alert_from = self.evaluated_until = alert_from

    def suppress(self, suppressions: Suppressions) -> None:
        """Put other suppressions in force, for all that is judged or told from now on."""
        self._judge.suppress(suppressions)

    def accept(self, verdicts: Verdicts) -> Sequence[Verdict]:
        """Take these for all the verdicts that there are; the model heeds each when the bucket comes that it says.

        Returns those that come too late for that; they are heeded before the next bucket, and after a crash where they
        should have been.
        """
        self.rulings.verdicts = verdicts
        self._judge.forget()
        return self.rulings.overdue(self.buckets.closed_until)

    def answer(self, now: datetime) -> Sequence[VerdictNotice]:
        """Return the verdicts of which somebody is to be told now, each once in the life of a state."""
        return self.follow_ups.due(self.rulings.verdicts, self.alerts.remembered, now)

    def skip(self, partition: str, position: Position) -> None:
        """Begin `partition` after `position` (when only what is new is wanted), unless it has begun already."""
        self.positions.setdefault(partition, position)

    def forget_positions(self, partitions: Iterable[str]) -> None:
        """Read `partitions`, all that the hub has now, from their beginning; nothing that was learnt is forgotten.

        For a hub that was deleted and created again: its sequence numbers start anew. The watermark does not go back.
        """
        self.positions.clear()
        self.watermark.forget_partitions()
        self.expect(partitions)

    @property
    def knows_a_hub(self) -> bool:
        """Whether it has ever been told of a hub's partitions; what has only learnt history has not."""
        return bool(self.positions) or self.watermark.waits

    def release(self, partition: str) -> None:
        """Forget that there ever was `partition`; what was learnt from it, and how far time has come, stays."""
        self.positions.pop(partition, None)
        self.watermark.release(partition)

    def apply(self, message: Message, events: Sequence[ActivityEvent]) -> Applied:
        """Apply one message; a message at or below its partition's position changes nothing.

        Parameters
        ----------
        message
            Position and enqueued time; its body is not looked at.
        events
            What parsing made of the body, possibly nothing: the position moves on all the same, or a message that
            cannot be parsed would come back for ever.
        """
        return finish(self.apply_steps(message, events))

    def apply_steps(self, message: Message, events: Sequence[ActivityEvent]) -> Steps[Applied]:
        """Do what `apply` does in steps."""
        position = self.positions.get(message.partition)
        if position is not None and message.sequence_number <= position.sequence_number:
            return Applied(fresh=False, results={}, clamped=0, scored=())
        results = NO_RESULTS.copy()
        clamped = 0
        newest, latest, earliest = EPOCH, message.enqueued_time, message.enqueued_time - self.options.horizon
        observe = self.buckets.observe
        for start in range(0, len(events), _STEP):
            if start:
                yield
            for event in events[start : start + _STEP]:
                time = event.time
                if time > latest:
                    time = latest
                    event = event._replace(time=time)  # noqa: PLW2901 - the clamped one replaces it
                    clamped += 1
                if time > newest:  # noqa: PLR1730 - half the time of max() on the hot path
                    newest = time
                results[RecordResult.TOO_LATE if time < earliest else observe(event)] += 1
        self.positions[message.partition] = Position(message.sequence_number, message.offset, message.enqueued_time)
        self.records += len(events)
        if events:
            self.watermark.advance(message.partition, newest)
        return Applied(fresh=True, results=results, clamped=clamped, scored=(yield from self._close_steps()))

    def idle(self, partition: str, last_sequence_number: int, known_at: datetime) -> list[Anomaly]:
        """Note that `partition` ended with `last_sequence_number` at `known_at`; return the cells that this closed.

        Only a partition that has been read to its end lets the watermark pass; one that is slow does not.
        """
        return finish(self.idle_steps(partition, last_sequence_number, known_at))

    def idle_steps(self, partition: str, last_sequence_number: int, known_at: datetime) -> Steps[list[Anomaly]]:
        """Do what `idle` does in steps."""
        position = self.positions.get(partition)
        if (position.sequence_number if position else -1) >= last_sequence_number:
            self.watermark.idle(partition, known_at - self.options.lateness)
        return (yield from self._close_steps())

    def _close_steps(self) -> Steps[list[Anomaly]]:
        if not self.buckets.ripe(self.watermark.time):
            return []
        self.closings += 1
        closed = yield from close_steps(
            self.buckets, self._judge, self.people, self.rulings, self.shadows, self.watermark.time
        )
        if self.keeps_closed:
            self._closed += (ClosedBucket(self.records, judgements) for judgements in closed.judged if judgements)
        # Suppressed cells are held as well: they are told after all if their suppression is lifted in time.
        # What an open alert tells of goes on even where it has become usual.
        news = (
            one
            for one in (*closed.scored, *closed.suppressed)
            if one.bucket.end > (self.alert_from or EPOCH) and (self.unusual(one) or self.alerts.open.goes_on(one))
        )
        self.recent.add(news, is_suppressed=lambda one: self.suppressions.covering(one) is not None)
        return closed.scored

    def take_closed(self) -> list[ClosedBucket]:
        """Return the buckets that were closed since it was last asked, in that order; none unless it `keeps_closed`."""
        closed, self._closed = self._closed, []
        return closed

    def learn_again(self, bucket: Sequence[SeenBucket]) -> None:
        """Learn a bucket that another state had closed, on top of what is known; nothing is told of it.

        To be called for each bucket in the order in which they were closed, on an engine that is used for nothing else.
        """
        learn_again(bucket, self._judge, self.rulings)

    def serves_to_forget(self, wanted: Iterable[Forgotten]) -> bool:
        """Whether this older state knows nothing of what is to be forgotten: it was before, or without it already."""
        return all(one in self.forgotten or self.buckets.closed_until <= one.begins for one in wanted)

    def heed_until(self, closed_until: datetime) -> None:
        """Heed the verdicts that are due where everything is closed until then."""
        for _ in self.rulings.heed_until(closed_until - self.options.bucket):
            self._judge.forget()

    def unusual(self, anomaly: Anomaly) -> bool:
        """Whether `anomaly` reaches the threshold that its detector had on its day."""
        return self._judge.unusual(anomaly)

    def evaluate(self, now: datetime) -> Evaluation:
        """Look back over the window, or further after downtime, and return what is news.

        Closed buckets and previews of open ones count alike; what the alert log has told already is not told again.
        Until the input has caught up, the look-back reaches to where it had been complete.

        Parameters
        ----------
        now
            The instant of the evaluation, by our clock.
        """
        return finish(self.evaluate_steps(now))

    def evaluate_steps(self, now: datetime) -> Steps[Evaluation]:
        """Do what `evaluate` does in steps."""
        self.begin(now - self.options.window)
        since = min(now - self.options.window, self.evaluated_until)
        found = dict(self.recent.by_id)
        for anomaly in (yield from preview_steps(self.buckets, self._judge, since)):
            found.setdefault(anomaly.id, anomaly)
        open_ = [
            one for one in found.values() if self._eligible(one, since) and self.rulings.covering(one, now) is None
        ]
        unusual, newly_suppressed = self._split_suppressed(open_)
        usual = [one for one in unusual if not self.unusual(one)]
        unusual = [one for one in unusual if self.unusual(one)]
        known = sum(map(self.alerts.told, unusual))
        if self.rulings.verdicts:
            self.alerts.campaigns.acquit(partial(self.rulings.acquits, now=now))
        alerts = self.alerts.tell(
            unusual,
            usual=usual,
            settled=self.recent.by_id.keys(),
            detectors=self.detectors,
            threshold=self.budget.threshold,
            now=now,
            is_closed=partial(self.rulings.closes, now=now),
        )
        self.evaluated_until = max(self.evaluated_until, min(now, self.watermark.time))
        answered = self.answer(now)
        self._expire(now)
        self.shadows.evaluated()
        overflowed = self.recent.take_dropped()
        suppressed = self.suppressed.note(newly_suppressed)
        return Evaluation(
            now, since, len(unusual), alerts, overflowed, self.budget.thresholds(), suppressed, known, answered
        )

    def _split_suppressed(self, found: Iterable[Anomaly]) -> tuple[list[Anomaly], list[tuple[Anomaly, Suppression]]]:
        """Split into what may be told and what is suppressed; what was told before its suppression is in neither."""
        unusual, suppressed = [], []
        for anomaly in found:
            suppression = self.suppressions.covering(anomaly)
            if suppression is None:
                unusual.append(anomaly)
            elif self.unusual(anomaly) and not self.alerts.told(anomaly):
                suppressed.append((anomaly, suppression))
        return unusual, suppressed

    def _eligible(self, anomaly: Anomaly, since: datetime) -> bool:
        alert_from = self.alert_from or EPOCH
        return anomaly.bucket.end > alert_from and (anomaly.bucket.end > since or anomaly.cell.late)

    def _expire(self, now: datetime) -> None:
        oldest = min(now, self.watermark.time) - self.options.horizon - self.options.window
        self.recent.expire(oldest)
        self.alerts.expire(oldest)
        self.suppressed.expire(oldest)

    def dump(self) -> Iterator[tuple[str, Any]]:
        """Yield ``(section, row)`` in a stable order; nothing may be applied between the first row and the last."""
        return chain(dump_open(self), self.dump_learnt(), self.dump_told())

    def dump_open(self) -> Iterator[tuple[str, Any]]:
        """Yield the rows of `dump` that may change with every message, which are its first."""
        return dump_open(self)

    def dump_learnt(self) -> Iterator[tuple[str, Any]]:
        """Yield the rows of `dump` that are the same as long as `closings` is: nearly all of a large state."""
        return dump_learnt(self)

    def dump_told(self) -> Iterator[tuple[str, Any]]:
        """Yield the rows of `dump` that say what was found and told, which are its last."""
        return dump_told(self)

    def load(self, rows: Iterable[tuple[str, Any]]) -> None:
        """Replace everything by what `dump` gave; sections that it does not know are left to others.

        Raises
        ------
        UnexpectedRow
            When a row has other fields than those that are dumped; what has been replaced by then is half of it.
        OtherBuckets
            When the state was made with another bucket length.
        """
        self.closings += 1
        load_rows(self, rows)
        self._judge.forget()

    def succeed(self, rows: Iterable[tuple[str, Any]]) -> None:
        """Take over from what another state has dumped how far it had read and evaluated, and what it had told.

        What it had learnt is left behind. To be called on a fresh engine: what happened after its predecessor's last
        evaluation is news, and what came before only teaches.

        Raises
        ------
        UnexpectedRow
            When a row has other fields than those that are dumped.
        OtherBuckets
            When the state was made with another bucket length.
        """
        load_progress(self, rows)
