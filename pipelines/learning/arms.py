"""Planted and held-out candidates apart, and the seed of every bootstrap."""

from typing import TYPE_CHECKING

from pipelines.learning.gather import Gathered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAST_UNITS = 2
"""Of a group: fewer have no interval, and no other half."""


def seed_of(gathered: Gathered, *names: str) -> bytes:
    """The seed of the bootstrap, of the sealed draw and nothing that could be chosen here."""
    from transforms.base.keyed import digest

    return digest("trapline/v1/dynamics", gathered.sealed.commitment.root, *names)


def split_arms(
    values: "NDArray[np.float64]", arms: "NDArray[np.int64]"
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """Planted float64[checkpoints, units] and held-out float64[checkpoints, units, m] of all candidates' values."""
    import numpy as np

    held_out = np.arange(values.shape[2]) != arms[:, None]
    seen = values[:, np.arange(len(arms)), arms]
    return seen, values[:, held_out].reshape(len(values), len(arms), -1)
