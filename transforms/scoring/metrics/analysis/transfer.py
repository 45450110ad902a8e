"""Metrics of learning tasks one after the other, from a matrix of scores after every stage.

`A[i, j]` is the score on task j after stage i; task j is learnt in stage j; T stages and tasks. Any number of matrices
may stand in front: bootstrap resamples, for example.

Source: Wang et al. 2024, 'A Comprehensive Survey of Continual Learning' (arXiv 2302.00487), section 2.2, after
Lopez-Paz and Ranzato 2017 and Chaudhry et al. 2018.
"""

import numpy as np

from transforms.scoring.metrics.inputs import Floats


def average_accuracy(matrix: Floats) -> Floats:
    """ACC: the mean over all tasks after the last stage, `mean_j A[T, j]`; float64[...].

    Raises:
        ValueError: if the last two axes differ in length.
    """
    return np.asarray(_square(matrix)[..., -1, :].mean(axis=-1))


def backward_transfer(matrix: Floats) -> Floats:
    """BWT: what later stages did to earlier tasks, `mean_{j<T} (A[T, j] - A[j, j])`; float64[...].

    Below 0 where tasks were forgotten. NaN for a single task.

    Raises:
        ValueError: if the last two axes differ in length.
    """
    own = np.diagonal(_square(matrix), axis1=-2, axis2=-1)
    return _mean((matrix[..., -1, :] - own)[..., :-1])


def forward_transfer(matrix: Floats, fresh: Floats) -> Floats:
    """FWT: what earlier stages did to a task before it was learnt, `mean_{j>1} (A[j-1, j] - b_j)`; float64[...].

    NaN for a single task.

    Args:
        matrix: float64[..., T, T].
        fresh: float64[..., T], b: the scores of a model before the first stage.

    Raises:
        ValueError: if the last two axes differ in length.
    """
    ahead = np.diagonal(_square(matrix)[..., :-1, 1:], axis1=-2, axis2=-1)
    return _mean(ahead - fresh[..., 1:])


def forgetting(matrix: Floats) -> Floats:
    """The fall of each earlier task from its best, `mean_{j<T} (max_{i<T} A[i, j] - A[T, j])`; float64[...].

    NaN for a single task. The best of several noisy values is too high: where nothing changes, this is above 0.

    Raises:
        ValueError: if the last two axes differ in length.
    """
    earlier = _square(matrix)[..., :-1, :-1]
    if not earlier.shape[-1]:
        return np.full(matrix.shape[:-2], np.nan)
    return _mean(earlier.max(axis=-2) - matrix[..., -1, :-1])


def _square(matrix: Floats) -> Floats:
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(f"matrix {matrix.shape}: expected (..., stages, tasks), as many of both")
    return matrix


def _mean(values: Floats) -> Floats:
    return np.asarray(values.mean(axis=-1)) if values.shape[-1] else np.full(values.shape[:-1], np.nan)
