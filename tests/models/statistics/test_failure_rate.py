import json
from datetime import UTC, datetime

from models.statistics.failure_rate import FailureRate
from models.statistics.lessons import by_name
from models.stream.cells import Cell, Crowd, Tally


def learn(model: FailureRate, actor: str, tried: list[tuple[str, bool]], hours: float) -> None:
    lessons = by_name()
    model.learn(actor, tried, hours, lessons)
    model.teach(lessons, hours)


def failing(action: str) -> Cell:
    return Cell(action, action, datetime(2026, 3, 2, tzinfo=UTC), 1, 0, 0, 1)


def worked(hours: int = 200) -> FailureRate:
    """Twenty people whose work succeeds, and a job that is refused every hour."""
    model = FailureRate()
    for hour in range(hours):
        for person in range(20):
            learn(model, f"p{person}", [("web/write", False), ("web/read", False)], float(hour))
        learn(model, "job", [("web/list", True)], float(hour))
    return model


def test_a_failure_of_what_never_fails_is_unlikely_and_one_of_what_always_fails_is_not() -> None:
    model = worked()
    assert model.probability("p1", "web/write", 200.0) < 0.01
    assert model.probability("job", "web/list", 200.0) > 0.9


def test_a_refusal_of_somebody_else_stays_unlikely_while_one_job_fails_all_the_time() -> None:
    model = worked()
    assert model.probability("p1", "web/read", 200.0) < 0.01


def test_an_outage_explains_a_failure() -> None:
    model = worked()
    own = [failing("web/write")]
    outage = Crowd(20, {"web/write": Tally(20, 18), "web/read": Tally(20, 17)})
    calm = Crowd(20, {"web/write": Tally(20, 1), "web/read": Tally(20, 0)})
    assert model.probability("p1", "web/write", 200.0, outage, own) > 0.7
    assert model.probability("p1", "web/write", 200.0, calm, own) < 0.01


def test_doors_that_are_all_shut_to_one_identity_are_no_outage() -> None:
    model = worked()
    doors = tuple(failing(f"web/{number}") for number in range(9))
    crowd = Crowd(1, {cell.action: Tally(1, 1) for cell in doors})
    alone = model.probability("p1", "web/3", 200.0)
    assert model.probability("p1", "web/3", 200.0, crowd, doors) == alone


def test_an_outage_of_one_service_says_nothing_of_another() -> None:
    model = worked()
    outage = Crowd(20, {"sql/write": Tally(20, 18), "web/write": Tally(1, 1)})
    assert model.probability("p1", "web/write", 200.0, outage, [failing("web/write")]) < 0.02


def test_failures_fade() -> None:
    model = FailureRate(half_life=24.0)
    for hour in range(50):
        learn(model, "p", [("web/write", True)], float(hour))
    for hour in range(50, 300):
        learn(model, "p", [("web/write", False)], float(hour))
    assert model.probability("p", "web/write", 300.0) < 0.2


def test_pairs_and_actions_are_bounded_and_dropping_is_counted() -> None:
    model = FailureRate(max_actions=50, max_pairs=8)
    for number in range(1_000):
        learn(model, "p", [(f"made-up-{number}/write", True)], float(number))
    assert model.entries() <= 51
    assert model.evicted > 500
    assert model.states.evicted_values > 500
    assert len(json.dumps([*model.dump(), *model.states.dump()])) < 20_000


def test_a_dump_restores_every_probability() -> None:
    model, restored = worked(30), FailureRate()
    restored.load(json.loads(json.dumps(list(model.dump()))))
    restored.states.load(json.loads(json.dumps(list(model.states.dump()))))
    for actor, action in (("p1", "web/write"), ("job", "web/list"), ("new", "sql/read")):
        assert restored.probability(actor, action, 31.0) == model.probability(actor, action, 31.0)
    assert list(restored.dump()) == list(model.dump())
    assert list(restored.states.dump()) == list(model.states.dump())
