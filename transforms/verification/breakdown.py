"""Tables of the effect by dose, length, perplexity or stratum: descriptive."""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transforms.verification.effect import Auc, auc, exposure, unit_p_values
from transforms.verification.table import ScoreTable

MOST_VALUES = 6
"""A column of numbers with more distinct values is cut into quarters of the units."""

MOST_TEXTS = 12
"""Of a column of text with more distinct values, the rarer ones are one group."""


@dataclass(frozen=True)
class Cell:
    """Units that have something in common.

    Attributes:
        labels: of the group, one a grouping column.
        auc: within units, with its interval.
        exposure: mean over units, bits.
        rank_1: share of units whose planted candidate scores highest, ties counting against it.
    """

    labels: tuple[str, ...]
    auc: Auc
    exposure: float
    rank_1: float


@dataclass(frozen=True)
class Groups:
    """A grouping of units: int64[units] numbers into `labels`, -1 for a unit that is in none."""

    codes: NDArray[np.int64]
    labels: tuple[str, ...]


def by_value(values: NDArray[np.int64]) -> Groups:
    """One group a value, ascending."""
    distinct, codes = np.unique(values, return_inverse=True)
    return Groups(codes.astype(np.int64), tuple(f"{one:,}" for one in distinct))


def binned(values: NDArray[np.float64]) -> Groups:
    """Groups of a column, ascending: its values if they are few, otherwise quarters of the units.

    Args:
        values: float64[units]; NaN where there is none.
    """
    known = np.isfinite(values)
    codes = np.full(len(values), -1)
    distinct, inverse = np.unique(values[known], return_inverse=True)
    if len(distinct) <= MOST_VALUES:
        codes[known] = inverse
        return Groups(codes, tuple(_shown(one) for one in distinct))
    edges = np.unique(np.quantile(values[known], [0, 0.25, 0.5, 0.75, 1]))
    codes[known] = np.clip(np.searchsorted(edges, values[known], side="right") - 1, 0, len(edges) - 2)
    return Groups(codes, tuple(f"{_shown(low)} to {_shown(high)}" for low, high in itertools.pairwise(edges)))


def by_text(values: Sequence[str | None]) -> Groups:
    """One group for each text, in alphabetical order; the rarest together as "other" where there are many.

    Args:
        values: of each unit; None where there is none.
    """
    often = Counter(value for value in values if value is not None)
    kept = sorted(often, key=lambda value: (-often[value], value))
    kept = sorted(kept if len(kept) <= MOST_TEXTS else kept[: MOST_TEXTS - 1])
    number = {value: at for at, value in enumerate(kept)}
    codes = np.array([-1 if value is None else number.get(value, len(kept)) for value in values], np.int64)
    return Groups(codes, (*kept, "other") if len(often) > len(kept) else tuple(kept))


def cells(table: ScoreTable, groupings: Sequence[Groups], seed: bytes) -> list[Cell]:
    """The effect in every combination of groups that occurs, in the order of the groups.

    Args:
        table: of complete units.
        groupings: of these units.
        seed: of the bootstrap.
    """
    codes = np.stack([one.codes for one in groupings], axis=1)
    found = []
    for key in np.unique(codes[(codes >= 0).all(axis=1)], axis=0):
        part = table.take((codes == key).all(axis=1))
        labels = tuple(one.labels[at] for one, at in zip(groupings, key, strict=True))
        p_values = unit_p_values(part.scores, part.arms)
        found.append(
            Cell(
                labels,
                # The same seed everywhere: the same units have the same interval wherever they are shown.
                auc(part.scores, part.arms, seed),
                float(exposure(p_values).mean()),
                float((p_values <= 1 / part.scores.shape[1]).mean()),
            )
        )
    return found


def _shown(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:.3g}"
