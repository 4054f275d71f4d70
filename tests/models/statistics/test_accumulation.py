from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.detectors.anomalies import Anomaly
from models.statistics.accumulation import NONE, Accumulated, AccumulationRule
from models.stream.cells import Cell
from models.stream.events import Actor, ActorKind
from models.stream.windows import Bucket

RULE = AccumulationRule(begins=1.5, floor=2.5, share=0.6, half_life=12.0, most=12.0)
BUCKET = Bucket.of(datetime(2026, 3, 2, 8, tzinfo=UTC), timedelta(hours=1))
CELLS = st.lists(st.tuples(st.floats(0, 12), st.sampled_from(["a", "b", "c"])), max_size=12)


def scored(cells: list[tuple[float, str]], so_far: float) -> tuple[list[Anomaly], float]:
    """What a detector reports of cells that are so surprising by themselves, and what they add."""
    anomalies = []
    for number, ((alone, service), around) in enumerate(zip(cells, RULE.around(so_far, cells), strict=True)):
        action = f"{service}/{number}"
        cell = Cell(action, action, BUCKET.start, 1, 1, 0, 0)
        actor, total = Actor("t/u", "u", ActorKind.HUMAN), RULE.total(alone, around)
        anomalies.append(Anomaly("rare_action", actor, BUCKET, cell, 0.0, total, alone=alone))
    return anomalies, sum(RULE.gains(cells))


@given(cells=CELLS, before=st.floats(0, 20))
def test_what_is_left_after_a_bucket_is_what_was_there_and_what_it_adds(
    cells: list[tuple[float, str]], before: float
) -> None:
    start = Accumulated(before, BUCKET.hours, ())
    anomalies, gained = scored(cells, before)
    after = RULE.after(start, BUCKET.hours, anomalies)
    assert after.value == pytest.approx(before + gained, abs=0.06)


@given(own=st.floats(0, 12), more=st.floats(0, 12), around=st.floats(0, 20))
def test_more_surprise_never_gives_a_smaller_total(own: float, more: float, around: float) -> None:
    assert RULE.total(own, around) <= RULE.total(own + more, around)


@given(cells=CELLS.filter(bool), before=st.floats(0, 20))
def test_each_cell_sees_what_all_others_add_and_not_itself(cells: list[tuple[float, str]], before: float) -> None:
    for gain, around in zip(RULE.gains(cells), RULE.around(before, cells), strict=True):
        assert around + gain == pytest.approx(before + sum(RULE.gains(cells)))


def test_two_services_make_more_evidence_than_one() -> None:
    assert scored([(5.0, "a"), (5.0, "b")], 0.0)[1] == 5.0
    assert scored([(5.0, "a"), (5.0, "a")], 0.0)[1] == 3.75


def test_evidence_is_forgotten_within_days() -> None:
    evidence = RULE.after(NONE, BUCKET.hours, scored([(8.0, "a")], 0.0)[0])
    assert evidence.value == pytest.approx(5.5)
    assert len(evidence.anomalies) == 1
    assert RULE.so_far(evidence, BUCKET.hours + 24.0) == pytest.approx(5.5 / 4)
    assert RULE.after(evidence, BUCKET.hours + 240.0, []) is NONE


def test_only_the_newest_contributions_are_named() -> None:
    anomalies, _ = scored([(9.0, service) for service in "abcabc"], 0.0)
    assert list(RULE.after(NONE, BUCKET.hours, anomalies).anomalies) == [anomaly.id for anomaly in anomalies[-3:]]
