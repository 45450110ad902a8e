"""What is said of families: their promises, what was measured, and what their doses are worth."""

from collections.abc import Sequence
from typing import Any

from transforms.base.readable import count, counted
from transforms.probes.traps.families.equivalents import exact_copies
from transforms.probes.traps.families.make import Families
from transforms.probes.traps.families.wanted import Wanted


def family_facts(families: Families, wanted: Wanted, doses: Sequence[int]) -> dict[str, Any]:
    """What report.json holds of the families."""
    return {
        "blocks": wanted.blocks,
        "fresh": wanted.fresh,
        "lengths": [{"length": length, **entry} for length, entry in families.lengths.items()],
        "doses": [
            {
                "dose": dose,
                "texts": wanted.planted(dose) + 1,
                "exact_copies": [
                    {"length": length, "copies": exact_copies(dose, wanted, length)} for length in families.lengths
                ],
            }
            for dose in sorted(doses, reverse=True)
        ],
        "failed": dict(families.failed),
        "failed_units": families.failed_units,
        "rejected_variants": {reason: number for reason, number in families.rejected.items() if number},
        "most_words_of_a_place": families.words,
    }


def families_in_words(families: Families, wanted: Wanted, doses: Sequence[int]) -> str:
    """The promises, as a person at the terminal reads them."""
    lines = []
    for length, entry in families.lengths.items():
        lines.append(
            f"families of length {length}: two different texts share at most {counted(entry['most_run'], 'token')} "
            f"in a row (measured {entry['run']}) and a 5-gram Jaccard of at most {entry['most_jaccard']:.2f} "
            f"(measured {entry['jaccard']:.2f})"
        )
    repeated = [dose for dose in sorted(doses) if wanted.planted(dose) + 1 < dose]
    if repeated:
        which = ", ".join(map(count, repeated))
        lines.append(
            f"warning: dose {which}: {counted(wanted.variants + 1, 'text')} of a family are planted in turn, so some "
            "copies are exactly alike and the promise does not hold for them; more --variants, or 0, make all differ"
        )
    return "\n".join(lines)
