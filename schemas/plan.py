"""The analysis plan: what will be computed from the scores, fixed by the seal before the draw. `plan.json`, secret."""

import dataclasses
import itertools
import math
import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

from schemas.documents import DocumentError, fields, parse, to_bytes, version_of

NAME, VERSION = "plan", 2
EARLIER = (1,)
"""Versions that are read, too. Version 1 lacks the fields `ADDED`: what they bind was open then."""
ADDED = ("checkpoint_names", "generation", "scorer", "tranche_rule")
WITH_QUESTIONS = 3
"""Version of a plan that binds questions. A plan without any is written as version 2, which lacks `ASKED`."""
ASKED = ("ask", "questions")
LACKING: dict[int, tuple[str, ...]] = {1: (*ADDED, *ASKED), VERSION: ASKED, WITH_QUESTIONS: ()}
"""Fields that a plan of each version does not have."""

Statistic = Literal["aligned_rank", "mean"]
Bos = Literal["checkpoint", "always", "never"]
Dtype = Literal["float32", "bfloat16"]
Checkpoints = Literal["single", "maximum", "series"]
TrancheRule = Literal["each", "whole"]
MONTE_CARLO_SEED = "root-and-randomness"
DROP_UNIT = "drop-unit"
CHECKPOINT_TOKENIZER = "checkpoint"
CHECKPOINT_RULES: dict[str, str] = {
    "single": "the last checkpoint of the first training run on the planted corpus",
    "maximum": "every checkpoint that was kept of the first training run on the planted corpus",
    "series": "every checkpoint that was kept of the first training run on the planted corpus, in its order",
}
"""Which checkpoints are judged where the plan says nothing else."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The primary analysis. Whatever else is computed is exploratory.

    `T = sum_g w_g sum_i A_{i, D_i}` over strata `g`, with the weights below; one-sided; doses in `sequence`, each at
    the whole of `alpha`, up to the first that is not rejected.
    """

    controls: int
    """Held-out candidates of a unit (m)."""
    weights: dict[str, float]
    """Weight by stratum; every stratum of the probes stands here."""
    sequence: tuple[int, ...]
    """Doses in the order in which they are tested, highest first; units of other doses are exploratory."""
    tranche_sizes: tuple[int, ...]
    """Units in each tranche: tranche k is the run of leaves after those of the tranches before it."""
    metric: str = "loss"
    """The primary metric."""
    metric_version: int = 1
    """Version of its definition."""
    sign: int = 1
    """1 if high means memorised (as trapline stores every metric), -1 if low does."""
    statistic: Statistic = "aligned_rank"
    """Aligned ranks within a stratum, or the mean of the centred scores."""
    alpha: float = 0.001
    """Probability of a false rejection, over all doses together."""
    redraws: int = 999_999
    """Monte Carlo redraws (B)."""
    redraws_many: int = 99_999
    """Monte Carlo redraws when there are more than `many_units` units."""
    many_units: int = 10_000
    """Units above which `redraws_many` is used."""
    enumerate_up_to: int = 1_000_000
    """Draws up to which all of them are enumerated in place of redraws."""
    monte_carlo_seed: str = MONTE_CARLO_SEED
    """How the redraws are seeded: from the commitment's root and the public randomness."""
    missing: str = DROP_UNIT
    """What a missing or non-finite score does: the whole unit is dropped, blind to its arm, and counted."""
    slots: int = 4
    """Slots at which each candidate is scored, at most: the first min(slots, dose) in keyed order."""
    context: int = 512
    """Tokens of the document before the slot that are given to the model."""
    bos: Bos = "checkpoint"
    """Whether a begin-of-sequence token is put first: as the checkpoint defines it, always or never."""
    dtype: Dtype = "float32"
    """Number format of the model's weights and activations."""
    tokenizer: str = CHECKPOINT_TOKENIZER
    """The checkpoint's own tokenizer, or 'sha256:' and the hash of a tokenizer file."""
    references: tuple[str, ...] = ()
    """SHA-256 of each reference checkpoint."""
    checkpoints: Checkpoints = "single"
    """One checkpoint; the maximum over a fixed list; or a growing series with anytime-valid evidence."""
    checkpoint_note: str = ""
    """The rule that names the checkpoint or checkpoints, in words."""
    checkpoint_names: tuple[str, ...] = ()
    """Names of the judged checkpoints in the table of scores, in order; empty: the rule in words alone names them."""
    series_lambda: float = 1.0
    """Lambda of the e-values of a series."""
    generation: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Settings of what the metric generates, by input of the metric: scheme, temperature, top-k, samples, seed."""
    tranche_rule: TrancheRule = "each"
    """How tranches share alpha: each is judged at alpha / K, or only all of them together, at alpha."""
    scorer: str = ""
    """Fingerprint ("SHA256:...") of the SSH key that must sign the scores; empty: no signature is asked for."""
    questions: str = ""
    """SHA-256 of the sealed file of questions, in hexadecimal; empty where there is none."""
    ask: str = ""
    """Kind of question whose answers are judged; empty: candidates are judged by their whole text."""
    version: int = VERSION
    """Of the document that this plan was read from."""

    def __post_init__(self) -> None:
        """Check every value."""
        sequence, weights = self.sequence, list(self.weights.values())
        shared = ": at least 1 / alpha - 1" if self.least_alpha == self.alpha else " / K: at least K / alpha - 1"
        checks = (
            (self.controls >= 1, "controls: 1 or more"),
            (bool(weights), "weights: at least one stratum"),
            (all(math.isfinite(one) and one >= 0 for one in weights), "weights: finite and not negative"),
            (any(one > 0 for one in weights), "weights: at least one above 0"),
            (bool(sequence) and min(sequence) >= 1, "sequence: doses of 1 or more"),
            (all(a > b for a, b in itertools.pairwise(sequence)), "sequence: highest dose first"),
            (bool(self.tranche_sizes) and min(self.tranche_sizes) >= 1, "tranches: 1 or more, each with a unit"),
            (re.fullmatch(r"[a-z0-9][a-z0-9_.@%+-]*", self.metric) is not None, "metric: a name such as loss"),
            (self.metric_version >= 1, "metric-version: 1 or more"),
            (self.sign in (1, -1), "sign: 1 or -1"),
            (self.statistic in get_args(Statistic), f"statistic: {' or '.join(get_args(Statistic))}"),
            (0 < self.alpha < 1, "alpha: between 0 and 1"),
            (self.redraws >= 1 and self.redraws_many >= 1 and self.many_units >= 0, "redraws: 1 or more"),
            ((self.redraws + 1) * self.least_alpha >= 1, f"redraws: too few for a p below alpha{shared}"),
            ((self.redraws_many + 1) * self.least_alpha >= 1, f"redraws of many units: too few for alpha{shared}"),
            (self.enumerate_up_to >= 1, "enumerate_up_to: 1 or more"),
            (self.monte_carlo_seed == MONTE_CARLO_SEED, f"monte_carlo_seed: {MONTE_CARLO_SEED}"),
            (self.missing == DROP_UNIT, f"missing: {DROP_UNIT}"),
            (self.slots >= 1, "slots: 1 or more"),
            (self.context >= 0, "context: 0 tokens or more"),
            (self.bos in get_args(Bos), f"bos: {', '.join(get_args(Bos))}"),
            (self.dtype in get_args(Dtype), f"dtype: {' or '.join(get_args(Dtype))}"),
            (
                re.fullmatch(f"{CHECKPOINT_TOKENIZER}|sha256:[0-9a-f]{{64}}", self.tokenizer) is not None,
                "tokenizer: checkpoint, or sha256: and 64 digits",
            ),
            (
                all(re.fullmatch("[0-9a-f]{64}", one) is not None for one in self.references),
                "references: 64 hexadecimal digits each",
            ),
            (self.checkpoints in get_args(Checkpoints), f"checkpoints: {', '.join(get_args(Checkpoints))}"),
            (math.isfinite(self.series_lambda) and self.series_lambda > 0, "series-lambda: a number above 0"),
            (self.tranche_rule in get_args(TrancheRule), f"tranche-rule: {' or '.join(get_args(TrancheRule))}"),
            (
                all(self.checkpoint_names) and len(set(self.checkpoint_names)) == len(self.checkpoint_names),
                "checkpoint-names: names that differ",
            ),
            (
                self.checkpoints != "single" or len(self.checkpoint_names) <= 1,
                "checkpoint-names: a single checkpoint is judged, so one name; or --checkpoints maximum or series",
            ),
            (
                re.fullmatch(r"(SHA256:[A-Za-z0-9+/]{43})?", self.scorer) is not None,
                "scorer: the fingerprint of an SSH key, as ssh-keygen -l shows it",
            ),
            (re.fullmatch(r"([0-9a-f]{64})?", self.questions) is not None, "questions: 64 hexadecimal digits"),
            (bool(self.questions) or not self.ask, "ask: there are no questions"),
            (
                bool(self.questions) == (self.version == WITH_QUESTIONS),
                f"questions: bound by version {WITH_QUESTIONS} of a plan, and by no other",
            ),
        )
        for fine, message in checks:
            if not fine:
                raise ValueError(f"plan: {message}")

    @property
    def least_alpha(self) -> float:
        """The smallest level at which the plan has something judged."""
        shared = self.tranche_rule == "each" and self.version not in EARLIER
        return self.alpha / max(1, len(self.tranche_sizes)) if shared else self.alpha

    def alpha_of(self, tranche: int | None) -> float | None:
        """The level at which a tranche, or all units (None), is judged; None where the plan has no verdict on that.

        Over all verdicts that the plan allows, the levels add up to alpha: whichever of them is shown, a false
        rejection is no more probable than that.
        """
        if len(self.tranche_sizes) == 1:
            return self.alpha
        if self.version in EARLIER or (tranche is None) == (self.tranche_rule == "each"):
            return None
        return self.least_alpha

    def tranche(self, number: int) -> range:
        """The leaves of a tranche.

        Raises:
            IndexError: if there is no such tranche.
        """
        if not 0 <= number < len(self.tranche_sizes):
            raise IndexError(number)
        first = sum(self.tranche_sizes[:number])
        return range(first, first + self.tranche_sizes[number])

    def tranche_of_leaves(self) -> list[int]:
        """The tranche of each leaf, in order."""
        return [number for number, size in enumerate(self.tranche_sizes) for _ in range(size)]

    def to_bytes(self) -> bytes:
        """The document `plan.json`."""
        content = dataclasses.asdict(self)
        version = content.pop("version")
        lacking = LACKING[version]
        return to_bytes(NAME, version, {name: value for name, value in content.items() if name not in lacking})

    @classmethod
    def parse(cls, data: bytes) -> "Plan":
        """Read `plan.json`.

        Raises:
            DocumentError: if it is no plan; the message shows no stratum.
        """
        version = version_of(data)
        content = parse(NAME, WITH_QUESTIONS, data, also=(*EARLIER, VERSION))
        fields(content, {name: kind for name, kind in _TYPES.items() if name not in LACKING[version]})
        lists: dict[str, tuple[type, ...]] = {
            "sequence": (int,),
            "tranche_sizes": (int,),
            "references": (str,),
            "checkpoint_names": (str,),
        }
        for name, kinds in lists.items():
            if name not in content:
                continue
            if not all(isinstance(one, kinds) and not isinstance(one, bool) for one in content[name]):
                raise DocumentError(f"field {name!r} has the wrong type")
            content[name] = tuple(content[name])
        if not all(isinstance(one, int | float) and one is not True for one in content["weights"].values()):
            raise DocumentError("field 'weights' has the wrong type")
        try:
            return cls(**content, version=version)
        except ValueError as error:
            raise DocumentError(str(error)) from None


_BY_ANNOTATION: dict[Any, type | tuple[type, ...]] = {
    int: int,
    float: (int, float),
    str: str,
    dict[str, float]: dict,
    dict[str, Any]: dict,
    tuple[int, ...]: list,
    tuple[str, ...]: list,
}
_TYPES = {one.name: _BY_ANNOTATION.get(one.type, str) for one in dataclasses.fields(Plan) if one.name != "version"}
