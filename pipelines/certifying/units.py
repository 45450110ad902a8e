"""What certificates need to know of units: the text of each copy, lengths, and what a further copy is worth."""

import json
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.words import words_of
from transforms.planting.tables.unit import Candidate, Unit
from transforms.probes.traps.families.equivalents import measured


def text_of_copy(candidate: Candidate, copy: int) -> str:
    """The text that copy number `copy` of a candidate has."""
    return candidate.copies[candidate.number_of(copy)]


def words_in(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Words of each text: int64[n]."""
    found: npt.NDArray[np.int64] = np.diff(words_of(pa.array(texts, pa.large_string())).offsets)
    return found


def rho_of(units: Sequence[Unit]) -> npt.NDArray[np.float64]:
    """What a copy beyond the first is worth, as a share of an exact repetition: float64[units].

    1 where copies are alike; where all of them differ what was measured; not a number where nothing was, or where the
    texts are planted in turn, so that some copies are alike.
    """
    return np.array([_rho(unit) if unit.varies else 1.0 for unit in units])


def _rho(unit: Unit) -> float:
    if len(unit.candidates[0].copies) < unit.dose:
        return math.nan
    columns = {name: value for name, _, value in unit.candidates[0].columns}
    try:
        blocks = int(json.loads(columns["family"])["blocks"])
        length = str(int(columns["length_tokens"]))
    except (KeyError, ValueError, TypeError):
        return math.nan
    return measured().get((blocks, length), math.nan)
