"""What the sealed plan leaves open: a verdict in which something could be chosen after the draw is not confirmatory."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.scoring.folder import ScoresFolder
    from schemas.plan import Plan


def not_bound(plan: "Plan", scores: "ScoresFolder", tranche: int | None) -> tuple[str, ...]:
    """Why the plan does not allow a confirmatory verdict on these scores, a clause each; empty if it does.

    Plans of version 1 lack what later ones bind; `trapline seal` writes none that leaves something open.
    """
    from pipelines.sealing.plan_settings import needs_reference
    from schemas.outside import is_outside
    from schemas.plan import CHECKPOINT_TOKENIZER, EARLIER
    from transforms.scoring.generation.plan import GENERATED
    from transforms.scoring.metrics.registry import METRICS

    found = []
    metric = METRICS.get(plan.metric)
    if is_outside(plan.metric):
        pass  # another program computes it: its name and its direction are what can be sealed
    elif metric is None:
        found.append(f"the sealed metric {plan.metric!r} is none that this trapline knows")
    else:
        if not set(metric.needs) & GENERATED <= set(plan.generation):
            found.append("the sealed plan does not say with which settings the metric generates")
        if needs_reference(metric.needs) and not plan.references:
            found.append("the sealed plan does not say with which reference checkpoint the metric compares")
    if not plan.checkpoint_note and not plan.checkpoint_names:
        found.append("the sealed plan does not say which checkpoint is judged")
    if plan.tokenizer == CHECKPOINT_TOKENIZER and not scores.tokenizer and not scores.outside:
        found.append("the scores do not say whether the tokenizer was the checkpoint's own, as sealed: score again")
    if plan.alpha_of(tranche) is None:
        tranches = len(plan.tranche_sizes)
        if plan.version in EARLIER:
            found.append(f"the sealed plan does not say how its {tranches} tranches share alpha")
        elif tranche is None:
            found.append(
                f"the sealed plan has its {tranches} tranches judged one by one (--tranche), each at alpha / K"
            )
        else:
            found.append(f"the sealed plan has its {tranches} tranches judged together, and this is one of them")
    return tuple(found)
