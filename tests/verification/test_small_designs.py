"""Small designs, every draw enumerated: a p-value at or below a comes up in at most a share a of the draws."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from transforms.verification.alignment import contributions
from transforms.verification.redraws import RedrawRule, redraw_test
from transforms.verification.several import largest_standardised

SEED = b"a seed of the redraws"
DESIGNS = [(units, m) for units, m in itertools.product(range(1, 6), (1, 2, 3)) if (m + 1) ** units <= 256]


def p_of_every_draw(scores: list[np.ndarray], strata: np.ndarray, statistic: str) -> list[Fraction]:
    weights = np.array([1.0, 0.5, 0.1])
    parts = [contributions(one, strata, weights, statistic) for one in scores]  # type: ignore[arg-type]
    units, candidates = scores[0].shape
    found = []
    for draw in itertools.product(range(candidates), repeat=units):
        arms = np.array(draw)
        if len(parts) == 1:
            redrawn = redraw_test(parts[0], arms, RedrawRule(), SEED)
        else:
            redrawn = largest_standardised(parts, arms, RedrawRule(), SEED).redrawn
        found.append(Fraction(redrawn.above + redrawn.tied, redrawn.draws))
        assert redrawn.smallest_p <= redrawn.p_value
    return found


@pytest.mark.parametrize("statistic", ["aligned_rank", "mean"])
@pytest.mark.parametrize(("units", "m"), DESIGNS)
def test_no_level_is_exceeded(units: int, m: int, statistic: str) -> None:
    rng = np.random.default_rng(100 * units + m)
    strata = np.arange(units) % 3
    for levels in (2, 3, 1000):  # many ties, some, hardly any
        p_values = p_of_every_draw([rng.integers(0, levels, (units, m + 1)).astype(float)], strata, statistic)
        for level in set(p_values):
            assert Fraction(sum(one <= level for one in p_values), len(p_values)) == level


@pytest.mark.parametrize(("units", "m"), DESIGNS)
def test_no_level_is_exceeded_by_a_maximum_of_three(units: int, m: int) -> None:
    rng = np.random.default_rng(7 * units + m)
    for levels in (2, 1000):
        scores = [rng.integers(0, levels, (units, m + 1)).astype(float) for _ in range(3)]
        p_values = p_of_every_draw(scores, np.zeros(units, int), "aligned_rank")
        for level in set(p_values):
            assert Fraction(sum(one <= level for one in p_values), len(p_values)) <= level


@pytest.mark.parametrize("m", [1, 2, 3])
def test_the_smallest_p_is_that_of_the_best_draw(m: int) -> None:
    scores = np.random.default_rng(m).standard_normal((4, m + 1))
    best = scores.argmax(axis=1)
    found = redraw_test(contributions(scores, np.zeros(4, int), np.ones(1)), best, RedrawRule(), SEED)
    assert found.p_value == found.smallest_p == (m + 1) ** -4
