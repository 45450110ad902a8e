"""Loss, Min-K %, Min-K %++, references and zlib against hand-worked vectors and plain Python."""

import math
import statistics as plain
import zlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scoring.statistics_of import rows_of_log_probs, statistics
from transforms.scoring.metrics.inputs import TokenStatistics
from transforms.scoring.metrics.likelihood import loss, min_k, min_k_plus_plus
from transforms.scoring.metrics.reference import (
    difference_nll,
    difference_total_nll_per_byte,
    ratio_nll,
    ratio_total_nll_per_byte,
)
from transforms.scoring.metrics.zlib_size import utf8_bytes, zlib_bytes, zlib_mean_nll, zlib_total_nll


def test_loss_is_the_mean_log_probability_of_each_sequence() -> None:
    assert loss(statistics([[-1, -2, -6], [], [-0.5]])).tolist() == pytest.approx([-3, math.nan, -0.5], nan_ok=True)


def test_tokens_of_loss_zero_count() -> None:
    # Dropping them would give -4 and nothing at all: the most memorised tokens would be lost.
    assert loss(statistics([[0, -4, 0, 0], [0, 0]])).tolist() == [-1, 0]


def test_loss_adds_up_float32_in_float64() -> None:
    values = np.full(1_000_003, -0.1, np.float32)
    tokens = statistics([values.tolist()], dtype=np.float32)
    assert loss(tokens)[0] == pytest.approx(-float(np.float32(0.1)), rel=1e-12)


def test_the_more_memorised_sequence_has_the_higher_score_under_every_metric() -> None:
    # Each token's distribution is the same; the memorised sequence's own tokens are more probable.
    tokens = statistics([[-0.1] * 10, [-5.0] * 10], [[1] * 10, [0] * 10], [[-3.0] * 10] * 2, [[2.0] * 10] * 2)
    other = statistics([[-4.0] * 10, [-4.0] * 10])
    size = np.array([40, 40])
    for scores in (
        loss(tokens),
        min_k(tokens),
        min_k_plus_plus(tokens),
        ratio_nll(tokens, other),
        difference_nll(tokens, other),
        ratio_total_nll_per_byte(tokens, other, size, size),
        difference_total_nll_per_byte(tokens, other, size, size),
        zlib_total_nll(tokens, size),
        zlib_mean_nll(tokens, size),
    ):
        assert scores[0] > scores[1]


def test_min_k_averages_the_lowest_fifth() -> None:
    # T = 10: the two lowest are -9 and -8; the two highest would give -0.5.
    assert min_k(statistics([[0, -1, -2, -3, -4, -5, -6, -7, -8, -9]])).tolist() == [-8.5]


@pytest.mark.parametrize(("length", "lowest"), [(1, 1), (4, 1), (5, 1), (9, 1), (10, 2), (15, 3), (100, 20)])
def test_min_k_takes_floor_of_k_t_tokens_and_at_least_one(length: int, lowest: int) -> None:
    row = [-float(at) for at in range(length)]
    assert min_k(statistics([row]))[0] == pytest.approx(plain.fmean(sorted(row)[:lowest]))


def test_min_k_of_no_token_is_undefined_and_nan_is_not_hidden_by_sorting() -> None:
    assert np.isnan(min_k(statistics([[], [-1.0, math.nan, -2.0, -1, -1, -1]]))).all()


def test_a_share_that_is_a_whole_number_of_tokens_is_not_rounded_down() -> None:
    row = [-float(at) for at in range(100)]  # .29 * 100 is 28.999999999999996
    assert min_k(statistics([row]), 0.29)[0] == pytest.approx(plain.fmean(sorted(row)[:29]))


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, 20, math.nan])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"20 % is 0.2"):
        min_k(statistics([[-1]]), share)


def test_min_k_plus_plus_on_a_vocabulary_worked_out_by_hand() -> None:
    # p = (1/2, 1/4, 1/4): mu = -1.5 ln 2, sigma = .5 ln 2. Token 0: z = (-1 + 1.5) / .5 = 1; token 1: z = -1.
    # The unweighted mean over the vocabulary, -5/3 ln 2, would give z = 1.41 and -0.71.
    ln2 = math.log(2)
    tokens = statistics([[-ln2], [-2 * ln2]], means=[[-1.5 * ln2], [-1.5 * ln2]], deviations=[[0.5 * ln2], [0.5 * ln2]])
    assert min_k_plus_plus(tokens).tolist() == pytest.approx([1, -1])


def test_deviations_are_clamped_at_a_thousandth() -> None:
    tokens = statistics([[0.0], [-0.002]], means=[[-1e-6], [0.0]], deviations=[[0.0], [1e-4]])
    assert min_k_plus_plus(tokens).tolist() == pytest.approx([1e-3, -2])


