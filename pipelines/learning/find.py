"""From gathered scores to the tree of `dynamics.json`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipelines.learning.arms import LEAST_UNITS, seed_of, split_arms
from pipelines.learning.gather import Gathered
from pipelines.learning.matrix import transfer_matrix
from pipelines.learning.subsets import counterfactuals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipelines.learning.dynamics import DynamicsConfig
    from transforms.scoring.metrics.analysis.gains import Aligned, Kept

Tree = dict[str, Any]


def find(gathered: Gathered, config: "DynamicsConfig") -> Tree:
    """Everything that the report shows.

    Raises:
        UsageError, RunError: for tasks or subsets that do not suit the scores.
    """
    from schemas.secret.dynamics import FIELDS

    whole = [(ask, values) for ask, values in gathered.scores.items()]
    found: Tree = {
        "note": "Descriptive: nothing here was sealed, and of many such figures some look striking by chance.",
        "metric": {"name": gathered.metric[0], "version": gathered.metric[1]},
        "checkpoints": [
            {"name": name, "step": int(step), "sha256": sha256}
            for name, step, sha256 in zip(gathered.names, gathered.steps, gathered.hashes, strict=True)
        ],
        "by": config.by,
        "window": config.window,
        "events": _events(gathered, config),
        "asked": [{"ask": ask, "groups": _groups(gathered, values, config.window, ask)} for ask, values in whole],
        "matrix": [one for ask, values in whole if (one := transfer_matrix(gathered, config, values, ask))] or None,
        "counterfactual": counterfactuals(gathered, config) if config.subsets else None,
    }
    assert set(found) == set(FIELDS)  # noqa: S101 - what is written is what is described
    plain: Tree = _plain(found)
    return plain


def _plain(value: Any) -> Any:
    """The tree with null for what is not finite, which JSON does not hold."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    return value


def _events(gathered: Gathered, config: "DynamicsConfig") -> Tree | None:
    if not gathered.events:
        return None
    source = "events.parquet" if config.events else "--event"
    return {"source": source, "sha256": gathered.events_sha256 or None}


def _groups(gathered: Gathered, values: "NDArray[np.float64]", window: int, ask: str) -> list[Tree]:
    import numpy as np

    found = []
    for name, members in gathered.groups.items():
        kept = members[np.isfinite(values[:, members]).all(axis=(0, 2))]
        row: Tree = {"group": name, "units": len(kept), "dropped": len(members) - len(kept)}
        if len(kept) >= LEAST_UNITS:
            row |= _group(gathered, values[:, kept], kept, window, seed_of(gathered, ask, name))
        found.append(row)
    return found


def _group(
    gathered: Gathered, values: "NDArray[np.float64]", members: "NDArray[np.int64]", window: int, seed: bytes
) -> Tree:
    """One group: values float64[checkpoints, units, candidates], finite."""
    from transforms.scoring.metrics.analysis.gains import Aligned, unit_weights

    arms = gathered.judged.arms[members]
    seen, foils = split_arms(values, arms)
    gains = seen - foils.mean(axis=2)
    draws = unit_weights(len(members), seed)
    row: Tree = {"curves": _curves(seen, foils, draws)}
    if gathered.events:
        events = [gathered.events[at] for at in members]
        aligned = Aligned(gains, gathered.steps, events, window)
        row |= _learnt(aligned, seed)
        row["published_forms"] = _published(seen, foils, gathered.steps, events, window)
        after = gathered.steps > max(int(one[-1]) for one in events)
        row["retention"] = _retention(seen[after], foils[after], gathered.steps[after])
    return row


def _curves(seen: "NDArray[np.float64]", foils: "NDArray[np.float64]", draws: "NDArray[np.float64]") -> Tree:
    """Means over units by checkpoint with intervals: both arms, their difference, recognition and exposure."""
    import numpy as np

    from transforms.scoring.metrics.analysis.arms import exposure, recognition
    from transforms.scoring.metrics.analysis.gains import interval

    held = foils.mean(axis=2)
    by_unit = {
        "planted": seen,
        "held_out": held,
        "difference": seen - held,
        "auc": np.stack([recognition(one, other) for one, other in zip(seen, foils, strict=True)]),
        "exposure": np.stack([exposure(one, other) for one, other in zip(seen, foils, strict=True)]),
    }
    found: Tree = {}
    for name, values in by_unit.items():
        ends = [interval(one) for one in (draws @ values.T).T]
        found[name] = {
            "mean": values.mean(axis=1).tolist(),
            "low": [low for low, _ in ends],
            "high": [high for _, high in ends],
        }
    return found


