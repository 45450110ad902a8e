"""Ties are those of exact arithmetic, for decimals, shares and any other float64."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.verification.slow_draws import aligned, all_draws
from transforms.verification import exact
from transforms.verification.alignment import Statistic, contributions
from transforms.verification.exact import centred, meant, order_of, whole_scores
from transforms.verification.redraws import RedrawRule, redraw_test

floats = st.floats(-1e149, 1e149) | st.floats(-3, 3) | st.sampled_from([0.0, -0.0, 5e-324, 2.0**60, 1e16, 1e-9])
grids = st.tuples(st.integers(-60, 60), st.sampled_from([1, 3, 7, 10, 24, 25, 30, 49, 97, 1000, 99_991, 10**9]))
scores_of_any_kind = floats | grids.map(lambda pair: pair[0] / pair[1])


@st.composite
def tables(draw: st.DrawFn, most: int = 6) -> np.ndarray:
    units, candidates = draw(st.integers(1, most)), draw(st.integers(2, 4))
    few = draw(st.lists(scores_of_any_kind, min_size=1, max_size=6))
    row = st.lists(st.sampled_from(few) | scores_of_any_kind, min_size=candidates, max_size=candidates)
    return np.array(draw(st.lists(row, min_size=units, max_size=units)))


def exact_centred(scores: np.ndarray) -> list[list[Fraction]]:
    """The definition, one number at a time."""
    rows = [[meant(one) for one in row] for row in scores.tolist()]
    return [[one * len(row) - sum(row) for one in row] for row in rows]


@given(value=floats)
def test_a_number_is_meant_by_the_float_that_is_nearest_to_it(value: float) -> None:
    assert float(meant(value)) == value
    assert meant(-value) == -meant(value)


@given(numerator=st.integers(-(10**6), 10**6), denominator=st.integers(1, 5000))
def test_a_fraction_of_few_digits_is_found_again(numerator: int, denominator: int) -> None:
    assert meant(numerator / denominator) == Fraction(numerator, denominator)


@given(digits=st.integers(-(10**12), 10**12), places=st.integers(0, 20))
def test_a_decimal_of_few_digits_is_found_again(digits: int, places: int) -> None:
    assert meant(float(f"{digits}e-{places}")) == Fraction(digits, 10**places)


def test_the_longest_shares_of_a_unit_are_found_again() -> None:
    pairs = [(n, length) for length in (1021, 2048, 4095) for n in range(0, length + 1, 7)]
    assert [meant(n / length) for n, length in pairs] == [Fraction(n, length) for n, length in pairs]


@given(scores=tables())
def test_the_order_is_that_of_exact_arithmetic(scores: np.ndarray) -> None:
    values = [one for row in exact_centred(scores) for one in row]
    places = {value: at for at, value in enumerate(sorted(set(values)))}
    assert order_of(scores).ravel().tolist() == [places[one] for one in values]


@given(scores=tables())
def test_centred_scores_are_equal_where_they_tie_and_right_where_they_do_not(scores: np.ndarray) -> None:
    wanted = exact_centred(scores)
    found = centred(scores)
    flat = [
        (one, mine) for row, own in zip(wanted, found.tolist(), strict=True) for one, mine in zip(row, own, strict=True)
    ]
    for (one, mine), (other, theirs) in itertools.combinations(flat, 2):
        assert one != other or mine == theirs
    largest = float(np.abs(scores).max())
    assert all(math.isclose(float(one), mine, rel_tol=1e-9, abs_tol=1e-13 * largest) for one, mine in flat)


@given(scores=tables())
def test_whole_scores_are_the_numbers_that_are_meant(scores: np.ndarray) -> None:
    found = whole_scores(scores)
    if found is not None:
        numbers, denominator = found
        assert [Fraction(one, denominator) for one in numbers.ravel().tolist()] == [
            meant(one) for one in scores.ravel()
        ]


@pytest.mark.parametrize("limit", ["_MOST_WHOLE", "_MOST_DISTINCT"])
def test_without_whole_numbers_the_order_is_the_same(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(3)
    for scores in (generator.integers(0, 8, (30, 4)) / 10, generator.integers(0, 8, (30, 4)) / 7):
        wanted = order_of(scores)
        assert len(np.unique(wanted)) < wanted.size / 2
        with monkeypatch.context() as patched:
            patched.setattr(exact, limit, -1)
            patched.setattr(exact, "_MOST_BITS", 0)
            assert (order_of(scores) == wanted).all()


@pytest.mark.parametrize("statistic", ["aligned_rank", "mean"])
@pytest.mark.parametrize("kind", ["tenths", "shares of 30", "shares of 25 to 41", "decimals of 9 places"])
def test_p_is_that_of_the_documented_formula(statistic: Statistic, kind: str) -> None:
    generator = np.random.default_rng(5)
    below = {"tenths": 10, "shares of 30": 30, "decimals of 9 places": 10**9}.get(kind)
    for _ in range(20):
        lengths = np.full((5, 1), below) if below else generator.integers(25, 42, (5, 1))
        whole = generator.integers(0, 5, (5, 3))
        arms = generator.integers(0, 3, 5)
        strata = np.array([0, 0, 0, 1, 1])
        rows = [[Fraction(int(one), int(q[0])) for one in row] for row, q in zip(whole, lengths, strict=True)]
        means = [[one - sum(row) / len(row) for one in row] for row in rows]
        parts = aligned(rows, strata.tolist()) if statistic == "aligned_rank" else means
        weights = [Fraction(1, 10), Fraction(3, 10)]
        sums = [
            sum(weights[strata[unit]] * parts[unit][arm] for unit, arm in enumerate(draw)) for draw in all_draws(5, 3)
        ]
        drawn = sum(weights[strata[unit]] * parts[unit][arm] for unit, arm in enumerate(arms.tolist()))
        found = contributions(whole / lengths, strata, np.array([0.1, 0.3]), statistic)
        assert found.slack == 0
        tested = redraw_test(found, arms, RedrawRule(), bytes(32))
        assert tested.enumerated
        assert Fraction(tested.above + tested.tied, tested.draws) == Fraction(
            sum(one >= drawn for one in sums), len(sums)
        )


def test_scores_far_apart_in_size_do_not_blur_each_other() -> None:
    scores = np.array([[1e140, 3e140], [0.1, 0.3], [0.2, 0.4], [1e-9, 2e-9], [1e-9, 2.0000001e-9]])
    assert order_of(scores).tolist() == [[0, 7], [1, 6], [1, 6], [3, 4], [2, 5]]
