from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.anomalies import Anomaly
from models.cells import Cell
from models.events import Actor, ActorKind
from models.evidence import NONE, Accumulation, Evidence, Gathering
from models.windows import Bucket

RULE = Accumulation(floor=2.5, share=0.6, half_life=12.0, most=12.0)
BUCKET = Bucket.of(datetime(2026, 3, 2, 8, tzinfo=UTC), timedelta(hours=1))
CELLS = st.lists(st.tuples(st.floats(0, 12), st.sampled_from(["a", "b", "c"])), max_size=12)


def scored(cells: list[tuple[float, str]], so_far: float) -> tuple[list[Anomaly], float]:
    """What a detector reports of cells with these own surprises, and what they gained."""
    gathering, anomalies = Gathering(RULE), []
    for number, (own, service) in enumerate(cells):
        action = f"{service}/{number}"
        cell = Cell(action, action, BUCKET.start, 1, 1, 0, 0)
        total = RULE.total(own, so_far + gathering.gained)
        anomalies.append(Anomaly("rare_action", Actor("t/u", "u", ActorKind.HUMAN), BUCKET, cell, 0.0, total))
        gathering.add(own, service)
    return anomalies, gathering.gained


@given(cells=CELLS, before=st.floats(0, 20))
def test_what_was_gained_can_be_had_back_from_what_was_reported(cells: list[tuple[float, str]], before: float) -> None:
    start = Evidence(before, BUCKET.hours, ())
    anomalies, gained = scored(cells, before)
    after = RULE.after(start, BUCKET.hours, anomalies)
    assert after.value == pytest.approx(before + gained, abs=0.06)


@given(own=st.floats(0, 12), more=st.floats(0, 12), so_far=st.floats(0, 20))
def test_more_surprise_never_gives_a_smaller_total(own: float, more: float, so_far: float) -> None:
    assert RULE.total(own, so_far) <= RULE.total(own + more, so_far)


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
