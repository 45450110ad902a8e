"""The metric of memorised puzzles: solved as they were seen, but not when a little is changed."""

import numpy as np

from transforms.scoring.metrics.inputs import Bools, Floats, Ints
from transforms.scoring.metrics.likelihood import mean_or_nan
from transforms.scoring.metrics.row_kernels import row_counts


def limem(solved: Bools, perturbed_solved: Bools, offsets: Ints) -> Floats:
    """`[x solved] * (1 - mean_k [x'_k solved])` over the perturbations of each puzzle; float64[n], 0 to 1.

    NaN for a puzzle without a perturbation. The mean over the others is `LiMem = Acc * (1 - CR)`, CR being the share
    of solved puzzles still solved after the perturbation, over one set of puzzles for Acc and CR; 0 when none is
    solved. High means memorised only against held-out puzzles: who guesses at accuracy a scores a (1 - a).

    Args:
        solved: bool[n], whether each puzzle was solved.
        perturbed_solved: bool[total], whether each of its perturbations was.
        offsets: int64[n + 1], where each puzzle's perturbations begin.

    Source: Xie et al. 2024, 'On Memorization of Large Language Models in Logical Reasoning', section 2.1.

    Raises:
        ValueError: if the lengths do not agree.
    """
    if len(offsets) != len(solved) + 1 or offsets[-1] != len(perturbed_solved):
        raise ValueError(f"{len(solved)} puzzles, {len(perturbed_solved)} perturbations: offsets do not fit them")
    consistent = mean_or_nan(row_counts(perturbed_solved, offsets).astype(np.float64), np.diff(offsets))
    return np.where(solved, 1.0 - consistent, np.where(np.isnan(consistent), np.nan, 0.0))
