"""The driver: goes through a batch with all shards, and decides what is told. There is one of it.

It asks the same of all shards at once, adds up what they answer, and asks on: how requests get to shards, and where
these are, is left to whoever drives it.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, groupby
from typing import Any, NamedTuple, TypeVar

from models.detectors import Anomaly, Detector
from models.statistics import Lessons
from models.stream import ActorBucket, Bucket, Crowd, RecordResult, fields
from service.core.alerting import LOWEST, Suppressions
from service.core.engine import (
    Acquittal,
    Consequence,
    Coordinator,
    Evaluation,
    Options,
    Previewed,
    dump_people,
    dump_progress,
    dump_told,
    load_rows,
)
from service.core.verdicts import Verdict, Verdicts
from service.shards.exchange import (
    Close,
    CloseAnswer,
    Follow,
    Gather,
    GatherAnswer,
    Look,
    Request,
    Rules,
    Settle,
    Step,
    TaughtLessons,
)
from service.shards.routing import Head
from service.shards.shard import OtherShard

T = TypeVar("T")


class End(NamedTuple):
    """A partition ended with message `last_sequence_number` when it was asked, at `known_at`."""

    partition: str
    last_sequence_number: int
    known_at: datetime


class EvaluateAt(NamedTuple):
    """An evaluation at `now`."""

    now: datetime


Moment = Head | End | EvaluateAt
BatchRun = Generator[Request, Sequence[Any], "BatchResult"]
"""Yields what every shard is asked, and is sent their answers, in the order of the shards."""


class BatchResult(NamedTuple):
    """What a batch came to.

    Attributes
    ----------
    fresh
        Messages that had not been applied before.
    results
        Their records by what became of them.
    clamped
        Records whose time lay after their message was enqueued.
    evaluations
        One a tick, in their order.
    """

    fresh: int
    results: Counter[RecordResult]
    clamped: int
    evaluations: list[Evaluation]


class Driver(Coordinator):
    """Decides what is told of what shards find.

    Parameters
    ----------
    options
        As of a single process.
    detectors
        Fresh ones, which are asked for their words alone.
    shards
        How many there are.
    """

    def __init__(self, options: Options, detectors: Sequence[Detector], shards: int) -> None:
        super().__init__(options, {detector.declaration.name: detector for detector in detectors})
        self.shards = shards
        self._rules = Rules()
        self._taught: list[TaughtLessons] = []
        self._applied_news = True

    def suppress(self, suppressions: Suppressions) -> None:
        """Put other suppressions in force, from the next batch on."""
        self.suppressions = suppressions
        self._rules = self._rules._replace(suppressions=tuple(suppressions.entries))

    def accept(self, verdicts: Verdicts) -> Sequence[Verdict]:
        """Take these for all the verdicts that there are, from the next batch on; return those that come too late."""
        self.rulings.verdicts = verdicts
        self._rules = self._rules._replace(verdicts=tuple(verdicts.entries))
        return self.rulings.overdue(self._closed_until(self.watermark.time))

    def batch(self, moments: Sequence[Moment]) -> BatchRun:
        """Go through a batch: yield requests, take the answers, return what it came to.

        If it is not driven to its end, driver and shards have to be loaded again.
        """
        result = BatchResult(0, Counter(), 0, [])
        steps = []
        for place, moment in enumerate(moments):
            if isinstance(moment, Head):
                if not self.is_new(moment.message):
                    continue
                self.advance(moment.message, moment.records, moment.newest)
                result.results[RecordResult.TOO_LATE] += moment.too_late
                result = result._replace(fresh=result.fresh + 1, clamped=result.clamped + moment.clamped)
            elif isinstance(moment, End):
                self.note_end(*moment)
            steps.append(Step(place, self.watermark.time, isinstance(moment, EvaluateAt)))
        self._applied_news = True  # shards may have been loaded since
        gathered: Sequence[GatherAnswer] = yield from self._ask(Gather(tuple(steps), self._rules))
        for one in gathered:
            result.results.update(one.results)
        for step in steps:
            moment = moments[step.place]
            if isinstance(moment, EvaluateAt):
                opened = yield from self._look(step.place, [one.opened[step.place] for one in gathered])
                result.evaluations.append(self.conclude(moment.now, opened, step.watermark))
            elif any(step.place in one.closed for one in gathered):
                yield from self._close(step, [one.closed.get(step.place, {}) for one in gathered])
        yield from self._ask(Settle())
        return result

    def _ask(self, ask: Gather | Close | Look | Follow | Settle) -> Generator[Request, Sequence[Any], Sequence[Any]]:
        applied = dict(self.rulings.applied) if self._applied_news else None
        request = Request(tuple(self._taught), applied, ask)
        self._taught, self._applied_news = [], False
        return (yield request)

    def _close(self, step: Step, crowds: Sequence[Mapping[datetime, Crowd]]) -> Generator[Request, Sequence[Any], None]:
        """Have the buckets judged and learnt that were closed at a step, as `closing` does in a single process."""
        found: list[Anomaly] = []
        passed_over: list[Anomaly] = []
        for start in sorted(set(chain.from_iterable(crowds))):
            yield from self._apply_verdicts(start)
            crowd = Crowd.merged(one[start] for one in crowds if start in one)
            least = min(LOWEST, self.budget.least)
            closed: Sequence[CloseAnswer] = yield from self._ask(
                Close(step.place, start, crowd, least, self.alerts.open.actors)
            )
            self.complete_until(start)
            anomalies = _in_order(_by_actor, [one.anomalies for one in closed])
            bucket = Bucket(start, self.options.bucket)
            actors = sorted(chain.from_iterable(one.actors for one in closed), key=lambda actor: actor.id)
            self.note_closed([ActorBucket(actor, bucket, ()) for actor in actors], anomalies)
            self._taught.append(TaughtLessons(merged([one.lessons for one in closed if one.lessons])))
            found += anomalies
            passed_over += _in_order(_by_actor, [one.suppressed for one in closed])
        yield from self._apply_verdicts(self._closed_until(step.watermark) - self.options.bucket)
        self.complete_until(step.watermark)
        self.hold((*found, *passed_over))

    def _closed_until(self, watermark: datetime) -> datetime:
        """Return the end of what is closed: everything that the watermark has passed, for it closes all at once."""
        return Bucket.of(watermark, self.options.bucket).start

    def _apply_verdicts(self, start: datetime) -> Generator[Request, Sequence[Any], None]:
        """Heed the verdicts that are due before the bucket at `start` is judged."""
        for follows in self.rulings.apply_until(start):
            self._applied_news = True
            for consequences in _together(follows):
                answers = yield from self._ask(Follow(consequences))
                self._taught += [
                    TaughtLessons(lessons, shard) for shard, taught in enumerate(answers) for lessons in taught
                ]

    def _look(
        self, place: int, crowds: Sequence[Mapping[datetime, Crowd]]
    ) -> Generator[Request, Sequence[Any], list[Previewed]]:
        starts = sorted(set(chain.from_iterable(crowds)))
        whole = {start: Crowd.merged(one[start] for one in crowds if start in one) for start in starts}
        found = yield from self._ask(Look(place, whole, self.budget.least))
        return _in_order(lambda one: (one.anomaly.bucket.start, one.anomaly.actor.id), found)

    def dump(self) -> Iterator[tuple[str, Any]]:
        """Yield ``(section, row)`` in a stable order; a batch must be settled."""
        yield "driver", {"shards": self.shards}
        yield from chain(dump_progress(self), dump_people(self), dump_told(self))

    def load(self, rows: Iterable[tuple[str, Any]]) -> None:
        """Replace everything by what `dump` gave; sections that it does not know are left to others.

        Raises
        ------
        OtherShard
            When it is no driver's, or one's with another number of shards.
        UnexpectedRow, OtherBuckets
            As of an engine.
        """
        rest = iter(rows)
        section, row = next(rest, ("", None))
        if section != "driver":
            raise OtherShard("the state is no driver's: `unwonted state shard` makes one of a snapshot")
        (shards,) = fields("driver", row, "shards")
        if shards != self.shards:
            raise OtherShard(
                f"the state was made with {shards} shards, and the configuration says {self.shards}: set it back, or"
                " use `unwonted state merge` and `unwonted state shard`"
            )
        load_rows(rest, coordinator=self)


def merged(parts: Sequence[Mapping[str, Lessons]]) -> dict[str, Lessons]:
    """Add up what several shards teach; of one bucket, and of at least one shard."""
    whole = {name: Lessons(lessons.hours) for name, lessons in parts[0].items()}
    for part in parts:
        for name, lessons in part.items():
            whole[name].merge(lessons)
    return whole


def _by_actor(anomaly: Anomaly) -> str:
    return anomaly.actor.id


def _in_order(key: Callable[[T], Any], parts: Sequence[Sequence[T]]) -> list[T]:
    """Return what shards have found in the order in which one process finds it: each identity is in one shard."""
    return sorted(chain.from_iterable(parts), key=key)


def _together(consequences: Sequence[Consequence]) -> Iterator[list[Consequence]]:
    """Yield what may be done at the same time: acquittals teach nothing; all else must see what came before it."""
    for is_acquittal, several in groupby(consequences, lambda one: isinstance(one, Acquittal)):
        if is_acquittal:
            yield list(several)
        else:
            yield from ([one] for one in several)
