"""The redraws and their p-values against one number at a time, and against scipy."""

import itertools
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare, rankdata, wilcoxon

from tests.verification.slow_draws import all_draws, redraw
from transforms.verification import redraws
from transforms.verification.alignment import Contributions, contributions
from transforms.verification.redraws import (
    RedrawRule,
    enumerated_sums,
    fresh_p_values,
    monte_carlo,
    null_sums,
    redraw_test,
    seed_words,
)
from transforms.verification.redraws_kernel import philox, redraw_sums

SEED = bytes(range(32))


def words(*values: int) -> np.ndarray:
    return np.array(values, np.uint64)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((2**32 - 1,) * 4, (2**32 - 1,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_the_generator_gives_its_authors_vectors(
    counter: Sequence[int], key: Sequence[int], expected: Sequence[int]
) -> None:
    """Known answers of Random123 (kat_vectors, philox4x32 10)."""
    assert philox(words(*counter), words(*key)).tolist() == list(expected)


@settings(max_examples=40)
@given(
    seed=st.binary(min_size=12, max_size=40),
    units=st.integers(1, 23),
    candidates=st.sampled_from([2, 3, 5, 10, 33, 1500]),
    first=st.integers(0, 2**28).map(lambda one: 4 * one),
    count=st.integers(1, 9),
    data=st.data(),
)
def test_sums_are_those_of_redraws_made_one_by_one(
    seed: bytes, units: int, candidates: int, first: int, count: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    values = rng.integers(-(10**6), 10**6, (2, units, candidates))
    found = redraw_sums(values, seed_words(seed), first, count)
    drawn = [redraw(seed, number, units, candidates) for number in range(first, first + count)]
    assert found.tolist() == [[int(one[range(units), arms].sum()) for arms in drawn] for one in values]


def test_a_rejected_word_is_replaced_by_the_next_attempts() -> None:
    # 2**32 mod 60_000 words of 2**32 are rejected: one in 100,000 or so.
    candidates, count = 60_000, 400_000
    values = np.arange(candidates)[None, None]
    sums = redraw_sums(values, seed_words(SEED), 0, count)[0]
    seed = [int(one) for one in seed_words(SEED)]
    first = np.concatenate([philox(words(at, 0, 0, seed[2]), words(*seed[:2])) for at in range(count // 4)])
    rejected = np.flatnonzero((first * np.uint64(candidates) & np.uint64(2**32 - 1)) < 2**32 % candidates)
    assert len(rejected) > 0
    for number in rejected:
        assert [sums[number]] == redraw(SEED, int(number), 1, candidates)


@pytest.mark.parametrize("candidates", [2, 3, 10])
def test_every_arm_of_every_unit_is_drawn_equally_often(candidates: int) -> None:
    units, count = 12, 40_000
    for unit, arm in itertools.product(range(units), range(candidates)):
        values = np.zeros((1, units, candidates), np.int64)
        values[0, unit, arm] = 1
        drawn = int(monte_carlo(values, count, SEED)[0].sum())
        assert chisquare([drawn, count - drawn], [count / candidates, count * (1 - 1 / candidates)]).pvalue > 1e-5


def test_units_are_drawn_independently() -> None:
    """Of all draws of four units with three candidates, across two groups, each comes equally often."""
    values = np.zeros((1, 8, 3), np.int64)
    for power, unit in enumerate((0, 1, 6, 7)):
        values[0, unit] = 3**power * np.arange(3)
    counts = np.bincount(monte_carlo(values, 81_000, SEED)[0], minlength=81)
    assert chisquare(counts).pvalue > 1e-4


def test_the_result_does_not_depend_on_threads_or_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).integers(-99, 99, (2, 37, 4))
    expected = redraw_sums(values, seed_words(SEED), 0, 30_001)
    monkeypatch.setattr(redraws, "_WORTH_A_THREAD", 0)
    for threads, block in ((1, 8192), (2, 8192), (5, 64), (3, 4)):
        monkeypatch.setattr(redraws, "BLOCK", block)
        count = 30_001 if block > 4 else 101
        assert (monte_carlo(values, count, SEED, threads=threads) == expected[:, :count]).all()


def test_another_seed_gives_other_redraws() -> None:
    values = np.random.default_rng(0).integers(-99, 99, (1, 37, 4))
    one, other = (monte_carlo(values, 1000, seed)[0] for seed in (SEED, SEED[::-1]))
    assert (one != other).mean() > 0.9


@given(units=st.integers(0, 5), candidates=st.integers(2, 4), seed=st.integers(0, 9))
def test_enumeration_goes_through_every_draw(units: int, candidates: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(-9, 9, (2, units, candidates))
    found = enumerated_sums(values)
    for one, sums in zip(values, found, strict=True):
        expected = [sum(int(one[i, arm]) for i, arm in enumerate(draw)) for draw in all_draws(units, candidates)]
        assert sorted(sums.tolist()) == sorted(expected)


@given(
    values=st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=1, max_size=5),
    slack=st.integers(0, 2),
    data=st.data(),
)
def test_enumerated_p_is_the_share_of_draws_that_do_as_well(
    values: list[list[int]], slack: int, data: st.DataObject
) -> None:
    arms = [data.draw(st.integers(0, 2)) for _ in values]
    parts = Contributions(np.array(values), slack, 1.0)
    found = redraw_test(parts, np.array(arms), RedrawRule(), SEED)
    sums = [sum(row[arm] for row, arm in zip(values, draw, strict=True)) for draw in all_draws(len(values), 3)]
    observed, best = sum(row[arm] for row, arm in zip(values, arms, strict=True)), sum(map(max, values))
    assert found.enumerated
    assert found.p_value == pytest.approx(sum(one >= observed - slack for one in sums) / len(sums))
    assert found.above == sum(one > observed + slack for one in sums)
    assert found.smallest_p == pytest.approx(sum(one >= best - slack for one in sums) / len(sums))


def test_monte_carlo_p_counts_the_draw_itself() -> None:
    parts = Contributions(np.array([[0, 0, 0, 1]] * 30), 0, 1.0)
    found = redraw_test(parts, np.full(30, 3), RedrawRule(redraws=999), SEED)
    assert (found.draws, found.above, found.tied, found.p_value) == (1000, 0, 1, 0.001)
    worst = redraw_test(parts, np.zeros(30, int), RedrawRule(redraws=999), SEED)
    assert worst.p_value == 1.0
    assert worst.smallest_p == 0.001


def test_where_no_draw_stands_out_no_p_is_small() -> None:
    found = redraw_test(Contributions(np.ones((30, 4), np.int64), 0, 1.0), np.zeros(30, int), RedrawRule(999), SEED)
    assert found.p_value == found.smallest_p == 1.0


def test_fewer_redraws_are_made_of_many_units() -> None:
    rule = RedrawRule(redraws=199, redraws_many=99, many_units=30)
    parts = [Contributions(np.ones((units, 4), np.int64), 0, 1.0) for units in (30, 31)]
    assert [len(null_sums(one, rule, SEED)[0]) for one in parts] == [199, 99]


@pytest.mark.parametrize(("units", "candidates", "enumerated"), [(19, 2, True), (20, 2, False), (6, 10, True)])
def test_small_designs_are_enumerated(units: int, candidates: int, enumerated: bool) -> None:
    assert RedrawRule().enumerates(units, candidates) is enumerated


@pytest.mark.parametrize("units", [6, 12])
def test_with_one_held_out_and_one_stratum_it_is_a_signed_rank_test(units: int) -> None:
    """Of scores r - 1/2 where Wilcoxon's has r, r the rank of the difference's size."""
    rng = np.random.default_rng(units)
    scores = rng.standard_normal((units, 2))
    arms = rng.integers(0, 2, units)
    difference = scores[range(units), arms] - scores[range(units), 1 - arms]
    halves = rankdata(np.abs(difference)) - 0.5
    sums = [sum(signs * halves) for signs in itertools.product((-1, 1), repeat=units)]
    expected = sum(one >= sum(np.sign(difference) * halves) for one in sums) / len(sums)
    parts = contributions(scores, np.zeros(units, int), np.ones(1))
    found = redraw_test(parts, arms, RedrawRule(), SEED).p_value
    assert found == expected
    assert found == pytest.approx(wilcoxon(difference, alternative="greater", method="exact").pvalue, abs=0.02)


def test_fresh_draws_have_the_p_values_that_the_test_would_give_them() -> None:
    scores = np.random.default_rng(5).integers(0, 4, (24, 5)).astype(float)
    parts = contributions(scores, np.zeros(24, int), np.ones(1))
    rule = RedrawRule(redraws=4_999)
    found = fresh_p_values(parts, null_sums(parts, rule, SEED), 8, SEED[::-1])
    drawn = [np.array(redraw(SEED[::-1], number, 24, 5)) for number in range(8)]
    assert found.tolist() == [redraw_test(parts, arms, rule, SEED).p_value for arms in drawn]


def test_of_10_000_fresh_draws_of_a_twin_the_p_values_are_uniform() -> None:
    scores = np.random.default_rng(6).standard_normal((60, 10))
    parts = contributions(scores, np.zeros(60, int), np.ones(1))
    found = fresh_p_values(parts, null_sums(parts, RedrawRule(redraws=199_999), SEED), 10_000, SEED[::-1])
    for level in (0.05, 0.01, 0.001):
        assert abs((found <= level).mean() - level) < 3.5 * (level / 10_000) ** 0.5
    assert chisquare(np.bincount((found * 20).astype(int).clip(0, 19), minlength=20)).pvalue > 1e-3


def test_a_short_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="12 or more"):
        seed_words(b"short")


def test_fractions_of_a_p_value_add_up() -> None:
    parts = Contributions(np.array([[0, 1], [0, 1], [0, 1]]), 0, 1.0)
    found = redraw_test(parts, np.array([1, 1, 0]), RedrawRule(), SEED)
    assert Fraction(found.above + found.tied, found.draws) == Fraction(4, 8)
    assert found.randomised_p(0.5) == pytest.approx((1 + 0.5 * 3) / 8)
