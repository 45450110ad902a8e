"""Token statistics for tests: from rows of log-probabilities, or drawn by Hypothesis."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from transforms.base.texts import offsets_of
from transforms.scoring.metrics.inputs import TokenStatistics


def statistics(
    log_probs: Sequence[Sequence[float]],
    hits: Sequence[Sequence[int]] | None = None,
    means: Sequence[Sequence[float]] | None = None,
    deviations: Sequence[Sequence[float]] | None = None,
    unscored: int = 0,
    dtype: type = np.float64,
) -> TokenStatistics:
    """Rows of l_t; what is not given is 0, 1 for deviations."""

    def flat(rows: Sequence[Sequence[float]] | None, default: float) -> NDArray[np.float64]:
        return np.array([v for row in (rows or [[default] * len(r) for r in log_probs]) for v in row], np.float64)

    return TokenStatistics(
        offsets_of([len(row) for row in log_probs]),
        flat(log_probs, 0.0).astype(dtype),
        flat(means, 0.0).astype(dtype),
        flat(deviations, 1.0).astype(dtype),
        flat(hits, 0.0).astype(bool),
        np.full(len(log_probs), unscored, np.int64),
    )


rows_of_log_probs = st.lists(
    st.lists(st.floats(-30, 0, allow_nan=False).map(lambda value: round(value, 6)), max_size=40), max_size=8
)
rows_of_hits = st.lists(st.lists(st.integers(0, 1), max_size=12), max_size=8)
