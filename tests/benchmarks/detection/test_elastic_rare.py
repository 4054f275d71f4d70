"""The peer's mathematics, held against hand-made and published figures."""

import numpy as np
import pytest

from benchmarks.detection.cells import Labelled
from benchmarks.detection.elastic_rare import (
    Multinomial,
    Normaliser,
    conditional_means,
    evidence_ceiling,
    percentile_ceiling,
    rare_action,
    rare_failure,
    raw_score,
)


def ceiling_of_a_new_action(routine: int, hours: int) -> float:
    model = Multinomial()
    usual = [f"usual-{number}" for number in range(routine)]
    for _ in range(hours):
        model.update(usual)
    model.update([*usual, "new"])
    return evidence_ceiling(float(model.tails(["new"])[0]))


@pytest.mark.parametrize(
    ("routine", "score", "hours"),
    [(1, 50, 443), (2, 50, 297), (5, 50, 213), (20, 50, 172), (2, 75, 2454), (5, 75, 1457), (20, 75, 575)],
)
def test_a_new_action_needs_as_many_active_hours_as_is_known(routine: int, score: float, hours: int) -> None:
    assert ceiling_of_a_new_action(routine, hours - 1) < score <= ceiling_of_a_new_action(routine, hours)


def test_whoever_does_one_thing_an_hour_never_reaches_the_threshold() -> None:
    assert ceiling_of_a_new_action(1, 12_000) == pytest.approx(74.7, abs=0.1)


def test_all_that_is_known_is_certain_in_the_first_bucket() -> None:
    model = Multinomial()
    model.update(["only"])

    assert model.tails(["only"]).tolist() == [1.0]


def test_parts_of_a_flat_posterior_have_their_middles_as_means() -> None:
    assert conditional_means(np.array([1.0]), 2.0)[0] == pytest.approx([(part + 0.5) / 7 for part in range(7)])


@pytest.mark.parametrize(("mass", "parts"), [(80.0, 7), (800.0, 5), (8_000.0, 3), (80_000.0, 1)])
def test_means_of_the_parts_average_to_the_mean(mass: float, parts: int) -> None:
    means = conditional_means(np.array([3.5, 0.99]), mass)

    assert means.shape == (2, parts)
    assert means.mean(axis=1) == pytest.approx(np.array([3.5, 0.99]) / mass)


def test_equally_common_actions_share_their_tail() -> None:
    model = Multinomial()
    for _ in range(50):
        model.update(["a", "b"])

    assert model.tails(["a", "b"]) == pytest.approx([1.0, 1.0], abs=0.1)


@pytest.mark.parametrize(
    ("probability", "score"), [(0.04, 0.0), (0.035, (1 / 0.035 - 20) / 9980), (1e-4, 1.0), (1e-50, 50.0), (0.0, 100.0)]
)
def test_raw_scores_pass_through_their_knots(probability: float, score: float) -> None:
    assert raw_score(probability) == pytest.approx(score)


def test_the_threshold_needs_the_rarest_half_percent_of_all_scores() -> None:
    assert percentile_ceiling(1 - 0.004375, 10**9) == pytest.approx(75.0, abs=0.2)
    assert percentile_ceiling(0.99, 10**9) == pytest.approx(50.0, abs=0.1)


def test_a_score_below_its_own_largest_is_held_down() -> None:
    normaliser, key = Normaliser(), ("u", "a")
    normaliser.update(0, {("u", str(number)): 0.0 for number in range(100_000)})
    normaliser.update(1, {key: 0.5})
    first = normaliser.score(key, 0.5, 1e-4)
    normaliser.update(2, {key: 0.1})
    share = 0.1 / (0.5 * np.exp(-0.002))

    assert first == pytest.approx(100.0, abs=0.2)  # the rarest of all, and its own largest
    assert normaliser.score(key, 0.1, 1e-4) == pytest.approx(100 * 1.5 * share)


def test_machines_are_unseen_as_shipped_and_seen_if_asked_for() -> None:
    cells = [Labelled("m", "managed_identity", "a", hour, failed=False) for hour in range(30)]
    cells += [Labelled("m", "managed_identity", "b", 30, failed=False)]

    assert not rare_action(cells, people_only=True).surprise.any()
    assert rare_action(cells, people_only=False).surprise[-1] > 1.0


def test_rare_failure_has_one_model_of_all_and_never_looks_at_success() -> None:
    cells = [Labelled("u", "human", "usual", hour, failed=True) for hour in range(30)]
    cells += [
        Labelled("u", "human", "other", 30, failed=False),
        Labelled("v", "human", "usual", 31, failed=True),
        Labelled("v", "human", "rare", 31, failed=True),
    ]
    surprise = rare_failure(cells).surprise

    assert surprise[30] == 0.0
    assert surprise[31] < 0.1
    assert surprise[32] > 1.0
