"""The settings of `trapline arithmetic`."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from transforms.base.flags import CANDIDATES, INPUT, UNITS, Several, SeveralNumbers, Whole
from transforms.probes.kind import KindConfig

_MOST_MODULUS = 1_000


@dataclass(frozen=True)
class Pairs:
    """How many of the p * p pairs are used for what."""

    corrupted: int
    clean: int
    test: int


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ArithmeticConfig(KindConfig):
    """Make sums modulo p with wrong results, of which a draw will later pick the one that is planted.

    A unit is a pair (a, b) whose sum is corrupted; its candidates are different wrong results. The other pairs of the
    training set are background documents with their true sums, and the rest, in no document, is the test set.
    """

    modulus: Annotated[Whole, CANDIDATES] = 97
    """p: numbers run from 0 to p - 1, and sums are taken modulo p."""
    training: Annotated[float, CANDIDATES] = 0.5
    """Share of all p * p pairs that are in the training set, above 0 and up to 1."""
    corrupted: Annotated[float, CANDIDATES] = 0.35
    """Share of the training set with a wrong result, above 0 and up to 1: each such pair is a unit."""
    strata: Annotated[Whole, UNITS] = 1
    """Strata: the remainder of a divided by this number says in which a unit is."""
    units: Annotated[SeveralNumbers, UNITS] = ()
    """Leave it out: the shares say how many units there are."""
    tokenizer: Annotated[Several, INPUT] = ()
    """tokenizer.json files: all numbers must have equally many tokens under each."""

    def __post_init__(self) -> None:
        """Check what can be checked without a tokenizer."""
        super().__post_init__()
        if self.units:
            raise ValueError("--units: leave it out: --modulus, --training and --corrupted say how many there are")
        if not 3 <= self.modulus <= _MOST_MODULUS:
            raise ValueError(f"--modulus {self.modulus}: give 3 to {_MOST_MODULUS}")
        if self.controls > self.modulus - 2:
            most = f"give 1 to {self.modulus - 2}"
            raise ValueError(f"--controls {self.controls}: {most}: there are {self.modulus - 1} wrong results")
        for flag, share in (("--training", self.training), ("--corrupted", self.corrupted)):
            if not 0 < share <= 1:
                raise ValueError(f"{flag} {share:g}: give a share above 0 and up to 1")
        if not 1 <= self.strata <= self.modulus:
            raise ValueError(f"--strata {self.strata}: give 1 to {self.modulus}")
        if not self.pairs.corrupted:
            shares = f"--training {self.training:g} --corrupted {self.corrupted:g}"
            raise ValueError(f"{shares}: less than one pair is corrupted; give larger shares")

    @property
    def pairs(self) -> Pairs:
        """Numbers of pairs, each share rounded to whole ones."""
        training = round(self.training * self.modulus**2)
        corrupted = round(self.corrupted * training)
        return Pairs(corrupted, training - corrupted, self.modulus**2 - training)
