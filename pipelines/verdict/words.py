"""A verdict in sentences that can be read aloud."""

from collections.abc import Mapping, Sequence
from typing import Any

from transforms.base.readable import count, counted


def probability(value: float) -> str:
    """A p-value for people: '0.74', '0.0312', '0.000001', 'less than 0.0000001'."""
    if value < 1e-7:
        return "less than 0.0000001"
    return f"{value:.3f}".rstrip("0").rstrip(".") if value >= 0.0995 else f"{float(f'{value:.3g}'):.10f}".rstrip("0")


def statement(verdict: Mapping[str, Any]) -> str:
    """The verdict in one sentence."""
    first, level = verdict["doses"][0], verdict["alpha"]
    whole = level == verdict["alpha_sealed"]
    alpha = f"the sealed alpha of {level:g}" if whole else f"{level:g}, its share of the sealed alpha"
    where = f"at a dose of {count(first['dose'])}"
    if not verdict["confirmatory"]:
        return (
            f"No confirmatory verdict, since {verdict['not_bound'][0]}. As an exploration: p = "
            f"{probability(verdict['p_value'])} {where}."
        )
    if first["reject"]:
        return f"The model saw what was planted: p = {probability(first['p_value'])} {where}."
    if first["cannot_reject"]:
        return (
            f"Nothing could be rejected: {where} the smallest p that these scores allow is "
            f"{probability(first['smallest_p'])}, above {alpha}."
        )
    return (
        f"It was not shown that the model saw what was planted: p = {probability(first['p_value'])} {where}, above "
        f"{alpha}."
    )


def details(verdict: Mapping[str, Any]) -> list[str]:
    """What comes after the statement, a sentence or two each."""
    said = [_asked(verdict), _effect(verdict), _sequence(verdict)]
    return [one for one in said if one]


def _asked(verdict: Mapping[str, Any]) -> str:
    """What was asked, where cues were; empty where whole texts were scored."""
    asked = verdict.get("asked")
    if not asked:
        return ""
    fewest, most = asked["cues_of_a_unit"]
    each = count(most) if fewest == most else f"{count(fewest)} to {count(most)}"
    return (
        f"What was scored are answers to sealed cues of the kind {asked['ask']!r}, {each} for each unit and "
        f"{count(asked['cues'])} in all: after each cue, the answers of all {count(verdict['controls'] + 1)} "
        "candidates, of which one was planted."
    )


def _effect(verdict: Mapping[str, Any]) -> str:
    first = verdict["doses"][0]["dose"]
    who = "answers of planted candidates" if verdict.get("asked") else "planted candidates"
    for row in verdict["exploratory"]["by_dose"]:
        if row["dose"] == first and row["auc"]["units"]:
            auc = row["auc"]
            return (
                f"There, {who} score higher than {100 * auc['value']:.0f} % of their held-out siblings, "
                f"where 50 % is chance (95 % interval {100 * auc['low']:.0f} % to {100 * auc['high']:.0f} %; "
                f"{counted(auc['units'], 'unit')} of {counted(verdict['controls'], 'held-out')} each)."
            )
    return ""


def _sequence(verdict: Mapping[str, Any]) -> str:
    doses: Sequence[Mapping[str, Any]] = verdict["doses"]
    least = verdict["minimum_detected_dose"]
    if len(doses) == 1 or least is None:
        return ""
    stopped = next((one for one in doses if not one["reject"]), None)
    found = f"The smallest dose at which this was found is {count(least)}"
    if stopped is None:
        return f"{found}, the last of the sequence."
    return f"{found}; at {count(stopped['dose'])} it was not (p = {probability(stopped['p_value'])})."


def aloud(verdict: Mapping[str, Any]) -> str:
    """The whole summary for a terminal."""
    lines = [verdict["statement"], *details(verdict)]
    lines += [f"Note: {one}." for one in verdict["caveats"]]
    return "\n".join(lines)
