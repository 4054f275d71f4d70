"""However identities are shared out and the input is cut into batches: what is found, told and saved is the same.

The single engine and the shards go through the same moments: messages in any interleaving of their partitions, some of
them again, ends of partitions, evaluations; verdicts come in between. Driver and shards are saved and loaded between
batches, run again from what was saved before, and speak through pickles.
"""

import json
import pickle
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zlib import crc32

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from models.detectors.anomalies import Anomaly
from models.detectors.contract import Detector
from models.stream.cells import Crowd
from models.stream.events import ActivityEvent, Actor, ActorKind
from models.stream.operations import RecordResult
from models.stream.windows import EPOCH
from service.core.engine.closing import anomalies_in
from service.core.engine.values import Evaluation
from service.core.messages import Message
from service.core.verdicts.collection import Verdicts
from service.core.verdicts.verdict import Verdict
from service.shards.driver import BatchResult, Driver, End, EvaluateAt
from service.shards.exchange import Close, Gather, Request
from service.shards.local import run_batch, split_batch
from service.shards.migration import merge_states, split_state
from service.shards.routing import route
from service.shards.shard import Shard
from tests.properties.lives import (
    MakeEngine,
    announced_engine,
    budgeted_engine,
    engine,
    grouping_engine,
    joining_engine,
    real_engine,
)
from tests.properties.streams import NIGHT, PARTITIONS, TICK, Hub, hubs
from tests.properties.test_flagship_verdicts import journals

Arrived = tuple[Message, Sequence[ActivityEvent]]
Happening = Arrived | End | EvaluateAt


class Found(NamedTuple):
    """What can be known of a run: judged cells, what each evaluation came to, records, and the state at the end."""

    anomalies: dict[str, Anomaly]
    evaluations: list[Evaluation]
    results: Counter[RecordResult]
    clamped: int
    state: list[Any]


def happenings(hub: Hub, order: Sequence[int]) -> list[Happening]:
    """Return what happens in front of a hub; `order` says who of the partitions delivers next, and what comes again."""
    cursor, found, turns = dict.fromkeys(PARTITIONS, 0), list[Happening](), iter(order)
    now = min(message.enqueued_time for log in hub.partitions.values() for message, _ in log)
    while now <= hub.end:
        now += TICK
        while waiting := [name for name in PARTITIONS if cursor[name] < hub.until(name, now)]:
            turn = next(turns, 0)
            name = waiting[turn % len(waiting)]
            found.append(hub.partitions[name][cursor[name]])
            cursor[name] += 1
            if turn >= 10:
                cursor[name] = max(0, cursor[name] - turn % 3)
        found += [End(name, hub.until(name, now) - 1, now) for name in PARTITIONS]
        found.append(EvaluateAt(now))
    return found


def known(journal: Sequence[Verdict], batch: Sequence[Happening]) -> Verdicts:
    """Return the verdicts that were given before a batch ended, by the clock of its ticks."""
    until = max((one.now for one in batch if isinstance(one, EvaluateAt)), default=None)
    return Verdicts(one for one in journal if until is not None and one.at <= until)


def crowded(hub: Hub) -> Hub:
    """Give most operations to others, so that all shards have somebody."""

    def of(event: ActivityEvent) -> ActivityEvent:
        who = crc32(event.operation.encode()) % 8
        return event if who < 2 else event._replace(actor=Actor(f"t/p{who}", f"p{who}@example.com", ActorKind.HUMAN))

    return hub._replace(
        partitions={
            name: [(message, list(map(of, events))) for message, events in log] for name, log in hub.partitions.items()
        }
    )


def plain(rows: Any) -> list[Any]:
    return list(json.loads(json.dumps(list(rows))))


def alone(make: MakeEngine, batches: Sequence[Sequence[Happening]], journal: Sequence[Verdict]) -> Found:
    """Go through everything with the single engine."""
    single, anomalies, evaluations = make(), dict[str, Anomaly](), list[Evaluation]()
    results, clamped = Counter[RecordResult](), 0
    for batch in batches:
        single.accept(known(journal, batch))
        for one in batch:
            scored: Sequence[Anomaly] = ()
            match one:
                case EvaluateAt(now):
                    evaluations.append(single.evaluate(now))
                case End():
                    scored = single.idle(*one)
                case (message, events):
                    applied = single.apply(message, events)
                    scored, clamped = applied.scored, clamped + applied.clamped
                    results.update(applied.results)
            anomalies.update((anomaly.id, anomaly) for anomaly in scored)
    return Found(anomalies, evaluations, +results, clamped, plain(single.dump()))


