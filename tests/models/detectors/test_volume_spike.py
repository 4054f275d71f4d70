import json
import math
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from models.detectors.anomalies import Anomaly
from models.detectors.volume_spike import VolumeSpike, VolumeSpikeState
from models.statistics.survival import reached
from models.stream.cells import ActorBucket, Cell, Crowd
from models.stream.events import Actor, ActorKind
from models.stream.windows import Bucket
from tests.models.detectors.driving import dumped, learn, restored, terms_of
from tests.models.detectors.fresh import otherwise

HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
PEOPLE = [Actor(f"t/p{number}", f"p{number}", ActorKind.HUMAN) for number in range(10)]
JOB = Actor("t/job", "job", ActorKind.SERVICE_PRINCIPAL)
DELETE, KEYS, WRITE = "microsoft.web/sites/delete", "microsoft.storage/storageaccounts/listkeys/action", "web/write"
NOBODY_ELSE = Crowd(1, {})
AFTER = 14 * 24


def did(actor: Actor, hour: int, counts: Mapping[str, int], *, scope: str = "sub-1", late: bool = False) -> ActorBucket:
    """So many operations of each action: d deletes sites, v vaults, k lists keys, w writes."""
    names = {"d": DELETE, "v": "microsoft.keyvault/vaults/delete", "k": KEYS, "w": WRITE}
    time = MONDAY + hour * HOUR
    cells = [
        Cell(names[short], names[short], time, count, count, 0, 0, scopes=(scope,), late=late)
        for short, count in counts.items()
    ]
    return ActorBucket(actor, Bucket.of(time, HOUR), tuple(cells))


@pytest.fixture(scope="module")
def known() -> VolumeSpike:
    """Ten people at work for a fortnight: now and then one deletes five, or lists three keys. Only to score with."""
    detector = VolumeSpike()
    for hour in range(AFTER):
        for number, actor in enumerate(PEOPLE):
            usual = did(actor, hour, {"w": 2})
            if hour % 24 == number:
                usual = did(actor, hour, {"w": 2, "d": 5, "k": 3})
            learn(detector, usual)
    return detector


def worst(anomalies: list[Anomaly]) -> float:
    return max((anomaly.score for anomaly in anomalies), default=0.0)


@pytest.mark.parametrize("counts", [{"d": 250}, {"k": 200}, {"d": 60, "v": 60}])
def test_far_more_than_ever_fires(known: VolumeSpike, counts: dict[str, int]) -> None:
    assert worst(known.score(did(PEOPLE[0], AFTER, counts), NOBODY_ELSE)) >= known.declaration.threshold


@pytest.mark.parametrize("counts", [{"d": 5}, {"d": 2}, {"k": 7}, {"w": 5_000}])
def test_the_usual_number_or_many_of_what_takes_nothing_away_is_left_alone(
    known: VolumeSpike, counts: dict[str, int]
) -> None:
    assert worst(known.score(did(PEOPLE[0], AFTER, counts), NOBODY_ELSE)) < 50.0


def test_one_is_told_for_each_sort_and_it_is_the_action_done_most(known: VolumeSpike) -> None:
    found = known.score(did(PEOPLE[0], AFTER, {"d": 100, "v": 150, "k": 200, "w": 1_000}), NOBODY_ELSE)
    assert [anomaly.cell.action for anomaly in found] == ["microsoft.keyvault/vaults/delete", KEYS]
    tie = known.score(did(PEOPLE[0], AFTER, {"v": 100, "d": 100}), NOBODY_ELSE)
    assert [anomaly.cell.action for anomaly in tie] == [DELETE], "the later name, whatever the order"


def test_more_surprises_more(known: VolumeSpike) -> None:
    said = [known.score(did(PEOPLE[0], AFTER, {"d": count}), NOBODY_ELSE)[0].surprise for count in (30, 60, 250, 1_000)]
    assert said == sorted(set(said))


def test_who_deletes_one_or_five_now_and_then_is_not_therefore_likely_to_delete_sixty() -> None:
    detector, rung_by_rung = VolumeSpike(), VolumeSpike()
    rung_by_rung.survival.whole_strength = 0.0
    for hour in range(AFTER):
        for number, actor in enumerate(PEOPLE):
            counts = {"w": 2}
            if number == 9 and hour % 24 == 9:
                counts = {"w": 2, "d": 60, "k": 60}
            elif hour % 12 == number:
                counts = {"w": 3, "d": 5 if hour % 120 == number else 1, "k": 5 if hour % 120 == number else 1}
            learn(detector, did(actor, hour, counts))
            learn(rung_by_rung, did(actor, hour, counts))
    for counts in ({"d": 60}, {"k": 50}):
        seen = did(PEOPLE[1], AFTER, counts)
        [found], [before] = detector.score(seen, NOBODY_ELSE), rung_by_rung.score(seen, NOBODY_ELSE)
        assert found.surprise > before.surprise + 0.3
        assert detector.score(did(PEOPLE[9], AFTER, counts), NOBODY_ELSE) == []


