import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.statistics.decay import faded, growth, surprise

HOURS = st.floats(-1e7, 1e7)


@given(hours=HOURS, later=st.floats(0, 1e5), half_life=st.floats(24, 1e4))
def test_a_weight_never_shrinks_and_stays_finite(hours: float, later: float, half_life: float) -> None:
    assert 0.0 < growth(hours, half_life) <= growth(hours + later, half_life) < math.inf


def test_what_is_one_half_life_older_weighs_half() -> None:
    assert growth(490_000.0, 720.0) / growth(490_720.0, 720.0) == pytest.approx(0.5)


@given(value=st.floats(0, 1e6), elapsed=st.floats(-1e5, 1e5))
def test_a_value_only_fades_and_only_forwards(value: float, elapsed: float) -> None:
    assert 0.0 <= faded(value, elapsed, 12.0) <= value
    assert elapsed > 0 or faded(value, elapsed, 12.0) == value


@given(probability=st.floats(-1, 2))
def test_surprise_is_never_negative_nor_infinite(probability: float) -> None:
    assert 0.0 <= surprise(probability) <= 300.0