class Sharded:
    """Driver and shards, built with what the single engine is built with, and saved after each batch."""

    def __init__(self, make: MakeEngine, shards: int) -> None:
        self.make = make
        self.of = shards
        self.restart()

    def detectors(self) -> list[Detector]:
        return list(self.make().detectors.values())

    def restart(self) -> None:
        like = self.make()
        self.driver = Driver(like.options, self.detectors(), self.of)
        self.driver.expect(PARTITIONS)
        self.driver.suppress(like.suppressions)
        self.shards = [Shard(like.options, self.detectors(), number, self.of) for number in range(self.of)]
        self.learnt: dict[tuple[int, int], list[Any]] = {}

    def sent(self, request: Request) -> Request:
        return request

    def saved(self) -> tuple[list[Any], list[list[Any]]]:
        for shard in self.shards:
            learnt = plain(shard.dump_learnt())
            before = self.learnt.setdefault((shard.number, shard.changes), learnt)
            assert before == learnt, "what is learnt is encoded again only where it may have changed"
        return plain(self.driver.dump()), [plain(shard.dump()) for shard in self.shards]

    def load(self, saved: tuple[list[Any], list[list[Any]]]) -> None:
        """Come back, as other processes."""
        self.restart()
        self.driver.load(saved[0])
        for shard, rows in zip(self.shards, saved[1], strict=True):
            shard.load(rows)

    def judged(self) -> list[Anomaly]:
        """Return everything that was found in the buckets that the last batch closed."""
        return [one for shard in self.shards for bucket in shard.judged for one in anomalies_in(bucket)]

    @classmethod
    def of_single(cls, make: MakeEngine, rows: list[Any], shards: int) -> "Sharded":
        """Take over from a single process."""
        made = cls(make, shards)
        made.load(split_state(rows, shards))
        return made

    def merged(self) -> list[Any]:
        """Return what a single process saves that has taken over."""
        single = self.make()
        single.load(merge_states(*self.saved()))
        return plain(single.dump())

    def take(self, batch: Sequence[Happening]) -> BatchResult:
        routed = [
            route(one[0], one[1], self.driver.options.horizon, self.of)
            if not isinstance(one, (End, EvaluateAt))
            else one
            for one in batch
        ]
        moments, events = split_batch(routed, self.of)

        def answers(request: Request) -> list[Any]:
            sent = pickle.dumps(self.sent(request))
            return [
                pickle.loads(pickle.dumps(shard.answer(pickle.loads(sent), own)))  # noqa: S301 - our own bytes
                for shard, own in zip(self.shards, events, strict=True)
            ]

        return run_batch(self.driver.batch(moments), answers)


def in_shards(
    make: MakeEngine,
    batches: Sequence[Sequence[Happening]],
    journal: Sequence[Verdict],
    shards: int,
    crashes: Sequence[int] = (),
    moves: Mapping[int, int] = {},
    made: "type[Sharded]" = Sharded,
) -> Found:
    """Go through everything with shards.

    Before the batches of `crashes` all is lost but what was saved; before those of `moves` a single process takes over,
    saves, and its snapshot is parted into another number of shards.
    """
    sharded, anomalies, evaluations = made(make, shards), dict[str, Anomaly](), list[Evaluation]()
    results, clamped = Counter[RecordResult](), 0
    for number, batch in enumerate(batches):
        if number in moves:
            sharded = made.of_single(make, sharded.merged(), moves[number])
        before = sharded.saved() if number in crashes else None  # to save after each would take most of the time
        sharded.driver.accept(known(journal, batch))
        result, judged = sharded.take(batch), sharded.judged()
        if before is not None:
            written = repr((judged, sharded.saved()))
            sharded.load(before)
            sharded.driver.accept(known(journal, batch))
            result, judged = sharded.take(batch), sharded.judged()
            assert repr((judged, sharded.saved())) == written, "a batch that is run again writes the same bytes"
        evaluations += result.evaluations
        results.update(result.results)
        clamped += result.clamped
        anomalies.update((one.id, one) for one in judged)
    return Found(anomalies, evaluations, +results, clamped, sharded.merged())


