"""What `data`, `models` and `judge` agree on: sizes of the experiment, and when a model is asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.traps.models import Size

FIVE = Size("5M", 256, 6, 4, 2e-3)
PLANTED, TWIN = "planted", "twin"
STUDY, INSIDE = "study", "inside"
TEXTS = "texts.bz2"
"""File of the texts that no command saw, of the base and of what follows the study."""
PASSES = 2
"""Times that the base goes through its background."""


@dataclass(frozen=True)
class Design:
    """Of the experiment.

    Attributes:
        base: paragraphs of the background on which the base is trained, `PASSES` times.
        planted: how many of them are of the corpus in which `inside` is planted, and which sentences are made of.
        other: paragraphs of the background that follows the study.
        vocabulary: of the tokenizer.
        doses: exposures of the units of the study.
        units: for each dose.
        inside: units of which each has one copy in the base's training.
        length: of sentences and lists, tokens.
        size: of the model, with the rate of the base.
        batch: rows of a step of the study and of what follows.
        row: tokens of a row of what follows.
        rates: of the study and of what follows; the twin has the last.
        after: updates after the study at which models are asked.
    """

    base: int = 57_000
    planted: int = 6_000
    other: int = 35_000
    vocabulary: int = 8_192
    doses: tuple[int, ...] = (1, 2, 3, 10)
    units: int = 160
    inside: int = 480
    length: int = 25
    size: Size = FIVE
    batch: int = 16
    row: int = 64
    rates: tuple[float, ...] = (1e-4, 3e-4, 1e-3)
    after: tuple[int, ...] = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)

    @property
    def arms(self) -> tuple[tuple[str, float], ...]:
        """The courses of one seed: base and rate."""
        return *((PLANTED, rate) for rate in self.rates), (TWIN, self.rates[-1])

    @property
    def updates(self) -> int:
        """Updates of the study."""
        return self.units * sum(self.doses) // self.batch

    @property
    def saves(self) -> list[int]:
        """Updates done when models are asked: before the study, right after it, and later."""
        return [0, self.updates, *(self.updates + one for one in self.after)]


FULL = Design()
TINY = Design(
    120, 100, 100, 512, (1, 2, 3, 10), 10, 10, 40, Size("tiny", 32, 1, 2, 2e-3, 4), 4, 32, (3e-4, 1e-3), (1, 3)
)
DESIGNS = {"full": FULL, "tiny": TINY}


def shown(doses: npt.NDArray[np.int64], seed: int) -> list[tuple[int, int]]:
    """What is studied, as unit and number of its copy, in order.

    One pass after the other, each in an order of its own; a unit of dose d is in the last d of them.

    Args:
        doses: int64[units].
        seed: of the orders.
    """
    found: list[tuple[int, int]] = []
    for left in range(int(doses.max()), 0, -1):
        order = np.random.default_rng([seed, left]).permutation(len(doses))
        found += [(int(unit), int(doses[unit]) - left) for unit in order if doses[unit] >= left]
    return found
