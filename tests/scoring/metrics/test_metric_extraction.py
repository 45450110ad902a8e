"""Exact memorisation, extraction strength and extraction, greedy and sampled, from one pass."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scoring.statistics_of import rows_of_hits, statistics
from transforms.scoring.metrics.extraction import (
    discoverable_extraction,
    exact_memorisation,
    extraction_probability,
    extraction_strength,
    np_discoverable,
)
from transforms.scoring.metrics.inputs import TokenStatistics


def of_hits(rows: list[list[int]], unscored: int = 0) -> TokenStatistics:
    return statistics([[-1.0] * len(row) for row in rows], rows, unscored=unscored)


def test_exact_memorisation_is_the_share_of_argmax_hits() -> None:
    assert exact_memorisation(of_hits([[1, 0, 1, 1], [0], []])).tolist() == pytest.approx(
        [0.75, 0, math.nan], nan_ok=True
    )


def test_extraction_strength_counts_from_where_all_match() -> None:
    # k = 0, 2, 4 (the last token is wrong), 1, none.
    rows = [[1, 1, 1, 1], [1, 0, 1, 1], [1, 1, 1, 0], [0, 1, 1, 1], []]
    assert extraction_strength(of_hits(rows)).tolist() == pytest.approx([1, 0.5, 0, 0.75, math.nan], nan_ok=True)


def test_the_last_token_of_the_suffix_counts() -> None:
    fine, last_wrong = [0] * 50 + [1] * 50, [0] * 50 + [1] * 49 + [0]
    assert discoverable_extraction(of_hits([fine, last_wrong])).tolist() == [1, 0]


def test_only_the_fifty_tokens_after_the_prefix_count() -> None:
    longer = [0] * 50 + [1] * 50 + [0] * 30
    assert discoverable_extraction(of_hits([longer, [1] * 49 + [0] * 2 + [1] * 79])).tolist() == [1, 0]


def test_a_short_sequence_is_halved_and_its_second_half_is_the_suffix() -> None:
    rows = [[0, 0, 1, 1, 1], [0, 1, 1, 0, 1], [1, 1], [1], []]
    wanted = [1, 0, 1, math.nan, math.nan]
    assert discoverable_extraction(of_hits(rows)).tolist() == pytest.approx(wanted, nan_ok=True)


def test_without_a_begin_token_the_first_token_still_counts_as_prefix() -> None:
    # 100 tokens of which 99 are scored: entry 49 is token 50, the first of the suffix.
    rows = [[0] * 49 + [1] * 50, [0] * 50 + [1] * 49]
    assert discoverable_extraction(of_hits(rows, unscored=1)).tolist() == [1, 0]


@given(rows_of_hits, st.integers(1, 4), st.integers(1, 4), st.integers(0, 1))
def test_hits_agree_with_plain_python(rows: list[list[int]], prefix: int, suffix: int, unscored: int) -> None:
    tokens = of_hits(rows, unscored)
    exact, strength = exact_memorisation(tokens), extraction_strength(tokens)
    found = discoverable_extraction(tokens, prefix, suffix)
    for at, row in enumerate(rows):
        own = [None] * unscored + row
        short = len(own) < prefix + suffix
        piece = own[len(own) // 2 :] if short else own[prefix : prefix + suffix]
        tails = [k for k in range(len(row) + 1) if all(row[k:])]
        nan = math.nan
        wanted = [
            sum(row) / len(row) if row else nan,
            1 - tails[0] / len(row) if row else nan,
            float(all(piece)) if len(own) >= 2 else nan,
        ]
        assert [exact[at], strength[at], found[at]] == pytest.approx(wanted, nan_ok=True)


def test_the_probability_of_a_sampled_suffix_is_worked_out_in_logarithms() -> None:
    # The suffix has probability .5 * .2 = .1; of two attempts: 1 - .9^2 = .19. The prefix does not count.
    tokens = of_hits([[1, 1, 0, 0]])
    scheme = np.log([0.3, 0.3, 0.5, 0.2])
    assert extraction_probability(tokens, scheme, attempts=2)[0] == pytest.approx(0.19)
    assert extraction_probability(tokens, scheme, attempts=1)[0] == pytest.approx(0.1)


def test_a_tiny_probability_is_not_rounded_away() -> None:
    # 1 - (1 - 1e-18)^1000 is 0 in double precision when it is worked out as it is written.
    tokens, scheme = of_hits([[1, 1]]), np.array([0.0, math.log(1e-18)])
    assert extraction_probability(tokens, scheme, attempts=1000)[0] == pytest.approx(1e-15, rel=1e-9, abs=0)


def test_certain_and_impossible_suffixes() -> None:
    tokens = of_hits([[1, 1, 1, 1], [1, 1, 1, 1], [1], []])
    scheme = np.array([-math.inf, -1.0, 0.0, 0.0, 0.0, 0.0, -math.inf, 0.0, 0.0], np.float32)
    assert extraction_probability(tokens, scheme).tolist() == pytest.approx([1, 0, math.nan, math.nan], nan_ok=True)
    assert np_discoverable(tokens, scheme).tolist() == pytest.approx([1, 0, math.nan, math.nan], nan_ok=True)


def test_np_discoverable_compares_with_p() -> None:
    tokens = of_hits([[1, 1], [1, 1]])
    scheme = np.log([1.0, 0.5, 1.0, 0.49])
    assert np_discoverable(tokens, scheme, attempts=1, probability=0.5).tolist() == [1, 0]


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"prefix": 0}, {"suffix": 0}, {"probability": 0.0}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        np_discoverable(of_hits([[1, 1]]), np.zeros(2), **wrong)  # type: ignore[arg-type]


def test_scheme_probabilities_of_other_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match="3 values for 2 scored tokens"):
        extraction_probability(of_hits([[1, 1]]), np.zeros(3))
