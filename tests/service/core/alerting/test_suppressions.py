"""What a suppression covers, by the time of the event, and which one it is."""

from datetime import UTC, datetime, timedelta

import pytest

from models.detectors.anomalies import Anomaly
from models.stream.cells import ActorBucket, Cell
from models.stream.events import Actor, ActorKind
from models.stream.windows import EPOCH, Bucket
from service.core.alerting.suppressions import Stage, Suppression, Suppressions

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN = Actor("tenant/0a1b", "Ann@contoso.com", ActorKind.HUMAN)
ONE = Suppression("", "", "", "", NOON, NOON + HOUR, "why", "who", learn=False)


def cell(time: datetime = NOON, action: str = "microsoft.sql/servers/write", *scopes: str) -> Cell:
    return Cell(action, action, time, 1, 1, 0, 0, scopes=scopes)


def covers(one: Suppression, cell: Cell, *, actor: Actor = ANN, detector: str = "rare_action") -> bool:
    bucket = Bucket.of(cell.first_time, HOUR)
    every = Suppressions([one])
    found = every.covering(Anomaly(detector, actor, bucket, cell, 90.0, 3.0)) is one
    exclusions = every.exclusions(ActorBucket(actor, bucket, (cell,)), ["rare_action", "dormant"])
    assert (cell.action in exclusions.get(detector, {})) == found  # both ways of asking agree
    return found


@pytest.mark.parametrize(("minutes", "covered"), [(-1, False), (0, True), (59, True), (60, False)])
def test_the_first_event_decides_whether_it_is_within_the_window(minutes: int, covered: bool) -> None:
    one = ONE._replace(action="*sql*")
    assert covers(one, cell(NOON + timedelta(minutes=minutes))) == covered


def test_a_window_may_lie_within_an_hour() -> None:
    one = ONE._replace(action="*sql*", begins=NOON + HOUR / 4, until=NOON + HOUR / 2)
    assert not covers(one, cell(NOON))
    assert covers(one, cell(NOON + HOUR / 4))
    assert not covers(one, cell(NOON + HOUR / 2))


@pytest.mark.parametrize(
    ("actor", "covered"),
    [("tenant/0a1b", True), ("0A1B", True), ("ann@CONTOSO.com", True), ("ann", False), ("tenant", False), ("*", False)],
)
def test_an_identity_goes_by_id_object_id_or_name_and_nothing_less(actor: str, covered: bool) -> None:
    assert covers(ONE._replace(actor=actor), cell()) == covered


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        ("Microsoft.Sql/*", True),
        ("microsoft.sql/servers/write", True),
        ("*/WRITE", True),
        ("microsoft.sql", False),
        ("microsoft.?ql/*", True),
        ("microsoft.web/*", False),
    ],
)
def test_a_pattern_matches_the_whole_operation_whatever_its_case(pattern: str, covered: bool) -> None:
    assert covers(ONE._replace(action=pattern), cell()) == covered


def test_what_happened_in_other_subscriptions_as_well_is_not_covered() -> None:
    one = ONE._replace(subscription="AB")
    assert covers(one, cell(NOON, "a/b", "ab"))
    assert not covers(one, cell(NOON, "a/b", "ab", "cd"))
    assert not covers(one, cell(NOON, "a/b"))


def test_another_detector_speaks_all_the_same() -> None:
    one = ONE._replace(detector="dormant")
    assert covers(one, cell(), detector="dormant")
    assert not covers(one, cell())


def test_of_several_the_first_is_named_and_all_must_want_it_learnt() -> None:
    first = ONE._replace(action="*sql*", learn=True)
    second = ONE._replace(actor="0a1b", learn=False)
    bucket = Bucket.of(NOON, HOUR)
    seen = ActorBucket(ANN, bucket, (cell(), cell(NOON, "web/read")))
    anomaly = Anomaly("rare_action", ANN, bucket, cell(), 90.0, 3.0)
    for entries in ([first, second], [second, first]):
        every = Suppressions(entries)
        assert every.covering(anomaly) is entries[0]
        assert every.exclusions(seen, ["rare_action"]) == {"rare_action": {cell().action: False, "web/read": False}}
    assert Suppressions([first]).exclusions(seen, ["rare_action"]) == {"rare_action": {cell().action: True}}
    assert Suppressions().exclusions(seen, ["rare_action"]) == {}


def test_an_id_tells_what_is_covered_apart_and_outlives_a_new_end() -> None:
    one = ONE._replace(actor="Ann", action="a/*")
    assert one.id == one._replace(actor="ANN", until=NOON + 9 * HOUR, reason="more", owner="x", learn=True).id
    others = [
        one,
        one._replace(actor="", action="ann"),
        one._replace(detector="dormant"),
        one._replace(subscription="ab"),
        one._replace(begins=NOON - HOUR),
    ]
    assert len({other.id for other in others}) == len(others)


def test_it_stands_somewhere_at_any_time() -> None:
    long = ONE._replace(until=NOON + 40 * 24 * HOUR)
    assert [long.stage(NOON + days * 24 * HOUR) for days in (-1, 0, 36, 37, 40)] == [
        Stage.PLANNED,
        Stage.IN_FORCE,
        Stage.IN_FORCE,
        Stage.ENDING,
        Stage.EXPIRED,
    ]
    assert [ONE.stage(NOON + minutes * HOUR / 60) for minutes in (0, 44, 45)] == [
        Stage.IN_FORCE,
        Stage.IN_FORCE,
        Stage.ENDING,
    ]
    assert ONE._replace(begins=EPOCH).stage(NOON) is Stage.ENDING
    assert Suppressions([ONE, long]).stages(NOON + 2 * HOUR) == {
        Stage.PLANNED: 0,
        Stage.IN_FORCE: 1,
        Stage.ENDING: 0,
        Stage.EXPIRED: 1,
    }
