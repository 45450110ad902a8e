"""Metrics against the compressed size of the text: loss that is low although the text is rich. High means memorised."""

import zlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.scoring.metrics.inputs import Floats, Ints, TokenStatistics
from transforms.scoring.metrics.likelihood import mean_or_nan, ratio_or_nan
from transforms.scoring.metrics.row_kernels import row_sums

LEVEL = 6
"""zlib's own default, named here because the size depends on it."""


def utf8_bytes(texts: pa.Array) -> Ints:
    """UTF-8 bytes of each text, int64[n]; 0 for a null."""
    return np.asarray(pc.fill_null(pc.binary_length(texts), 0).cast(pa.int64()), np.int64)


def zlib_bytes(texts: pa.Array) -> Ints:
    """Bytes of each text's UTF-8 compressed by zlib at level 6, int64[n]; 0 for a null.

    An empty text has 8 of them (header and checksum). `texts` is a string or large_string array. The size is that of
    the zlib that Python was built with; zlib-ng's may differ by a few bytes.
    """
    sizes = np.zeros(len(texts), np.int64)
    for row, text in enumerate(texts.cast(pa.large_binary())):
        if text.is_valid:
            sizes[row] = len(zlib.compress(text.as_buffer(), LEVEL))
    return sizes


def zlib_total_nll(tokens: TokenStatistics, zlib_bytes: Ints) -> Floats:
    """Minus total nll by compressed size: `sum_t l_t / Z`, nats a byte; float64[n].

    `Z` is `zlib_bytes(text)`, int64[n]. NaN where nothing was scored or Z is 0.

    Source: Carlini et al. 2021, 'Extracting Training Data from Large Language Models', section 5.2.
    """
    return np.where(tokens.lengths > 0, _by_size(row_sums(tokens.log_probs, tokens.offsets), zlib_bytes), np.nan)


def zlib_mean_nll(tokens: TokenStatistics, zlib_bytes: Ints) -> Floats:
    """Minus mean nll by compressed size: `(sum_t l_t / T) / Z`, nats a token and byte; float64[n].

    What public code often calls zlib entropy: log-perplexity over Z. It favours long texts, as Z grows with the
    length and the mean does not: compare sequences of one length only. NaN where nothing was scored or Z is 0.
    """
    return _by_size(mean_or_nan(row_sums(tokens.log_probs, tokens.offsets), tokens.lengths), zlib_bytes)


def _by_size(values: Floats, sizes: Ints) -> Floats:
    if len(sizes) != len(values):
        raise ValueError(f"{len(sizes)} compressed sizes for {len(values)} sequences")
    return ratio_or_nan(values, sizes.astype(np.float64))
