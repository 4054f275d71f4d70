"""Which attacks are imagined, of whom, from where, and how they are counted."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from models.detectors.anomalies import Anomaly
from models.detectors.judging import Asked, Judgement
from models.detectors.sensitivity import sensitivity
from models.stream.cells import ActorBucket, Cell, Crowd
from models.stream.events import Actor, ActorKind
from models.stream.windows import Bucket
from service.core.shadow.attacks import ATTACKS
from service.core.shadow.recall import VICTIM_KINDS, CaseCount, Origin
from service.core.shadow.shadows import STRANGE, Shadows

NOON = Bucket(datetime(2026, 3, 2, 12, tzinfo=UTC), timedelta(hours=1))
HOME = "10.1.2.3"
OWN = "microsoft.web/sites/write"


def bucket_of(name: str, kind: ActorKind = ActorKind.HUMAN, *, late: bool = False, action: str = OWN) -> ActorBucket:
    time = NOON.start + timedelta(minutes=59, seconds=59)
    cell = Cell(action, action, time, 1, 1, 0, 0, (HOME,), ("one",), (), late)
    return ActorBucket(Actor(f"t/{name}", name, kind), NOON, (cell,))


def many(number: int = 60) -> list[ActorBucket]:
    kinds = list(ActorKind)
    return [bucket_of(f"who{n}", kinds[n % len(kinds)]) for n in range(number)]


class Judges:
    """Finds every cell that is asked about, and writes down what it was asked."""

    def __init__(self, score: float = 90.0) -> None:
        self.asked: list[tuple[ActorBucket, Crowd]] = []
        self._score = score

    def __call__(self, seen: ActorBucket, crowd: Crowd) -> Judgement:
        self.asked.append((seen, crowd))
        found = [Anomaly("rare_action", seen.actor, seen.bucket, cell, self._score, 5.0) for cell in seen.cells]
        return Judgement(seen, Asked(crowd), {"rare_action": found}, self._score)

    @staticmethod
    def unusual(anomaly: Anomaly) -> bool:
        return anomaly.score >= 60.0


def imagine(hour: Sequence[ActorBucket], each: int = 5, judges: Judges | None = None) -> tuple[Judges, Shadows]:
    asked, shadows = judges or Judges(), Shadows(each)
    shadows.evaluated()
    for _ in shadows.judge_steps(hour, Crowd.of(hour), asked, Judges.unusual):
        pass
    return asked, shadows


def test_so_many_of_each_kind_are_imagined_to_be_stolen_and_no_others() -> None:
    asked, shadows = imagine(many(), each=3)
    kinds = [seen.actor.kind for seen, _ in asked.asked]
    assert {kind: kinds.count(kind) for kind in kinds} == dict.fromkeys(VICTIM_KINDS, 3)
    assert shadows.recall.of() == CaseCount(12, 12)


def test_what_is_told_although_it_is_not_to_be_learnt_counts_as_found() -> None:
    class KeptOut(Judges):
        def __call__(self, seen: ActorBucket, crowd: Crowd) -> Judgement:
            said = super().__call__(seen, crowd)
            return said._replace(anomalies={}, suppressed=said.anomalies)

    assert imagine(many(), each=3, judges=KeptOut())[1].recall.of() == CaseCount(12, 12)


def test_whom_it_strikes_and_how_does_not_depend_on_the_order_in_which_they_came() -> None:
    forth, back = imagine(many())[1], imagine(many()[::-1])[1]
    assert forth.recall.by_case() == back.recall.by_case()


def test_an_hour_is_attacked_once_after_each_evaluation() -> None:
    hour, judges = many(), Judges()
    shadows = Shadows(1)
    for evaluated, so_far in ((False, 0), (True, 4), (False, 4), (True, 8)):
        if evaluated:
            shadows.evaluated()
        list(shadows.judge_steps(hour, Crowd.of(hour), judges, Judges.unusual))
        assert len(judges.asked) == so_far


def test_nothing_is_imagined_where_nobody_asked_for_it() -> None:
    assert imagine(many(), each=0)[0].asked == []


def test_an_hour_that_is_judged_again_for_what_came_late_is_left_alone() -> None:
    assert imagine([bucket_of("ann", late=True)])[0].asked == []


def cases() -> dict[Origin, tuple[ActorBucket, Crowd]]:
    """One imagined attack from each origin, and the crowd around it."""
    found = {}
    for number in range(60):
        asked, shadows = imagine([bucket_of(f"who{number}")])
        [case] = [case for case, share in shadows.recall.by_case().items() if share.imagined]
        found[case.origin] = asked.asked[0]
    return found


@pytest.mark.parametrize("origin", Origin)
def test_an_attack_stays_in_its_hour_and_comes_from_where_it_is_said_to(origin: Origin) -> None:
    seen, crowd = cases()[origin]
    attack = [cell for cell in seen.cells if cell.action != OWN]
    assert all(NOON.start <= cell.first_time < NOON.end for cell in attack)
    assert {cell.addresses for cell in attack} == {(HOME,) if origin is Origin.OWN_NETWORK else (STRANGE,)}
    assert {cell.scopes for cell in attack} == {("one",)}
    assert any(cell.action == OWN for cell in seen.cells) == (origin is not Origin.NEW_IDENTITY)
    assert crowd.actors == (2 if origin is Origin.NEW_IDENTITY else 1)
    assert all(crowd.tally(cell.action).actors == 1 for cell in attack)


def test_what_the_identity_does_by_itself_is_no_attack_that_was_found() -> None:
    class OnlyItsOwn(Judges):
        def __call__(self, seen: ActorBucket, crowd: Crowd) -> Judgement:
            said = super().__call__(seen, crowd)
            own = [one for one in said.anomalies["rare_action"] if one.cell.action == OWN]
            return said._replace(anomalies={"rare_action": own})

    assert imagine(many(), judges=OnlyItsOwn())[1].recall.of() == CaseCount(20, 0)


def test_what_is_below_its_threshold_is_missed() -> None:
    assert imagine(many(), judges=Judges(59.9))[1].recall.of().alerted == 0


def test_what_it_did_by_itself_is_one_cell_with_the_same_of_the_attack() -> None:
    steps = {step.action for attack in ATTACKS for step in attack.steps}
    for action in sorted(steps):
        asked, _ = imagine([bucket_of("ann", action=action)])
        [(seen, _)] = asked.asked
        actions = [cell.action for cell in seen.cells]
        assert len(actions) == len(set(actions))


def test_every_case_can_come_and_is_told_of_before_it_has() -> None:
    _, shadows = imagine([bucket_of(f"who{n}", kind) for kind in VICTIM_KINDS for n in range(600)], each=600)
    shares = shadows.recall.by_case()
    assert len(shares) == len(ATTACKS) * len(VICTIM_KINDS) * len(Origin)
    assert all(share.imagined for share in shares.values())


def test_every_attack_has_something_that_intruders_need_in_it() -> None:
    for attack in ATTACKS:
        assert any(sensitivity(step.action) for step in attack.steps), attack.name
        assert len({step.action for step in attack.steps}) == len(attack.steps)
