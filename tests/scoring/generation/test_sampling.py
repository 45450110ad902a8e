"""Schemes of choosing a token: their probabilities, and that tokens are drawn with them."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from transforms.scoring.generation.sampling import SamplingScheme

LOGITS = torch.log(torch.tensor([[0.1, 0.4, 0.2, 0.3]]))


def probabilities(scheme: SamplingScheme, logits: torch.Tensor = LOGITS) -> list[float]:
    return [round(value, 6) for value in scheme.log_probs(logits)[0].exp().tolist()]


def test_probabilities_worked_out_by_hand() -> None:
    assert probabilities(SamplingScheme(1.0)) == [0.1, 0.4, 0.2, 0.3]
    # At temperature 1/2 they are squared: .01, .16, .04, .09 of .3.
    assert probabilities(SamplingScheme(0.5)) == [0.033333, 0.533333, 0.133333, 0.3]
    assert probabilities(SamplingScheme(1.0, top_k=2)) == [0, 0.571429, 0, 0.428571]
    # .4 + .3 do not reach .75, the next one does and stays.
    assert probabilities(SamplingScheme(1.0, top_p=0.75)) == [0, 0.444444, 0.222222, 0.333333]
    assert probabilities(SamplingScheme(1.0, top_p=0.01)) == [0, 1, 0, 0]
    # Top-k first: of .4 and .3 the first has .571, above .5.
    assert probabilities(SamplingScheme(1.0, top_k=2, top_p=0.5)) == [0, 1, 0, 0]
    assert probabilities(SamplingScheme()) == [0, 1, 0, 0]


def test_of_equal_logits_greedy_takes_the_lowest_id_and_top_k_keeps_both() -> None:
    tied = torch.tensor([[0.0, 2.0, 1.0, 2.0]])
    assert SamplingScheme().draw(tied, torch.zeros(1)).tolist() == [1]
    assert probabilities(SamplingScheme(1.0, top_k=1), tied) == [0, 0.5, 0, 0.5]


def test_top_p_is_reached_by_the_lowest_ids_of_equal_logits() -> None:
    for size in (4, 10, 5000):
        kept = SamplingScheme(1.0, top_p=0.5).log_probs(torch.zeros(1, size)).isfinite()[0]
        assert kept.tolist() == [True] * (size // 2) + [False] * (size // 2)


def test_top_k_beyond_the_vocabulary_keeps_all() -> None:
    assert probabilities(SamplingScheme(1.0, top_k=99)) == [0.1, 0.4, 0.2, 0.3]


@pytest.mark.parametrize("scheme", [SamplingScheme(1.0), SamplingScheme(0.8, 3), SamplingScheme(1.3, 0, 0.8)])
def test_evenly_spread_numbers_draw_each_token_with_its_probability(scheme: SamplingScheme) -> None:
    logits = torch.tensor([[0.3, -1.0, 2.0, 1.1, -0.2]])
    points = torch.arange(20_000, dtype=torch.float64) / 20_000
    drawn = scheme.draw(logits.expand(20_000, -1), points)
    shares = torch.bincount(drawn, minlength=5).double() / 20_000
    assert torch.allclose(shares, scheme.log_probs(logits)[0].exp(), atol=2e-4)


def test_a_number_next_to_one_draws_the_last_token_that_can_be_drawn() -> None:
    logits = torch.tensor([[0.0, 5.0, -math.inf], [0.0, 0.1, 0.2]])
    high = torch.full((2,), 1 - 2.0**-53, dtype=torch.float64)
    assert SamplingScheme(1.0).draw(logits, high).tolist() == [1, 2]
    assert SamplingScheme(1.0).draw(logits.flip(-1), torch.zeros(2, dtype=torch.float64)).tolist() == [1, 0]


def test_a_row_with_a_nan_draws_no_token() -> None:
    logits = torch.tensor([[0.0, math.nan], [0.0, 1.0]])
    for scheme in (SamplingScheme(), SamplingScheme(1.0)):
        assert scheme.draw(logits, torch.full((2,), 0.9, dtype=torch.float64)).tolist() == [-1, 1]


@given(
    st.lists(st.lists(st.integers(-40, 40), min_size=6, max_size=6), min_size=1, max_size=4),
    st.sampled_from([0.5, 1.0, 2.0]),
    st.integers(0, 6),
    st.sampled_from([0.2, 0.7, 1.0]),
    st.floats(0, 0.999),
)
def test_probabilities_and_draws_agree_with_plain_python(
    rows: list[list[int]], temperature: float, top_k: int, top_p: float, uniform: float
) -> None:
    scheme = SamplingScheme(temperature, top_k, top_p)
    logits = torch.tensor(rows) / 10
    got, points = scheme.log_probs(logits).exp(), torch.full((len(rows),), uniform, dtype=torch.float64)
    drawn = scheme.draw(logits, points)
    for at, row in enumerate(logits.double().tolist()):
        lowest = sorted(row)[-top_k] if top_k else -math.inf
        weights = [math.exp(one / temperature) if one >= lowest else 0 for one in row]
        shares = [one / sum(weights) for one in weights]
        total, kept = 0.0, []
        for token in sorted(range(6), key=lambda token: (-shares[token], token)):
            if top_p == 1 or total < top_p - 1e-12:
                kept.append(token)
            total += shares[token]
        wanted = [shares[token] / sum(shares[k] for k in kept) if token in kept else 0 for token in range(6)]
        # A sum that is p up to rounding may fall on either side.
        if top_p == 1 or all(abs(s - top_p) > 1e-9 for s in np.cumsum(sorted(shares)[::-1])):
            assert got[at].tolist() == pytest.approx(wanted, abs=1e-12)
            edges = np.cumsum(wanted)
            if np.abs(edges - uniform).min() > 1e-9:
                assert drawn[at] == int(np.searchsorted(edges, uniform, "right"))


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": -1.0}, {"temperature": math.nan}, {"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.1}, {"top_k": 5}],
)
def test_a_scheme_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"expected|temperature above 0"):
        SamplingScheme(**wrong)  # type: ignore[arg-type]
