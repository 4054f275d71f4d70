"""What a poisoning is paid in, and that asking what a theft would be told of is silent."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from benchmarks.adversary.poisonings import FIRST_DAY, FLOOD, POISONINGS, Poisoning, Question, Theft, questions
from benchmarks.adversary.prices import STRANGE, Asking, Price, table
from benchmarks.adversary.world import World
from demo.tenant import DAY, TenantPlan
from models.detectors.anomalies import Anomaly
from models.stream.cells import ActorBucket, Cell, Crowd
from models.stream.events import Actor, ActorKind
from models.stream.windows import Bucket
from tests.fakes.detector import FirstTime

PLAN = TenantPlan(seed=4, identities=40, days=22, campaigns=0)
HOME = "10.1.2.3"


@cache
def asked() -> dict[str, Question]:
    return {one.poisoning.name: one for one in questions(PLAN)}


@cache
def world() -> World:
    return World(PLAN)


@pytest.mark.parametrize("poisoning", POISONINGS, ids=lambda one: one.name)
def test_a_poisoning_is_paid_every_day_but_the_last_and_its_theft_is_new_to_the_victim(poisoning: Poisoning) -> None:
    question = asked()[poisoning.name]
    victim, stolen = question.theft.victim, question.theft.operations
    assert not stolen.keys() & world().life(victim).operations.keys()
    everyday = [call for call in question.calls if call.who.id == victim.id and call.what.action not in stolen]
    assert {call.time // DAY for call in everyday} == set(range(FIRST_DAY, PLAN.days))
    paid = [call for call in question.calls if call not in everyday or poisoning.name.startswith(str(FLOOD))]
    assert {*range(FIRST_DAY, PLAN.days - 1)} <= {call.time // DAY for call in paid}


def test_what_is_paid_is_what_the_poisoning_says() -> None:
    def paid(name: str) -> Iterable[tuple[bool, str, bool]]:
        question = asked()[name]
        stolen = question.theft.operations
        mine = question.theft.victim.id
        return [(c.who.id == mine, c.failure, c.what.action in stolen) for c in question.calls if c.time // DAY == 17]

    everyday = (True, "", False)
    assert sorted(paid("the same three every day")) == [everyday, *[(True, "", True)] * 3]
    assert sorted(paid("refused every day")) == [everyday, *[(True, "Forbidden", True)] * 3]
    assert sorted(paid("one of the three every day")) == [everyday, (True, "", True)]
    assert sorted(paid("fresh accomplices do it")) == [*[(False, "", True)] * 15, everyday]
    assert sorted(paid("one colleague does it every day")) == [*[(False, "", True)] * 3, everyday]
    assert sorted(paid(f"{FLOOD} harmless novelties a day")) == [everyday] * (FLOOD + 1)
    assert sorted(paid("one made and deleted every day")) == [everyday, everyday, (True, "", True)]


def test_no_two_thefts_have_an_operation_in_common_and_no_two_a_victim() -> None:
    thefts = [question.theft for question in asked().values()]
    stolen = [action for theft in thefts for action in theft.operations]
    assert len(stolen) == len(set(stolen))
    assert len({theft.victim.id for theft in thefts}) == len(POISONINGS)


class FromElsewhere(FirstTime):
    """Finds whatever comes from a strange network."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[ActorBucket] = []

    def score(self, seen: ActorBucket, crowd: Crowd) -> list[Anomaly]:
        self.asked.append(seen)
        return [
            Anomaly("first", seen.actor, seen.bucket, cell, 90.0, 5.0)
            for cell in seen.cells
            if STRANGE in cell.addresses
        ]


def hour(day: int, hour: int, *, late: bool = False) -> ActorBucket:
    bucket = Bucket(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day, hours=hour), timedelta(hours=1))
    victim = asked()["refused every day"].theft.victim
    cell = Cell("a/write", "A/write", bucket.start, 1, 1, 0, 0, (HOME,), ("one",), (), late)
    return ActorBucket(Actor(victim.id, victim.name, ActorKind.HUMAN), bucket, (cell,))


def test_what_a_theft_would_be_told_of_is_asked_in_its_hour_and_found_by_nobody() -> None:
    victim, other = asked()["refused every day"].theft.victim, FromElsewhere()
    asking = Asking([Theft(victim, {"b/delete": 60}, 9)], {"first": other}, {"first": 80.0})
    seen = [hour(3, 9), hour(3, 10), hour(4, 9, late=True)]
    assert [asking.score(one, Crowd.of([one])) for one in seen] == [[], [], []]
    assert asking.told == {(victim.id, 3): (False, True)}
    assert [[cell.action for cell in one.cells] for one in other.asked] == [["a/write", "b/delete"]] * 2
    assert [one.cells[1].attempts for one in other.asked] == [60, 60]


def test_a_table_gives_every_price_and_leaves_out_of_the_median_what_was_never_told() -> None:
    prices = [Price(POISONINGS[0], own, strange, 1, 20) for own, strange in ((0, None), (3, None), (None, 4))]
    row = table(prices, FIRST_DAY + 20).splitlines()[2]
    assert row == ("| the same three every day | days | 11.5 | 0, 3, > 19 | > 19 | 4, > 19, > 19 | 3 of 60 days |")
