"""Doses in their fixed sequence."""

import numpy as np
import pytest
from scipy.stats import binom

from transforms.verification.alignment import contributions
from transforms.verification.power import shift_of
from transforms.verification.redraws import RedrawRule, redraw_test
from transforms.verification.sequence import (
    Analysis,
    Evidence,
    in_sequence,
    judge_doses,
    judge_series,
    minimum_detected,
)
from transforms.verification.series import anytime_p, log_e_value, log_mixture
from transforms.verification.table import ScoreTable

SEED = b"a seed of the redraws"


def campaign(seed: int, effects: dict[int, float], units: int = 30, m: int = 4) -> ScoreTable:
    """`units` units a dose, of two strata; the drawn candidates of a dose score higher by its effect."""
    rng = np.random.default_rng(seed)
    doses = np.repeat(list(effects), units)
    scores, arms = rng.standard_normal((len(doses), m + 1)), rng.integers(0, m + 1, len(doses))
    scores[np.arange(len(doses)), arms] += np.repeat(list(effects.values()), units)
    place = np.arange(len(doses))
    return ScoreTable(scores, arms, place % 2, np.ones(2), doses, place)


def analysis(*sequence: int, alpha: float = 0.01, redraws: int = 999) -> Analysis:
    return Analysis("aligned_rank", alpha, sequence, RedrawRule(redraws=redraws), SEED)


def test_it_stops_at_the_first_dose_that_is_not_rejected() -> None:
    table = campaign(0, {1000: 2.0, 100: 2.0, 10: 0.0, 1: 2.0})
    found = judge_doses([table], analysis(1000, 100, 10, 1))
    assert [one.dose for one in found] == [1000, 100, 10, 1]
    assert [one.reject for one in found] == [True, True, False, False]
    assert [one.tested for one in found] == [True, True, True, False]
    assert found[3].evidence.p_value == 0.001
    assert minimum_detected(found) == 100
    assert minimum_detected(found[2:]) is None


def test_each_dose_is_tested_by_its_own_units() -> None:
    table = campaign(1, {10: 0.5, 1: 0.0})
    found = judge_doses([table], analysis(10, 1))
    for one in found:
        own = table.take(table.doses == one.dose)
        parts = contributions(own.scores, own.strata, own.weights)
        expected = redraw_test(parts, own.arms, RedrawRule(redraws=999), SEED)
        evidence = one.evidence
        assert (evidence.p_value, evidence.smallest_p) == (expected.p_value, expected.smallest_p)
        assert (evidence.draws, evidence.enumerated, evidence.units) == (1000, False, 30)
        assert evidence.statistic == pytest.approx(parts.sum(own.arms) * parts.unit)


def test_a_dose_of_which_no_unit_is_left_is_not_rejected() -> None:
    table = campaign(2, {10: 3.0})
    found = judge_doses([table.take(np.zeros(30, bool))], analysis(10))
    assert (found[0].evidence.p_value, found[0].evidence.smallest_p, found[0].reject) == (1.0, 1.0, False)


def test_with_too_few_units_even_the_best_draw_is_not_rejected() -> None:
    table = campaign(3, {10: 9.0}, units=2)
    (found,) = judge_doses([table], analysis(10))
    assert found.evidence.smallest_p == found.evidence.p_value == 1 / 25
    assert not found.reject


def test_of_several_checkpoints_the_maximum_is_tested() -> None:
    late, early = campaign(4, {10: 1.5}), campaign(4, {10: 0.0})
    one, two = (judge_doses(tables, analysis(10))[0] for tables in ([late], [early, late]))
    assert one.evidence.p_value <= two.evidence.p_value <= 0.01


def test_any_false_rejection_is_as_rare_as_alpha() -> None:
    """The top dose is remembered, the others are not: one of these is rejected in alpha of the campaigns at most."""
    campaigns, alpha, wrong = 400, 0.1, 0
    for seed in range(campaigns):
        table = campaign(seed, {1000: shift_of(0.99), 100: 0.0, 10: 0.0, 1: 0.0}, units=12)
        wrong += any(
            one.reject for one in judge_doses([table], analysis(1000, 100, 10, 1, alpha=alpha, redraws=199))[1:]
        )
    assert binom.sf(wrong - 1, campaigns, alpha) > 0.001
    assert binom.cdf(wrong, campaigns, alpha) > 0.001


def test_alpha_itself_is_rejected() -> None:
    one, other = (
        in_sequence([10], 0.001, lambda _, p=p: Evidence(30, 1.0, p, 0.001, 1000, False))[0]  # type: ignore[misc]
        for p in (0.001, 0.002)
    )
    assert (one.reject, other.reject) == (True, False)


def test_a_growing_series_is_judged_by_its_mixture() -> None:
    tables = [campaign(5, {10: 1.0, 1: 0.0}) for _ in range(3)]
    found = judge_series(tables, analysis(10, 1), 1.0)
    for one in found:
        logs = [log_e_value(table.take(table.doses == one.dose), "aligned_rank", 1.0) for table in tables]
        assert one.evidence.p_value == pytest.approx(anytime_p(log_mixture(logs)))
        assert 0 < one.evidence.smallest_p < one.evidence.p_value
    assert [one.reject for one in found] == [True, False]


def test_doses_can_be_pooled_without_ranking_one_against_another() -> None:
    table = campaign(6, {10: 0.0, 1: 0.0}, units=4)
    crossed = table.crossed_with_doses()
    assert len({(g, dose) for g, dose in zip(crossed.strata, crossed.doses, strict=True)}) == 4
    assert len(set(crossed.strata)) == 4
    assert (crossed.weights[crossed.strata] == table.weights[table.strata]).all()
