"""All metrics by name: version of the definition, function, and what it needs. A sealed plan names one of these."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from transforms.scoring.metrics import (
    extraction,
    family,
    likelihood,
    peakedness,
    recall,
    reference,
    zlib_size,
)
from transforms.scoring.metrics.analysis import arms, dynamics
from transforms.scoring.metrics.inputs import Floats, ScoreInputs

Stage = Literal["score", "analysis"]


@dataclass(frozen=True)
class Metric:
    """A metric as `trapline score --metrics` and a plan know it.

    Attributes:
        name: of the column in scores/.
        version: of the definition; a change of what is computed raises it.
        function: what computes it; for stage `score`, `float64[n]` of the inputs it needs, in that order.
        needs: what goes in; for stage `score`, fields of `ScoreInputs`.
        stage: `score`: from one checkpoint, told no arm; `analysis`: from finished scores, as each need says.
        formula: in one line, as it is stored: high means memorised.
    """

    name: str
    version: int
    function: Callable[..., Floats]
    needs: tuple[str, ...]
    stage: Stage
    formula: str


def _score(function: Callable[..., Floats], formula: str, *needs: str) -> Metric:
    return Metric(function.__name__, 1, function, ("tokens", *needs), "score", formula)


def _generated(function: Callable[..., Floats], formula: str, *needs: str) -> Metric:
    return Metric(function.__name__, 1, function, needs, "score", formula)


def _analysis(function: Callable[..., Floats], formula: str, *needs: str) -> Metric:
    return Metric(function.__name__, 1, function, needs, "analysis", formula)


_BYTES = ("reference", "text_bytes", "reference_text_bytes")

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        _score(likelihood.loss, "mean of l_t"),
        _score(likelihood.min_k, "mean of the max(1, floor(.2 T)) lowest l_t"),
        _score(likelihood.min_k_plus_plus, "as min_k, of (l_t - mu_t) / max(sigma_t, .001)"),
        _score(reference.ratio_nll, "-(mean nll / mean nll_ref)", "reference"),
        _score(reference.difference_nll, "mean nll_ref - mean nll", "reference"),
        _score(reference.ratio_total_nll_per_byte, "-((nll / B) / (nll_ref / B_ref))", *_BYTES),
        _score(reference.difference_total_nll_per_byte, "nll_ref / B_ref - nll / B", *_BYTES),
        _score(zlib_size.zlib_total_nll, "-(total nll / Z)", "zlib_bytes"),
        _score(zlib_size.zlib_mean_nll, "-(mean nll / Z)", "zlib_bytes"),
        _score(extraction.exact_memorisation, "share of tokens with argmax = x_t"),
        _score(extraction.extraction_strength, "1 - k / T, k the first index from which every argmax matches"),
        _score(extraction.discoverable_extraction, "1 if greedy decoding of 50 tokens yields the next 50, else 0"),
        _score(extraction.extraction_probability, "-expm1(100 log1p(-p_z))", "scheme_log_probs"),
        _score(extraction.np_discoverable, "1 if extraction_probability >= .5, else 0", "scheme_log_probs"),
        _generated(recall.recall, "share of second-half tokens produced in place", "recalled"),
        _generated(recall.recall_similarity, "1 - edits / longer length, second half only", "recalled"),
        _generated(peakedness.cdd_peak, "share of samples within .05 l edits of greedy", "sampled"),
        _generated(peakedness.ted, "share of samples within 2 edits of greedy, or duplicates", "sampled"),
        _generated(family.family_loss, "mean of loss over the text and its fresh variants", "family"),
        _analysis(arms.recognition, "share of foils that score below the seen one, ties 1/2", "seen", "foils"),
        _analysis(arms.exposure, "log2 |R| - log2 rank", "seen", "foils"),
        _analysis(arms.counterfactual, "E[M | x in S] - E[M | x not in S]", "scores of many models", "subsets"),
        _analysis(dynamics.effectivity, "loss before - lowest loss in 50 steps", "losses of several checkpoints"),
        _analysis(
            dynamics.retainability,
            "(loss at - loss before) / (lowest - loss before)",
            "losses of several checkpoints",
            "step",
        ),
        _analysis(dynamics.retention, "mean at each later checkpoint", "recognition or recall of several checkpoints"),
    )
}
"""Every metric, in the order of docs/reference/metrics.md."""


def available(present: Collection[str]) -> list[str]:
    """Names of the metrics of stage `score` that these fields of `ScoreInputs` suffice for, in the registry's order."""
    return [one.name for one in METRICS.values() if one.stage == "score" and set(one.needs) <= set(present)]


def chosen(names: Sequence[str], present: Collection[str]) -> list[Metric]:
    """The metrics of these names, or all that `present` suffices for if none is named.

    Raises:
        ValueError: naming a metric that is unknown, named twice, of another stage, or lacks an input.
    """
    for at, name in enumerate(names):
        metric = METRICS.get(name)
        if metric is None:
            known = ", ".join(one.name for one in METRICS.values() if one.stage == "score")
            raise ValueError(f"metric {name!r} is unknown; there are {known}")
        if name in names[:at]:
            raise ValueError(f"metric {name!r} is named twice")
        if metric.stage == "analysis":
            raise ValueError(f"metric {name!r} is computed from finished scores ({', '.join(metric.needs)}), not here")
        missing = [need for need in metric.needs if need not in present]
        if missing:
            raise ValueError(
                f"metric {name!r} needs {', '.join(missing)}, which this run does not have; "
                f"it has {', '.join(sorted(present))}"
            )
    return [METRICS[name] for name in names or available(present)]


def compute(names: Sequence[str], inputs: ScoreInputs) -> dict[str, Floats]:
    """Each metric's values, float64[n]; NaN where it is not defined. All that `inputs` suffices for if none is named.

    Raises:
        ValueError: as `chosen`.
    """
    held = {one.name: getattr(inputs, one.name) for one in fields(inputs) if getattr(inputs, one.name) is not None}
    return {one.name: one.function(*(held[need] for need in one.needs)) for one in chosen(names, held)}


def versions(names: Sequence[str]) -> dict[str, int]:
    """Version of each metric's definition, for a manifest or a plan.

    Raises:
        KeyError: if one is unknown.
    """
    return {name: METRICS[name].version for name in names}
