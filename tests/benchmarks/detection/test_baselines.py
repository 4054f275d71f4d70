"""The two simple baselines, by hand."""

import math

import pytest

from benchmarks.detection.cells import Labelled
from benchmarks.detection.new_value import new_value
from benchmarks.detection.plain_back_off import ACTIONS, plain_back_off


def cell(actor: str, action: str, hour: int) -> Labelled:
    return Labelled(actor, "human", action, hour, failed=False)


def test_new_values_are_flagged_once_and_only_after_each_identitys_own_learning() -> None:
    cells = [cell("u", "a", 0), cell("u", "b", 167), cell("u", "b", 168), cell("u", "c", 168), cell("v", "c", 168)]
    cells += [cell("u", "c", 169), cell("v", "a", 170)]

    assert new_value(cells).score.tolist() == [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]


def test_back_off_follows_the_formula_at_every_level() -> None:
    cells = [cell("u", "a", 0), cell("u", "a", 1), cell("v", "a", 1), cell("u", "b", 2)]
    # By then: u did a twice, two people did a, one kind did a. d = 0.5, t = 1, b is new everywhere.
    tenant = (1 + 0.5) / ACTIONS / (1 + 1)
    kind = (1 + 0.5) * tenant / (2 + 1)
    own = (1 + 0.5) * kind / (2 + 1)

    assert plain_back_off(cells).surprise[3] == pytest.approx(-math.log10(own))


def test_an_hour_is_judged_as_a_whole_before_any_of_it_is_learnt() -> None:
    cells = [cell("u", "a", 0), cell("u", "b", 1), cell("v", "b", 1)]
    turned = [cells[0], cells[2], cells[1]]

    assert plain_back_off(cells).surprise.tolist()[1:] == plain_back_off(turned).surprise.tolist()[:0:-1]
