"""Campaigns in which the model saw nothing, and campaigns of a known effect: what the exact test says of them.

Scores are made first, then the draw, which knows nothing of them; the test is the product's own. Campaign c of a design
depends on (design, c div `BATCH`, place in the batch) alone.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.verification.alignment import Statistic, contributions
from transforms.verification.power import shift_of
from transforms.verification.redraws import Redrawn, RedrawRule, redraw_test

BATCH = 500
LEVELS = (0.05, 0.01, 0.001)
Floats = npt.NDArray[np.float64]
Noise = Callable[[np.random.Generator, tuple[int, int, int]], Floats]


@dataclass(frozen=True)
class Design:
    """A kind of campaign.

    Attributes:
        name: for people.
        units: a campaign.
        controls: held-outs of a unit (m).
        noise: scores of (campaigns, units, candidates), exchangeable within units.
        strata: units are dealt to so many strata in turn, of weights 1, .7, .4, ...
        statistic: of the test.
        auc: above .5, the drawn candidates score higher by the shift that has this AUC for Gaussian noise.
        redraws: Monte Carlo redraws.
    """

    name: str
    units: int
    controls: int
    noise: Noise
    strata: int = 1
    statistic: Statistic = "aligned_rank"
    auc: float = 0.5
    redraws: int = 1_999


def gaussian(generator: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
    """Independent Gaussian scores."""
    return generator.standard_normal(shape)


def tied(generator: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
    """Scores that are 0, 1 or 2: most of them tie."""
    return generator.integers(0, 3, shape).astype(float)


def cauchy(generator: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
    """Scores of Student's t with one degree of freedom: no mean, no variance."""
    return generator.standard_cauchy(shape)


def unit_effects(generator: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
    """Units that differ a thousand times as much in level, and widely in spread, as their candidates do."""
    level = 1000 * generator.standard_normal((*shape[:2], 1))
    return level + np.exp(2 * generator.standard_normal((*shape[:2], 1))) * generator.standard_normal(shape)


def siblings(correlation: float) -> Noise:
    """Gaussian candidates of a unit that correlate; exchangeable down to -1 / m."""

    def noise(generator: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
        count = shape[2]
        square = np.full((count, count), correlation) + (1 - correlation) * np.eye(count)
        values, vectors = np.linalg.eigh(square)
        root = vectors * np.sqrt(np.maximum(values, 0))
        return generator.standard_normal(shape) @ root.T

    return noise


def families(correlation: float, fresh: int, of_candidates: Noise = gaussian) -> Noise:
    """Candidates scored by the mean over their own text and `fresh` variants, which correlate within the family.

    The part that a family has in common comes from `of_candidates`, scores of the candidates of a unit.
    """

    def noise(generator: np.random.Generator, shape: tuple[int, int, int]) -> Floats:
        common = of_candidates(generator, shape)
        own = generator.standard_normal((*shape, fresh + 1)).mean(axis=-1)
        return math.sqrt(correlation) * common + math.sqrt(1 - correlation) * own

    return noise


NULL_DESIGNS = (
    Design("Gaussian, 20 units, m=9", 20, 9, gaussian),
    Design("ties, 20 units, m=3", 20, 3, tied),
    Design("ties, 12 units, m=1, enumerated", 12, 1, tied),
    Design("t1 tails, 20 units, m=4", 20, 4, cauchy),
    Design("t1 tails, mean of scores, 20 units, m=4", 20, 4, cauchy, statistic="mean"),
    Design("siblings at +.5, 25 units, m=2", 25, 2, siblings(0.5)),
    Design("siblings at -.5, 25 units, m=2", 25, 2, siblings(-0.5)),
    Design("siblings at -.5, 30 units, m=1", 30, 1, siblings(-0.5)),
    Design("unit effects, 20 units, m=9", 20, 9, unit_effects),
    Design("three strata of unequal weight, ties, 21 units, m=2", 21, 2, tied, strata=3),
    Design("m=1, 40 units", 40, 1, gaussian),
    Design("five units, m=1, enumerated", 5, 1, gaussian),
    Design("five units, m=3, enumerated, ties", 5, 3, tied),
    Design("families: mean of 4 variants at .8, 20 units, m=9", 20, 9, families(0.8, 3)),
    Design("families: 8 variants at .95, siblings at -.5, 25 units, m=2", 25, 2, families(0.95, 7, siblings(-0.5))),
    Design("families: 4 variants at .5, t1 tails, 20 units, m=4", 20, 4, families(0.5, 3, cauchy)),
)
POWER_DESIGNS = (
    Design("AUC .75, 48 units, m=1", 48, 1, gaussian, auc=0.75, redraws=19_999),
    Design("AUC .75, 27 units, m=9", 27, 9, gaussian, auc=0.75, redraws=19_999),
)


def _seed(*parts: object) -> bytes:
    return hashlib.blake2b(repr(parts).encode(), digest_size=32).digest()


def campaigns(design: Design, batch: int) -> Iterator[tuple[Redrawn, float]]:
    """The tests of one batch of campaigns, each with a uniform number of its own."""
    generator = np.random.Generator(np.random.Philox(int.from_bytes(_seed(design.name, batch)[:16], "big")))
    shape = (BATCH, design.units, design.controls + 1)
    scores = design.noise(generator, shape)
    arms = generator.integers(0, shape[2], shape[:2])
    if design.auc > 0.5:
        scores += shift_of(design.auc) * (arms[..., None] == np.arange(shape[2]))
    uniform = generator.random(BATCH)
    strata = np.arange(design.units) % design.strata
    weights = 1 - 0.3 * np.arange(design.strata)
    rule = RedrawRule(redraws=design.redraws, enumerate_up_to=4_096)
    for at in range(BATCH):
        parts = contributions(scores[at], strata, weights, design.statistic)
        yield redraw_test(parts, arms[at], rule, _seed(design.name, batch, at), threads=1), float(uniform[at])


@dataclass(frozen=True)
class Outcome:
    """p-values of many campaigns of one design.

    Attributes:
        design: which.
        p_values: float64[campaigns].
        randomised: float64[campaigns]; exactly uniform if the test is exact.
    """

    design: Design
    p_values: Floats
    randomised: Floats

    def rate(self, level: float) -> float:
        """Share of p-values at or below a level."""
        return float((self.p_values <= level).mean())

    def most(self, level: float) -> float:
        """The level and three standard errors of a share at it."""
        return level + 3 * math.sqrt(level * (1 - level) / len(self.p_values))

    @property
    def uniform_p(self) -> float:
        """Kolmogorov and Smirnov's p of the hypothesis that the randomised p-values are uniform."""
        from scipy.stats import kstest

        return float(kstest(self.randomised, "uniform").pvalue)


def simulate(design: Design, batches: range) -> Outcome:
    """Test all campaigns of some batches."""
    found = [
        (redrawn.p_value, redrawn.randomised_p(uniform))
        for batch in batches
        for redrawn, uniform in campaigns(design, batch)
    ]
    p_values, randomised = np.array(found).T
    return Outcome(design, p_values, randomised)
