"""Metrics against a reference checkpoint that saw none of it: ratios and differences. High means memorised.

All take negative log-likelihoods (nll) in nats and turn the sign. A ratio and a difference rank sequences differently,
and so do the mean nll and the perplexity it is the logarithm of, in a ratio: each has its own name.
"""

import numpy as np

from transforms.scoring.metrics.inputs import Floats, Ints, TokenStatistics
from transforms.scoring.metrics.likelihood import mean_or_nan, ratio_or_nan
from transforms.scoring.metrics.row_kernels import row_sums


def ratio_nll(tokens: TokenStatistics, reference: TokenStatistics) -> Floats:
    """Minus the ratio of mean nll: `-(sum l_t / T) / (sum l_ref_t / T)`; float64[n].

    NaN where the reference is certain of every token, or nothing is scored.

    Source: Carlini et al. 2021, 'Extracting Training Data from Large Language Models', section 5.2 (there, the ratio
    of log-perplexities).

    Raises:
        ValueError: if the two scored different numbers of tokens: then their tokenizers differ.
    """
    own, other = _mean_nll(tokens, reference)
    return -ratio_or_nan(own, other)


def difference_nll(tokens: TokenStatistics, reference: TokenStatistics) -> Floats:
    """Mean nll of the reference minus the model's: `nll_ref - nll`, nats a token; float64[n].

    Ranks as the ratio of perplexities does: `ppl / ppl_ref = exp(nll - nll_ref)`.

    Source: Watson et al. 2022, 'On the Importance of Difficulty Calibration in Membership Inference Attacks'
    (arXiv 2111.08440).

    Raises:
        ValueError: if the two scored different numbers of tokens: then their tokenizers differ.
    """
    own, other = _mean_nll(tokens, reference)
    return other - own


def ratio_total_nll_per_byte(
    tokens: TokenStatistics, reference: TokenStatistics, text_bytes: Ints, reference_text_bytes: Ints
) -> Floats:
    """Minus the ratio of total nll a UTF-8 byte: `-(nll_total / B) / (nll_total_ref / B_ref)`; float64[n].

    For tokenizers that differ. `B` is the number of bytes that the scored tokens cover, int64[n] for each checkpoint
    (they differ where the first token is context only). NaN where a text is empty or the reference is certain of it.
    """
    own, other = _nll_per_byte(tokens, text_bytes), _nll_per_byte(reference, reference_text_bytes)
    return -ratio_or_nan(own, other)


def difference_total_nll_per_byte(
    tokens: TokenStatistics, reference: TokenStatistics, text_bytes: Ints, reference_text_bytes: Ints
) -> Floats:
    """Total nll a UTF-8 byte of the reference minus the model's, nats a byte; float64[n].

    For tokenizers that differ; bytes as in `ratio_total_nll_per_byte`. NaN where a text is empty.
    """
    return _nll_per_byte(reference, reference_text_bytes) - _nll_per_byte(tokens, text_bytes)


def _mean_nll(tokens: TokenStatistics, reference: TokenStatistics) -> tuple[Floats, Floats]:
    if not np.array_equal(tokens.offsets, reference.offsets):
        raise ValueError(
            "the reference scored other numbers of tokens than the checkpoint, so their tokenizers differ; "
            "use ratio_total_nll_per_byte or difference_total_nll_per_byte"
        )
    lengths = tokens.lengths
    return (
        -mean_or_nan(row_sums(tokens.log_probs, tokens.offsets), lengths),
        -mean_or_nan(row_sums(reference.log_probs, reference.offsets), lengths),
    )


def _nll_per_byte(tokens: TokenStatistics, text_bytes: Ints) -> Floats:
    if len(text_bytes) != len(tokens):
        raise ValueError(f"{len(text_bytes)} numbers of bytes for {len(tokens)} sequences")
    return -mean_or_nan(row_sums(tokens.log_probs, tokens.offsets), text_bytes)
