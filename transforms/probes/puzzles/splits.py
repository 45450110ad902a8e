"""Which split a class of puzzles belongs to: a keyed hash of the class decides, so that no class is in two."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import kernel
from transforms.base.streams import mix, stream_key

SPLITS = ("train", "test", "perturbation")
_LAST = (1 << 64) - 1


@dataclass(frozen=True)
class Splits:
    """How all classes are divided.

    Attributes:
        seed: key of the hash, at most 64 bytes.
        shares: of train, test and perturbation; they add up to 1.
    """

    seed: bytes
    shares: tuple[float, float, float] = (0.4, 0.2, 0.4)

    def __post_init__(self) -> None:
        if not (min(self.shares) > 0 and abs(sum(self.shares) - 1) <= 1e-9):  # NaN is refused, too
            raise ValueError(f"shares {self.shares} of {', '.join(SPLITS)}: each above 0, together 1")

    def bounds(self, split: str) -> npt.NDArray[np.uint64]:
        """Key, first and last hash of a split, uint64[3]."""
        at = SPLITS.index(split)
        borders = [0, int(self.shares[0] * 2.0**64), int((self.shares[0] + self.shares[1]) * 2.0**64), _LAST + 1]
        return np.array([self._key(), borders[at], borders[at + 1] - 1], np.uint64)

    def of(self, classes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int8]:
        """The split of each class, uint64[size, 2], as its place in `SPLITS`, int8[size]."""
        borders = np.array([self.bounds(split)[1] for split in SPLITS[1:]], np.uint64)
        return np.searchsorted(borders, mixed(classes[:, 0], self._key()), side="right").astype(np.int8)

    def _key(self) -> np.uint64:
        return stream_key(self.seed, "splits")


def everything() -> npt.NDArray[np.uint64]:
    """Bounds within which every class is."""
    return np.array([0, 0, _LAST], np.uint64)


@kernel
def mixed(words: npt.NDArray[np.uint64], key: np.uint64) -> npt.NDArray[np.uint64]:
    """Each word hashed under a key."""
    out = np.empty(len(words), np.uint64)
    for at in range(len(words)):
        out[at] = mix(words[at] ^ key)
    return out