def cut(happened: Sequence[Happening], lengths: Sequence[int]) -> list[list[Happening]]:
    """Cut what happens into batches of these lengths, over and over."""
    batches, at, number = list[list[Happening]](), 0, 0
    while at < len(happened):
        length = lengths[number % len(lengths)]
        batches.append(list(happened[at : at + length]))
        at, number = at + length, number + 1
    return batches


def law(make: MakeEngine, *, made: type[Sharded] = Sharded, **drawn_: Any) -> bool:
    """Whether shards come to the same as the single engine."""
    batches = cut(happenings(crowded(drawn_["hub"]), drawn_["order"]), drawn_["lengths"])
    journal, shards, crashes, moves = (drawn_[name] for name in ("journal", "shards", "crashes", "moves"))
    found = in_shards(make, batches, journal, shards, crashes, moves, made)
    return found == alone(make, batches, journal)


def drawn(start: datetime | None = None, *, judged: bool = False) -> dict[str, st.SearchStrategy[Any]]:
    """What a property draws: a hub, the order of its partitions, batches, verdicts, shards, crashes and moves."""
    return {
        "hub": hubs() if start is None else hubs(start),
        "order": st.lists(st.integers(0, 14), max_size=30),
        "lengths": st.lists(st.integers(1, 12), min_size=1, max_size=20),
        "journal": journals() if judged else st.just(list[Verdict]()),
        "shards": st.integers(1, 5),
        "crashes": st.lists(st.integers(0, 20), max_size=3),
        "moves": st.dictionaries(st.integers(0, 10), st.integers(1, 5), max_size=2),
    }


ENGINES = (engine, real_engine, budgeted_engine, announced_engine, grouping_engine, joining_engine)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(make=st.sampled_from(ENGINES), **{**drawn(judged=True), "hub": st.one_of(hubs(), hubs(NIGHT))})
def test_shards_tell_the_same_as_one_engine(make: MakeEngine, **given_: Any) -> None:
    assert law(make, **given_)


@pytest.mark.integration
@pytest.mark.parametrize("make", ENGINES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(**{**drawn(judged=True), "hub": st.one_of(hubs(), hubs(NIGHT))})
def test_so_they_do_many_times(make: MakeEngine, **given_: Any) -> None:
    assert law(make, **given_)


class KeepsLessons(Sharded):
    """Mutation: what a shard teaches stays with nobody."""

    def sent(self, request: Request) -> Request:
        return request._replace(taught=[one for one in request.taught if one.known_to is not None])


class TeachesTwice(Sharded):
    """Mutation: the shard that made a habit is taught it again."""

    def sent(self, request: Request) -> Request:
        return request._replace(taught=[one._replace(known_to=None) for one in request.taught])


class SmallCrowds(Sharded):
    """Mutation: nobody else has done anything."""

    def sent(self, request: Request) -> Request:
        if isinstance(request.ask, Close):
            return request._replace(ask=request.ask._replace(crowd=Crowd(1, {})))
        return request


class ClosesLate(Sharded):
    """Mutation: what is complete is closed once a batch."""

    def sent(self, request: Request) -> Request:
        if isinstance(request.ask, Gather):
            steps = request.ask.steps
            last = max((step.place for step in steps if not step.looks), default=-1)
            kept = (step if step.looks or step.place == last else step._replace(watermark=EPOCH) for step in steps)
            return request._replace(ask=request.ask._replace(steps=tuple(kept)))
        return request


class KnowsNoVerdict(Sharded):
    """Mutation: shards are not told what the model applies."""

    def sent(self, request: Request) -> Request:
        return request._replace(applied=None)


class ForgetsCells(Sharded):
    """Mutation: which cells were closed lately is not saved."""

    def saved(self) -> tuple[list[Any], list[list[Any]]]:
        driver, shards = super().saved()
        return driver, [[row for row in rows if row[0] != "bucket closed"] for rows in shards]


@pytest.mark.integration
@pytest.mark.parametrize("mutant", [KeepsLessons, TeachesTwice, SmallCrowds, ClosesLate, KnowsNoVerdict, ForgetsCells])
def test_the_law_catches(mutant: type[Sharded]) -> None:
    try:
        find(
            st.fixed_dictionaries(drawn(judged=True)),
            lambda given_: not law(real_engine, made=mutant, **given_),
            settings=settings(max_examples=500, phases=[Phase.generate], deadline=None, derandomize=True),
        )
    except NoSuchExample:
        pytest.fail("the law does not notice this mutation")
