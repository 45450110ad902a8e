"""Several statistics of one draw, and a series that may be stopped at any time."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.verification.alignment import contributions
from transforms.verification.redraws import RedrawRule, redraw_test
from transforms.verification.series import anytime_p, log_e_value, log_mixture
from transforms.verification.several import holm, largest_standardised
from transforms.verification.table import ScoreTable

SEED = b"a seed of the redraws"


def table_of(scores: np.ndarray, arms: np.ndarray) -> ScoreTable:
    zeros = np.zeros(len(scores), int)
    return ScoreTable(scores, arms, zeros, np.ones(1), zeros + 10, np.arange(len(scores)))


def test_the_maximum_of_one_statistic_is_that_statistic() -> None:
    rng = np.random.default_rng(0)
    scores, arms = rng.standard_normal((30, 5)), rng.integers(0, 5, 30)
    parts = contributions(scores, np.zeros(30, int), np.ones(1))
    one = redraw_test(parts, arms, RedrawRule(redraws=4_999), SEED)
    found = largest_standardised([parts], arms, RedrawRule(redraws=4_999), SEED)
    assert found.redrawn == one
    assert found.adjusted_p.tolist() == [one.p_value]


@pytest.mark.parametrize("rule", [RedrawRule(), RedrawRule(redraws=2_999, enumerate_up_to=1)])
def test_adjusted_p_values_are_no_smaller_and_the_smallest_is_the_maximums(rule: RedrawRule) -> None:
    rng = np.random.default_rng(1)
    arms = rng.integers(0, 3, 10)
    parts = [contributions(rng.standard_normal((10, 3)), np.zeros(10, int), np.ones(1)) for _ in range(4)]
    found = largest_standardised(parts, arms, rule, SEED)
    raw = [redraw_test(one, arms, rule, SEED).p_value for one in parts]
    assert (found.adjusted_p >= np.array(raw) - 1e-12).all()
    assert found.adjusted_p.min() == found.redrawn.p_value
    assert found.redrawn.smallest_p <= found.redrawn.p_value


def test_the_same_statistic_twice_costs_nothing() -> None:
    rng = np.random.default_rng(2)
    arms = rng.integers(0, 3, 25)
    parts = contributions(rng.standard_normal((25, 3)), np.zeros(25, int), np.ones(1))
    one = redraw_test(parts, arms, RedrawRule(redraws=999), SEED)
    assert largest_standardised([parts] * 3, arms, RedrawRule(redraws=999), SEED).redrawn == one


def test_a_statistic_that_no_draw_can_change_does_not_count() -> None:
    rng = np.random.default_rng(3)
    arms = rng.integers(0, 3, 25)
    still = contributions(np.zeros((25, 3)), np.zeros(25, int), np.ones(1))
    parts = contributions(rng.standard_normal((25, 3)), np.zeros(25, int), np.ones(1))
    found = largest_standardised([still, parts], arms, RedrawRule(redraws=999), SEED)
    assert found.redrawn == largest_standardised([parts], arms, RedrawRule(redraws=999), SEED).redrawn
    assert found.adjusted_p[0] == 1.0
    assert largest_standardised([still], arms, RedrawRule(redraws=999), SEED).redrawn.p_value == 1.0


def test_holm_is_holms() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(
    scores=st.lists(st.lists(st.integers(-5, 5), min_size=3, max_size=3), min_size=1, max_size=4),
    lam=st.sampled_from([0.1, 1.0, 5.0]),
)
def test_an_e_value_is_one_on_average_over_all_draws(scores: list[list[int]], lam: float) -> None:
    for statistic in ("aligned_rank", "mean"):
        values = [
            np.exp(log_e_value(table_of(np.array(scores, float), np.array(arms)), statistic, lam))  # type: ignore[arg-type]
            for arms in itertools.product(range(3), repeat=len(scores))
        ]
        assert np.mean(values) == pytest.approx(1, rel=1e-9)


def test_the_mixture_is_the_sum_of_its_definition_and_never_falls() -> None:
    logs = [0.3, -2.0, 4.0, 1.0]
    expected = [sum(np.exp(logs[j - 1]) / (j * (j + 1)) for j in range(1, k + 1)) for k in range(1, 5)]
    found = log_mixture(logs)
    assert np.exp(found) == pytest.approx(expected)
    assert (np.diff(found) > 0).all()
    assert anytime_p(found) == pytest.approx(min(1, 1 / expected[-1]))
    assert anytime_p(log_mixture([])) == 1.0
    assert anytime_p(log_mixture([800.0])) < 1e-300


def test_huge_evidence_does_not_overflow() -> None:
    scores = np.zeros((2_000, 2))
    scores[:, 1] = 1
    assert 1_000 < log_e_value(table_of(scores, np.ones(2_000, int)), "mean", 5.0) < 2_000


def test_a_series_that_is_stopped_at_its_best_is_right_where_a_running_maximum_is_not() -> None:
    """Twelve checkpoints of a model that saw nothing, looked at after each: at alpha .05."""
    rng = np.random.default_rng(4)
    campaigns, units, checkpoints = 400, 20, 12
    stopped, naive = 0, 0
    for _ in range(campaigns):
        arms = rng.integers(0, 2, units)
        common = rng.standard_normal((units, 2))
        logs, smallest = [], 1.0
        for _ in range(checkpoints):
            scores = common + rng.standard_normal((units, 2))
            table = table_of(scores, arms)
            logs.append(log_e_value(table, "aligned_rank", 0.3))
            parts = contributions(scores, table.strata, table.weights)
            smallest = min(smallest, redraw_test(parts, arms, RedrawRule(redraws=199, enumerate_up_to=1), SEED).p_value)
        stopped += anytime_p(log_mixture(logs)) <= 0.05
        naive += smallest <= 0.05
    assert stopped / campaigns <= 0.05
    assert naive / campaigns > 0.1


def test_a_series_finds_what_grows() -> None:
    rng = np.random.default_rng(5)
    arms = rng.integers(0, 4, 60)
    logs = []
    for checkpoint in range(6):
        scores = rng.standard_normal((60, 4))
        scores[range(60), arms] += 0.4 * checkpoint
        logs.append(log_e_value(table_of(scores, arms), "aligned_rank", 1.0))
    mixture = log_mixture(logs)
    assert anytime_p(mixture[:1]) > 0.05
    assert anytime_p(mixture) < 1e-6
