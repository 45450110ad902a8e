"""AUC, exposure, ROC and power against definitions and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.verification.effect import auc, beaten, exposure, pooled_roc, unit_p_values
from transforms.verification.power import detectable_auc, power_of, shift_of, units_needed
from transforms.verification.table import LARGEST, ScoreTable, complete

SEED = bytes(32)
whole = st.integers(-2, 2)


@st.composite
def drawn(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    units, candidates = draw(st.integers(1, 8)), draw(st.integers(2, 5))
    row = st.lists(whole, min_size=candidates, max_size=candidates)
    scores = np.array(draw(st.lists(row, min_size=units, max_size=units)), float)
    arms = np.array(draw(st.lists(st.integers(0, candidates - 1), min_size=units, max_size=units)))
    return scores, arms


@given(one=drawn())
def test_a_units_p_exposure_and_share_are_those_of_their_definitions(one: tuple[np.ndarray, np.ndarray]) -> None:
    scores, arms = one
    for row, arm, p, bits, twice in zip(
        scores, arms, unit_p_values(scores, arms), exposure(unit_p_values(scores, arms)), beaten(scores, arms),
        strict=True,
    ):  # fmt: skip
        held_out = np.delete(row, arm)
        assert p == pytest.approx((1 + (held_out >= row[arm]).sum()) / len(row))
        assert bits == pytest.approx(-np.log2(p))
        assert twice == 2 * (held_out < row[arm]).sum() + (held_out == row[arm]).sum()


@given(one=drawn())
def test_auc_is_the_mean_share_of_held_outs_beaten(one: tuple[np.ndarray, np.ndarray]) -> None:
    scores, arms = one
    found = auc(scores, arms, SEED)
    assert found.value == pytest.approx((beaten(scores, arms) / (2 * (scores.shape[1] - 1))).mean())
    assert found.low <= found.value <= found.high
    assert found == auc(scores, arms, SEED)


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng, covered, campaigns = np.random.default_rng(0), 0, 400
    for _ in range(campaigns):
        scores, arms = rng.standard_normal((80, 5)), rng.integers(0, 5, 80)
        scores[range(80), arms] += shift_of(0.7)
        found = auc(scores, arms, SEED)
        covered += found.low <= 0.7 <= found.high
    assert 0.91 <= covered / campaigns <= 0.98


@given(one=drawn())
def test_the_pooled_curve_has_the_area_of_all_pairs(one: tuple[np.ndarray, np.ndarray]) -> None:
    scores, arms = one
    planted = scores[range(len(arms)), arms]
    held_out = np.array([np.delete(row, arm) for row, arm in zip(scores, arms, strict=True)]).ravel()
    pairs = planted[:, None] - held_out
    found = pooled_roc(scores, arms)
    assert found.area == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    assert (found.false_positive_rate[0], found.true_positive_rate[-1]) == (0.0, 1.0)
    assert found.at == {}


def test_a_rate_is_given_only_where_there_are_enough_held_outs() -> None:
    rng = np.random.default_rng(1)
    for units, rates in ((11, {0.1}), (12, {0.1}), (112, {0.1, 0.01}), (1112, {0.1, 0.01, 0.001})):
        scores, arms = rng.standard_normal((units, 10)), rng.integers(0, 10, units)
        found = pooled_roc(scores, arms)
        expected = {rate for rate in rates if units * 9 >= 10 / rate}
        assert set(found.at) == expected
        held_out = np.array([np.delete(row, arm) for row, arm in zip(scores, arms, strict=True)]).ravel()
        for rate, share in found.at.items():
            threshold = min(t for t in scores.ravel() if (held_out >= t).mean() <= rate)
            assert share == pytest.approx((scores[range(units), arms] >= threshold).mean())


@pytest.mark.parametrize(("auc_", "one", "nine"), [(0.75, 48, 27), (0.65, 136, 77), (0.6, 315, 177), (0.55, 1270, 710)])
def test_the_units_needed_are_those_of_the_protocols_table(auc_: float, one: int, nine: int) -> None:
    assert units_needed(auc_, 1, 0.001) == pytest.approx(one, rel=0.04)
    assert units_needed(auc_, 9, 0.001) == pytest.approx(nine, rel=0.04)


def test_power_is_that_of_the_units_needed_and_none_where_nothing_can_be_rejected() -> None:
    for controls in (1, 4, 9):
        units = units_needed(0.65, controls, 0.001, power=0.8)
        assert power_of(units, 0.65, controls, 0.001) == pytest.approx(0.8, abs=0.01)
    assert power_of(9, 0.99, 1, 0.001) == 0.0
    assert detectable_auc(9, 1, 0.001) is None
    assert detectable_auc(49, 1, 0.001) == 0.75
    assert detectable_auc(27, 9, 0.001) == 0.75
    assert units_needed(0.99999, 1, 0.001) >= 10
    with pytest.raises(ValueError, match=r"between \.5 and 1"):
        units_needed(0.5, 1, 0.001)


def test_a_unit_is_complete_only_if_all_of_its_scores_are_numbers() -> None:
    scores = np.ones((6, 3))
    scores[1, 0], scores[2, 1], scores[3, 2], scores[4, 0] = np.nan, np.inf, -np.inf, LARGEST
    other = np.ones((6, 3))
    other[5, 2] = np.nan
    assert complete(scores).tolist() == [True, False, False, False, False, True]
    assert complete(scores, other).tolist() == [True, False, False, False, False, False]


@pytest.mark.parametrize(("arms", "strata"), [([3, 0], [0, 0]), ([-1, 0], [0, 0]), ([0, 0], [0])])
def test_columns_that_do_not_belong_together_are_refused(arms: list[int], strata: list[int]) -> None:
    column = np.zeros(2, int)
    with pytest.raises(ValueError, match="arms"):
        ScoreTable(np.zeros((2, 3)), np.array(arms), np.array(strata), np.ones(1), column, column)
