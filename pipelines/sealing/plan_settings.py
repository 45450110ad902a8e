"""The analysis plan as flags: what `trapline seal` lets a person choose of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipelines.running.errors import UsageError
from schemas.plan import CHECKPOINT_TOKENIZER, Bos, Checkpoints, Dtype, Plan, Statistic
from transforms.base.flags import Several, SeveralNumbers, Whole

if TYPE_CHECKING:
    from transforms.planting.sealing.units import Unit


@dataclass(frozen=True, kw_only=True)
class PlanSettings:
    """Choices of the analysis plan. What the plan takes over unchanged has the plan's own default."""

    metric: str = Plan.metric
    """The primary metric."""
    metric_version: Whole = Plan.metric_version
    """Version of the metric's definition."""
    sign: Literal[1, -1] = 1
    """1 if high values mean memorised, -1 if low values do."""
    statistic: Statistic = Plan.statistic
    """Aligned ranks within a stratum, or the mean of centred scores."""
    weights: Several = ()
    """STRATUM=WEIGHT pairs; strata that are not named have weight 1."""
    sequence: SeveralNumbers = ()
    """Doses in the order in which they are tested, highest first. Default: all doses of the probes."""
    alpha: float = Plan.alpha
    """Probability of a false rejection."""
    redraws: Whole = 0
    """Monte Carlo redraws; 0: 999,999, or 99,999 above 10,000 units."""
    slots: Whole = Plan.slots
    """Maximum number of slots at which a candidate is scored."""
    context: Whole = Plan.context
    """Tokens before the slot that the model is given."""
    bos: Bos = Plan.bos
    """Begin-of-sequence token in front: as the checkpoint defines it, always, or never."""
    dtype: Dtype = Plan.dtype
    """Number format of the scored model."""
    tokenizer: str = ""
    """A tokenizer.json for scoring. Default: the checkpoint's own."""
    reference: Several = ()
    """Folders of reference checkpoints; their hashes are recorded."""
    checkpoints: Checkpoints = Plan.checkpoints
    """What is judged: a single checkpoint, the maximum over a fixed list, or a growing series."""
    checkpoint_note: str = Plan.checkpoint_note
    """Which checkpoint or checkpoints, in words."""
    series_lambda: float = Plan.series_lambda
    """Lambda of the e-values of a series."""
    tranches: Whole = 1
    """Number of parts into which the units are split; each can be revealed by itself."""

    def __post_init__(self) -> None:
        """Check what can be checked without the candidates."""
        if self.tranches < 1:
            raise ValueError(f"--tranches {self.tranches}: give 1 or more")
        if self.redraws < 0:
            raise ValueError(f"--redraws {self.redraws}: give 0 (chosen by the number of units) or more")

    def plan(self, units: "Sequence[Unit]") -> Plan:
        """The analysis plan for these units.

        Raises:
            UsageError: naming the flag that does not suit them.
        """
        from transforms.planting.sealing.seal import plan_fits

        if self.tranches > len(units):
            raise UsageError(f"--tranches {self.tranches}: there are {len(units)} units; give at most as many")
        doses = sorted({unit.dose for unit in units}, reverse=True)
        redraws = {"redraws": self.redraws, "redraws_many": self.redraws} if self.redraws else {}
        try:
            plan = Plan(
                controls=len(units[0].candidates) - 1,
                weights=self._weights({unit.stratum for unit in units}),
                sequence=self.sequence or tuple(doses),
                tranche_sizes=tuple(len(range(first, len(units), self.tranches)) for first in range(self.tranches)),
                tokenizer=f"sha256:{_tokenizer_sha256(self.tokenizer)}" if self.tokenizer else CHECKPOINT_TOKENIZER,
                references=tuple(_checkpoint_sha256(folder) for folder in self.reference),
                **{name: getattr(self, name) for name in _UNCHANGED},
                **redraws,  # type: ignore[arg-type]
            )
        except ValueError as error:
            raise UsageError(str(error)) from error
        misfit = plan_fits(plan, units)
        if misfit:
            raise UsageError(f"plan: {misfit}")
        return plan

    def _weights(self, strata: set[str]) -> dict[str, float]:
        """The weight of every stratum."""
        weights = dict.fromkeys(sorted(strata), 1.0)
        for number, entry in enumerate(self.weights, 1):
            stratum, _, weight = entry.rpartition("=")
            if stratum not in weights:
                raise UsageError(f"--weights: entry {number} is not STRATUM=WEIGHT with a stratum of the probes")
            try:
                weights[stratum] = float(weight)
            except ValueError:
                raise UsageError(f"--weights: entry {number}: the weight is not a number") from None
        return weights


_UNCHANGED = (
    *("metric", "metric_version", "sign", "statistic", "alpha", "slots", "context", "bos", "dtype"),
    *("checkpoints", "checkpoint_note", "series_lambda"),
)
"""What the plan takes over as it was given."""


def _tokenizer_sha256(path: str) -> str:
    import hashlib

    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"--tokenizer {path}: cannot be read ({error.strerror}); give a tokenizer.json") from error


def _checkpoint_sha256(folder: str) -> str:
    from transforms.base.folders import folder_sha256

    try:
        return folder_sha256(Path(folder))
    except OSError as error:
        raise UsageError(f"--reference {folder}: cannot be read ({error.strerror}); give a folder") from error
