"""A shard: the open buckets and habits of its identities, and a replica of what the population knows.

It does what the single process does, for its part of the identities, at the same places of the input and in the same
order. What concerns everybody (who did what in an hour, what the population is taught, what is told) is the driver's.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from models.detectors import Anomaly, Detector, Judgement
from models.stream import EPOCH, ActivityEvent, ActorBucket, Crowd, OpenBuckets, RecordResult, fields, finish
from service.core.alerting import Suppressions
from service.core.engine import (
    BucketJudge,
    Compliance,
    Options,
    Previewed,
    Rulings,
    anomalies_in,
    dump_closed,
    dump_learnt,
    dump_open,
    load_rows,
    preview_steps,
    suppressed_in,
)
from service.core.verdicts import Verdicts
from service.shards.exchange import Close, CloseAnswer, Follow, Gather, GatherAnswer, Look, Request, Rules, Settle
from service.shards.routing import shard_of

Events = Mapping[int, Sequence[ActivityEvent]]
"""Events of a shard, by the place of their message in the batch."""


class OtherShard(ValueError):  # noqa: N818 - it names what was found, not a fault of the caller
    """The state is that of another shard, or of one among another number of shards."""


class Shard:
    """One of `of` shards.

    Parameters
    ----------
    options
        Those of the single process. Bounds on what is held of all identities together are shared out.
    detectors
        In the order in which they are to be asked; names must differ.
    number, of
        Which one it is, from 0 on, and how many there are.

    Attributes
    ----------
    judged
        What was said of each bucket that was closed in this batch, in their order.
    changes
        How often what is learnt may have changed, or all was replaced, since it was made.
    """

    def __init__(self, options: Options, detectors: Sequence[Detector], number: int, of: int) -> None:
        self.number = number
        self.of = of
        self.detectors = {detector.declaration.name: detector for detector in detectors}
        limits = options.limits._replace(unfinished=-(-options.limits.unfinished // of))
        self.buckets = OpenBuckets(options.bucket, options.horizon, limits)
        self.judged: list[list[Judgement]] = []
        self.changes = 0
        self._rulings = Rulings(self.detectors, options.bucket)
        compliance = Compliance(self.detectors, options.thresholds, options.bucket)
        self._judge = BucketJudge(self.detectors, compliance, self._rulings.exclusions)
        self._rules = Rules()
        self._closed: dict[tuple[int, datetime], list[ActorBucket]] = {}
        self._opened: dict[int, dict[datetime, list[ActorBucket]]] = {}

    def answer(self, request: Request, events: Events) -> Any:
        """Do what the driver asks; `events` are those of the batch, and asked for with its beginning alone."""
        for taught in request.taught:
            if taught.known_to != self.number:
                self.changes += 1
                finish_all(self._judge.teach(taught.lessons))
        if request.applied is not None:
            self._rulings.applied = dict(request.applied)
            self._judge.forget()
        match request.ask:
            case Gather():
                return self._gather(request.ask, events)
            case Close():
                return self._close(request.ask)
            case Look():
                return self._look(request.ask)
            case Follow(consequences):
                self.changes += 1
                mine = [one for one in consequences if shard_of(one.actor.id, self.of) == self.number]
                return self._judge.follow(mine)
            case Settle():
                return None

    def _gather(self, ask: Gather, events: Events) -> GatherAnswer:
        self._follow_rules(ask.rules)
        self._closed, self._opened, self.judged = {}, {}, []
        results: Counter[RecordResult] = Counter()
        closed: dict[int, dict[datetime, Crowd]] = {}
        opened: dict[int, dict[datetime, Crowd]] = {}
        for place, watermark, looks in ask.steps:
            if looks:
                crowds = opened[place] = {}
                buckets = self._opened[place] = {}
                for actor_buckets, crowd in self.buckets.peek(EPOCH):
                    if actor_buckets:
                        start = actor_buckets[0].bucket.start
                        crowds[start], buckets[start] = crowd, actor_buckets
                continue
            for event in events.get(place, ()):
                results[self.buckets.observe(event)] += 1
            if self.buckets.ripe(watermark):
                self.changes += 1
                crowds = closed[place] = {}
                for actor_buckets, crowd in self.buckets.close(watermark):
                    if actor_buckets:
                        start = actor_buckets[0].bucket.start
                        crowds[start], self._closed[place, start] = crowd, actor_buckets
        return GatherAnswer(results, closed, opened)

    def _follow_rules(self, rules: Rules) -> None:
        if rules != self._rules:
            self._rules = rules
            self._rulings.verdicts = Verdicts(rules.verdicts)
            self._judge.suppress(Suppressions(rules.suppressions))

    def _close(self, ask: Close) -> CloseAnswer:
        seen = self._closed.pop((ask.place, ask.start), None)
        if seen is None:
            return CloseAnswer((), (), (), {})
        judgements = finish(self._judge.judge_steps(seen, ask.crowd))
        lessons = finish(self._judge.learn_steps(judgements, ask.crowd))
        self.judged.append(judgements)

        def wanted(anomalies: Iterable[Anomaly]) -> list[Anomaly]:
            return [one for one in anomalies if one.score >= ask.least or one.actor.id in ask.watched]

        actors = [one.actor for one in seen]
        return CloseAnswer(actors, wanted(anomalies_in(judgements)), wanted(suppressed_in(judgements)), lessons)

    def _look(self, ask: Look) -> list[Previewed]:
        buckets = self._opened.pop(ask.place)
        opened = [(actor_buckets, ask.crowds[start]) for start, actor_buckets in buckets.items()]
        return finish(preview_steps(opened, self._judge, ask.least))

    def dump(self) -> Iterator[tuple[str, Any]]:
        """Yield ``(section, row)`` in a stable order; a batch must be settled."""
        return chain(self.dump_open(), self.dump_learnt())

    def dump_open(self) -> Iterator[tuple[str, Any]]:
        """Yield the rows of `dump` that may change with every message, which are its first."""
        yield "shard", {"number": self.number, "of": self.of}
        yield from dump_open(self)

    def dump_learnt(self) -> Iterator[tuple[str, Any]]:
        """Yield the rows of `dump` that are the same as long as `changes` is: nearly all of a large state."""
        return chain(dump_closed(self), dump_learnt(self))

    def load(self, rows: Iterable[tuple[str, Any]]) -> None:
        """Replace everything by what `dump` gave; sections that it does not know are left to others.

        Raises
        ------
        OtherShard
            When it is another one's.
        UnexpectedRow
            When a row has other fields than those that are dumped; what has been replaced by then is half of it.
        """
        rest = iter(rows)
        section, row = next(rest, ("", None))
        if section != "shard":
            raise OtherShard("the state is no shard's: `unwonted state shard` makes shards of a snapshot")
        number, of = fields("shard", row, "number", "of")
        if (number, of) != (self.number, self.of):
            raise OtherShard(
                f"the state is that of shard {number} of {of}, and this is shard {self.number} of {self.of}: another"
                " number of shards needs `unwonted state merge` and `unwonted state shard`"
            )
        self.changes += 1
        load_rows(rest, knowledge=self)
        self._judge.forget()


def finish_all(steps: Iterator[None]) -> None:
    """Take all steps."""
    for _ in steps:
        pass
