"""Strata: how many candidates each cell of length and perplexity needs, and where to look for those still missing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

UNITS_BY_DOSE = {1000: 24, 100: 60, 10: 200, 1: 700}
"""Units of a length and a perplexity bucket, by dose, unless they are given: fewer copies need more units."""

_ABSOLUTE_WIDTH = 10.0
_MOST_AT_ONCE = 200_000


@dataclass(frozen=True)
class Design:
    """What is to be made.

    Attributes:
        lengths: in tokens; 0 stands for any.
        doses: copies of a unit's planted candidate.
        units: units in each length and bucket, a number a dose.
        controls: m, candidates of a unit that are held out.
        buckets: perplexity buckets.
        spare: units of each dose, length and bucket that are made besides, in place of those that fail.
    """

    lengths: tuple[int, ...]
    doses: tuple[int, ...]
    units: tuple[int, ...]
    controls: int
    buckets: int
    spare: int = 0

    @property
    def cell_candidates(self) -> int:
        """Candidates that a cell, a length and a bucket, needs."""
        return (sum(self.units) + self.spare * len(self.units)) * (self.controls + 1)

    @property
    def candidates(self) -> int:
        """All candidates."""
        return self.cell_candidates * len(self.lengths) * self.buckets

    @property
    def copies(self) -> int:
        """Copies that will be planted of one length and bucket."""
        return sum(dose * units for dose, units in zip(self.doses, self.units, strict=True))

    def stratum(self, length: int, bucket: int) -> str:
        """The stratum's name, such as '50xb03'."""
        return f"{length or 'any'}xb{bucket:02d}"


def units_for(doses: Sequence[int], given: Sequence[int]) -> tuple[int, ...]:
    """Units by dose: as given (one number for all, or one a dose), else by `UNITS_BY_DOSE`.

    A dose that is not in the table gets the units of the next lower one that is: less than it could do with never.

    Raises:
        ValueError: if the number of numbers given fits neither.
    """
    if not given:
        return tuple(UNITS_BY_DOSE[max(known for known in UNITS_BY_DOSE if known <= dose)] for dose in doses)
    if len(given) not in (1, len(doses)):
        raise ValueError(
            f"--units: {len(given)} numbers for {len(doses)} doses; give one for all, or one a dose in the doses' order"
        )
    return tuple(given) if len(given) == len(doses) else tuple(given) * len(doses)


def absolute_edges(buckets: int) -> npt.NDArray[np.float64]:
    """Borders of the absolute perplexity buckets [1, 11), [11, 21), ...: float64[buckets + 1]."""
    return 1 + _ABSOLUTE_WIDTH * np.arange(buckets + 1, dtype=np.float64)


def quantile_edges(perplexity: npt.NDArray[np.float64], buckets: int) -> npt.NDArray[np.float64]:
    """Borders of equally full buckets; the outer ones are open: float64[buckets + 1]; all open for no perplexities."""
    inner = np.full(buckets - 1, np.inf)
    if buckets > 1 and len(perplexity):
        inner = np.quantile(perplexity, np.arange(1, buckets) / buckets)
    return np.array([0.0, *inner, np.inf], np.float64)


def bucket_of(perplexity: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """The bucket of each perplexity, int32; -1 outside of all and for NaN, unless there is one open bucket only."""
    found = np.searchsorted(edges, perplexity, side="right") - 1
    outside = (found < 0) | (found >= len(edges) - 1) | np.isnan(perplexity)
    if len(edges) == 2 and np.isinf(edges[1]):
        return np.zeros(len(perplexity), np.int32)
    return np.where(outside, -1, found).astype(np.int32)


def share_out(
    missing: npt.NDArray[np.int64], made: npt.NDArray[np.int64], useful: npt.NDArray[np.int64], probe: int
) -> npt.NDArray[np.int64]:
    """How many candidates to make next at each temperature, so that the buckets of one length fill.

    Every bucket that misses some is served by the temperature that has given most for it, out of those made there;
    temperatures not tried yet are tried with at most `probe` candidates.

    Args:
        missing: int64[buckets].
        made: int64[rungs], made so far at each temperature.
        useful: int64[rungs, buckets], of these the ones that fell into each bucket and were fit.
        probe: see above.

    Returns:
        int64[rungs].
    """
    out = np.zeros(len(made), np.int64)
    total = int(missing.sum())
    if not total:
        return out
    out[made == 0] = min(probe, -(-total * 5 // (4 * len(made))))
    if out.any():
        return np.minimum(out, _MOST_AT_ONCE)
    rate = (useful + 0.5) / made[:, None]
    best = rate.argmax(axis=0)
    for bucket in np.flatnonzero(missing):
        rung = best[bucket]
        # A rung also fills its neighbours' buckets: what the largest demand on it makes serves the others too.
        out[rung] = max(out[rung], int(np.ceil(1.1 * missing[bucket] / rate[rung, bucket])) + 8)
    # A rate of which little is known is not believed at once: at most as many again as were made so far.
    return np.minimum(out, min(_MOST_AT_ONCE, max(probe, int(made.sum()))))
