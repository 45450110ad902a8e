"""Metrics of what the model would produce itself, told from the same teacher-forced pass. High means memorised.

A greedy continuation equals the true one exactly if every true token is the most probable one after the true tokens
before it. So whether greedy decoding extracts a suffix is read off the argmax hits, without decoding.
"""

import numpy as np

from transforms.scoring.metrics.inputs import AnyFloats, Floats, Ints, TokenStatistics
from transforms.scoring.metrics.likelihood import mean_or_nan
from transforms.scoring.metrics.row_kernels import row_counts, row_sums, trailing_counts

PREFIX, SUFFIX = 50, 50
"""Tokens of the prefix, and of the suffix that is to be produced."""
ATTEMPTS, PROBABILITY = 100, 0.5
"""Defaults of `np_discoverable`: samples that may be drawn, and the probability that one of them is the suffix."""


def exact_memorisation(tokens: TokenStatistics) -> Floats:
    """The share of scored tokens that are the model's most probable one: `(1 / T) sum_t hit_t`; float64[n], 0 to 1.

    All scored tokens count, the last one too. NaN for a sequence without a scored token.

    Source: Tirumala et al. 2022, 'Memorization Without Overfitting' (arXiv 2205.10770; exact memorization).
    """
    counts = row_counts(tokens.hits, tokens.offsets).astype(np.float64)
    return mean_or_nan(counts, tokens.lengths)


def extraction_strength(tokens: TokenStatistics) -> Floats:
    """`1 - k / T`, k the smallest number of tokens after which every argmax is right; float64[n], 0 to 1.

    1: produced from nothing; 0: not even the last token follows. NaN for a sequence without a scored token.

    Source: Carlini et al. 2023, 'Quantifying Memorization Across Neural Language Models', turned into a strength by
    Wang et al. 2025, 'Towards Effective Evaluations and Comparisons for LLM Unlearning Methods' (arXiv 2406.09179).
    """
    counts = trailing_counts(tokens.hits, tokens.offsets).astype(np.float64)
    return mean_or_nan(counts, tokens.lengths)


def discoverable_extraction(tokens: TokenStatistics, prefix: int = PREFIX, suffix: int = SUFFIX) -> Floats:
    """Whether the greedy continuation of `prefix` tokens equals the next `suffix` tokens; float64[n], 0 or 1.

    Token for token, the last one included. The first `floor(L / 2)` tokens are the prefix, and all others the suffix,
    if the sequence has L < prefix + suffix tokens of its own. NaN below two tokens. A begin-of-sequence token or a
    context that the pass put first belongs to the prompt.

    Source: Carlini et al. 2023, 'Quantifying Memorization Across Neural Language Models', section 3.1.

    Raises:
        ValueError: if `prefix` or `suffix` is below 1.
    """
    begin, end = suffix_bounds(tokens, prefix, suffix)
    hits = np.concatenate(([0], np.cumsum(tokens.hits, dtype=np.int64)))
    return np.where(end > begin, (hits[end] - hits[begin] == end - begin).astype(np.float64), np.nan)


def extraction_probability(
    tokens: TokenStatistics,
    scheme_log_probs: AnyFloats,
    attempts: int = ATTEMPTS,
    prefix: int = PREFIX,
    suffix: int = SUFFIX,
) -> Floats:
    """The probability that at least one of n sampled continuations is the suffix: `-expm1(n log1p(-p_z))`; float64[n].

    `p_z = exp(sum of scheme_log_probs over the suffix)` is the probability of the suffix under the sampling scheme
    (temperature, top-k, top-p), from one teacher-forced pass: float[total], one value a scored token, -inf for a token
    that the scheme never samples. Prefix and suffix as in `discoverable_extraction`. NaN below two tokens.

    Source: Hayes et al. 2025, 'Measuring Memorization in Language Models via Probabilistic Extraction'
    (arXiv 2410.19482).

    Raises:
        ValueError: if `attempts`, `prefix` or `suffix` is below 1, or the lengths do not agree.
    """
    if attempts < 1:
        raise ValueError(f"attempts: {attempts}, expected 1 or more")
    if len(scheme_log_probs) != len(tokens.log_probs):
        raise ValueError(f"scheme_log_probs: {len(scheme_log_probs)} values for {len(tokens.log_probs)} scored tokens")
    begin, end = suffix_bounds(tokens, prefix, suffix)
    bounds = np.stack([begin, end], axis=1).ravel()
    # Rows of the suffixes and of what lies between them, in turn; a difference of running sums would lose -inf.
    edges = np.concatenate(([0], np.maximum.accumulate(bounds), [len(scheme_log_probs)])).astype(np.int64)
    sums = row_sums(scheme_log_probs, edges)[1::2]
    with np.errstate(divide="ignore"):
        found = -np.expm1(attempts * np.log1p(-np.exp(np.minimum(sums, 0.0))))
    return np.where(end > begin, found, np.nan)


def np_discoverable(
    tokens: TokenStatistics,
    scheme_log_probs: AnyFloats,
    attempts: int = ATTEMPTS,
    probability: float = PROBABILITY,
    prefix: int = PREFIX,
    suffix: int = SUFFIX,
) -> Floats:
    """Whether the suffix is (n, p)-discoverable: `extraction_probability >= p`; float64[n], 0 or 1.

    NaN below two tokens.

    Source: Hayes et al. 2025, 'Measuring Memorization in Language Models via Probabilistic Extraction'
    (arXiv 2410.19482).

    Raises:
        ValueError: as `extraction_probability`, or if `probability` is not above 0 and at most 1.
    """
    if not 0 < probability <= 1:
        raise ValueError(f"probability: {probability}, expected a number above 0 and at most 1")
    found = extraction_probability(tokens, scheme_log_probs, attempts, prefix, suffix)
    return np.where(np.isnan(found), np.nan, (found >= probability).astype(np.float64))


def suffix_bounds(tokens: TokenStatistics, prefix: int, suffix: int) -> tuple[Ints, Ints]:
    """Where each sequence's suffix begins and ends among all scored tokens, two int64[n]; equal if there is none.

    Raises:
        ValueError: if `prefix` or `suffix` is below 1.
    """
    if prefix < 1 or suffix < 1:
        raise ValueError(f"prefix {prefix} and suffix {suffix}: expected 1 token or more")
    lengths = tokens.lengths + tokens.unscored
    before = np.where(lengths < prefix + suffix, lengths // 2, prefix)
    after = np.where(lengths < prefix + suffix, lengths, prefix + suffix)
    begin = np.minimum(tokens.offsets[:-1] + np.maximum(before - tokens.unscored, 0), tokens.offsets[1:])
    end = np.minimum(tokens.offsets[:-1] + np.maximum(after - tokens.unscored, 0), tokens.offsets[1:])
    none = lengths < 2
    return np.where(none, tokens.offsets[:-1], begin), np.where(none, tokens.offsets[:-1], end)
