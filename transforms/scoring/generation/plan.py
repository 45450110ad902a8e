"""What a run generates beside the teacher-forced pass, and under which settings; imports no torch."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from transforms.scoring.metrics.peakedness import LONGEST
from transforms.scoring.metrics.registry import METRICS

GENERATED = frozenset({"recalled", "sampled", "scheme_log_probs"})
"""Fields of `ScoreInputs` that only a run which generates has."""


@dataclass(frozen=True)
class GenerationPlan:
    """What is generated for every sequence, and kept.

    Attributes:
        metrics: names of the metrics that are computed from it.
        samples: continuations drawn of each first half, for metrics that need `sampled`.
        temperature: of those.
        top_k: of those; 0 for all tokens.
        scheme_temperature: of the scheme whose probabilities `scheme_log_probs` are.
        scheme_top_k: likewise.
        seed: of the random numbers, 0 to 2**64 - 1.
        max_new_tokens: most tokens by which whole sequences are continued greedily; 0: they are not.
        stop: texts that end those.
        keep: whether the continuations of first halves are written, too.
    """

    metrics: tuple[str, ...]
    samples: int
    temperature: float
    top_k: int
    scheme_temperature: float
    scheme_top_k: int
    seed: int
    max_new_tokens: int
    stop: tuple[str, ...]
    keep: bool

    @classmethod
    def of(
        cls,
        metrics: Sequence[str],
        *,
        samples: int,
        temperature: float | None,
        top_k: int | None,
        seed: int,
        max_new_tokens: int = 0,
        stop: tuple[str, ...] = (),
        keep: bool = False,
    ) -> "GenerationPlan":
        """What these settings generate; None stands for the default, which differs for samples and for a scheme."""
        return cls(
            metrics=tuple(name for name in metrics if generated_needs([name])),
            samples=samples,
            temperature=0.8 if temperature is None else temperature,
            top_k=top_k or 0,
            scheme_temperature=1.0 if temperature is None else temperature,
            scheme_top_k=40 if top_k is None else top_k,
            seed=seed,
            max_new_tokens=max_new_tokens,
            stop=stop,
            keep=keep,
        )

    @property
    def needs(self) -> frozenset[str]:
        """Which of `GENERATED` the metrics take."""
        return generated_needs(self.metrics)

    @property
    def kept(self) -> bool:
        """Whether there is a table of generations."""
        return bool(self.max_new_tokens) or (self.keep and bool({"recalled", "sampled"} & self.needs))

    def settings(self) -> dict[str, Any]:
        """As the manifest has them: one entry for each thing that is generated."""
        found: dict[str, dict[str, Any]] = {
            "recalled": {"prompt": "first_half", "scheme": "greedy"},
            "sampled": {
                "prompt": "first_half",
                "max_tokens": LONGEST,
                "samples": self.samples,
                "temperature": self.temperature,
                "top_k": self.top_k,
                "seed": self.seed,
            },
            "scheme_log_probs": {"temperature": self.scheme_temperature, "top_k": self.scheme_top_k},
        }
        chosen = {name: settings for name, settings in found.items() if name in self.needs}
        if self.max_new_tokens:
            chosen["continuations"] = {
                "prompt": "whole",
                "scheme": "greedy",
                "max_new_tokens": self.max_new_tokens,
                "stop": list(self.stop),
            }
        return chosen


def generated_needs(metrics: Collection[str]) -> frozenset[str]:
    """Which of `GENERATED` these metrics take."""
    return GENERATED.intersection(need for name in metrics for need in METRICS[name].needs)
