"""The primary analysis: doses in a fixed sequence, each at the whole of alpha, up to the first that is not rejected.

The probability of any false rejection is at most alpha (Maurer, Hothorn and Lehmacher, 1995): the first true null
hypothesis in the sequence is tested once, and nothing after it is rejected unless it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from transforms.verification.alignment import Contributions, Statistic, contributions
from transforms.verification.redraws import Redrawn, RedrawRule, redraw_test
from transforms.verification.several import largest_standardised
from transforms.verification.table import ScoreTable


@dataclass(frozen=True)
class DoseTest:
    """The test of one dose.

    Attributes:
        dose: copies.
        units: that were used.
        statistic: T; of several checkpoints the largest standardised one.
        redrawn: T against its redraws.
        tested: whether all doses before it in the sequence were rejected.
        reject: whether it is rejected, which it can be only if it is tested.
    """

    dose: int
    units: int
    statistic: float
    redrawn: Redrawn
    tested: bool
    reject: bool

    @property
    def p_value(self) -> float:
        """Of this dose alone."""
        return self.redrawn.p_value


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
        lambda dose: dose_statistic([table.take(table.doses == dose) for table in tables], analysis, threads),
    )


def in_sequence(
    sequence: Sequence[int], alpha: float, test: Callable[[int], tuple[int, float, Redrawn]]
) -> list[DoseTest]:
    """Apply `test` (dose -> units, statistic, redrawn) to each dose and reject up to the first that is not."""
    found: list[DoseTest] = []
    open_ = True
    for dose in sequence:
        units, statistic, redrawn = test(dose)
        reject = open_ and redrawn.p_value <= alpha
        found.append(DoseTest(dose, units, statistic, redrawn, open_, reject))
        open_ = reject
    return found


def dose_statistic(tables: Sequence[ScoreTable], analysis: Analysis, threads: int = 0) -> tuple[int, float, Redrawn]:
    """Units, statistic and redraws of the units in `tables`, all of them together."""
    parts = [parts_of(table, analysis.statistic) for table in tables]
    arms = tables[0].arms
    if len(parts) == 1:
        redrawn = redraw_test(parts[0], arms, analysis.rule, analysis.seed, threads)
        return len(arms), parts[0].sum(arms) * parts[0].unit, redrawn
    several = largest_standardised(parts, arms, analysis.rule, analysis.seed, threads)
    return len(arms), float(np.max(several.standardised)), several.redrawn


def parts_of(table: ScoreTable, statistic: Statistic) -> Contributions:
    """What each candidate of the table contributes."""
    return contributions(table.scores, table.strata, table.weights, statistic)


def minimum_detected(tests: Sequence[DoseTest]) -> int | None:
    """The last rejected dose of the sequence; None if there is none."""
    rejected = [one.dose for one in tests if one.reject]
    return rejected[-1] if rejected else None
