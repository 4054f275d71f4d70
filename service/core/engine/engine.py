"""The whole state of the service as one value: positions, open buckets, detectors, and what has been told.

Messages and instants come in, alerts come out; nothing here waits, reads a clock or does I/O, so a day can be replayed
in seconds and a crash is only a smaller number of calls. Parsing happens before, rendering and sending after.
`closing` judges and learns complete buckets, `preview` judges open ones, `state_rows` says what a snapshot holds.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Final

from models.detectors import Anomaly, Detector
from models.stream import EPOCH, ActivityEvent, OpenBuckets, RecordResult, Steps, finish
from service.core.alerting import Suppressions
from service.core.engine.admission import admit
from service.core.engine.closing import anomalies_in, close_steps
from service.core.engine.consequences import Compliance
from service.core.engine.coordinator import Coordinator
from service.core.engine.judging import BucketJudge
from service.core.engine.preview import preview_steps
from service.core.engine.relearning import Forgotten, SeenBucket, learn_again
from service.core.engine.state_rows import (
    dump_closed,
    dump_learnt,
    dump_open,
    dump_people,
    dump_progress,
    dump_told,
    load_progress,
    load_rows,
)
from service.core.engine.values import Applied, ClosedBucket, Evaluation, Options
from service.core.messages import Message
from service.core.shadow import Shadows
from service.core.verdicts import Verdict, Verdicts

_STEP: Final = 2048  # events of one message between two pauses
NO_RESULTS = dict.fromkeys(RecordResult, 0)


class Engine(Coordinator):
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
    closings
        How often buckets were closed, or all was replaced, since it was made: what is learnt changes then alone.
    keeps_closed
        Whether closed buckets are kept for `take_closed`; somebody has to take them then.
    shadows
        Attacks that are imagined in silence; none unless somebody puts others here. No part of the state.
    """

    def __init__(self, options: Options, detectors: Sequence[Detector]) -> None:
        super().__init__(options, {detector.declaration.name: detector for detector in detectors})
        self.closings = 0
        self.buckets = OpenBuckets(options.bucket, options.horizon, options.limits)
        self.keeps_closed = False
        self._closed: list[ClosedBucket] = []
        self.shadows = Shadows()
        compliance = Compliance(self.detectors, options.thresholds, options.bucket)
        self._judge = BucketJudge(self.detectors, compliance, self.rulings.exclusions)

    def suppress(self, suppressions: Suppressions) -> None:
        """Put other suppressions in force, for all that is judged or told from now on."""
        self.suppressions = suppressions
        self._judge.suppress(suppressions)

    def accept(self, verdicts: Verdicts) -> Sequence[Verdict]:
        """Take these for all the verdicts that there are; the model applies each when the bucket comes that it says.

        Returns those that come too late for that; they are applied before the next bucket, and after a crash where they
        should have been.
        """
        self.rulings.verdicts = verdicts
        self._judge.forget()
        return self.rulings.overdue(self.buckets.closed_until)

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
        if not self.is_new(message):
            return Applied(fresh=False, results={}, clamped=0, scored=())
        results = NO_RESULTS.copy()
        clamped, newest, observe = 0, EPOCH, self.buckets.observe
        for start in range(0, len(events), _STEP):
            if start:
                yield
            some = events[start : start + _STEP] if len(events) > _STEP else events
            admitted = admit(some, message.enqueued_time, self.options.horizon)
            for event in admitted.events:
                results[observe(event)] += 1
            results[RecordResult.TOO_LATE] += admitted.too_late
            clamped += admitted.clamped
            newest = max(newest, admitted.newest)
        self.advance(message, len(events), newest)
        if not self.buckets.ripe(self.watermark.time):  # after nearly every message
            return Applied(True, results, clamped, [])
        return Applied(True, results, clamped, (yield from self._close_steps()))

    def idle(self, partition: str, last_sequence_number: int, known_at: datetime) -> list[Anomaly]:
        """Note that `partition` ended with `last_sequence_number` at `known_at`; return the cells that this closed.

        Only a partition that has been read to its end lets the watermark pass; one that is slow does not.
        """
        return finish(self.idle_steps(partition, last_sequence_number, known_at))

    def idle_steps(self, partition: str, last_sequence_number: int, known_at: datetime) -> Steps[list[Anomaly]]:
        """Do what `idle` does in steps."""
        self.note_end(partition, last_sequence_number, known_at)
        return (yield from self._close_steps())

    def _close_steps(self) -> Steps[list[Anomaly]]:
        if not self.buckets.ripe(self.watermark.time):
            return []
        self.closings += 1
        judged = yield from close_steps(self.buckets, self._judge, self, self.shadows, self.watermark.time)
        if self.keeps_closed:
            self._closed += (ClosedBucket(self.records, judgements) for judgements in judged)
        return [anomaly for judgements in judged for anomaly in anomalies_in(judgements)]

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

    def apply_until(self, closed_until: datetime) -> None:
        """Heed the verdicts that are due where everything is closed until then."""
        for follows in self.rulings.apply_until(closed_until - self.options.bucket):
            self._judge.follow(follows)

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
        opened = yield from preview_steps(self.buckets.peek_steps(EPOCH), self._judge, self.budget.least)
        evaluation = self.conclude(now, opened, self.watermark.time)
        self.shadows.evaluated()
        return evaluation

    def dump(self) -> Iterator[tuple[str, Any]]:
        """Yield ``(section, row)`` in a stable order; nothing may be applied between the first row and the last."""
        return chain(self.dump_open(), self.dump_learnt(), self.dump_told())

    def dump_open(self) -> Iterator[tuple[str, Any]]:
        """Yield the rows of `dump` that may change with every message, which are its first."""
        return chain(dump_progress(self), dump_open(self))

    def dump_learnt(self) -> Iterator[tuple[str, Any]]:
        """Yield the rows of `dump` that are the same as long as `closings` is: nearly all of a large state."""
        return chain(dump_closed(self), dump_people(self), dump_learnt(self))

    def dump_told(self) -> Iterator[tuple[str, Any]]:
        """Yield the rows of `dump` that say what was found and told, which are its last."""
        return dump_told(self)

    def restore_steps(self) -> Steps[None]:
        """Read in steps what was loaded and has not been asked for; a dump would read all of it at once.

        These steps may be left at any of them, and other things asked of the engine between them.
        """
        return self.buckets.restore_steps()

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
        load_rows(rows, self, self)
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