@given(rows_of_log_probs, st.floats(0.01, 1), st.integers(0, 1 << 30))
def test_metrics_of_one_model_agree_with_plain_python(rows: list[list[float]], share: float, seed: int) -> None:
    draw = np.random.default_rng(seed)
    means = [draw.uniform(-5, 0, len(row)).tolist() for row in rows]
    deviations = [draw.uniform(0, 0.01, len(row)).tolist() for row in rows]
    tokens = statistics(rows, means=means, deviations=deviations)
    for at, row in enumerate(rows):
        z = [(l - m) / max(s, 1e-3) for l, m, s in zip(row, means[at], deviations[at], strict=True)]  # noqa: E741
        count = max(1, math.floor(share * len(row) + 1e-9))
        wanted = [plain.fmean(row), plain.fmean(sorted(row)[:count]), plain.fmean(sorted(z)[:count])] if row else []
        got = [loss(tokens)[at], min_k(tokens, share)[at], min_k_plus_plus(tokens, share)[at]]
        assert got == pytest.approx(wanted or [math.nan] * 3, rel=1e-9, abs=1e-9, nan_ok=True)


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    draw = np.random.default_rng(0)
    rows = [draw.uniform(-9, 0, length).tolist() for length in (7, 0, 100, 1)]
    together = [metric(statistics(rows)) for metric in (loss, min_k, min_k_plus_plus)]
    for at, row in enumerate(rows):
        alone = [metric(statistics([row]))[0] for metric in (loss, min_k, min_k_plus_plus)]
        np.testing.assert_array_equal([scores[at] for scores in together], alone)


def test_the_two_references_are_two_metrics() -> None:
    tokens, other = statistics([[-1, -3], [-4, -4]]), statistics([[-4, -4], [-8, -8]])
    assert ratio_nll(tokens, other).tolist() == [-0.5, -0.5]
    assert difference_nll(tokens, other).tolist() == [2, 4]


def test_the_difference_ranks_as_the_ratio_of_perplexities_does() -> None:
    draw = np.random.default_rng(1)
    rows, others = draw.uniform(-6, 0, (50, 9)), draw.uniform(-6, 0, (50, 9))
    ratios = np.exp(-rows.mean(1)) / np.exp(-others.mean(1))
    scores = difference_nll(statistics(rows.tolist()), statistics(others.tolist()))
    assert np.argsort(-scores).tolist() == np.argsort(ratios).tolist()


def test_a_reference_that_is_certain_has_no_ratio() -> None:
    assert np.isnan(ratio_nll(statistics([[-1.0]]), statistics([[0.0]]))).all()


def test_other_tokenizers_are_compared_by_byte() -> None:
    tokens, other = statistics([[-2, -4]]), statistics([[-1, -1, -1]])
    with pytest.raises(ValueError, match="ratio_total_nll_per_byte"):
        ratio_nll(tokens, other)
    # 6 nats over 12 bytes, 3 nats over the 10 bytes that the reference scored.
    sizes = np.array([12]), np.array([10])
    assert ratio_total_nll_per_byte(tokens, other, *sizes)[0] == pytest.approx(-0.5 / 0.3)
    assert difference_total_nll_per_byte(tokens, other, *sizes)[0] == pytest.approx(0.3 - 0.5)


def test_zlib_sizes_are_those_of_level_6_of_the_utf8_text() -> None:
    texts = pa.array(["", "a" * 100, "Straße 🦆 " * 9, None, "The keeper wrote one line a day."])
    wanted = [0 if one is None else len(zlib.compress(one.encode(), 6)) for one in texts.to_pylist()]
    assert zlib_bytes(texts).tolist() == wanted
    assert zlib_bytes(texts.cast(pa.large_string()).slice(1, 3)).tolist() == wanted[1:4]
    assert zlib_bytes(texts)[1] == 12
    long = " ".join(f"{at * at % 97} of {at % 13} and {at * 7 % 31}" for at in range(3000))
    sizes = [len(zlib.compress(long.encode(), level)) for level in (5, 6, 9)]
    assert zlib_bytes(pa.array([long]))[0] == sizes[1]
    assert len(set(sizes)) == 3
    assert utf8_bytes(texts).tolist() == [0, 100, 12 * 9 + 9, 0, 32]


def test_the_two_zlib_metrics_differ_by_the_length() -> None:
    tokens, sizes = statistics([[-2, -4], [-6], [], [-1]]), np.array([12, 12, 8, 0])
    assert zlib_total_nll(tokens, sizes).tolist() == pytest.approx([-0.5, -0.5, math.nan, math.nan], nan_ok=True)
    assert zlib_mean_nll(tokens, sizes).tolist() == pytest.approx([-0.25, -0.5, math.nan, math.nan], nan_ok=True)


def test_arrays_of_other_lengths_are_refused() -> None:
    tokens = statistics([[-1], [-2]])
    with pytest.raises(ValueError, match="3 compressed sizes for 2 sequences"):
        zlib_total_nll(tokens, np.array([1, 2, 3]))
    with pytest.raises(ValueError, match="hits: 1 values"):
        TokenStatistics(
            tokens.offsets, tokens.log_probs, tokens.means, tokens.deviations, tokens.hits[:1], tokens.unscored
        )
    with pytest.raises(ValueError, match="never fall"):
        TokenStatistics(
            np.array([0, 3, 2]), tokens.log_probs, tokens.means, tokens.deviations, tokens.hits, tokens.unscored
        )
