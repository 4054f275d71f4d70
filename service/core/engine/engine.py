"""The whole state of the service as one value: positions, open buckets, detectors, and what has been told.

Messages and instants come in, alerts come out; nothing here waits, reads a clock or touches the world, so a day
can be replayed in seconds and a crash is only a smaller number of calls. Parsing happens before, rendering and
sending after.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from models.detectors import Anomaly, Detector, Judge, Judgement
from models.stream import (
    EPOCH,
    ActivityEvent,
    Actor,
    ActorBucket,
    Crowd,
    Exclusions,
    OpenBuckets,
    Seen,
    Steps,
    Watermark,
    fields,
    finish,
    reading,
)
from service.core.alerting import AlertLog, Budget, History, SuppressedLog, Suppression, Suppressions
from service.core.engine.values import Applied, Evaluation, Options
from service.core.messages import Message, Position

STEP = 250  # identities that are judged or learnt in one step: about ten milliseconds


class Engine:
    """Learns from messages and decides what to tell.

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
    people
        Identities by id, the longest silent first: names for ids.
    suppressions
        What was announced; `suppress` replaces it. No part of the state: it is given anew in every life.
    withheld
        What would have alerted, had it not been announced.
    """

    def __init__(self, options: Options, detectors: Sequence[Detector]) -> None:
        self.options = options
        self.detectors = {detector.card.name: detector for detector in detectors}
        self._judge_of = Judge(self.detectors)
        self.positions: dict[str, Position] = {}
        self.records = 0
        self.people: dict[str, Actor] = {}
        self.watermark = Watermark(options.lateness)
        self.buckets = OpenBuckets(options.bucket, options.horizon, options.limits)
        self.alerts = AlertLog(options.window, group_from=options.group_failures_from)
        self.budget = Budget(options.thresholds, options.alerts_per_day, History(self.detectors))
        self.suppressions = Suppressions()
        self.suppressed = SuppressedLog()
        self._recent: dict[str, Anomaly] = {}
        self._overflowed = 0
        self._alert_from: datetime | None = None
        self._evaluated_until = EPOCH

    def expect(self, partitions: Iterable[str]) -> None:
        """Name all partitions, so that none is forgotten while it has nothing to say."""
        for partition in sorted(partitions):
            self.watermark.expect(partition)

    def begin(self, alert_from: datetime) -> None:
        """Say, once in the life of a state, from when on findings are news; what is older only teaches."""
        if self._alert_from is None:
            self._alert_from = self._evaluated_until = alert_from

    def suppress(self, suppressions: Suppressions) -> None:
        """Put other suppressions in force, for all that is judged or told from now on."""
        self.suppressions = suppressions
        self._judge_of.forget()

    def skip(self, partition: str, position: Position) -> None:
        """Begin `partition` after `position` (when only what is new is wanted), unless it has begun already."""
        self.positions.setdefault(partition, position)

    def apply(self, message: Message, events: Sequence[ActivityEvent]) -> Applied:
        """Take in one message; a message at or below its partition's position changes nothing.

        Parameters
        ----------
        message
            Position and enqueued time; its body is not looked at.
        events
            What parsing made of the body, possibly nothing: the position moves on all the same, or a poisonous
            message would come back for ever.
        """
        return finish(self.apply_steps(message, events))

    def apply_steps(self, message: Message, events: Sequence[ActivityEvent]) -> Steps[Applied]:
        """Do what `apply` does in steps; until the last one nothing else may be asked of the engine."""
        position = self.positions.get(message.partition)
        if position is not None and message.sequence_number <= position.sequence_number:
            return Applied(fresh=False, seen={}, clamped=0, scored=())
        seen: dict[Seen, int] = dict.fromkeys(Seen, 0)
        clamped = 0
        newest, latest, earliest = EPOCH, message.enqueued_time, message.enqueued_time - self.options.horizon
        observe = self.buckets.observe
        for event in events:
            time = event.time
            if time > latest:
                time = latest
                event = event._replace(time=time)  # noqa: PLW2901 - the clamped one replaces it
                clamped += 1
            if time > newest:  # noqa: PLR1730 - half the time of max() on the hot path
                newest = time
            seen[Seen.TOO_LATE if time < earliest else observe(event)] += 1
        self.positions[message.partition] = Position(message.sequence_number, message.offset, message.enqueued_time)
        self.records += len(events)
        if events:
            self.watermark.advance(message.partition, newest)
        return Applied(fresh=True, seen=seen, clamped=clamped, scored=(yield from self._closing()))

    def idle(self, partition: str, last_sequence_number: int, known_at: datetime) -> list[Anomaly]:
        """Hear that `partition` ended with `last_sequence_number` at `known_at`; returns what that closed.

        Only a partition that has been read to its end may let the watermark pass, one that is slow may not.
        """
        return finish(self.idle_steps(partition, last_sequence_number, known_at))

    def idle_steps(self, partition: str, last_sequence_number: int, known_at: datetime) -> Steps[list[Anomaly]]:
        """Do what `idle` does in steps; until the last one nothing else may be asked of the engine."""
        position = self.positions.get(partition)
        if (position.sequence_number if position else -1) >= last_sequence_number:
            self.watermark.idle(partition, known_at - self.options.lateness)
        return (yield from self._closing())

    def _closing(self) -> Steps[list[Anomaly]]:
        if not self.buckets.ripe(self.watermark.time):
            return []
        scored: list[Anomaly] = []
        suppressed: list[Anomaly] = []
        for closed in self.buckets.close_steps(self.watermark.time):
            if closed is None:
                yield
            else:
                scored += yield from self._settling(*closed, suppressed)
        self._end_day(self.watermark.time)
        # What was announced waits here, too: it is told after all if its suppression is lifted in time.
        for anomaly in chain(scored, suppressed):
            if self.unusual(anomaly) and anomaly.bucket.end > (self._alert_from or EPOCH):
                self._recent[anomaly.id] = anomaly
        self._bound_recent()
        return scored

    def _settling(
        self, buckets: Sequence[ActorBucket], crowd: Crowd, suppressed: list[Anomaly]
    ) -> Steps[list[Anomaly]]:
        """Judge every identity's bucket before any of them is learnt; `suppressed` gets what was announced."""
        judgements: list[Judgement] = []
        for at, seen in enumerate(buckets, 1):
            judgements.append(self._judge(seen, crowd))
            if at % STEP == 0:
                yield
        if buckets:
            self._end_day(buckets[0].bucket.start)
            lessons = self._judge_of.lessons(buckets[0].bucket.hours)
            for at, judgement in enumerate(judgements, 1):
                self._meet(judgement.seen.actor)
                self._judge_of.learn(judgement, crowd, lessons)
                if at % STEP == 0:
                    yield
            yield from self._judge_of.teach(lessons)
        scored = [anomaly for judgement in judgements for said in judgement.anomalies.values() for anomaly in said]
        suppressed += [
            anomaly for judgement in judgements for said in judgement.suppressed.values() for anomaly in said
        ]
        self.budget.history.observe(buckets, scored)
        return scored

    def _judge(self, seen: ActorBucket, crowd: Crowd) -> Judgement:
        return self._judge_of.judge(seen, crowd, self._exclusions)

    def _exclusions(self, seen: ActorBucket) -> Exclusions:
        return self.suppressions.exclusions(seen, self.detectors)

    def _end_day(self, complete_until: datetime) -> None:
        if self.budget.history.finish(complete_until):
            self.budget.settle()

    def _bound_recent(self) -> None:
        # Which ones go must not depend on the order in which they came: what was announced, then the least unusual.
        excess = len(self._recent) - self.options.recent
        if excess > 0:
            covering = self.suppressions.covering
            ranked = sorted(
                self._recent.values(), key=lambda one: (covering(one) is None, one.score, one.surprise, one.id)
            )
            for anomaly in ranked[:excess]:
                del self._recent[anomaly.id]
            self._overflowed += excess

    def _meet(self, actor: Actor) -> None:
        self.people.pop(actor.id, None)
        self.people[actor.id] = actor
        if len(self.people) > self.options.people:
            del self.people[next(iter(self.people))]

    def unusual(self, anomaly: Anomaly) -> bool:
        """Whether `anomaly` reaches the threshold that its detector had on its day."""
        budget = self.budget
        return anomaly.score >= budget.least and anomaly.score >= budget.threshold(
            anomaly.detector, anomaly.bucket.start
        )

    def _previewing(self, since: datetime) -> Steps[list[Anomaly]]:
        """Judge the open buckets that end after `since` as they are now, learning nothing; return what is unusual.

        What is unusual in an open bucket has yet to be learnt; its repetition in a later one is left out until then,
        or each new habit would be told once an hour until its first bucket has closed.
        """
        unusual: list[Anomaly] = []
        unlearnt: set[tuple[bool, str, str, str]] = set()
        judgements: list[Judgement] = []
        lowest = self.budget.least
        for peeked in self.buckets.peek_steps(EPOCH):
            if peeked is None:
                yield
                continue
            buckets, crowd = peeked
            for at, seen in enumerate(buckets, 1):
                judgement = self._judge(seen, crowd)
                judgements.append(judgement)
                if judgement.highest >= lowest:
                    for suppressed, anomaly in self._unusual_in(judgement):
                        what = (suppressed, anomaly.detector, anomaly.actor.id, anomaly.cell.action)
                        if what not in unlearnt and anomaly.bucket.end > since:
                            unusual.append(anomaly)
                        unlearnt.add(what)
                if at % STEP == 0:
                    yield
        self._judge_of.keep(judgements)
        return unusual

    def _unusual_in(self, judgement: Judgement) -> Iterator[tuple[bool, Anomaly]]:
        """Yield what is unusual, and whether it was announced."""
        for suppressed, said in ((False, judgement.anomalies), (True, judgement.suppressed)):
            for anomaly in filter(self.unusual, chain.from_iterable(said.values())):
                yield suppressed, anomaly

    def evaluate(self, now: datetime) -> Evaluation:
        """Look back over the window, or further after downtime, and say what is news.

        Settled findings and previews of open buckets count alike; what the alert log has told already is not told
        again. Until the input has caught up, the look-back reaches to where it had been complete.

        Parameters
        ----------
        now
            The instant of the evaluation, by our clock.
        """
        return finish(self.evaluate_steps(now))

    def evaluate_steps(self, now: datetime) -> Steps[Evaluation]:
        """Do what `evaluate` does in steps; until the last one nothing else may be asked of the engine."""
        self.begin(now - self.options.window)
        since = min(now - self.options.window, self._evaluated_until)
        found = dict(self._recent)
        for anomaly in (yield from self._previewing(since)):
            found.setdefault(anomaly.id, anomaly)
        unusual, suppressed_now = self._parted(anomaly for anomaly in found.values() if self._eligible(anomaly, since))
        cards = {name: detector.card for name, detector in self.detectors.items()}
        alerts = self.alerts.tell(unusual, settled=self._recent.keys(), cards=cards, now=now)
        self._evaluated_until = max(self._evaluated_until, min(now, self.watermark.time))
        self._expire(now)
        overflowed, self._overflowed = self._overflowed, 0
        suppressed = self.suppressed.note(suppressed_now)
        return Evaluation(now, since, len(unusual), alerts, overflowed, self.budget.thresholds(), suppressed)

    def _parted(self, found: Iterable[Anomaly]) -> tuple[list[Anomaly], list[tuple[Anomaly, Suppression]]]:
        """Part what may be told from what was announced, and what was told before it was announced from both."""
        unusual, suppressed_now = [], []
        for anomaly in found:
            suppression = self.suppressions.covering(anomaly)
            if suppression is None:
                unusual.append(anomaly)
            elif not self.alerts.told(anomaly):
                suppressed_now.append((anomaly, suppression))
        return unusual, suppressed_now

    def _eligible(self, anomaly: Anomaly, since: datetime) -> bool:
        alert_from = self._alert_from or EPOCH
        return anomaly.bucket.end > alert_from and (anomaly.bucket.end > since or anomaly.cell.late)

    def _expire(self, now: datetime) -> None:
        oldest = min(now, self.watermark.time) - self.options.horizon - self.options.window
        self._recent = {key: anomaly for key, anomaly in self._recent.items() if anomaly.bucket.end > oldest}
        self.alerts.expire(oldest)
        self.suppressed.expire(oldest)

    def dump(self) -> Iterator[tuple[str, Any]]:
        """Yield ``(section, row)`` in a stable order: everything that `load` needs, one small row at a time.

        Nothing may be applied between the first row and the last.
        """
        yield (
            "engine",
            {
                "bucket_seconds": self.options.bucket.total_seconds(),
                "alert_from": self._alert_from.isoformat() if self._alert_from else None,
                "records": self.records,
                "evaluated_until": self._evaluated_until.isoformat(),
                "watermark": self.watermark.dump(),
            },
        )
        for partition, position in sorted(self.positions.items()):
            yield "position", position.row(partition)
        for actor in self.people.values():
            yield "person", actor.row()
        for table, row in self.buckets.dump():
            yield f"bucket {table}", row
        for name, detector in self.detectors.items():
            for row in detector.dump_population():
                yield f"population {name}", row
            for row in detector.dump_identities():
                yield f"identities {name}", row
        for _, anomaly in sorted(self._recent.items()):
            yield "recent", anomaly.row()
        for section, rows in (
            ("alert", self.alerts.dump()),
            ("failing", self.alerts.dump_failing()),
            ("budget", self.budget.dump()),
            ("suppressed", self.suppressed.dump()),
        ):
            for row in rows:
                yield section, row

    def load(self, rows: Iterable[tuple[str, Any]]) -> None:
        """Replace everything by what `dump` gave; sections that it does not know are left to others.

        Raises
        ------
        UnexpectedRow
            When a row has other fields than those that are dumped; what has been replaced by then is half of it.
        ValueError
            When the state was made with another bucket length.
        """
        sections: dict[str, list[Any]] = {}
        for section, row in rows:
            sections.setdefault(section, []).append(row)
        self._load_head(*sections["engine"])

        def of(section: str) -> list[Any]:
            return sections.get(section, [])

        with reading("section position"):
            self.positions = dict(map(Position.from_row, of("position")))
        with reading("section person"):
            self.people = {actor.id: actor for actor in map(Actor.from_row, of("person"))}
        with reading("section bucket"):
            tables = [section for section in sections if section.startswith("bucket ")]
            self.buckets.load((table.removeprefix("bucket "), row) for table in tables for row in sections[table])
        for name, detector in self.detectors.items():
            with reading(f"section population {name} or identities {name}"):
                detector.load(of(f"population {name}"), of(f"identities {name}"))
        self._judge_of.forget()
        with reading("section recent"):
            self._recent = {anomaly.id: anomaly for anomaly in map(Anomaly.from_row, of("recent"))}
        with reading("section alert or failing"):
            self.alerts.load(of("alert"), of("failing"))
        with reading("section budget"):
            self.budget.load(of("budget"))
        with reading("section suppressed"):
            self.suppressed.load(of("suppressed"))

    def _load_head(self, head: Any) -> None:
        with reading("section engine"):
            names = ("bucket_seconds", "alert_from", "records", "evaluated_until", "watermark")
            seconds, alert_from, self.records, evaluated_until, watermark = fields("engine", head, *names)
            self.watermark.load(watermark)
        made_with = timedelta(seconds=seconds)
        if made_with != self.options.bucket:
            raise ValueError(
                f"the state was made with windows.bucket = {made_with}, the configuration says {self.options.bucket}:"
                " set it back, or start with an empty state"
            )
        self._alert_from = datetime.fromisoformat(alert_from) if alert_from else None
        self._evaluated_until = datetime.fromisoformat(evaluated_until)
