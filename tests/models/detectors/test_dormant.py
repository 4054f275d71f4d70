import json
import math
import sys
from datetime import UTC, datetime, timedelta

import pytest

from models.detectors.anomalies import Anomaly
from models.detectors.dormant import Dormant
from models.statistics.survival import reached
from models.stream.cells import ActorBucket, Cell, Crowd
from models.stream.events import Actor, ActorKind
from models.stream.windows import Bucket
from tests.models.detectors.driving import learn, restored
from tests.models.detectors.fresh import fresh, otherwise

HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
PEOPLE = [Actor(f"t/p{number}", f"p{number}", ActorKind.HUMAN) for number in range(12)]
SLEEPER = PEOPLE[0]
JOB = Actor("t/job", "job", ActorKind.SERVICE_PRINCIPAL)
USUAL = "microsoft.web/sites/write"
GRANT = "microsoft.authorization/roleassignments/write"
NOBODY_ELSE = Crowd(1, {})
NOW = 110


def bucket_of(actor: Actor, day: float, *actions: str, denied: bool = False) -> ActorBucket:
    bucket = Bucket.of(MONDAY + timedelta(days=day), HOUR)
    cells = tuple(Cell(name, name, bucket.start, 1, int(not denied), 0, int(denied)) for name in actions)
    return ActorBucket(actor, bucket, cells)


def at_work() -> Dormant:
    """People who work from Monday to Friday; one of them fell silent after fifty days."""
    detector = fresh(Dormant)
    for day in range(NOW):
        for actor in PEOPLE if day < 50 else PEOPLE[1:]:
            if day % 7 < 5:
                learn(detector, bucket_of(actor, day, USUAL))
    return detector


@pytest.fixture(scope="module")
def known() -> Dormant:
    """Shared by the tests that only score."""
    return at_work()


def judged(detector: Dormant, *actions: str, actor: Actor = SLEEPER, denied: bool = False) -> list[Anomaly]:
    return detector.score(bucket_of(actor, NOW, *actions, denied=denied), NOBODY_ELSE)


def test_a_long_silence_that_ends_in_something_new_fires(known: Dormant) -> None:
    for denied in (False, True):
        [found] = judged(known, GRANT, denied=denied)
        assert found.score >= known.declaration.threshold


def test_a_weekend_is_no_silence(known: Dormant) -> None:
    detector = at_work()
    assert all(one.score < 50.0 for one in detector.score(bucket_of(PEOPLE[1], 112, GRANT), NOBODY_ELSE))
    assert judged(detector, GRANT, actor=PEOPLE[1]) == []


def test_somebody_never_seen_cannot_have_been_silent(known: Dormant) -> None:
    assert judged(known, GRANT, actor=Actor("t/new", "new", ActorKind.HUMAN)) == []


def test_the_usual_work_surprises_less_than_something_new_and_reading_least(known: Dormant) -> None:
    [new] = judged(known, GRANT)
    [usual] = judged(known, USUAL)
    [read] = judged(known, "microsoft.web/sites/read")
    [write] = judged(known, "microsoft.web/sites/delete")
    assert usual.surprise < new.surprise
    assert read.surprise < write.surprise


def test_a_longer_silence_surprises_more() -> None:
    detector, surprises = at_work(), []
    for gap in (4, 8, 16, 32, 64, 128):
        detector._states.touch(SLEEPER.id).day = detector._states.touch(PEOPLE[1].id).day + 1 - gap
        surprises += [one.surprise for one in judged(detector, GRANT)]
    assert len(set(surprises)) == 6
    assert surprises == sorted(surprises)


def test_on_its_first_day_awake_what_is_new_is_still_judged() -> None:
    detector = at_work()
    learn(detector, bucket_of(SLEEPER, NOW, USUAL))
    later = detector.score(bucket_of(SLEEPER, NOW + 0.2, USUAL, GRANT), NOBODY_ELSE)
    assert [one.cell.action for one in later] == [GRANT]
    assert later[0].score >= detector.declaration.threshold
    learn(detector, bucket_of(SLEEPER, NOW + 1, USUAL))
    assert detector.score(bucket_of(SLEEPER, NOW + 1.2, GRANT), NOBODY_ELSE) == []


