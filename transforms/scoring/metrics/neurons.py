"""Metrics of single neurons: how periodic their weights are, and which answer more strongly to what was planted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transforms.scoring.metrics.inputs import Bools, Floats, Ints


@dataclass(frozen=True)
class Periodicity:
    """How periodic the weights of n neurons are.

    Attributes:
        ipr: float64[n], the mean inverse participation ratio of a neuron's rows; NaN for a dead one.
        dead: bool[n], neurons with a row of zeros alone: their ratio would be 0 / 0.
    """

    ipr: Floats
    dead: Bools

    def lowest_first(self) -> Ints:
        """Numbers of the neurons from the least to the most periodic, dead ones before all others; int64[n]."""
        return np.argsort(np.where(self.dead, -1.0, self.ipr), kind="stable")


def inverse_participation_ratio(rows: Floats) -> Floats:
    """`sum_k |F_k|^4 / (sum_k |F_k|^2)^2` over the one-sided DFT of each row, k = 0 to floor(p / 2); float64[n].

    From 1 / (floor(p / 2) + 1), all frequencies alike, to 1, a single one. NaN for a row of zeros.

    The definition is for real rows, so each frequency is counted once (`numpy.fft.rfft`), as in the paper's public
    code. Over the full DFT, whose range the paper states, from 1 / p, a cosine has two frequencies k and p - k and thus
    1 / 2: half the value here for every row of odd length and mean 0.

    Args:
        rows: float64[n, p], finite: weights over the p inputs or outputs.

    Source: Doshi, Das, He and Gromov 2023, 'To grok or not to grok: Disentangling generalization and memorization on
    corrupted algorithmic datasets' (arXiv 2310.13061), section 3, with r = 2.
    """
    largest = np.abs(rows).max(axis=-1, keepdims=True, initial=0)
    scaled = np.divide(rows, largest, out=np.zeros_like(rows), where=largest > 0)
    power = np.abs(np.fft.rfft(scaled, axis=-1)) ** 2
    total = power.sum(axis=-1)
    squares = (power * power).sum(axis=-1)
    empty: Floats = np.full(total.shape, np.nan)
    return np.asarray(np.divide(squares, total * total, out=empty, where=largest[..., 0] > 0))


def periodicity(weights: Sequence[Floats]) -> Periodicity:
    """The mean ratio of each neuron's rows, such as those of two inputs and of the output.

    Args:
        weights: float64[n, p] each, row k of neuron k.

    Source: as `inverse_participation_ratio`.

    Raises:
        ValueError: if there are none, or they are not of equally many neurons.
    """
    if not weights or len({len(one) for one in weights}) > 1:
        raise ValueError(f"weights of {[len(one) for one in weights]} neurons: give one or more, of the same neurons")
    found = np.stack([inverse_participation_ratio(one) for one in weights])
    return Periodicity(np.asarray(found.mean(axis=0)), np.asarray(np.isnan(found).any(axis=0)))


@dataclass(frozen=True)
class PairedDifference:
    """Planted less held out, within units, for each of n neurons.

    Attributes:
        mean: float64[n], over the units.
        t: float64[n], `mean / (s / sqrt(units))` with s the standard deviation over units (units - 1 degrees of
            freedom); NaN where all units differ by the same. It orders neurons and is no test: use the sealed one.
    """

    mean: Floats
    t: Floats


def paired_difference(activations: Floats, planted: Ints) -> PairedDifference:
    """How much more strongly each neuron answers to the planted candidate than to the others of its unit.

    `d_u = a_u,planted - mean of a_u,j over the m others`, for every unit u; then mean and t over units. What a neuron
    does for all candidates of a unit alike cancels.

    Args:
        activations: float64[units, m + 1, n], finite, one value of each candidate and neuron, such as the mean of the
            absolute activation over its tokens; m is 1 or more, units are 2 or more.
        planted: int64[units], which candidate was drawn.

    Raises:
        ValueError: if the shapes do not agree, or a number is no candidate's.
    """
    if activations.ndim != 3 or activations.shape[0] < 2 or activations.shape[1] < 2:
        raise ValueError(f"activations {activations.shape}: expected (units, candidates, neurons), 2 or more units")
    units, candidates, _ = activations.shape
    if planted.shape != (units,) or planted.min() < 0 or planted.max() >= candidates:
        raise ValueError(f"planted {planted.shape}: expected one of {candidates} candidates for each of {units} units")
    own = activations[np.arange(units), planted]
    differences = own - (activations.sum(axis=1) - own) / (candidates - 1)
    mean = differences.mean(axis=0)
    deviation = differences.std(axis=0, ddof=1)
    varies = np.ptp(differences, axis=0) > 0
    t = np.divide(mean, deviation / np.sqrt(units), out=np.full(mean.shape, np.nan), where=varies & (deviation > 0))
    return PairedDifference(np.asarray(mean), t)
