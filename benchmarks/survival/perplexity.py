"""Perplexity of candidates and of stretches of the corpus by an n-gram model of other documents of the corpus.

The model is `transforms.probes.ngram.ngram_model`, fitted to the sentences of half of the documents; the
stretches are sentences of the other half, as many in a row as make the candidates' length. What is not in the model's
vocabulary has one millionth.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.probes.ngram.ngram_model import NgramModel, fit
from transforms.probes.ngram.ngram_score import log_probabilities
from transforms.probes.ngram.pieces import BOUNDARY, sample_of, sentences, split

QUANTILES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)


def perplexities(model: NgramModel, sentences_of: list[npt.NDArray[np.int32]], least: int) -> npt.NDArray[np.float64]:
    """Perplexity of stretches of whole sentences with `least` pieces or a few more; sentences in order of the text."""
    out, pieces, total = [], 0, 0.0
    for own in sentences_of:
        logs = log_probabilities(model, np.concatenate([[BOUNDARY], own, [BOUNDARY]]).astype(np.int32))
        pieces, total = pieces + len(own), total + float(logs.sum())
        if pieces >= least:
            out.append(np.exp(-total / pieces))
            pieces, total = 0, 0.0
    return np.array(out)


def _apart(ids: npt.NDArray[np.int32]) -> list[npt.NDArray[np.int32]]:
    borders = np.flatnonzero(ids == BOUNDARY)
    return [ids[lo + 1 : hi] for lo, hi in itertools.pairwise(borders) if hi > lo + 1]


def compared(corpus: list[str], candidates: dict[int, list[str]], most: int = 1000) -> dict[str, object]:
    """Quantiles by length, and the share of candidates above the corpus's 99th percentile.

    Args:
        corpus: documents; the model is fitted to those with even numbers.
        candidates: by length in words and marks.
        most: stretches and candidates of each length at most.
    """
    own, others = corpus[::2], corpus[1::2]
    everything = sample_of(split(pa.array(own, pa.large_string())), 200_000, 2)
    model = fit(sentences(everything), len(everything.vocabulary) - 1)
    number = {piece: at for at, piece in enumerate(everything.vocabulary.pieces.to_pylist(), 1)}

    def known(texts: list[str]) -> list[npt.NDArray[np.int32]]:
        found = sample_of(split(pa.array(texts, pa.large_string())), 1 << 20, 1)
        into = np.array([0] + [number.get(one, -1) for one in found.vocabulary.pieces.to_pylist()], np.int32)
        return [np.where(one > 0, into[np.maximum(one, 0)], one) for one in _apart(sentences(found))]

    def perplexity(text: str) -> float:
        logs = [log_probabilities(model, np.concatenate([[0], own, [0]]).astype(np.int32)) for own in known([text])]
        pieces = sum(len(own) - 2 for own in logs)
        return float(np.exp(-sum(float(own.sum()) for own in logs) / pieces)) if pieces else np.nan

    theirs = known(others)
    out: dict[str, object] = {}
    for length, texts in sorted(candidates.items()):
        stretches = perplexities(model, theirs[: most * max(1, length // 10)], length)[:most]
        ours = np.array([perplexity(text) for text in texts[:most]])
        ours = ours[~np.isnan(ours)]
        limit = float(np.quantile(stretches, 0.99))
        out[str(length)] = {
            "corpus": [round(float(one), 1) for one in np.quantile(stretches, QUANTILES)],
            "candidates": [round(float(one), 1) for one in np.quantile(ours, QUANTILES)],
            "stretches": len(stretches),
            "judged": len(ours),
            "above_99th": round(float((ours > limit).mean()), 4),
        }
    return out
