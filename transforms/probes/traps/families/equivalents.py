"""How many exact copies fuzzy ones are worth, from a table of measurements of this project's own."""

import functools
from pathlib import Path

from transforms.probes.traps.families.wanted import Wanted

_TABLE = Path(__file__).with_name("equivalents.tsv")


@functools.cache
def measured() -> dict[tuple[int, str], float]:
    """Rho by (blocks, length in tokens); nothing where nothing was measured."""
    lines = [line for line in _TABLE.read_text("ascii").splitlines() if line and not line.startswith("#")]
    rows = [line.split("\t") for line in lines]
    return {(int(blocks), length): float(rho) for blocks, length, rho, *_ in rows}


def exact_copies(dose: int, wanted: Wanted, length: str) -> float | None:
    """How many exact copies `dose` different ones are worth: 1 + rho (d - 1); None where rho was not measured.

    To be worth d exact copies, 1 + (d - 1) / rho different ones are needed.
    """
    rho = measured().get((wanted.blocks, length))
    return None if rho is None or wanted.planted(dose) + 1 < dose else 1 + rho * (dose - 1)
