"""Metrics of how closely samples crowd around the greedy output: CDD and TED. High means memorised.

Source of both: Dong et al. 2024, 'Generalization or Memorization: Data Contamination and Trustworthy Evaluation for
Large Language Models' (arXiv 2402.15938). Distances are edit distances over tokens.
"""

import numpy as np

from transforms.base.kernels import kernel
from transforms.base.texts import Ragged
from transforms.scoring.metrics.edit_distance import edit_distances
from transforms.scoring.metrics.inputs import Bools, Floats, Ints, Sampled

NEAR, LONGEST = 0.05, 100
"""CDD: alpha, the share of the length within which a sample is near; and tokens of an output that are looked at."""
DRAWN, TEMPERATURE = 50, 0.8
"""CDD: samples of a prompt, and the temperature at which they are drawn."""
CONTAMINATED_ABOVE = 0.01
"""CDD: xi, the peak above which the paper calls a prompt contaminated."""
TOO_NEAR = 2
"""TED: tau, the distance from the greedy output up to which a sample is dropped."""


def cdd_peak(sampled: Sampled, near: float = NEAR, longest: int = LONGEST) -> Floats:
    """The share of samples within `alpha * l` edits of the greedy output; float64[n], 0 to 1.

    `l` is the longest of a prompt's outputs, the greedy one included, all cut at `longest` tokens before they are
    compared. 1 where all outputs are empty: they are equal.

    Raises:
        ValueError: if `near` is not 0 to 1 or `longest` is below 1.
    """
    if not 0 <= near <= 1 or longest < 1:
        raise ValueError(f"near {near} and longest {longest}: expected 0 to 1, and 1 token or more")
    if not len(sampled):
        return np.empty(0, np.float64)
    lengths = np.minimum(sampled.samples.lengths, longest).reshape(-1, sampled.count)
    most = np.maximum(lengths.max(axis=1), np.minimum(sampled.greedy.lengths, longest))
    # As for Min-K %: a product that should be a whole number may lie a little below it.
    bound = np.floor(near * most + 1e-9).astype(np.int64)
    within = _distances(sampled, np.repeat(bound, sampled.count), longest) <= np.repeat(bound, sampled.count)
    return np.asarray(within.reshape(-1, sampled.count).mean(axis=1), np.float64)


def ted(sampled: Sampled, too_near: int = TOO_NEAR) -> Floats:
    """The share of samples that TED drops as memorised: within tau edits of the greedy output, or duplicates.

    float64[n], 0 to 1. TED itself is the correction of a benchmark that goes with it: evaluate the samples that
    `ted_kept` keeps.

    Raises:
        ValueError: if `too_near` is negative.
    """
    if not len(sampled):
        return np.empty(0, np.float64)
    kept = ted_kept(sampled, too_near).reshape(-1, sampled.count)
    return np.asarray(1.0 - kept.mean(axis=1), np.float64)


def ted_kept(sampled: Sampled, too_near: int = TOO_NEAR) -> Bools:
    """Which samples TED keeps: more than tau edits from the greedy output, and the first of equals; bool[n * count].

    Raises:
        ValueError: if `too_near` is negative.
    """
    if too_near < 0:
        raise ValueError(f"too_near: {too_near}, expected 0 edits or more")
    bound = np.full(len(sampled.samples), too_near, np.int64)
    far = _distances(sampled, bound, 0) > too_near
    return _first_of_equals(_ids(sampled.samples), sampled.samples.offsets, sampled.count, far)


def _distances(sampled: Sampled, bound: Ints, cut: int) -> Ints:
    prompt = np.repeat(np.arange(len(sampled)), sampled.count)
    samples, greedy = sampled.samples, sampled.greedy
    return edit_distances(_ids(samples), samples.offsets, _ids(greedy), greedy.offsets, prompt, bound, cut)


def _ids(rows: Ragged) -> Ints:
    return np.ascontiguousarray(rows.values, np.int64)


@kernel
def _first_of_equals(values: Ints, offsets: Ints, count: int, candidates: Bools) -> Bools:
    kept = candidates.copy()
    for row in range(len(kept)):
        if not kept[row]:
            continue
        for other in range(row - row % count, row):
            if kept[other] and np.array_equal(
                values[offsets[row] : offsets[row + 1]], values[offsets[other] : offsets[other + 1]]
            ):
                kept[row] = False
                break
    return kept
