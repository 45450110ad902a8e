"""All that a verdict is made of, gathered and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipelines.scoring.folder import ScoresFolder
    from pipelines.verdict.sealed_scores import Judged
    from transforms.planting.ledger.check_secrets import Sealed
    from transforms.verification.sequence import Analysis

Tree = dict[str, Any]


@dataclass(frozen=True, repr=False)
class Case:
    """All that a verdict is made of.

    Attributes:
        sealed: the secrets, of which everything holds, drawn.
        judged: the units that are judged.
        scores: the folder of scores.
        matrices: float64[units, candidates] by (metric, checkpoint).
        metrics: exploratory ones, besides the primary metric.
        tranche: that is judged; None for all units.
        baselines: name and matrices of other models' scores of the same candidates.
        reveal: whether names of strata may be shown.
        threads: 0: all cores.
        level: at which the doses are tested: the plan's alpha, or a tranche's share of it.
        not_bound: why this is no confirmatory verdict, a clause each; empty if it is one.
        burned: ids of units that were revealed, as the holder's list and the given proofs have it.
        scorer: who vouches for the scores, as the verdict has it.
        asserted: whether whoever asked for the verdict stated the randomness.
    """

    sealed: "Sealed"
    judged: "Judged"
    scores: "ScoresFolder"
    matrices: "Mapping[tuple[str, str], NDArray[np.float64]]"
    metrics: Sequence[str] = ()
    tranche: int | None = None
    baselines: "Sequence[tuple[ScoresFolder, Mapping[tuple[str, str], NDArray[np.float64]]]]" = ()
    reveal: bool = False
    threads: int = 0
    level: float = 0.0
    not_bound: Sequence[str] = ()
    burned: frozenset[str] = frozenset()
    scorer: Mapping[str, Any] = field(default_factory=dict)
    asserted: bool = False

    def seed(self, domain: str = "") -> bytes:
        """The seed of the redraws, or one derived from it for another purpose, 32 bytes."""
        from transforms.base.keyed import digest
        from transforms.planting.sealing.draw import monte_carlo_seed

        assert self.sealed.randomness is not None  # noqa: S101 - for the type checker
        seed = monte_carlo_seed(self.sealed.commitment.root, self.sealed.randomness)
        return digest(f"trapline/v1/{domain}", seed) if domain else seed

    def analysis(self) -> "Analysis":
        """The primary analysis, as the plan binds it."""
        from transforms.verification.redraws import RedrawRule
        from transforms.verification.sequence import Analysis

        plan = self.sealed.plan
        rule = RedrawRule(plan.redraws, plan.redraws_many, plan.many_units, plan.enumerate_up_to)
        return Analysis(plan.statistic, self.level or plan.alpha, plan.sequence, rule, self.seed())