@pytest.mark.parametrize("every", [7, 30])
def test_a_weekly_and_a_monthly_job_end_in_silence(every: int) -> None:
    detector, scores = fresh(Dormant), []
    for day in range(12 * every):
        if day % 7 < 5:
            for actor in PEOPLE:
                learn(detector, bucket_of(actor, day, USUAL))
        if day % every == 1:
            scores.append(max((one.score for one in learn(detector, bucket_of(JOB, day, GRANT))), default=0.0))
    assert all(score < detector.declaration.threshold for score in scores[2:])
    assert scores[-1] < 25.0


def test_late_cells_end_no_silence() -> None:
    detector = at_work()
    seen = bucket_of(SLEEPER, 48, "microsoft.web/sites/delete")
    before = detector._states.touch(SLEEPER.id).gaps
    learn(detector, seen._replace(cells=tuple(cell._replace(late=True) for cell in seen.cells)))
    assert detector._states.touch(SLEEPER.id).gaps == before
    assert judged(detector, GRANT)[0].evidence["silence"]["days"] == NOW - 49  # type: ignore[index,call-overload]


def test_the_sum_can_be_redone_from_the_payload_alone(known: Dormant) -> None:
    found = [one for one in judged(known, GRANT, USUAL, "microsoft.web/sites/read") if one.evidence]
    assert len(found) >= 2
    for anomaly in found:
        payload = json.loads(json.dumps(anomaly.evidence))
        terms, silence, action = payload["terms"], payload["silence"], payload["action"]
        chance = 1.0
        for at, step in enumerate(silence["steps"]):
            worth = silence["own_strength"]
            chance *= (silence["own"][at + 1] + worth * step) / (silence["own"][at] + worth)
        assert silence["probability"] == pytest.approx(chance)
        assert terms["silence"] == pytest.approx(-math.log10(chance))
        if action["new"]:
            news = -math.log10(action["base"] ** action["trust"])
            assert terms["action"] == pytest.approx(min(news, action["most"] * terms["silence"]))
        assert anomaly.surprise == pytest.approx(sum(terms.values()), abs=1e-4)
        assert anomaly.score == pytest.approx(
            min(100.0, -25.0 * math.log10(payload["user_day"]["probability"])), abs=0.01
        )


@pytest.mark.parametrize("threshold", [50.0, 72.0, 85.0])
def test_the_counterfactual_is_true_whatever_the_threshold(known: Dormant, threshold: float) -> None:
    [found] = judged(known, GRANT)
    said = otherwise(known, found, threshold)
    days = int(said.partition("at most ")[2].split()[0])
    detector = restored(fresh(Dormant), known)
    for gap, fires in ((days, False), (days + 1, True)):
        scores = [one.score for one in detector.score(bucket_of(SLEEPER, 49 + gap, GRANT), NOBODY_ELSE)]
        assert any(score >= threshold for score in scores) is fires
    if "once it has been silent" in said:
        times = int(said.partition("for so long ")[2].split()[0])
        state = detector._states.touch(SLEEPER.id)
        for _ in range(times):
            assert judged(detector, GRANT)[0].score >= threshold
            state.gaps = reached(state.gaps, (NOW - 49).bit_length() - 1)
        assert judged(detector, GRANT)[0].score < threshold


def test_why_is_a_sentence_with_the_numbers(known: Dormant) -> None:
    [found] = judged(known, GRANT)
    assert found.why.startswith("Active again after 61 days; none of its 35 gaps so far was of 32 days or more; the ")
    assert "it never did this before, none of 12 known identities ever did" in found.why


def test_an_identity_takes_few_bytes(known: Dormant) -> None:
    state = known._states.touch(SLEEPER.id)
    assert sum(map(sys.getsizeof, [state, state.gaps, state.mask_of_tried, state.last_hours])) <= 350