def test_who_always_does_many_may_do_somewhat_more() -> None:
    detector = VolumeSpike()
    for hour in range(AFTER):
        learn(detector, *(did(actor, hour, {"w": 2, **({"k": 1} if hour % 12 == 0 else {})}) for actor in PEOPLE))
    for day in (0, 7):
        learn(detector, did(JOB, 24 * day + 3, {"k": 40}))
    [found] = detector.score(did(JOB, AFTER, {"k": 80}), NOBODY_ELSE)
    [other] = detector.score(did(PEOPLE[0], AFTER, {"k": 80}), NOBODY_ELSE)
    assert found.score < detector.declaration.threshold <= other.score


def test_who_does_much_of_everything_is_not_judged_by_deletions_alone() -> None:
    detector = VolumeSpike()
    for hour in range(AFTER):
        learn(detector, *(did(actor, hour, {"w": 2, **({"d": 3} if hour % 9 == 0 else {})}) for actor in PEOPLE))
        learn(detector, did(JOB, hour, {"w": 300, **({"d": 3} if hour % 9 == 0 else {})}))
    busy = worst(detector.score(did(JOB, AFTER, {"d": 250}), NOBODY_ELSE))
    assert busy < worst(detector.score(did(PEOPLE[0], AFTER, {"d": 250}), NOBODY_ELSE)) - 20.0


def test_a_dozen_deletions_where_it_never_worked_fire_and_where_it_works_do_not(known: VolumeSpike) -> None:
    threshold = known.declaration.threshold
    strange = known.score(did(PEOPLE[0], AFTER, {"d": 12}, scope="sub-2"), NOBODY_ELSE)
    assert worst(strange) >= threshold > worst(known.score(did(PEOPLE[0], AFTER, {"d": 12}), NOBODY_ELSE))
    assert "all of them in a subscription in which it never worked" in strange[0].why
    assert "scope" in terms_of(strange[0])


def test_how_many_were_elsewhere_is_said_as_exactly_as_a_cell_tells(known: VolumeSpike) -> None:
    home, strange = did(PEOPLE[0], AFTER, {"d": 90}), did(PEOPLE[0], AFTER, {"v": 12}, scope="sub-2")
    [both] = known.score(home._replace(cells=home.cells + strange.cells), NOBODY_ELSE)
    assert both.why.startswith("102 deletions within an hour, 12 of them in a subscription in which it never worked")
    cells = tuple(cell._replace(scopes=("sub-1", "sub-2")) for cell in home.cells)
    [mixed] = known.score(home._replace(cells=cells), NOBODY_ELSE)
    assert mixed.why.startswith("90 deletions within an hour, some of them in a subscription in which it never worked")


def test_two_deletions_elsewhere_are_a_visit_and_secrets_elsewhere_are_not_judged_by_place(known: VolumeSpike) -> None:
    assert known.score(did(PEOPLE[0], AFTER, {"d": 2}, scope="sub-2"), NOBODY_ELSE) == []
    [keys] = known.score(did(PEOPLE[0], AFTER, {"k": 200}, scope="sub-2"), NOBODY_ELSE)
    assert "scope" not in terms_of(keys)


def test_somebody_never_seen_is_judged_by_its_kind_and_is_nowhere_a_stranger(known: VolumeSpike) -> None:
    [found] = known.score(did(Actor("t/new", "new", ActorKind.HUMAN), AFTER, {"d": 250}, scope="sub-2"), NOBODY_ELSE)
    assert found.score >= known.declaration.threshold
    assert "this identity has not been seen before" in found.why
    assert "scope" not in terms_of(found)


def test_a_job_that_deletes_as_much_every_night_is_silent_after_some_nights() -> None:
    detector, loud, found = VolumeSpike(), list[int](), list[Anomaly]()
    for day in range(30):
        learn(detector, *(did(actor, 24 * day + 9, {"w": 2, "d": 1}) for actor in PEOPLE))
        found = learn(detector, did(JOB, 24 * day + 3, {"d": 60}))
        loud += [day for anomaly in found if anomaly.score >= detector.declaration.threshold]
    assert set(loud) <= {0, 1, 2}
    assert worst(found) < 25.0


def test_what_comes_late_is_judged_and_not_counted_twice(known: VolumeSpike) -> None:
    detector = restored(VolumeSpike(), known)
    state = detector._states.touch(PEOPLE[0].id)
    before = state.row()
    found = learn(detector, did(PEOPLE[0], AFTER - 2, {"d": 250}, scope="sub-2", late=True))
    assert worst(found) >= detector.declaration.threshold
    after = state.row()
    assert {**after, "user_day": None} == {**before, "user_day": None}


def test_cells_that_only_hold_ends_of_older_operations_are_no_volume(known: VolumeSpike) -> None:
    ended = did(PEOPLE[0], AFTER, {"d": 250}).cells[0]._replace(attempts=0)
    seen = ActorBucket(PEOPLE[0], Bucket.of(MONDAY + AFTER * HOUR, HOUR), (ended,))
    detector = restored(VolumeSpike(), known)
    hours = detector._states.touch(PEOPLE[0].id).hours
    assert learn(detector, seen) == []
    assert detector._states.touch(PEOPLE[0].id).hours == hours


