"""What there is one of, wherever identities are judged: positions, time, thresholds, and what was found and told.

What belongs to identities, open buckets and what the detectors know, is in the same process (`engine`) or in several
others; what they found comes in here, and alerts go out.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial

from models.detectors import Anomaly, Detector
from models.stream import EPOCH, ActorBucket, Watermark
from service.core.alerting import AlertLog, Budget, History, SuppressedLog, Suppression, Suppressions
from service.core.engine.preview import Previewed
from service.core.engine.recent import RecentActors, RecentAnomalies
from service.core.engine.relearning import Forgotten
from service.core.engine.rulings import Rulings
from service.core.engine.values import Evaluation, Options
from service.core.messages import Message, Position
from service.core.verdicts import FollowUps, VerdictNotice

WITHOUT_DELAY = 2.0
"""How much an intruder must need an operation for it to be told of before anybody knows how it ends."""


class Coordinator:
    """Decides what to tell of what was found.

    Parameters
    ----------
    options
        Windows, thresholds and bounds.
    detectors
        By name: their words for people, and which of them a budget moves.

    Attributes
    ----------
    positions
        Where each partition has been read to: the truth about it, kept with the state that it led to.
    records
        How many records have been applied, each once, in the life of this state.
    people
        Identities by id: names for ids.
    recent
        Unusual cells of closed buckets, suppressed ones included, for the evaluations to come.
    suppressed
        What would have alerted, had it not been suppressed.
    rulings
        Verdicts of people, and which of them the model applies.
    suppressions
        Those in force; no part of the state: each start of the service reads them again.
    alert_from
        From when on findings are news; what is older only teaches. None before `begin`.
    evaluated_until
        Where the input had been complete at the last evaluation.
    follow_ups
        Which verdicts were told to those who had been told of their alerts.
    forgotten
        What was taken out of what is known: whoever learns this state again from an older one leaves it out.
    """

    def __init__(self, options: Options, detectors: dict[str, Detector]) -> None:
        self.options = options
        self.detectors = detectors
        self.positions: dict[str, Position] = {}
        self.records = 0
        self.people = RecentActors(options.people)
        self.watermark = Watermark(options.lateness)
        self.alerts = AlertLog(
            options.window, group_from=options.group_failures_from, rollout_from=options.group_rollouts_from
        )
        budgeted = [name for name, detector in self.detectors.items() if not detector.declaration.always]
        self.budget = Budget(options.thresholds, options.alerts_per_day, History(budgeted))
        self.suppressed = SuppressedLog()
        self.suppressions = Suppressions()
        self.recent = RecentAnomalies(options.recent)
        self.alert_from: datetime | None = None
        self.evaluated_until = EPOCH
        self.rulings = Rulings(self.detectors, options.bucket)
        self.follow_ups = FollowUps()
        self.forgotten: tuple[Forgotten, ...] = ()

    def expect(self, partitions: Iterable[str]) -> None:
        """Name all partitions, so that time does not pass a partition that has not delivered anything yet."""
        for partition in sorted(partitions):
            self.watermark.expect(partition)

    def begin(self, alert_from: datetime) -> None:
        """Set, once in the life of a state, from when on findings are news; what is older only teaches."""
        if self.alert_from is None:
            self.alert_from = self.evaluated_until = alert_from

    def skip(self, partition: str, position: Position) -> None:
        """Begin `partition` after `position` (when only what is new is wanted), unless it has begun already."""
        self.positions.setdefault(partition, position)

    def forget_positions(self, partitions: Iterable[str]) -> None:
        """Read `partitions`, all that the hub has now, from their beginning; nothing that was learnt is forgotten.

        For a hub that was deleted and created again: its sequence numbers start at 0. The watermark does not go back.
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

    def is_new(self, message: Message) -> bool:
        """Whether a message comes after its partition's position; one that does not has been applied before."""
        position = self.positions.get(message.partition)
        return position is None or message.sequence_number > position.sequence_number

    def advance(self, message: Message, records: int, newest: datetime) -> None:
        """Move a partition's position to `message`, and its time to its newest event, if there was one."""
        self.positions[message.partition] = Position(message.sequence_number, message.offset, message.enqueued_time)
        self.records += records
        if records:
            self.watermark.advance(message.partition, newest)

    def note_end(self, partition: str, last_sequence_number: int, known_at: datetime) -> None:
        """Note that `partition` ended with `last_sequence_number` at `known_at`.

        Only a partition that has been read to its end lets the watermark pass; one that is slow does not.
        """
        position = self.positions.get(partition)
        if (position.sequence_number if position else -1) >= last_sequence_number:
            self.watermark.idle(partition, known_at - self.options.lateness)

    def complete_until(self, time: datetime) -> None:
        """Set the thresholds of the days to come, if a day is complete by then."""
        if self.budget.history.finish(time):
            self.budget.settle()

    def note_closed(self, bucket: Sequence[ActorBucket], anomalies: Iterable[Anomaly]) -> None:
        """Take note of who was active in a closed bucket, in the order of their ids, and of what was found in it."""
        for seen in bucket:
            self.people.remember(seen.actor)
        self.budget.history.observe(bucket, anomalies)

    def hold(self, anomalies: Iterable[Anomaly]) -> None:
        """Hold, for the evaluations to come, what is news of closed buckets.

        Suppressed cells are held as well: they are told after all if their suppression is lifted in time. What an open
        alert tells of goes on even where it has become usual.
        """
        news = (
            one
            for one in anomalies
            if one.bucket.end > (self.alert_from or EPOCH) and (self.unusual(one) or self.alerts.open.goes_on(one))
        )
        self.recent.add(news, is_suppressed=lambda one: self.suppressions.covering(one) is not None)

    def unusual(self, anomaly: Anomaly) -> bool:
        """Whether `anomaly` reaches the threshold that its detector had on its day."""
        return anomaly.score >= self.budget.least and anomaly.score >= self.budget.threshold(
            anomaly.detector, anomaly.bucket.start
        )

    def tells(self, anomaly: Anomaly) -> bool:
        """Whether `anomaly` is unusual, and no suppression in force covers it."""
        return self.unusual(anomaly) and self.suppressions.covering(anomaly) is None

    def conclude(self, now: datetime, opened: Iterable[Previewed], complete_until: datetime) -> Evaluation:
        """Return what is news at `now`: of closed buckets what is held, of open ones what was found in them.

        Parameters
        ----------
        now
            The instant of the evaluation, by our clock.
        opened
            What reaches the budget's least score in the open buckets, the oldest first.
        complete_until
            The watermark.
        """
        self.begin(now - self.options.window)
        since = min(now - self.options.window, self.evaluated_until)
        found = dict(self.recent.by_id)
        for anomaly in self._new_in(opened, since):
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
            is_attack=partial(self.rulings.found_attack, now=now),
        )
        self.evaluated_until = max(self.evaluated_until, min(now, complete_until))
        answered = self.answer(now)
        self._expire(min(now, complete_until))
        overflowed = self.recent.take_dropped()
        suppressed = self.suppressed.note(newly_suppressed)
        return Evaluation(
            now, since, len(unusual), alerts, overflowed, self.budget.thresholds(), suppressed, known, answered
        )

    def answer(self, now: datetime) -> Sequence[VerdictNotice]:
        """Return the verdicts of which somebody is to be told now, each once in the life of a state."""
        return self.follow_ups.due(self.rulings.verdicts, self.alerts.remembered, now)

    def _new_in(self, opened: Iterable[Previewed], since: datetime) -> Iterator[Anomaly]:
        """Yield what is unusual in the open buckets that end after `since`.

        What is unusual in an open bucket has yet to be learnt. Its repetition in a later bucket is left out until then:
        otherwise each new habit would be told once an hour until its first bucket is closed.
        """
        unlearnt: set[tuple[bool, str, str, str]] = set()
        for passed_over, anomaly in opened:
            if self.unusual(anomaly):
                habit = (passed_over, anomaly.detector, anomaly.actor.id, anomaly.cell.action)
                if habit not in unlearnt and anomaly.bucket.end > since and self._telling(anomaly):
                    yield anomaly
                unlearnt.add(habit)

    def _telling(self, anomaly: Anomaly) -> bool:
        """Whether what is unusual in an open bucket can be told of already, or has to wait until any of it ends.

        Of what has only begun nobody knows whether it is refused once more, as it may be every hour. What takes away
        what we live on, and what somebody wants to be told of every time, does not wait.
        """
        cell = anomaly.cell
        if cell.successes or cell.failed or anomaly.sensitivity >= WITHOUT_DELAY:
            return True
        return self.detectors[anomaly.detector].declaration.always

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

    def _expire(self, complete_until: datetime) -> None:
        oldest = complete_until - self.options.horizon - self.options.window
        self.recent.expire(oldest)
        self.alerts.expire(oldest)
        self.suppressed.expire(oldest)
