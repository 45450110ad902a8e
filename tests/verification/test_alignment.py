"""Contributions against exact fractions; ties are ties."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.verification.slow_draws import aligned
from transforms.verification.alignment import Contributions, contributions, doubled_midranks

whole = st.integers(-4, 4)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[int]], list[int], list[float]]:
    units, candidates = draw(st.integers(1, 7)), draw(st.integers(2, 4))
    scores = draw(st.lists(st.lists(whole, min_size=candidates, max_size=candidates), min_size=units, max_size=units))
    strata = draw(st.lists(st.integers(0, 2), min_size=units, max_size=units))
    return scores, strata, draw(st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.0]), min_size=3, max_size=3))


@given(table=tables())
def test_they_are_weighted_aligned_ranks_without_any_rounding(
    table: tuple[list[list[int]], list[int], list[float]],
) -> None:
    scores, strata, weights = table
    found = contributions(np.array(scores, float), np.array(strata), np.array(weights))
    ranks = aligned([[Fraction(one) for one in row] for row in scores], strata)
    expected = [[Fraction(str(weights[g])) * one for one in row] for g, row in zip(strata, ranks, strict=True)]
    assert found.slack == 0
    assert found.values * found.unit == pytest.approx(np.array([[float(one) for one in row] for row in expected]))
    flat = [(int(one), wanted) for row, other in zip(found.values, expected, strict=True)
            for one, wanted in zip(row, other, strict=True)]  # fmt: skip
    # In proportion, exactly: a sum is equal to another if and only if the fractions' sums are.
    assert all(one * other == two * wanted for (one, wanted) in flat for (two, other) in flat)


@given(table=tables(), data=st.data())
def test_with_the_mean_no_tie_is_missed_and_no_order_is_changed(
    table: tuple[list[list[int]], list[int], list[float]], data: st.DataObject
) -> None:
    scores, strata, weights = table
    scores = [[one / 10 for one in row] for row in scores]
    found = contributions(np.array(scores), np.array(strata), np.array(weights), "mean")
    tenths = [[Fraction(round(10 * one), 10) for one in row] for row in scores]
    exact = [
        [Fraction(str(weights[g])) * (one - sum(row) / len(row)) for one in row]
        for g, row in zip(strata, tenths, strict=True)
    ]
    one, other = ([data.draw(st.integers(0, len(scores[0]) - 1)) for _ in scores] for _ in range(2))
    wanted = sum(row[a] - row[b] for row, a, b in zip(exact, one, other, strict=True))
    difference = found.sum(np.array(one)) - found.sum(np.array(other))
    if wanted == 0:
        assert abs(difference) <= found.slack
    else:
        assert abs(difference) > found.slack
        assert (difference > 0) == (wanted > 0)


def test_sums_that_do_not_fit_are_rounded_with_room_for_every_tie() -> None:
    """Strata of many sizes without a common measure; equal units of equal strata still tie."""
    rng = np.random.default_rng(0)
    sizes = np.array([2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53])
    strata = np.repeat(np.arange(len(sizes)), sizes)
    weights = rng.random(len(sizes))
    scores = rng.standard_normal((len(strata), 3))
    found = contributions(scores, strata, weights)
    assert 0 < found.slack < np.abs(found.values).max() * 1e-9
    ranks = aligned([[Fraction(one) for one in row] for row in scores], strata.tolist())
    expected = [[weights[g] * float(one) for one in row] for g, row in zip(strata, ranks, strict=True)]
    assert found.values * found.unit == pytest.approx(np.array(expected), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("statistic", ["aligned_rank", "mean"])
def test_what_is_common_to_a_unit_is_taken_out(statistic: str) -> None:
    scores = np.random.default_rng(1).integers(-9, 9, (20, 4)).astype(float)
    shifted = scores + 64 * np.arange(20)[:, None]
    one, other = (
        contributions(each, np.zeros(20, int), np.ones(1), statistic)
        for each in (scores, shifted)  # type: ignore[arg-type]
    )
    assert (one.values == other.values).all()


def test_equal_scores_are_tied_whatever_they_are() -> None:
    for value in (0.0, -0.0, 0.1, 1e149, 5e-324):
        for statistic in ("aligned_rank", "mean"):
            found = contributions(np.full((4, 3), value), np.zeros(4, int), np.ones(1), statistic)  # type: ignore[arg-type]
            assert np.ptp(found.values) * len(found.values) <= found.slack


@given(values=st.lists(st.lists(whole, min_size=3, max_size=3), min_size=1, max_size=8), data=st.data())
def test_midranks_are_those_of_the_definition(values: list[list[int]], data: st.DataObject) -> None:
    strata = [data.draw(st.integers(0, 2)) for _ in values]
    found = doubled_midranks(np.array(values, float), np.array(strata))
    for row, stratum, ranks in zip(values, strata, found.tolist(), strict=True):
        apart = [[len(other) * one - sum(other) for one in other] for other in values]
        pool = [one for other, place in zip(apart, strata, strict=True) if place == stratum for one in other]
        own = [len(row) * one - sum(row) for one in row]
        assert ranks == [2 * sum(x < one for x in pool) + sum(x == one for x in pool) + 1 for one in own]


def test_sums_beyond_64_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="64-bit"):
        Contributions(np.full((3, 2), 1 << 61), 0, 1.0)


def test_no_units_contribute_nothing() -> None:
    found = contributions(np.empty((0, 3)), np.empty(0, int), np.ones(1))
    assert found.values.shape == (0, 3)
    assert found.sum(np.empty(0, int)) == 0
