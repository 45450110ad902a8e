"""What certificates need to know of units: the text of each copy, lengths, and what a further copy is worth."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.words import words_of
from transforms.planting.sealing.units import Candidate, Unit


def text_of_copy(candidate: Candidate, copy: int) -> str:  # noqa: ARG001 - of an exact candidate all copies are alike
    """The text that copy number `copy` of a candidate has."""
    return candidate.text


def words_in(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Words of each text: int64[n]."""
    found: npt.NDArray[np.int64] = np.diff(words_of(pa.array(texts, pa.large_string())).offsets)
    return found


def rho_of(units: Sequence[Unit]) -> npt.NDArray[np.float64]:
    """What a copy beyond the first is worth, as a share of an exact repetition: float64[units]; 1 for exact copies."""
    return np.ones(len(units))
