"""Asking a state about somebody: who is meant, and whether what they are asked about has ever been done."""

from datetime import timedelta

import pytest

from models.detectors.registry import build
from models.stream.events import Actor, ActorKind
from service.core.engine.engine import Engine
from service.core.engine.inspection import Imagined, UnknownActor, explain, find_actor, imagine
from service.core.engine.values import Options
from service.core.messages import Message
from tests.service.core.engine.test_engine import ANN, BOB, HOUR, START, event

OTHER_BOB = Actor("t/bob2", "bob@fabrikam.example", ActorKind.GUEST)
ALONE = Actor("t/alone", "alone", ActorKind.SERVICE_PRINCIPAL)
NAMESAKE = Actor("t/namesake", "alone@example.com", ActorKind.HUMAN)


@pytest.fixture
def engine() -> Engine:
    engine = Engine(Options(), [build("rare_action"), build("rare_failure")])
    engine.begin(START)
    people = [ANN, BOB, OTHER_BOB, ALONE, NAMESAKE]
    done = [
        event(START + number * HOUR, "microsoft.sql/servers/delete", actor=one) for number, one in enumerate(people)
    ]
    done += [event(START + 40 * HOUR, "microsoft.web/sites/write", actor=ANN, operation="still open")]
    for number, one in enumerate(done):
        engine.apply(Message("0", number, str(number), one.time, b""), [one])
    return engine


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("ann", ANN), ("ANN", ANN), ("ann@example.com", ANN), ("alone", ALONE), ("t/bob", BOB), ("bob2", OTHER_BOB)],
)
def test_somebody_is_found_by_id_by_name_and_by_what_stands_before_the_at_if_nobody_else_has_that(
    engine: Engine, wanted: str, found: Actor
) -> None:
    assert find_actor(engine, wanted) == found


def test_several_of_the_same_name_before_the_at_are_told_apart_and_nobody_is_guessed() -> None:
    engine = Engine(Options(), [])
    for one in (BOB, OTHER_BOB):
        engine.people.remember(one._replace(id=f"{one.id}-of-a-long-id"))
    with pytest.raises(UnknownActor) as caught:
        find_actor(engine, "bob")
    assert str(caught.value) == "bob may be bob@example.com, bob@fabrikam.example: ask by the whole name"


@pytest.mark.parametrize(("wanted", "near"), [("anm", "ann@example.com"), ("fabrikam", "bob@fabrikam.example")])
def test_somebody_unknown_is_told_with_who_is_near(engine: Engine, wanted: str, near: str) -> None:
    with pytest.raises(UnknownActor, match=f"nobody called {wanted} is remembered; near: {near}"):
        find_actor(engine, wanted)


def test_an_operation_that_nobody_has_done_is_said_to_be_that_with_what_is_near(engine: Engine) -> None:
    answer = explain(engine, "ann", "Microsoft.Sql/servers/delet", failed=False)
    assert (answer.is_known, answer.near) == (False, ["microsoft.sql/servers/delete"])
    assert explain(engine, "ann", "sites", failed=False).near == ["microsoft.web/sites/write"]
    assert explain(engine, "ann", "x/y", failed=False).near == []
    for known in ("microsoft.sql/servers/DELETE", "microsoft.web/sites/write"):
        answer = explain(engine, "ann", known, failed=False)
        assert (answer.is_known, answer.near) == (True, [])


def test_the_thresholds_in_force_come_with_an_explanation(engine: Engine) -> None:
    assert explain(engine, "ann", "a/b", failed=True).thresholds == engine.budget.thresholds()


def test_what_a_state_without_a_memory_of_operations_knows_is_not_claimed() -> None:
    engine = Engine(Options(), [])
    engine.people.remember(ANN)
    assert explain(engine, "ann", "a/b", failed=False).is_known


def test_an_activity_can_be_imagined_at_an_hour_to_come_and_from_an_address(engine: Engine) -> None:
    now = explain(engine, "ann", "a/b", failed=False)
    later = explain(engine, "ann", "a/b", failed=False, hour=(now.time.hour - 1) % 24, address="203.0.113.7")
    assert now.time == engine.watermark.time
    assert later.time.replace(hour=now.time.hour) == now.time.replace(minute=0) + timedelta(days=1)
    assert timedelta(hours=22) < later.time - now.time <= timedelta(hours=23)
    assert explain(engine, "ann", "a/b", failed=False, hour=now.time.hour).time == now.time
    assert {one.cell.addresses for one in later.anomalies} == {("203.0.113.7",)}
    before = list(engine.dump())
    imagine(engine, ANN, Imagined("x/y", True, 3, "203.0.113.7"))
    assert list(engine.dump()) == before