def _learnt(aligned: "Aligned", seed: bytes) -> Tree:
    """Effectivity of each exposure, what is kept after the last, and the law by which it is lost."""
    from transforms.scoring.metrics.analysis.gains import effectivities, interval, retainabilities, unit_weights

    exposures = []
    for number, best in effectivities(aligned):
        low, high = interval(unit_weights(len(best.gains), seed) @ best.gains)
        exposures.append(
            {
                "exposure": number + 1,
                "units": len(best.gains),
                "gain": float(best.gains.mean()),
                "low": low,
                "high": high,
                "steps_to_maximum": best.offsets.tolist(),
            }
        )
    kept = retainabilities(aligned, seed)
    if kept is None:
        why = (
            "no checkpoint before the first event, at one and the same time within the window of every unit's last, or "
            "after the maximum"
        )
        return {"effectivity": exposures, "retainability": None, "retainability_missing": why, "laws": None}
    low_gain, high_gain = interval(kept.draws @ kept.best.gains)
    if low_gain <= 0:
        why = "nothing was gained that differs from 0, so that the share of it that is kept is not defined"
        return {"effectivity": exposures, "retainability": None, "retainability_missing": why, "laws": None}
    ends = [interval(one) for one in kept.resampled.T]
    shares = kept.shares
    below = [int(time) for time, share in zip(kept.times, shares, strict=True) if share < 0.5]
    retained = {
        "best_gain": float(kept.best.gains.mean()),
        "best_gain_low": low_gain,
        "best_gain_high": high_gain,
        "times": kept.times.tolist(),
        "shares": shares.tolist(),
        "low": [low for low, _ in ends],
        "high": [high for _, high in ends],
        "first_below_half": below[0] if below else None,
    }
    return {"effectivity": exposures, "retainability": retained, "laws": _laws(kept)}


def _laws(kept: "Kept") -> Tree | None:
    """The three fits of what is kept, and how often each is best over bootstrap resamples of the units."""
    import math

    import numpy as np

    from transforms.scoring.metrics.analysis.forgetting import DECADES, LAWS, LEAST_POINTS, best_law, fit_laws
    from transforms.scoring.metrics.analysis.gains import interval

    fine = kept.times > 0
    if fine.sum() < LEAST_POINTS:
        return None
    times = kept.times[fine]
    resampled = kept.resampled[:, fine]
    resampled = resampled[np.isfinite(resampled).all(axis=1)]
    own, many = fit_laws(times, kept.shares[None, fine]), fit_laws(times, resampled)
    winners = best_law(many)
    rows = []
    for name, formula in LAWS.items():
        differences = many[name].aic - np.min([many[one].aic for one in LAWS], axis=0)
        low, high = interval(many[name].rate)
        rows.append(
            {
                "law": name,
                "formula": formula,
                "rate": float(own[name].rate[0]),
                "rate_low": low,
                "rate_high": high,
                "level": float(own[name].level[0]),
                "r_squared": float(own[name].r_squared[0]),
                "aic": float(own[name].aic[0]),
                "aic_above_best_median": float(np.median(differences)),
                "best_in_resamples": winners.count(name) / len(winners),
            }
        )
    decades = math.log10(times[-1] / times[0])
    return {"fits": rows, "points": len(times), "decades": decades, "few_decades": decades < DECADES}


def _published(
    seen: "NDArray[np.float64]",
    foils: "NDArray[np.float64]",
    steps: "NDArray[np.int64]",
    events: "Sequence[NDArray[np.int64]]",
    window: int,
) -> Tree | None:
    """Effectivity and retainability as published, for units of one exposure: of each arm by itself.

    The highest of several noisy values is above 0 where nothing was learnt: the held-outs show by how much.
    """
    import numpy as np

    from transforms.scoring.metrics.analysis.dynamics import LossCurve, effectivity, retainability, without_outliers

    if any(len(one) > 1 for one in events):
        return None
    event = np.array([one[0] for one in events], np.int64)
    gained: dict[str, list[NDArray[np.float64]]] = {"planted": [], "held_out": []}
    shares: list[NDArray[np.float64]] = []
    for one in np.unique(event):
        own = event == one
        arms = {"planted": seen[:, own], "held_out": foils[:, own].reshape(len(steps), -1)}
        try:
            curves = {arm: LossCurve(-values, steps, int(one), window) for arm, values in arms.items()}
        except ValueError:
            return None
        for arm, curve in curves.items():
            gained[arm].append(effectivity(curve))
        shares.append(retainability(curves["planted"], int(steps[-1])))
    ratios = np.concatenate(shares)
    kept = without_outliers(ratios)
    return {
        "effectivity_planted": float(np.concatenate(gained["planted"]).mean()),
        "effectivity_held_out": float(np.concatenate(gained["held_out"]).mean()),
        "retainability_planted": float(ratios[kept].mean()) if kept.any() else float("nan"),
        "outliers": int((~kept).sum()),
    }


def _retention(seen: "NDArray[np.float64]", foils: "NDArray[np.float64]", steps: "NDArray[np.int64]") -> Tree | None:
    """Recognition right after the last event, and at each later checkpoint."""
    import numpy as np

    from transforms.scoring.metrics.analysis.arms import recognition
    from transforms.scoring.metrics.analysis.dynamics import retention

    if len(steps) < 2:
        return None
    values = np.stack([recognition(one, other) for one, other in zip(seen, foils, strict=True)])
    return {"first": float(values[0].mean()), "steps": steps[1:].tolist(), "later": retention(values).tolist()}
