"""Metrics of finished scores: two arms, several models, several checkpoints, puzzles."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.base.texts import offsets_of
from transforms.scoring.metrics.analysis.arms import counterfactual, exposure, recognition
from transforms.scoring.metrics.analysis.dynamics import (
    LossCurve,
    effectivity,
    retainability,
    retention,
    without_outliers,
)
from transforms.scoring.metrics.analysis.puzzles import limem

nan = math.nan


def test_recognition_counts_foils_below_and_half_of_ties() -> None:
    seen, foils = np.array([2.0, 2.0, 2.0, nan]), np.array([[1, 0], [2, 3], [nan, 1], [0, 0]])
    assert recognition(seen, foils).tolist() == pytest.approx([1, 0.25, nan, nan], nan_ok=True)


def test_exposure_is_exact_and_ties_go_against_the_seen_one() -> None:
    seen = np.array([5.0, 5.0, 0.0])
    foils = np.array([[1.0, 2, 3], [5, 2, 3], [1, 2, 3]])
    assert exposure(seen, foils).tolist() == [2, 1, 0]


@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), max_size=5))
def test_arms_agree_with_plain_python(rows: list[list[int]]) -> None:
    table = np.array(rows, float).reshape(-1, 4)
    share, bits = recognition(table[:, 0], table[:, 1:]), exposure(table[:, 0], table[:, 1:])
    for at, (seen, *foils) in enumerate(rows):
        assert share[at] == pytest.approx(sum((f < seen) + (f == seen) / 2 for f in foils) / 3)
        p = (1 + sum(f >= seen for f in foils)) / 4
        assert bits[at] == pytest.approx(-math.log2(p))


def test_counterfactual_is_the_mean_with_minus_the_mean_without() -> None:
    scores = np.array([[1.0, 5, 0, 1], [3.0, 5, 0, nan], [0.5, 5, 1, 1]])
    included = np.array([[1, 1, 0, 1], [1, 1, 0, 0], [0, 1, 1, 1]], bool)
    assert counterfactual(scores, included).tolist() == pytest.approx([1.5, nan, 1, nan], nan_ok=True)


def test_effectivity_is_the_drop_within_the_window() -> None:
    # Steps 0 and 100 come before the event at 100; 160 is past the window of 50.
    steps = np.array([0, 100, 110, 150, 160, 300])
    losses = np.array([[9.0, 4], [5, 4], [3, 4], [2, 4], [1, 4], [4, 5]])
    curve = LossCurve(losses, steps, event=100)
    assert effectivity(curve).tolist() == [3, 0]
    # (4 - 5) / (2 - 5) of the gain remains; of no gain, no share remains.
    assert retainability(curve, 300).tolist() == pytest.approx([1 / 3, nan], nan_ok=True)
    assert retainability(curve, 150)[0] == 1


def test_a_curve_that_cannot_tell_is_refused() -> None:
    losses = np.ones((2, 1))
    with pytest.raises(ValueError, match="none in the 50 steps after it"):
        LossCurve(losses, np.array([0, 100]), event=10)
    with pytest.raises(ValueError, match="no checkpoint at or before step 10"):
        LossCurve(losses, np.array([20, 30]), event=10)
    with pytest.raises(ValueError, match="steps rising"):
        LossCurve(losses, np.array([30, 20]), event=25)
    with pytest.raises(ValueError, match="no checkpoint at step 7; there are 0, 20"):
        retainability(LossCurve(losses, np.array([0, 20]), event=10), 7)


def test_retention_is_over_the_same_sequences_at_each_checkpoint() -> None:
    values = np.array([[1.0, 1, 1], [0.5, 1, nan], [0, 0.5, 1]])
    assert retention(values).tolist() == [0.75, 0.25]
    assert np.isnan(retention(np.full((2, 1), nan))).all()
    with pytest.raises(ValueError, match="two checkpoints or more"):
        retention(values[:1])


def test_outliers_are_two_interquartile_ranges_out() -> None:
    values = np.array([0.0, 1, 2, 3, 4, 9, 7, nan])  # quartiles 1.5 and 5.5 of seven: reach 8 either way
    assert without_outliers(values).tolist() == [True] * 7 + [False]
    assert without_outliers(np.array([0.0, 1, 2, 3, 4, 100])).tolist() == [True] * 5 + [False]
    assert without_outliers(np.array([nan])).tolist() == [False]


def test_limem_is_accuracy_times_inconsistency_over_puzzles_with_a_perturbation() -> None:
    solved = np.array([1, 1, 0, 1], bool)
    after = [[1, 0], [0], [1], []]
    scores = limem(solved, np.array([v for row in after for v in row], bool), offsets_of([len(row) for row in after]))
    assert scores.tolist() == pytest.approx([0.5, 1, 0, nan], nan_ok=True)
    accuracy, consistency = 2 / 3, (0.5 + 0) / 2
    assert np.nanmean(scores) == pytest.approx(accuracy * (1 - consistency))


def test_limem_is_zero_when_nothing_is_solved() -> None:
    assert limem(np.zeros(2, bool), np.zeros(2, bool), np.array([0, 1, 2])).tolist() == [0, 0]


@pytest.mark.parametrize("call", [recognition, exposure])
def test_arms_of_other_shapes_are_refused(call: object) -> None:
    with pytest.raises(ValueError, match="m at least 1"):
        call(np.zeros(2), np.zeros((3, 1)))  # type: ignore[operator]
    with pytest.raises(ValueError, match="m at least 1"):
        call(np.zeros(2), np.zeros((2, 0)))  # type: ignore[operator]
