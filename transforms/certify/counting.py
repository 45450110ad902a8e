"""Numbers of a certificate: shares with their bounds, by dose and length; the dose that is left."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from transforms.certify.survival import ALIVE, ALTERED, GONE, Copies, Documents, Fates, alive_by_unit

CONFIDENCE = 0.95
_LENGTHS = (0, 20, 40, 80, 160, 320)
"""Lower ends of the groups of lengths, in words."""


def clopper_pearson(part: int, total: int) -> tuple[float, float]:
    """The exact interval of a binomial share at 95 % (Clopper & Pearson 1934); 0 to 1 where nothing was tried.

    It takes the copies as independent; those of one unit or document are not quite.
    """
    tail = (1 - CONFIDENCE) / 2
    low = float(beta.ppf(tail, part, total - part + 1)) if part else 0.0
    high = float(beta.ppf(1 - tail, part + 1, total - part)) if part < total else 1.0
    return low, high


def share_of(part: int, total: int) -> dict[str, Any]:
    """A share as reports have it: of how many, how many, and the interval."""
    low, high = clopper_pearson(part, total)
    return {"of": total, "alive": part, "share": part / total if total else None, "low": low, "high": high}


def equivalent(dose: float, rho: float) -> float:
    """Exact copies that are worth as much as `dose` copies of which each is worth rho of an exact repetition.

    Not a number where rho is none, unless there is at most one copy.
    """
    return 1 + rho * (dose - 1) if dose > 1 else float(dose)


def facts_of(
    worlds: Sequence[tuple[Copies, Fates]], own: Documents, units: int, rho: npt.NDArray[np.float64]
) -> dict[str, Any]:
    """All numbers of one judge.

    Args:
        worlds: copies and what became of them; of a unit the worst world counts.
        own: the documents with copies.
        units: how many there are.
        rho: float64[units], what a copy beyond the first is worth, see `equivalent`.
    """
    state = np.concatenate([fate.state for _, fate in worlds])
    fair = np.concatenate([fate.fair for _, fate in worlds])
    dropped = np.concatenate([fate.dropped for _, fate in worlds])
    dose = np.concatenate([copies.dose for copies, _ in worlds])
    length = np.concatenate([copies.length for copies, _ in worlds])
    alive, planted = alive_by_unit(worlds, units)
    fair_alive, fair_in = _by_unit_where_fair(worlds, units)
    worst = alive.min(axis=0) if len(worlds) else np.zeros(units, np.int64)
    there = planted.max(axis=0) > 0
    left = worst[there]
    pairs = zip(left.tolist(), rho[there].tolist(), strict=True)
    equivalents = [found for found in (equivalent(*pair) for pair in pairs) if not math.isnan(found)]
    if len(equivalents) < len(left):
        equivalents = []  # what a copy is worth was not measured
    return {
        "copies": len(state),
        "alive": int((state == ALIVE).sum()),
        "altered": int((state == ALTERED).sum()),
        "gone": int((state == GONE).sum()),
        "gone_with_document": int(dropped.sum()),
        "of_all": share_of(int((state == ALIVE).sum()), len(state)),
        "in_kept_documents": share_of(int((state[fair] == ALIVE).sum()), int(fair.sum())),
        "by_dose": _groups(dose, state, fair, {int(one): f"dose {one}" for one in np.unique(dose)}),
        "by_length": _groups(_floor(length), state, fair, _length_names()),
        "documents": {
            "with_copies": own.judged,
            "kept_before": own.kept_before,
            "lost": own.lost,
            "gained": own.gained,
            "lost_share": own.lost / own.kept_before if own.kept_before else None,
        },
        "effective_dose": {
            "planted_median": float(np.median(planted.max(axis=0)[there])) if there.any() else None,
            "minimum": int(left.min()) if len(left) else None,
            "median": float(np.median(left)) if len(left) else None,
            "equivalent_minimum": min(equivalents, default=None),
            "equivalent_median": float(np.median(equivalents)) if equivalents else None,
        },
        "worst_candidate": {
            "share_minimum": _least(fair_alive, fair_in),
            "units_with_all_alive": int(((fair_alive == fair_in) & (fair_in > 0)).all(axis=0).sum()),
            "units": units,
        },
    }


def worst_shares(
    worlds: Sequence[tuple[Copies, Fates]], units: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """For each unit the least share, over its candidates, of alive copies in documents kept before; float64[units].

    1 for a unit without a copy in such a document, of which the judge says nothing: the second, bool[units], is false.
    """
    alive, planted = _by_unit_where_fair(worlds, units)
    shares = np.where(planted > 0, alive / np.maximum(planted, 1), 1.0)
    least: npt.NDArray[np.float64] = shares.min(axis=0)
    tried: npt.NDArray[np.bool_] = np.any(planted > 0, axis=0)
    return least, tried


def _by_unit_where_fair(
    worlds: Sequence[tuple[Copies, Fates]], units: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    alive, planted = (np.zeros((len(worlds), units)) for _ in range(2))
    for at, (copies, own) in enumerate(worlds):
        alive[at] = np.bincount(copies.unit, own.fair & (own.state == ALIVE), units)
        planted[at] = np.bincount(copies.unit, own.fair, units)
    return alive, planted


def _least(alive: npt.NDArray[np.float64], planted: npt.NDArray[np.float64]) -> float | None:
    tried = planted > 0
    return float((alive[tried] / planted[tried]).min()) if tried.any() else None


def _floor(length: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    edges = np.array(_LENGTHS)
    found: npt.NDArray[np.int64] = edges[np.searchsorted(edges, length, side="right") - 1]
    return found


def _length_names() -> dict[int, str]:
    ends = [*_LENGTHS[1:], 0]
    return {
        low: f"{low} to {high - 1} words" if high else f"{low} words and more"
        for low, high in zip(_LENGTHS, ends, strict=True)
    }


def _groups(
    values: npt.NDArray[np.int64],
    state: npt.NDArray[np.int8],
    fair: npt.NDArray[np.bool_],
    names: Mapping[int, str],
) -> list[dict[str, Any]]:
    found = []
    for value in np.unique(values).tolist():
        own = (values == value) & fair
        everything = values == value
        found.append(
            {
                "name": names[value],
                "copies": int(everything.sum()),
                "alive_of_all": int((state[everything] == ALIVE).sum()),
                **share_of(int((state[own] == ALIVE).sum()), int(own.sum())),
            }
        )
    return found
