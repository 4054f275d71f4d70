"""What driver and shards refuse, share out, and where equality with one process ends."""

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from models.detectors.registry import build
from models.stream.buckets import Limits
from models.stream.events import ActivityEvent, Actor, ActorKind, Outcome
from models.stream.operations import RecordResult
from models.stream.rows import UnexpectedRow
from service.core.engine.engine import Engine
from service.core.engine.state_rows import OtherBuckets
from service.core.engine.values import Options
from service.core.messages import Message, Position
from service.core.verdicts.collection import Verdicts
from service.shards.driver import BatchResult, Driver, End, EvaluateAt
from service.shards.local import take_batch
from service.shards.migration import merge_states, split_state
from service.shards.routing import Routed, route, shard_of
from service.shards.shard import OtherShard, Shard
from tests.fakes.detector import FirstTime
from tests.fakes.verdicts import verdict
from tests.service.core.engine.test_engine import HOUR, MINUTE, START

OPTIONS = Options()
MANY = [Actor(f"t/p{number}", f"p{number}@example.com", ActorKind.HUMAN) for number in range(12)]


def event(actor: Actor, minutes: int = 0, operation: str = "op") -> ActivityEvent:
    time = START + minutes * MINUTE
    return ActivityEvent(time, actor, "a/write", "A/WRITE", Outcome.SUCCESS, f"{operation}{actor.id}{minutes}")


def message(number: int, *events: ActivityEvent, later: timedelta = timedelta(0), shards: int = 3) -> Routed:
    newest = max((one.time for one in events), default=START)
    return route(Message("0", number, str(number), newest + later, b"..."), events, OPTIONS.horizon, shards)


class Life:
    """A driver with three shards."""

    def __init__(self, options: Options = OPTIONS, shards: int = 3) -> None:
        self.driver = Driver(options, [FirstTime()], shards)
        self.driver.expect(["0"])
        self.shards = [Shard(options, [FirstTime()], number, shards) for number in range(shards)]

    def take(self, *happened: Routed | End | EvaluateAt) -> BatchResult:
        return take_batch(self.driver, self.shards, happened)


def plain(rows: Any) -> list[Any]:
    return list(json.loads(json.dumps(list(rows))))


def test_a_message_is_parted_by_identity_and_its_body_is_not_handed_on() -> None:
    routed = message(0, *map(event, MANY))
    assert routed.head.message.body == b""
    assert (routed.head.records, routed.head.newest) == (len(MANY), START)
    assert {one.actor.id: shard for shard, several in routed.by_shard.items() for one in several} == {
        actor.id: shard_of(actor.id, 3) for actor in MANY
    }
    assert set(routed.by_shard) == {0, 1, 2}


def test_what_is_too_late_or_ahead_of_its_message_is_seen_to_before_it_is_shared_out() -> None:
    ahead = event(MANY[0], minutes=5)
    old = event(MANY[1])._replace(time=START - OPTIONS.horizon - HOUR)
    routed = route(Message("0", 0, "0", START, b""), [ahead, old], OPTIONS.horizon, 1)
    assert routed.by_shard == {0: [ahead._replace(time=START)]}
    assert (routed.head.clamped, routed.head.too_late, routed.head.records) == (1, 1, 2)


def test_a_batch_says_what_became_of_its_messages() -> None:
    life = Life()
    first = message(0, *map(event, MANY))
    result = life.take(
        first, first, message(1, event(MANY[0])), End("0", 1, START + 3 * HOUR), EvaluateAt(START + HOUR)
    )
    assert result.fresh == 2
    assert result.results == {RecordResult.OPERATION: len(MANY), RecordResult.DUPLICATE: 1, RecordResult.TOO_LATE: 0}
    [evaluation] = result.evaluations
    assert len(evaluation.alerts) == len(MANY)
    assert life.driver.positions == {"0": Position(1, "1", START)}
    assert life.driver.records == len(MANY) + 1
    assert set(life.driver.people) == {actor.id for actor in MANY}


def test_a_batch_of_nothing_moves_on_all_the_same() -> None:
    life = Life()
    assert life.take(message(0)).fresh == 1
    assert life.take() == BatchResult(0, life.take().results, 0, [])
    assert life.driver.positions["0"].sequence_number == 0


