"""Metrics of the token statistics alone: loss, Min-K % and Min-K %++. High means memorised."""

import numpy as np

from transforms.scoring.metrics.inputs import Floats, Ints, TokenStatistics
from transforms.scoring.metrics.row_kernels import lowest_means, row_sums

SMALLEST_DEVIATION = 1e-3
"""Deviations are at least this large: where the model is certain, sigma is 0 and z would have no bound."""


def loss(tokens: TokenStatistics) -> Floats:
    """Mean log-probability of the scored tokens: `(1 / T) sum_t l_t`, nats; float64[n].

    The loss with its sign turned, so that high means memorised. A token that the model is certain of (l = 0) counts
    as any other. NaN for a sequence without a scored token.

    Source: Yeom et al. 2018, 'Privacy Risk in Machine Learning', section 3 (the loss as a test of membership).
    """
    return mean_or_nan(row_sums(tokens.log_probs, tokens.offsets), tokens.lengths)


def min_k(tokens: TokenStatistics, share: float = 0.2) -> Floats:
    """Min-K %: the mean of the `max(1, floor(share * T))` lowest `l_t`, nats; float64[n].

    One token at least is averaged, so short sequences have a score too. Memorised text has no very improbable token:
    high means memorised. NaN for a sequence without a scored token.

    Source: Shi et al. 2024, 'Detecting Pretraining Data from Large Language Models', section 3
    (arXiv 2310.16789; K = 20).

    Raises:
        ValueError: if `share` is not above 0 and at most 1.
    """
    check_share(share)
    return lowest_means(tokens.log_probs.astype(np.float64), tokens.offsets, share)


def min_k_plus_plus(tokens: TokenStatistics, share: float = 0.2) -> Floats:
    """Min-K %++: as Min-K %, of `z_t = (l_t - mu_t) / max(sigma_t, 0.001)`; float64[n].

    `mu_t` and `sigma_t` are the mean and the deviation of log p under the model itself: each token of the vocabulary
    has its probability as its weight. High means memorised.

    Source: Zhang et al. 2025, 'Min-K%++: Improved Baseline for Pre-Training Data Detection' (arXiv 2404.02936).

    Raises:
        ValueError: if `share` is not above 0 and at most 1.
    """
    check_share(share)
    deviations = np.maximum(tokens.deviations.astype(np.float64), SMALLEST_DEVIATION)
    z = (tokens.log_probs.astype(np.float64) - tokens.means.astype(np.float64)) / deviations
    return lowest_means(z, tokens.offsets, share)


def check_share(share: float) -> None:
    """Check a share of tokens.

    Raises:
        ValueError: if it is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share: {share}, expected a number above 0 and at most 1; 20 % is 0.2")


def mean_or_nan(sums: Floats, counts: Ints) -> Floats:
    """`sums / counts`, and NaN where there is nothing to average; float64[n]."""
    return ratio_or_nan(sums, counts.astype(np.float64))


def ratio_or_nan(numerators: Floats, denominators: Floats) -> Floats:
    """`numerators / denominators`, and NaN where the denominator is 0; float64[n]."""
    result: Floats = np.full(len(numerators), np.nan)
    np.divide(numerators, denominators, out=result, where=denominators != 0)
    return result
