"""Metrics that compare what was seen with what was not: they need to know which is which, so `score` has none of them.

Scores are any metric of this package, signed so that high means memorised.
"""

import numpy as np

from transforms.scoring.metrics.inputs import Bools, Floats


def recognition(seen: Floats, foils: Floats) -> Floats:
    """The share of a unit's foils that score below its seen candidate, ties one half; float64[units], 0 to 1.

    With `loss` as the score: `loss_seen < loss_foil` in nats. The mean over units is recognition accuracy, and the
    AUC within units; chance is one half. NaN for a unit with a score that is not finite.

    Args:
        seen: float64[units], the score of the candidate that was planted.
        foils: float64[units, m], scores of the others of the same unit.

    Source: Orhan 2023, 'Recognition, recall, and retention of few-shot memories in large language models' (the
    experiment of recognition), after Shepard 1967.

    Raises:
        ValueError: if the shapes do not agree.
    """
    _check(seen, foils)
    below = (foils < seen[:, None]) + 0.5 * (foils == seen[:, None])
    return np.where(_finite(seen, foils), below.mean(axis=1), np.nan)


def exposure(seen: Floats, foils: Floats) -> Floats:
    """`log2 |R| - log2 rank` of the seen candidate among all m + 1 of its unit; float64[units], bits.

    The rank is 1 for the highest score; ties go against the seen one. From 0 to log2(m + 1): nothing is extrapolated,
    so no shape of the scores is assumed. Equals `-log2` of the unit's own p-value. NaN for a unit with a score that is
    not finite.

    Args:
        seen: float64[units], the score of the candidate that was planted.
        foils: float64[units, m], scores of the others of the same unit.

    Source: Carlini et al. 2019, 'The Secret Sharer', section 4.2 (exact exposure; its estimate by extrapolation fits
    a skew-normal distribution).

    Raises:
        ValueError: if the shapes do not agree.
    """
    _check(seen, foils)
    rank = 1.0 + (foils >= seen[:, None]).sum(axis=1)
    return np.where(_finite(seen, foils), np.log2(foils.shape[1] + 1.0) - np.log2(rank), np.nan)


def counterfactual(scores: Floats, included: Bools) -> Floats:
    """`E[M(x) | x in S] - E[M(x) | x not in S]` over models trained on random subsets S; float64[n].

    NaN for a sequence that every model has seen, or none, or with a score that is not finite.

    Args:
        scores: float64[models, n], the score of each sequence under each model.
        included: bool[models, n], whether it was in that model's subset.

    Source: Zhang et al. 2023, 'Counterfactual Memorization in Neural Language Models', section 3, definition 1 (there
    M is the accuracy by token, which is `exact_memorisation`).

    Raises:
        ValueError: if the shapes do not agree.
    """
    if scores.ndim != 2 or scores.shape != included.shape:
        raise ValueError(f"scores {scores.shape} and included {included.shape}: expected the same (models, sequences)")
    inside, outside = included.sum(axis=0), (~included).sum(axis=0)
    fine = (inside > 0) & (outside > 0) & np.isfinite(scores).all(axis=0)
    safe = np.where(np.isfinite(scores), scores, 0.0)
    seen = np.where(included, safe, 0.0).sum(axis=0) / np.maximum(inside, 1)
    unseen = np.where(included, 0.0, safe).sum(axis=0) / np.maximum(outside, 1)
    return np.where(fine, seen - unseen, np.nan)


def _check(seen: Floats, foils: Floats) -> None:
    if seen.ndim != 1 or foils.ndim != 2 or len(foils) != len(seen) or foils.shape[1] < 1:
        raise ValueError(f"seen {seen.shape} and foils {foils.shape}: expected (units,) and (units, m), m at least 1")


def _finite(seen: Floats, foils: Floats) -> Bools:
    return np.isfinite(seen) & np.isfinite(foils).all(axis=1)
