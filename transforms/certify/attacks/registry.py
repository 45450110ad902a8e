"""The attacks of `trapline certify --attack`, one line each.

An attack is a module in this folder with a function `suspicion(view: View) -> float64[n]`: the larger, the more a
sentence looks planted; what is not above `floor` is never flagged.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.certify.attacks.view import View


@dataclass(frozen=True)
class Attack:
    """An attack: what the user calls it, what it does in a few words, and above what a sentence is suspicious."""

    name: str
    title: str
    floor: float = 0.0

    def suspicion(self, view: View) -> npt.NDArray[np.float64]:
        """How suspicious each sentence is: float64[n]."""
        module = importlib.import_module(f"transforms.certify.attacks.{self.name.replace('-', '_')}")
        found: npt.NDArray[np.float64] = module.suspicion(view)
        return found


ATTACKS: tuple[Attack, ...] = (
    Attack("repeats", "runs of eight words in several documents"),
    Attack("near-repeats", "sentences that resemble one of another document"),
    Attack("boundaries", "rarer words that the document has nowhere else"),
    Attack("perplexity", "unlikely or too likely under an n-gram model of other documents"),
    Attack("classifier", "linear classifier against the generator's imitations", -np.inf),
)
"""All attacks, in the order in which reports show them."""


def attacks_named(names: Sequence[str]) -> list[Attack]:
    """The attacks of these names; all for no name.

    Raises:
        ValueError: naming one that does not exist, and those that do.
    """
    known = {attack.name: attack for attack in ATTACKS}
    for name in names:
        if name not in known:
            raise ValueError(f"--judges {name}: there is no such attack; there are {', '.join(known)}")
    return [attack for attack in ATTACKS if not names or attack.name in names]