@pytest.mark.parametrize(
    "seen", [did(PEOPLE[0], AFTER, {"d": 90, "w": 20}, scope="sub-2"), did(PEOPLE[0], AFTER, {"k": 300})]
)
def test_the_sum_can_be_redone_from_the_payload_alone(known: VolumeSpike, seen: ActorBucket) -> None:
    [anomaly] = known.score(seen, NOBODY_ELSE)
    payload = json.loads(json.dumps(anomaly.evidence))
    terms, volume, scope = payload["terms"], payload["volume"], payload["scope"]
    chances = []
    for curve in volume["curves"].values():
        worth = volume["own_strength"]
        ways, own, whole = [1.0], curve["own"], volume["whole_strength"]
        for at, step in enumerate(curve["steps"]):
            ways.append(ways[-1] * (own[at + 1] + worth * step) / (own[at] + worth))
        usual = max(at for at in range(len(ways)) if 2 * own[at] >= own[0])
        onwards = (own[len(ways) - 1] + whole * math.prod(curve["steps"][usual:])) / (own[usual] + whole)
        chances.append(min(ways[-1], ways[usual] * onwards))
    assert len(chances) == 2
    assert terms["volume"] == pytest.approx(-math.log10(max(chances)))
    assert volume["probability"] == pytest.approx(max(chances))
    if scope["operations"]:
        assert terms["scope"] == pytest.approx(min(scope["most"], -scope["factor"] * math.log10(scope["rate"])))
    assert ("scope" in terms) == (scope["operations"] > 0)
    assert anomaly.surprise == pytest.approx(sum(terms.values()), abs=1e-4)
    assert anomaly.score == pytest.approx(-25.0 * math.log10(payload["user_day"]["probability"]), abs=0.01)


@pytest.mark.parametrize("threshold", [50.0, 65.0, 80.0])
@pytest.mark.parametrize("writes", [1, 100])
def test_the_counterfactual_is_true_whatever_the_threshold(known: VolumeSpike, threshold: float, writes: int) -> None:
    seen = did(PEOPLE[0], AFTER, {"d": 600, "w": writes})
    [found] = known.score(seen, NOBODY_ELSE)
    said = otherwise(known, found, threshold)
    count = int(said.partition(" with ")[2].split()[0])
    assert worst(known.score(did(PEOPLE[0], AFTER, {"d": count, "w": writes}), NOBODY_ELSE)) < threshold
    assert worst(known.score(did(PEOPLE[0], AFTER, {"d": count + 1, "w": writes}), NOBODY_ELSE)) >= threshold
    hours = int(said.partition(" or after ")[2].split()[0]) if " or after " in said else 10
    detector = restored(VolumeSpike(), known)
    for number in range(hours):
        assert worst(detector.score(seen, NOBODY_ELSE)) >= threshold, number
        state = detector._states.touch(PEOPLE[0].id)
        for sort, rung in (("deletions", 8), ("all", 8)):
            state.rungs[sort] = reached(state.rungs.get(sort, b""), rung)
    assert worst(detector.score(seen, NOBODY_ELSE)) < threshold or " or after " not in said


def test_a_subscription_that_it_knows_is_said_to_be_ordinary_if_it_would_be(known: VolumeSpike) -> None:
    threshold = known.declaration.threshold
    [few] = known.score(did(PEOPLE[0], AFTER, {"d": 12}, scope="sub-2"), NOBODY_ELSE)
    assert ", in a subscription that it knows or after 1 more such hour." in otherwise(known, few, threshold)
    [many] = known.score(did(PEOPLE[0], AFTER, {"d": 2_000}, scope="sub-2"), NOBODY_ELSE)
    assert "that it knows" not in otherwise(known, many, threshold)


def test_why_is_a_sentence_with_the_numbers(known: VolumeSpike) -> None:
    [found] = known.score(did(PEOPLE[0], AFTER, {"d": 250}), NOBODY_ELSE)
    assert found.why.startswith(
        "250 deletions within an hour; in 14 hours of its own with any never more than 7; 1 in "
    )
    [secrets] = known.score(did(PEOPLE[0], AFTER, {"k": 200}), NOBODY_ELSE)
    assert secrets.why.startswith("200 operations that hand out secrets within an hour; in 14 hours of its own ")


def test_an_identity_takes_few_bytes_and_is_saved_as_it_is() -> None:
    detector = VolumeSpike()
    for hour in range(50):
        learn(detector, did(PEOPLE[0], hour, {"w": 3, "d": 200, "k": 50}))
    state = detector._states.touch(PEOPLE[0].id)
    parts = [state, state.rungs, *state.rungs.values(), state.last_hours, state.worst]
    assert sum(map(sys.getsizeof, parts)) <= 650
    again = VolumeSpikeState()
    again.restore(json.loads(json.dumps(state.row())))
    assert again.row() == state.row()
    assert dumped(restored(VolumeSpike(), detector)) == dumped(detector)
