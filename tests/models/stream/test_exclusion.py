"""What is passed over: the rest is judged and learnt as if nothing else had been there."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.detectors.anomalies import Anomaly
from models.detectors.contract import Detector
from models.detectors.judging import Judge
from models.detectors.registry import DETECTORS
from models.stream.cells import ActorBucket, Cell, Crowd, Tally
from models.stream.exclusion import Exclusions, excluding, without
from tests.models.detectors.driving import crowd_of, dumped
from tests.models.detectors.test_laws import ACTIONS, START, build, history

OWN = Cell("sql/write", "Sql/write", START, 1, 0, 0, 1)
Group = list[ActorBucket]


def always(passing: Exclusions) -> Callable[[ActorBucket], Exclusions]:
    return lambda _: passing


def judged(
    name: str, groups: list[Group], exclusions: list[Exclusions]
) -> tuple[Detector, list[Anomaly], list[Anomaly]]:
    """Drive a detector as the engine does; returns it, what it said, and what it would have said."""
    detector = build(name)
    judgements = Judge({name: detector})
    said, suppressed = list[Anomaly](), list[Anomaly]()
    for group, passing in zip(groups, exclusions, strict=True):
        crowd = crowd_of(*group)
        found = [judgements.judge(seen, crowd, always(passing)) for seen in group]
        lessons = judgements.lessons(group[0].bucket.hours if group else 0.0)
        for judgement in found:
            said += judgement.anomalies.get(name, ())
            suppressed += judgement.suppressed.get(name, [])
            judgements.learn(judgement, crowd, lessons)
        for _ in judgements.teach(lessons):
            pass
    return detector, said, suppressed


@pytest.mark.parametrize("name", sorted(DETECTORS))
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_is_passed_over_and_not_learnt_might_as_well_not_have_been(name: str, seed: int) -> None:
    rng = random.Random(seed)
    alone = history(seed, people=1)
    passing = [{action for action in ACTIONS if rng.random() < 0.3} for _ in alone]
    exclusions: list[Exclusions] = [{name: dict.fromkeys(actions, False)} for actions in passing]
    left = [
        [rest for seen in group if (rest := without(seen, actions)).cells]
        for group, actions in zip(alone, passing, strict=True)
    ]
    detector, said, suppressed = judged(name, alone, exclusions)
    reference, expected, _ = judged(name, left, [{}] * len(left))
    assert said == expected
    assert dumped(detector) == dumped(reference)
    assert all(anomaly.cell.action in passing[alone_at(alone, anomaly)] for anomaly in suppressed)


def alone_at(groups: list[Group], anomaly: Anomaly) -> int:
    return next(at for at, group in enumerate(groups) if any(seen.bucket == anomaly.bucket for seen in group))


def test_what_is_passed_over_and_learnt_is_ordinary_afterwards_and_no_evidence() -> None:
    def again(learn: bool) -> Anomaly:
        groups = history(3, people=1)
        group = groups[-1]
        strange = group[0].cells[0]._replace(action="vault/purge/action", action_name="Vault/purge/action")
        announced = [ActorBucket(group[0].actor, group[0].bucket, (*group[0].cells, strange))]
        passing: Exclusions = {"rare_action": {strange.action: learn}}
        detector, *_ = judged("rare_action", [*groups[:-1], announced], [{}] * (len(groups) - 1) + [passing])
        later = announced[0].bucket._replace(start=announced[0].bucket.end)
        [found] = detector.score(ActorBucket(group[0].actor, later, (strange,)), Crowd(1, {}))
        return found

    learnt, unlearnt = again(learn=True), again(learn=False)
    assert learnt.surprise < unlearnt.surprise - 0.5
    assert learnt.surprise == pytest.approx(learnt.alone, abs=1e-3)
    # What it did on the days before may count as the beginning of a campaign; what was passed over would add far more.
    assert unlearnt.surprise < unlearnt.alone + 0.6


def test_ones_own_cells_that_are_left_out_are_not_taken_for_what_others_do() -> None:
    crowd = Crowd(2, {"sql/write": Tally(1, 1), "sql/read": Tally(2, 0)})
    seen = ActorBucket(history(1)[0][0].actor, history(1)[0][0].bucket, (OWN, OWN._replace(action="sql/read")))
    rest, others = excluding(seen, crowd, {"sql/write"})
    assert [cell.action for cell in rest.cells] == ["sql/read"]
    assert (others.tally("sql/write"), others.tally("sql/read"), others.service("sql")) == ((0, 0), (2, 0), (2, 0))
    assert others.actors == 2
    assert excluding(seen, crowd, ()) == (seen, crowd)