def test_verdicts_that_come_too_late_are_named_at_once() -> None:
    life = Life()
    life.take(message(0, event(MANY[0])), End("0", 0, START + 30 * HOUR))
    late = verdict(takes_effect=START)
    assert list(life.driver.accept(Verdicts([late]))) == [late]


def test_a_shard_refuses_the_state_of_another() -> None:
    life, other = Life(), Life(shards=2)
    with pytest.raises(OtherShard, match=r"shard 1 of 3, and this is shard 0 of 3"):
        life.shards[0].load(life.shards[1].dump())
    with pytest.raises(OtherShard, match=r"shard 0 of 2, and this is shard 0 of 3: another number of shards needs"):
        life.shards[0].load(other.shards[0].dump())
    with pytest.raises(OtherShard, match="no shard's"):
        life.shards[0].load(life.driver.dump())
    with pytest.raises(OtherShard, match="no shard's"):
        life.shards[0].load(())


def test_a_driver_refuses_the_state_of_others() -> None:
    life, other = Life(), Life(shards=2)
    with pytest.raises(OtherShard, match="made with 2 shards, and the configuration says 3"):
        life.driver.load(other.driver.dump())
    with pytest.raises(OtherShard, match="no driver's"):
        life.driver.load(life.shards[0].dump())
    with pytest.raises(OtherShard, match="no driver's"):
        life.driver.load(Engine(OPTIONS, [FirstTime()]).dump())
    with pytest.raises(OtherBuckets):
        Driver(OPTIONS._replace(bucket=2 * HOUR), [FirstTime()], 3).load(life.driver.dump())
    with pytest.raises(UnexpectedRow, match="engine: is missing"):
        life.driver.load([("driver", {"shards": 3})])


def test_a_snapshot_is_parted_and_put_together_again_without_loss() -> None:
    options = OPTIONS._replace(thresholds={"rare_action": 1.0})

    def single() -> Engine:
        return Engine(options, [build("rare_action"), build("dormant"), build("watch_list")])

    engine = single()
    engine.expect(["0"])
    for hour in range(6):
        events = [event(actor, minutes=60 * hour) for actor in MANY]
        running = [one._replace(outcome=Outcome.STARTED, operation=f"long{one.operation}") for one in events]
        engine.apply(Message("0", hour, str(hour), START + (hour + 1) * HOUR, b""), events + running)
    engine.evaluate(START + 6 * HOUR)
    engine.buckets._evicted = 7
    rows = plain(engine.dump())
    for shards in (1, 2, 5):
        driver, parts = split_state(rows, shards)
        for number, part in enumerate(parts):
            one = Shard(options, [build("rare_action"), build("dormant"), build("watch_list")], number, shards)
            one.load(part)
            assert plain(one.dump()) == plain(part)
        again = single()
        again.load(merge_states(driver, parts))
        assert plain(again.dump()) == rows


def test_bounds_on_all_together_are_shared_out_and_there_equality_ends() -> None:
    """Of unfinished operations each shard keeps its share: who is forgotten first is no longer decided by all."""
    options = OPTIONS._replace(limits=Limits(unfinished=len(MANY)))
    life, engine = Life(options), Engine(options, [FirstTime()])
    engine.expect(["0"])
    running = [event(actor)._replace(outcome=Outcome.STARTED) for actor in MANY]
    life.take(message(0, *running), End("0", 0, START + 3 * HOUR))
    engine.apply(Message("0", 0, "0", START, b""), running)
    engine.idle("0", 0, START + 3 * HOUR)
    assert engine.buckets.held() == len(MANY)
    homes = Counter(shard_of(actor.id, 3) for actor in MANY)
    share = len(MANY) // 3
    assert {shard.number: shard.buckets.held() for shard in life.shards} == {
        number: held if held <= share else 0 for number, held in homes.items()
    }
    assert max(homes.values()) > share


def test_shards_are_put_together_only_if_all_are_there() -> None:
    life, other = Life(), Life(shards=2)
    parts = [list(shard.dump()) for shard in life.shards]
    with pytest.raises(OtherShard, match="shard 1 of 3 is missing"):
        list(merge_states(life.driver.dump(), [parts[0], parts[2], other.shards[1].dump()]))
    with pytest.raises(OtherShard, match="there are 4 shards where the driver has 3"):
        list(merge_states(life.driver.dump(), [*parts, other.shards[0].dump()]))
