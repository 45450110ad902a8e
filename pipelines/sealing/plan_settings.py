"""The analysis plan as flags: what `trapline seal` lets a person choose of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pipelines.running.errors import UsageError
from schemas.outside import VERSION as OUTSIDE_VERSION
from schemas.outside import is_outside
from schemas.plan import (
    CHECKPOINT_RULES,
    CHECKPOINT_TOKENIZER,
    WITH_QUESTIONS,
    Bos,
    Checkpoints,
    Dtype,
    Plan,
    Statistic,
    TrancheRule,
)
from transforms.base.errors import cause_of
from transforms.base.flags import Several, SeveralNumbers, Whole

if TYPE_CHECKING:
    import pyarrow as pa

    from transforms.planting.tables.unit import Unit


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
    """The rule that names what is judged, in words. Default: the last checkpoint of the first training run."""
    checkpoint_names: Several = Plan.checkpoint_names
    """Names of the folders of these checkpoints, in order; scores of others are then refused."""
    series_lambda: float = Plan.series_lambda
    """Lambda of the e-values of a series."""
    tranches: Whole = 1
    """Number of parts into which the units are split; each can be revealed by itself."""
    tranche_rule: TrancheRule = Plan.tranche_rule
    """Which verdicts share alpha: each tranche at alpha / K, or only the whole of them at alpha."""
    samples: Whole = 50
    """Continuations per sequence for a metric that samples, as in trapline score."""
    temperature: float | None = None
    """Sampling temperature for a metric that generates. Default: as in trapline score."""
    top_k: Whole | None = None
    """Sample from the k most probable tokens; 0: all. Default: as in trapline score."""
    seed: Whole = 0
    """Seed of sampling."""
    ask: str = Plan.ask
    """Kind of question whose answers are judged, in place of whole texts; the questions come with the probes."""
    scorer_key: str = ""
    """SSH public key of whoever will score and sign; a verdict then needs that signature."""

    def __post_init__(self) -> None:
        """Check what can be checked without the candidates."""
        if self.tranches < 1:
            raise ValueError(f"--tranches {self.tranches}: give 1 or more")
        if self.redraws < 0:
            raise ValueError(f"--redraws {self.redraws}: give 0 (chosen by the number of units) or more")
        if not 1 <= self.samples <= 10_000:
            raise ValueError(f"--samples {self.samples}: give 1 to 10000")
        if self.temperature is not None and not 0 < self.temperature <= 100:
            raise ValueError(f"--temperature {self.temperature}: give a number above 0 and at most 100")
        if self.top_k is not None and self.top_k < 0:
            raise ValueError(f"--top-k {self.top_k}: give 0 (all tokens) or more")
        if not 0 <= self.seed < 1 << 64:
            raise ValueError(f"--seed {self.seed}: give 0 to {(1 << 64) - 1}")

    def plan(self, units: "Sequence[Unit]", questions: "pa.Table | None" = None) -> Plan:
        """The analysis plan for these units and the questions about them, if there are any.

        The hash of the questions stands for the file only once its rows have the order of the seal.

        Raises:
            UsageError: naming the flag that does not suit them.
        """
        from transforms.planting.sealing.seal import plan_fits

        if self.tranches > len(units):
            raise UsageError(f"--tranches {self.tranches}: there are {len(units)} units; give at most as many")
        generation = self._generation()
        self._refuse_without_fresh(units)
        asked = self._asked(units, questions)
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
                checkpoint_note=self.checkpoint_note or CHECKPOINT_RULES[self.checkpoints],
                generation=generation,
                scorer=_fingerprint(self.scorer_key) if self.scorer_key else "",
                **{name: getattr(self, name) for name in _UNCHANGED},
                **asked,
                **redraws,  # type: ignore[arg-type]
            )
        except ValueError as error:
            raise UsageError(str(error)) from error
        misfit = plan_fits(plan, units)
        if misfit:
            raise UsageError(f"plan: {misfit}")
        return plan

    def _asked(self, units: "Sequence[Unit]", questions: "pa.Table | None") -> dict[str, Any]:
        """Fields of the plan that bind the questions; none where there are none.

        Raises:
            UsageError: if something is asked that cannot be.
        """
        from transforms.planting.sealing.questions import without_questions
        from transforms.scoring.metrics.registry import METRICS

        needs = () if is_outside(self.metric) else METRICS[self.metric].needs
        if not self.ask:
            if "cues" in needs:
                raise UsageError(f"--metric {self.metric}: is a metric of answers: say with --ask what is asked")
            return {} if questions is None else {"questions": "0" * 64, "version": WITH_QUESTIONS}
        if questions is None:
            raise UsageError(
                f"--ask {self.ask}: there are no questions: give --probes a folder that has a questions.parquet, or "
                "give --questions FILE"
            )
        if set(needs) - ASKABLE:
            raise UsageError(
                f"--metric {self.metric}: is not computed of answers; take answer_total, or another metric of one pass"
            )
        lacking = without_questions(questions, self.ask, units)
        if lacking:
            kinds = ", ".join(sorted(questions["ask"].unique().to_pylist()))
            raise UsageError(
                f"--ask {self.ask}: {lacking} of {len(units)} units have no question of that kind (there are {kinds}): "
                "seal each kind of probe by itself"
            )
        return {"questions": "0" * 64, "ask": self.ask, "version": WITH_QUESTIONS}

    def _generation(self) -> dict[str, Any]:
        """Check that the scores can hold the metric, and give the settings of what it generates.

        Raises:
            UsageError: for a metric that trapline score does not compute, another version of it than this trapline
                computes, or one that compares with a reference checkpoint if none is given.
        """
        from transforms.scoring.generation.plan import GenerationPlan, generated_needs
        from transforms.scoring.metrics.registry import METRICS

        if is_outside(self.metric):
            return self._outside()
        metric = METRICS.get(self.metric)
        if metric is None or metric.stage == "analysis":
            known = ", ".join(one.name for one in METRICS.values() if one.stage == "score")
            why = "is unknown" if metric is None else "is computed from finished scores, which a verdict does not do"
            raise UsageError(f"--metric {self.metric}: {why}; there are {known}")
        if self.metric_version != metric.version:
            raise UsageError(
                f"--metric-version {self.metric_version}: this trapline computes version {metric.version} of "
                f"{self.metric}: leave the flag out"
            )
        if needs_reference(metric.needs) and len(self.reference) != 1:
            raise UsageError(
                f"--metric {self.metric}: compares with a reference checkpoint, which could be chosen after the draw "
                "if it were not sealed: give --reference FOLDER, just one"
            )
        plan = GenerationPlan.of(
            [self.metric], samples=self.samples, temperature=self.temperature, top_k=self.top_k, seed=self.seed
        )
        given = {"--samples": self.samples != 50, "--temperature": self.temperature is not None}
        given |= {"--top-k": self.top_k is not None, "--seed": self.seed != 0}
        unused = [flag for flag, one in given.items() if one]
        if unused and not generated_needs([self.metric]):
            raise UsageError(f"{unused[0]}: the metric {self.metric} generates nothing; leave it out")
        return plan.settings()

    def _refuse_without_fresh(self, units: "Sequence[Unit]") -> None:
        """Check that there are fresh variants for a metric that takes them.

        Raises:
            UsageError: if a unit has none.
        """
        from transforms.scoring.metrics.registry import METRICS

        lacking = sum(not unit.candidates[0].fresh for unit in units)
        if lacking and self.metric in METRICS and "family" in METRICS[self.metric].needs:
            raise UsageError(
                f"--metric {self.metric}: {lacking} of the units have no fresh variants: make them with trapline traps "
                "--fuzzy BLOCKS --fresh NUMBER"
            )

    def _outside(self) -> dict[str, Any]:
        """Check the settings of a metric that another program computes: nothing is generated here.

        Raises:
            UsageError: for a setting that such scores cannot have.
        """
        given = {
            "--metric-version": self.metric_version != OUTSIDE_VERSION,
            "--reference": bool(self.reference),
            "--tokenizer": bool(self.tokenizer),
            "--samples": self.samples != 50,
            "--temperature": self.temperature is not None,
            "--top-k": self.top_k is not None,
            "--seed": self.seed != 0,
        }
        unused = [flag for flag, one in given.items() if one]
        if unused:
            raise UsageError(f"{unused[0]}: the metric {self.metric} is made outside trapline; leave it out")
        return {}

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
    *("checkpoints", "checkpoint_names", "series_lambda", "tranche_rule"),
)
"""What the plan takes over as it was given."""


ASKABLE = frozenset({"tokens", "cues", "text_bytes", "reference", "reference_text_bytes"})
"""Inputs of metrics that answers have."""


def needs_reference(needs: Sequence[str]) -> bool:
    """Whether a metric with these inputs compares with a second checkpoint."""
    return any(need.startswith("reference") for need in needs)


def _fingerprint(path: str) -> str:
    from transforms.base.stores.copies import fetched
    from transforms.planting.attestations.ssh_signatures import SignatureError, read_public_key

    try:
        return read_public_key(fetched(path).read_bytes()).fingerprint
    except OSError as error:
        raise UsageError(f"--scorer-key {path}: cannot be read ({cause_of(error)})") from error
    except SignatureError as error:
        raise UsageError(f"--scorer-key {path}: {error}") from error


def _tokenizer_sha256(path: str) -> str:
    import hashlib

    from transforms.base.stores.copies import fetched

    try:
        return hashlib.sha256(fetched(path).read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"--tokenizer {path}: cannot be read ({cause_of(error)}); give a tokenizer.json") from error


def _checkpoint_sha256(folder: str) -> str:
    from transforms.base.folders import folder_sha256
    from transforms.base.stores.copies import fetched

    try:
        return folder_sha256(fetched(folder))
    except OSError as error:
        raise UsageError(f"--reference {folder}: cannot be read ({cause_of(error)}); give a folder") from error
