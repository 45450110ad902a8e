"""Thousands of campaigns in which the model saw nothing, and of a known effect; the whole run is in benchmarks/.

A verifier that cannot say no is worth nothing. `python -m benchmarks.verification null` does the same
100,000 times for each design.
"""

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks.verification.null_campaigns import BATCH, LEVELS, NULL_DESIGNS, POWER_DESIGNS, Design, simulate
from transforms.verification.alignment import contributions
from transforms.verification.redraws import RedrawRule, redraw_test

CAMPAIGNS = 5_000


@pytest.mark.parametrize("design", NULL_DESIGNS, ids=lambda design: design.name)
def test_a_model_that_saw_nothing_is_not_blamed(design: Design) -> None:
    found = simulate(design, range(CAMPAIGNS // BATCH))
    assert len(found.p_values) == CAMPAIGNS
    for level in LEVELS:
        # At .001 the number of rejections is far from Gaussian: three standard errors in probability.
        rejected = int((found.p_values <= level).sum())
        assert binom.sf(rejected - 1, CAMPAIGNS, level) > 0.00135, (level, rejected)
    assert found.uniform_p > 0.001


@pytest.mark.parametrize("design", POWER_DESIGNS, ids=lambda design: design.name)
def test_the_planned_number_of_units_finds_what_it_should(design: Design) -> None:
    found = simulate(design, range(2_000 // BATCH))
    assert found.rate(0.001) == pytest.approx(0.9, abs=0.03)


def test_labels_shuffled_across_units_would_not_do() -> None:
    """The test of this suite's own sharpness: a wrong null distribution is found out.

    With siblings that correlate at -.5 a permutation of labels across the units of a stratum is too narrow.
    """
    units, campaigns, rng = 30, 2_000, np.random.default_rng(0)
    generator = np.random.default_rng(1)
    common = generator.standard_normal((campaigns, units, 1))
    scores = np.concatenate([common, -common], axis=2) * 0.5**0.5 + 0.5**0.5 * generator.standard_normal(
        (campaigns, units, 2)
    )
    arms = generator.integers(0, 2, (campaigns, units))
    wrong, right = 0, 0
    for one, drawn in zip(scores, arms, strict=True):
        pooled = one.ravel()
        observed = one[range(units), drawn].sum()
        shuffled = [rng.permutation(pooled)[:units].sum() for _ in range(99)]
        wrong += 1 + sum(sum_ >= observed for sum_ in shuffled) <= 5
        parts = contributions(one, np.zeros(units, int), np.ones(1), "mean")
        right += redraw_test(parts, drawn, RedrawRule(redraws=99), b"another seed").p_value <= 0.05
    assert binom.sf(wrong - 1, campaigns, 0.05) < 1e-6
    assert binom.sf(right - 1, campaigns, 0.05) > 0.001


def test_the_verdict_on_the_scores_does_not_look_at_the_arms() -> None:
    """Another draw of the same scores changes neither contributions nor redraws, only what is held against them."""
    scores = np.random.default_rng(3).standard_normal((30, 4))
    parts = contributions(scores, np.zeros(30, int), np.ones(1))
    rule = RedrawRule(redraws=999)
    one, other = (redraw_test(parts, np.full(30, arm), rule, b"a seed of 32") for arm in (0, 1))
    assert (one.draws, one.least) == (other.draws, other.least)
    assert one.p_value != other.p_value
