"""Metrics of a greedy continuation of the first half of a sequence. High means memorised.

Only what was produced is compared, and only with the second half: a cue that is counted as recalled lifts every score
towards one half.
"""

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import kernel
from transforms.scoring.metrics.edit_distance import edit_distances
from transforms.scoring.metrics.inputs import Floats, Ints, Recalled
from transforms.scoring.metrics.likelihood import mean_or_nan


def recall(recalled: Recalled) -> Floats:
    """The share of the second half's tokens that the continuation has at the same place; float64[n], 0 to 1.

    `(1 / H) sum_j [produced_j = wanted_j]`, H the tokens of the second half; a continuation that stopped early misses
    the rest, and what it says beyond H does not count. NaN where the second half is empty.

    Source: Orhan 2023, 'Recognition, recall, and retention of few-shot memories in large language models'
    (arXiv 2303.17557; the experiment of recall, measured by token here).
    """
    wanted, produced = recalled.wanted, recalled.produced
    counts = _in_place(_ids(wanted.values), wanted.offsets, _ids(produced.values), produced.offsets)
    return mean_or_nan(counts.astype(np.float64), wanted.lengths)


def recall_similarity(recalled: Recalled) -> Floats:
    """One minus the edit distance of continuation and second half, by the longer one's tokens; float64[n], 0 to 1.

    `1 - d(produced, wanted) / max(len(produced), len(wanted))`: a token too many does not lose all that follows.
    NaN where the second half is empty.

    Source: as `recall`, with the edit similarity of Lee et al. 2022, 'Deduplicating Training Data Makes Language
    Models Better' (arXiv 2107.06499).
    """
    wanted, produced = recalled.wanted, recalled.produced
    longer = np.maximum(wanted.lengths, produced.lengths)
    distances = edit_distances(
        _ids(produced.values),
        produced.offsets,
        _ids(wanted.values),
        wanted.offsets,
        np.arange(len(wanted)),
        longer,
        0,
    )
    return np.where(wanted.lengths > 0, 1.0 - mean_or_nan(distances.astype(np.float64), longer), np.nan)


def _ids(values: npt.NDArray[np.generic]) -> Ints:
    return np.ascontiguousarray(values, np.int64)


@kernel
def _in_place(wanted: Ints, wanted_offsets: Ints, produced: Ints, produced_offsets: Ints) -> Ints:
    counts = np.zeros(len(wanted_offsets) - 1, np.int64)
    for row in range(len(counts)):
        begin, other = wanted_offsets[row], produced_offsets[row]
        for at in range(min(wanted_offsets[row + 1] - begin, produced_offsets[row + 1] - other)):
            counts[row] += np.int64(wanted[begin + at] == produced[other + at])
    return counts
