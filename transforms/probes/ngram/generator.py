"""A batch of candidates as a generator hands it over, and what every generator can do."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa


@dataclass(frozen=True)
class Batch:
    """n candidates.

    Attributes:
        texts: large_string[n].
        length: int32[n], in tokens.
        perplexity: float64[n]; NaN where it is not known.
        unfit: candidates that the generator made but could not hand over, by reason.
    """

    texts: pa.Array
    length: npt.NDArray[np.int32]
    perplexity: npt.NDArray[np.float64]
    unfit: dict[str, int]

    def taken(self, chosen: npt.NDArray[Any]) -> "Batch":
        """The candidates at `chosen` (indices, or a flag each); without the unfit."""
        indices = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen
        return Batch(self.texts.take(pa.array(indices)), self.length[indices], self.perplexity[indices], {})

    @property
    def made(self) -> int:
        """All that were made, the unfit among them."""
        return len(self.texts) + sum(self.unfit.values())


class Generator(Protocol):
    """Makes candidates of a wanted length at a temperature."""

    name: str
    """What produced the text, with its version."""

    def ladder(self, length: int) -> tuple[float, ...]:
        """The temperatures for a length; each is a rung."""
        ...

    def supply(self, length: int) -> int | None:
        """How many there are of a length; None if there is no end of them."""
        ...

    def sample(self, length: int, first: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> list[Batch]:
        """For each rung, candidates of that length number `first[rung]` to `first[rung] + counts[rung] - 1`."""
        ...


def concatenated(batches: Sequence[Batch]) -> Batch:
    """Batches as one."""
    unfit: Counter[str] = Counter()
    for batch in batches:
        unfit.update(batch.unfit)
    return Batch(
        pa.concat_arrays([pa.array([], pa.large_string()), *(batch.texts for batch in batches)]),
        np.concatenate([np.empty(0, np.int32), *(batch.length for batch in batches)]),
        np.concatenate([np.empty(0), *(batch.perplexity for batch in batches)]),
        dict(unfit),
    )
