"""The units whose families are fit: as many as the design wants, the others are left out."""

from collections import Counter

import numpy as np
import pyarrow as pa

from transforms.base.errors import CorpusError
from transforms.base.readable import count
from transforms.probes.traps.design import Design
from transforms.probes.traps.families.make import Families
from transforms.probes.traps.fill import Filled

_SPARE_SHARE = 20


def spare_units(design: Design) -> int:
    """Units of each dose, length and bucket that are made besides those that are wanted."""
    return 1 + max(design.units) // _SPARE_SHARE


def keep_units(table: pa.Table, families: Families, filled: Filled, design: Design) -> pa.Table:
    """The units to seal; candidates of the others leave `filled` as rejected or spare.

    Args:
        table: the candidates for which families were made.
        families: what became of them.
        filled: the accepted candidates; changed.
        design: what is wanted.
    """
    left: Counter[tuple[str, int]] = Counter(
        {
            (design.stratum(length, bucket), dose): units
            for length in design.lengths
            for bucket in range(design.buckets)
            for dose, units in zip(design.doses, design.units, strict=True)
        }
    )
    columns = (families.table[name].to_pylist() for name in ("unit", "stratum", "dose", "candidate"))
    chosen: set[str] = set()
    for unit, stratum, dose, candidate in zip(*columns, strict=True):
        if candidate == 0 and left[stratum, dose] > 0:
            left[stratum, dose] -= 1
            chosen.add(unit)
    kept = families.table.filter(pa.array([unit in chosen for unit in families.table["unit"].to_pylist()], pa.bool_()))
    texts = set(kept["text"].to_pylist())
    failed = table.num_rows - families.table.num_rows
    inside = np.array([text in texts for text in filled.batch.texts.to_pylist()], np.bool_)
    filled.rejected["family"] += failed
    filled.spare += int((~inside).sum()) - failed
    filled.batch, filled.cell = filled.batch.taken(inside), filled.cell[inside]
    return kept


def refuse_few_families(table: pa.Table, families: Families, design: Design) -> None:
    """Check that there are as many units of each dose, length and bucket as are wanted.

    Raises:
        CorpusError: with the reasons why families failed.
    """
    found = Counter(zip(*(table[name].to_pylist() for name in ("stratum", "dose")), strict=True))
    for length in design.lengths:
        for bucket in range(design.buckets):
            for dose, units in zip(design.doses, design.units, strict=True):
                stratum = design.stratum(length, bucket)
                have = found[stratum, dose] // (design.controls + 1)
                if have < units:
                    reasons = ", ".join(f"{FAILED[one]}: {count(many)}" for one, many in families.failed.most_common())
                    raise CorpusError(
                        f"--fuzzy: cell {stratum}, dose {count(dose)}, has {count(have)} of {count(units)} units whose "
                        f"families are fit; families failed in {count(families.failed_units)} units ({reasons}). Ask "
                        "for fewer blocks with --fuzzy, fewer --variants or longer --lengths, or take what there is "
                        "with --allow-short"
                    )


FAILED = {
    "few": "too few variants that keep the rules",
    "other family": "8 words shared with another family",
    "run": "a longer run shared within the family than promised",
    "close": "two texts of the family more alike than promised",
}
"""Why a family fails, in words."""
