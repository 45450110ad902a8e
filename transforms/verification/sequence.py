"""The primary analysis: doses in a fixed sequence, each at the whole of alpha, up to the first that is not rejected.

The probability of any false rejection is at most alpha (Maurer, Hothorn and Lehmacher, 1995): the first true null
hypothesis in the sequence is tested once, and nothing after it is rejected unless it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from transforms.verification.alignment import Statistic, parts_of
from transforms.verification.redraws import RedrawRule, redraw_test
from transforms.verification.series import anytime_p, log_e_value, log_mixture
from transforms.verification.several import largest_standardised
from transforms.verification.table import ScoreTable


@dataclass(frozen=True)
class Evidence:
    """What the units of one dose say.

    Attributes:
        units: that were used.
        statistic: T; of several checkpoints the largest standardised one; of a series log M.
        p_value: against the redraws; of a series 1 / M.
        smallest_p: the smallest that these scores could have given: above alpha, nothing can be rejected.
        draws: of which p is a share; 0 for a series, which needs none.
        enumerated: whether they are all draws.
    """

    units: int
    statistic: float
    p_value: float
    smallest_p: float
    draws: int
    enumerated: bool


@dataclass(frozen=True)
class DoseTest:
    """The test of one dose.

    Attributes:
        dose: copies.
        evidence: of its units.
        tested: whether all doses before it in the sequence were rejected.
        reject: whether it is rejected, which it can be only if it is tested.
    """

    dose: int
    evidence: Evidence
    tested: bool
    reject: bool


@dataclass(frozen=True)
class Analysis:
    """How scores are tested: what the plan binds, and the seed of the redraws."""

    statistic: Statistic
    alpha: float
    sequence: Sequence[int]
    rule: RedrawRule
    seed: bytes


def judge_doses(tables: Sequence[ScoreTable], analysis: Analysis, threads: int = 0) -> list[DoseTest]:
    """Test each dose of the sequence.

    Args:
        tables: of the same complete units: one, or one a checkpoint, of which the maximum is tested.
        analysis: how.
        threads: 0: all cores. The result does not depend on it.

    Returns:
        One test a dose, in the order of the sequence.
    """
    return in_sequence(
        analysis.sequence,
        analysis.alpha,
        lambda dose: evidence_of([table.take(table.doses == dose) for table in tables], analysis, threads),
    )


def judge_series(tables: Sequence[ScoreTable], analysis: Analysis, lam: float) -> list[DoseTest]:
    """Test each dose of the sequence by the evidence of a growing series.

    Args:
        tables: one a checkpoint, in order; each of the units that are complete at that checkpoint.
        analysis: how; no redraws are made.
        lam: lambda of the e-values.
    """
    return in_sequence(
        analysis.sequence,
        analysis.alpha,
        lambda dose: evidence_of_series([table.take(table.doses == dose) for table in tables], analysis, lam),
    )


def in_sequence(sequence: Sequence[int], alpha: float, test: Callable[[int], Evidence]) -> list[DoseTest]:
    """Apply `test` to each dose and reject up to the first that is not."""
    found: list[DoseTest] = []
    tested = True
    for dose in sequence:
        evidence = test(dose)
        reject = tested and evidence.p_value <= alpha
        found.append(DoseTest(dose, evidence, tested, reject))
        tested = reject
    return found


def evidence_of(tables: Sequence[ScoreTable], analysis: Analysis, threads: int = 0) -> Evidence:
    """The evidence of all units of the tables together, one table a checkpoint."""
    parts = [parts_of(table, analysis.statistic) for table in tables]
    arms = tables[0].arms
    if len(parts) == 1:
        redrawn = redraw_test(parts[0], arms, analysis.rule, analysis.seed, threads)
        statistic = parts[0].sum(arms) * parts[0].unit
    else:
        several = largest_standardised(parts, arms, analysis.rule, analysis.seed, threads)
        redrawn, statistic = several.redrawn, float(np.max(several.standardised))
    return Evidence(len(arms), statistic, redrawn.p_value, redrawn.smallest_p, redrawn.draws, redrawn.enumerated)


def evidence_of_series(tables: Sequence[ScoreTable], analysis: Analysis, lam: float) -> Evidence:
    """The evidence of all units of the tables together, one table a checkpoint, in order."""
    mixture = log_mixture([log_e_value(table, analysis.statistic, lam) for table in tables])
    best = log_mixture(
        [log_e_value(replace(table, arms=table.scores.argmax(axis=1)), analysis.statistic, lam) for table in tables]
    )
    units = len(tables[-1]) if tables else 0
    return Evidence(units, float(mixture[-1]), anytime_p(mixture), anytime_p(best), 0, False)


def minimum_detected(tests: Sequence[DoseTest]) -> int | None:
    """The last rejected dose of the sequence; None if there is none."""
    rejected = [one.dose for one in tests if one.reject]
    return rejected[-1] if rejected else None
