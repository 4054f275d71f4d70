"""A verdict holds as long as it is true, and no longer."""

from datetime import UTC, datetime, timedelta

import pytest

from models.detectors.judging import Asked, Judge, Judgement
from models.stream.cells import ActorBucket, Cell, Crowd, Tally
from models.stream.events import Actor, ActorKind
from models.stream.windows import Bucket
from tests.fakes.detector import FirstTime

HOUR = Bucket(datetime(2026, 3, 2, 8, tzinfo=UTC), timedelta(hours=1))
ALONE = Crowd(1, {"a/write": Tally(1, 0)})


def seen(*, denials: int = 0) -> ActorBucket:
    cell = Cell("a/write", "A/write", HOUR.start, 1, 1 - denials, 0, denials)
    return ActorBucket(Actor("t/ann", "ann@example.com", ActorKind.HUMAN), HOUR, (cell,))


def asked(judgements: Judge, one: ActorBucket) -> Judgement:
    found = judgements.judge(one, ALONE)
    judgements.keep([found])
    return found


def test_it_is_given_once_until_something_is_learnt() -> None:
    judgements, one = Judge({"first_time": FirstTime()}), seen()
    first = asked(judgements, one)
    assert first.highest == 100.0
    assert judgements.judge(one, ALONE) is first
    lessons = judgements.lessons(HOUR.hours)
    judgements.learn(first, ALONE, lessons)
    assert list(judgements.teach(lessons)) == [None]
    assert judgements.judge(one, ALONE).highest == 0.0


def test_it_is_not_that_on_an_equal_bucket_that_may_change_otherwise() -> None:
    judgements = Judge({"first_time": FirstTime()})
    first = asked(judgements, seen())
    assert judgements.judge(seen(), ALONE) is not first


@pytest.mark.parametrize("denials", [0, 1])
def test_another_crowd_matters_only_as_far_as_it_was_asked(denials: int) -> None:
    judgements, one = Judge({"first_time": FirstTime()}), seen(denials=denials)
    first = asked(judgements, one)
    assert (judgements.judge(one, Crowd(9, {})) is first) == (denials == 0)
    assert judgements.judge(one, Crowd(1, {})) is first


def test_whoever_was_asked_notices_each_other_answer() -> None:
    listened = Asked(Crowd(3, {"a/write": Tally(2, 1), "b/read": Tally(3, 0)}))
    assert listened.agrees(Crowd(0, {}))
    assert (listened.tally("a/write"), listened.service("b"), listened.actors) == ((2, 1), (3, 0), 3)
    assert listened.agrees(Crowd(3, {"a/write": Tally(2, 1), "b/read": Tally(1, 0), "b/write": Tally(2, 0)}))
    for other in (
        Crowd(3, {"a/write": Tally(2, 2), "b/read": Tally(3, 0)}),
        Crowd(3, {"a/write": Tally(2, 1), "b/read": Tally(3, 0), "b/write": Tally(1, 0)}),
        Crowd(4, {"a/write": Tally(2, 1), "b/read": Tally(3, 0)}),
    ):
        assert not listened.agrees(other)


def test_what_is_not_kept_is_forgotten() -> None:
    judgements, one = Judge({"first_time": FirstTime()}), seen()
    first = asked(judgements, one)
    judgements.keep([])
    assert judgements.judge(one, ALONE) is not first
    judgements.keep([first])
    judgements.forget()
    assert judgements.judge(one, ALONE) is not first
