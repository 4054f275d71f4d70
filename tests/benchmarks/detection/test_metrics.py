"""Figures from scores and truth, by hand; ties must favour nobody."""

import numpy as np
import pytest

from benchmarks.detection.cells import Labelled, Scores, Step, Told, Trial, label
from benchmarks.detection.masquerade import hits_at
from benchmarks.detection.metrics import (
    alerting,
    average_precision,
    figures,
    findable_within,
    found_at_rate,
    found_within,
    reliability,
    roc_auc,
)


def cell(actor: str, action: str, hour: int, campaign: str = "", *, failed: bool = False) -> Labelled:
    return Labelled(actor, "human", action, hour, failed, campaign=campaign)


def test_average_precision_sums_precision_over_recall() -> None:
    truth = np.array([False, True, True, False])

    assert average_precision(truth, np.array([4.0, 3.0, 2.0, 1.0])) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert average_precision(truth, np.zeros(4)) == pytest.approx(0.5)
    assert np.isnan(average_precision(np.zeros(4, dtype=bool), np.zeros(4)))


def test_area_under_the_curve_counts_pairs_in_order() -> None:
    truth = np.array([True, False, True, False])

    assert roc_auc(truth, np.array([3.0, 2.0, 1.0, 0.0])) == 0.75
    assert roc_auc(truth, np.zeros(4)) == 0.5


def test_an_attack_counts_when_it_is_among_three_cells_of_a_day_within_budget() -> None:
    cells = [cell("u", "loud", 1), cell("v", "one", 2), cell("v", "two", 2), cell("v", "three", 2)]
    cells += [cell("v", "four", 2, "hidden"), cell("v", "five", 26, "alone")]
    values = np.array([9.0, 5.0, 5.0, 5.0, 4.0, 1.0])

    assert found_within(cells, values, 1) == {"alone"}
    assert found_within(cells, values, 2) == {"alone"}
    assert found_within(cells, values - 4.5, 2) == set()
    assert found_within(cells, np.array([9.0, 5.0, 5.0, 3.0, 4.0, 1.0]), 2) == {"alone", "hidden"}


def test_perfect_knowledge_moves_attacks_to_days_that_have_room() -> None:
    cells = [cell("u", "a", 1, "c1"), cell("u", "a", 25, "c1"), cell("v", "a", 2, "c2"), cell("w", "a", 3, "c3")]

    assert findable_within(cells, 1) == 2
    assert findable_within(cells, 2) == 3


def test_alerts_are_right_on_cells_of_attacks_and_wrong_on_days_without_any() -> None:
    cells = [cell("u", "a", 1, "c1"), cell("u", "b", 2), cell("v", "a", 3), cell("v", "b", 4), cell("v", "a", 30)]
    told = [Told(9_000.0, one.key) for one in cells[:4]] + [Told(8_000.0, cells[0].key), Told(1.0, ("x", "a", 1))]
    result = alerting(cells, {"c1": 3_700.0}, told)

    assert result.delays == {"c1": 4_300.0}
    assert result.false == {("v", 0)}


def test_hindsight_allows_no_more_false_days_than_asked_for() -> None:
    cells = [cell("u", "a", 1), cell("v", "a", 1), cell("w", "a", 1, "low"), cell("x", "a", 1, "high")]
    values = np.array([3.0, 2.0, 2.5, 3.5])

    assert found_at_rate(cells, values, 0.9) == {"high"}
    assert found_at_rate(cells, values, 1.0) == {"high", "low"}


def test_reliability_counts_user_days_without_attacks() -> None:
    cells = [cell("u", "a", 1), cell("u", "b", 2), cell("v", "a", 1), cell("w", "a", 1, "attack")]

    trial = Trial(cells, {"attack": 3600.0}, judged_from=0, identities=3, days=1.0)
    values = np.array([10.0, 55.0, 0.0, 99.0])
    seen, promised = reliability(trial, Scores("method", values, values, 75.0))[50.0]

    assert seen == 0.5
    assert promised == pytest.approx(0.01)


def test_figures_leave_out_what_only_teaches() -> None:
    cells = [cell("u", "a", 1), cell("u", "a", 30), cell("v", "a", 31, "c1", failed=True), cell("w", "a", 32)]
    trial = Trial(cells, {"c1": 31 * 3600.0}, judged_from=24, identities=500, days=2.0)
    scores = Scores("method", np.array([9.0, 1.0, 5.0, 0.0]), np.array([99.0, 80.0, 90.0, 0.0]), 75.0)
    result = figures(trial, scores)

    assert (result["AP"], result["AUC"], result["failures AP"], result["alerted"]) == (1.0, 1.0, 1.0, 1.0)
    assert result["false per 1,000 a day"] == 1.0
    assert result["delay, minutes"] == 60.0


def test_a_step_marks_its_own_hour_and_what_only_ended_in_the_next() -> None:
    ended = cell("u", "a", 2)._replace(began=False)
    step = Step("c1", "u", "a", 2 * 3600 - 5.0)

    assert [one.campaign for one in label([cell("u", "a", 1), ended], [step])] == ["c1", "c1"]
    assert [one.campaign for one in label([cell("u", "a", 1), cell("u", "a", 2)], [step])] == ["c1", ""]


def test_hits_are_counted_above_what_the_allowed_share_of_others_exceeds() -> None:
    truth = np.array([True, True, *[False] * 100])
    values = np.array([98.5, 97.5, *range(100)])

    assert hits_at(truth, values, 0.01) == 0.5
    assert hits_at(truth, values, 0.05) == 1.0
