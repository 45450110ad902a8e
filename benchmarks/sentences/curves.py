"""Curves over one course, by the functions of `trapline dynamics`: AUC, planted less held-out, half-lives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from transforms.base.keyed import digest
from transforms.scoring.metrics.analysis.arms import recognition
from transforms.scoring.metrics.analysis.gains import interval, unit_weights

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Curve = dict[str, list[float]]
ALL = "all"


@dataclass(frozen=True)
class Candidates:
    """The sealed units of a campaign, by the rows of its scores.

    Attributes:
        rows: int64[units, candidates], where each candidate stands among the scores.
        arms: int64[units], which one is planted.
        doses: int64[units].
        strata: names, one a unit.
    """

    rows: Ints
    arms: Ints
    doses: Ints
    strata: npt.NDArray[np.str_]

    @classmethod
    def of(cls, secrets: Path) -> Candidates:
        """Of drawn secrets; scores stand in the order of their probes."""
        from transforms.planting.ledger.check_secrets import open_secrets

        sealed = open_secrets(secrets)
        ids = pq.read_table(secrets / "probes/probes.parquet", columns=["id"])["id"].to_pylist()
        place = {one: at for at, one in enumerate(ids)}
        rows = [[place[one.id] for one in unit.candidates] for unit in sealed.units]
        return cls(
            np.array(rows, np.int64), np.array(sealed.arms, np.int64),
            np.array([unit.dose for unit in sealed.units], np.int64), np.array([one.stratum for one in sealed.units]),
        )  # fmt: skip

    def groups(self) -> dict[str, npt.NDArray[np.bool_]]:
        """Members of each dose and of each stratum, and all units."""
        found = {str(dose): self.doses == dose for dose in np.unique(self.doses).tolist()}
        found |= {str(stratum): self.strata == stratum for stratum in np.unique(self.strata).tolist()}
        return {**found, ALL: np.ones(len(self.arms), bool)}

    def split(self, values: npt.NDArray[Any]) -> tuple[Floats, Floats]:
        """Planted float64[units] and held-out float64[units, m] of values [n]."""
        own = values[self.rows].astype(np.float64)
        held_out = np.arange(own.shape[1]) != self.arms[:, None]
        return own[~held_out], own[held_out].reshape(len(own), -1)

    def strata_auc(self, values: npt.NDArray[Any]) -> dict[str, dict[str, float]]:
        """AUC with its interval by stratum, of values [n]."""
        by_unit = recognition(*self.split(values))
        found: dict[str, dict[str, float]] = {}
        for name in np.unique(self.strata).tolist():
            of_one = by_unit[self.strata == name]
            low, high = interval(weights(name, len(of_one)) @ of_one)
            found[str(name)] = {"value": float(of_one.mean()), "low": low, "high": high}
        return found


def weights(name: str, units: int) -> Floats:
    """Bootstrap weights of a group, the same at each save: float64[resamples, units]."""
    return unit_weights(units, digest("benchmarks/sentences", name))


def course(candidates: Candidates, values: dict[str, Floats], steps: Sequence[int]) -> dict[str, Any]:
    """All curves of a course.

    Args:
        candidates: of the study.
        values: float64[saves, n] of `loss` and `recall`.
        steps: updates after the study of each save.

    Returns:
        `steps`; `auc` of the loss and `recall`, planted less held-out, by dose, stratum and over all units, each with
        its interval; `half-life of recall` by dose; the AUC and the recall of each
        stratum at each dose, means only; by dose, and by dose and stratum, the recall of planted and of held-out
        sentences right after the study, and by dose the share of them whose second half comes out whole.
    """
    split = {name: [candidates.split(one) for one in each] for name, each in values.items()}
    by_unit = {"auc": np.stack([recognition(*one) for one in split["loss"]])}
    by_unit["recall"] = np.stack([seen - foils.mean(axis=1) for seen, foils in split["recall"]])
    groups = candidates.groups()
    draws = {group: weights(group, int(members.sum())) for group, members in groups.items()}
    found: dict[str, Any] = {"steps": list(steps)}
    doses = [group for group in groups if group.isdigit()]
    for name, each in by_unit.items():
        found[name] = {group: curve(each[:, own], draws[group]) for group, own in groups.items()}
    found["half-life of recall"] = {dose: half_life(steps, found["recall"][dose]) for dose in doses}
    cells = {
        f"{dose} {stratum}": groups[dose] & groups[str(stratum)]
        for dose in doses
        for stratum in np.unique(candidates.strata).tolist()
    }
    found["by dose and stratum"] = {
        name: {cell: by_unit[name][:, own].mean(axis=1).tolist() for cell, own in cells.items()}
        for name in ("auc", "recall")
    }
    after = split["recall"][list(steps).index(0)]
    found["right after"] = {
        name: {
            arm: {group: float(part[own].mean()) for group, own in members.items()}
            for arm, part in zip(("planted", "held_out"), parts, strict=True)
        }
        for name, parts, members in (
            ("recall", after, {dose: groups[dose] for dose in doses} | cells),
            ("whole", [(part == 1).astype(np.float64) for part in after], {dose: groups[dose] for dose in doses}),
        )
    }
    return found


def curve(values: Floats, draws: Floats) -> Curve:
    """Means over units with percentile intervals, of values float64[saves, units]."""
    ends = [interval(one) for one in (draws @ values.T).T]
    return {
        "mean": values.mean(axis=1).tolist(),
        "low": [low for low, _ in ends],
        "high": [high for _, high in ends],
    }


def half_life(steps: Sequence[int], found: Curve) -> dict[str, int | None] | None:
    """Updates after the study between which a curve first falls to below half of what it was right after it.

    Args:
        steps: updates after the study of each save, negative before it.
        found: the curve.

    Returns:
        The last save before it and the save at which it is below, None for the latter where it never is; None in place
        of both where the interval right after the study holds 0.
    """
    after = steps.index(0)
    if found["low"][after] <= 0:
        return None
    half = found["mean"][after] / 2
    below = next((at for at in range(after, len(steps)) if found["mean"][at] < half), None)
    return {"from": steps[below - 1 if below else -1], "to": None if below is None else steps[below]}
