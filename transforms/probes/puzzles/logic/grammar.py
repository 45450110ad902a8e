"""Which claims there are, how many knights may be asked for, and what to say when no such puzzle is found."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.base.errors import CorpusError
from transforms.probes.puzzles.logic.claims import MAX_PEOPLE


@dataclass(frozen=True)
class Grammar:
    """Which claims there are.

    A claim is a leaf, or by the throw of a fair die one of: leaf, not, and, or, ->, <=> over claims that are one level
    less deep. Operands differ from each other; speaker i never mentions that i lies.

    Attributes:
        depth: levels of a claim, at most (1: leaves only; the reference has 2).
        width: operands of `and` and `or`, at most (a number from 2 to this, uniformly).
        constant: whether claims may be true, or false, whoever is a knight: as in the reference.
    """

    depth: int = 2
    width: int = 2
    constant: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.depth <= 6:
            raise ValueError(f"depth {self.depth}: give 1 to 6")
        if not 2 <= self.width <= 8:
            raise ValueError(f"width {self.width}: give 2 to 8")

    def check(self, people: int) -> None:
        """Refuse a number of people for which there are no such claims.

        Raises:
            ValueError: naming what to change.
        """
        if not 2 <= people <= MAX_PEOPLE:
            raise ValueError(f"{people} people: give 2 to {MAX_PEOPLE}")
        if self.depth > 1 and self.width > 2 * people - 1:
            raise ValueError(
                f"width {self.width}: among {people} people there are {2 * people - 1} different leaves; "
                "give less width or more people"
            )

    @property
    def most_tokens(self) -> int:
        """Tokens of a claim, at most."""
        return sum(self.width**level for level in range(self.depth))

    @property
    def limits(self) -> npt.NDArray[np.int64]:
        """Depth, width, whether constant claims are allowed, most tokens: int64[4], for kernels."""
        return np.array([self.depth, self.width, self.constant, self.most_tokens])


ANY_KNIGHTS, BALANCED = -1, -2


def no_such_puzzle(people: int, knights: int, candidates: int) -> CorpusError:
    """The error for a search in which this many candidates were all unsuitable."""
    among = "one solution" if knights < 0 else f"one solution, of {knights} knights"
    return CorpusError(
        f"{candidates:,} candidates of {people} people held no puzzle with {among}: "
        "ask for another number of knights, or for claims of another depth or width"
    )
