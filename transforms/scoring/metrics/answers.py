"""Metrics of answers to cues: each of a unit's m + 1 answers, alone or against the others. High means memorised.

All of them compare totals, so answers of different numbers of tokens can be compared; a longer answer is then less
probable by its length alone. That costs power and nothing else: which answer was planted is drawn.
"""

import numpy as np

from transforms.scoring.metrics.inputs import Bools, Cues, Floats, Ints, TokenStatistics
from transforms.scoring.metrics.row_kernels import row_sums


def answer_total(tokens: TokenStatistics, cues: Cues) -> Floats:
    """Log-probability of the whole answer after its cue: `sum_t l_t`, nats; float64[n].

    NaN for an answer without a scored token.
    """
    del cues
    return np.where(tokens.lengths > 0, row_sums(tokens.log_probs, tokens.offsets), np.nan)


def answer_margin(tokens: TokenStatistics, cues: Cues) -> Floats:
    """`answer_total` less the highest of the other answers to the same cue, nats; float64[n].

    Above 0 for the one answer that the model prefers. NaN where a sibling has no total.
    """
    ranked = _Ranked.of(answer_total(tokens, cues), cues)
    return ranked.values - ranked.best_other


def answer_rank(tokens: TokenStatistics, cues: Cues) -> Floats:
    """Midrank of `answer_total` among the answers to the same cue, 1 (lowest) to m + 1; float64[n].

    NaN where a sibling has no total.
    """
    ranked = _Ranked.of(answer_total(tokens, cues), cues)
    return np.where(ranked.complete, ranked.below + (ranked.ties + 1) / 2, np.nan)


def answer_top1(tokens: TokenStatistics, cues: Cues) -> Floats:
    """1 for the most probable answer to its cue, 0 for the others; float64[n], 0 to 1.

    Answers that tie for the place share it. NaN where a sibling has no total. The mean over planted answers is the
    accuracy of a choice among m + 1, of which 1 / (m + 1) is chance.
    """
    return _top(tokens, cues, 1)


def answer_top3(tokens: TokenStatistics, cues: Cues) -> Floats:
    """1 for the three most probable answers to their cue, 0 for the others; float64[n], 0 to 1.

    Answers that tie for the last place share it. NaN where a sibling has no total, and where there are three answers
    or fewer, all of which would be among the three.
    """
    return _top(tokens, cues, 3)


def _top(tokens: TokenStatistics, cues: Cues, places: int) -> Floats:
    ranked = _Ranked.of(answer_total(tokens, cues), cues)
    above = cues.candidates - ranked.below - ranked.ties
    shares = np.clip((places - above) / np.maximum(ranked.ties, 1), 0.0, 1.0)
    return np.where(ranked.complete & (cues.candidates > places), shares, np.nan)


class _Ranked:
    """Values among those of the same cue.

    Attributes:
        values: float64[n].
        complete: bool[n], whether the cue has all of its answers, each with a value, and two at least.
        below: int64[n], answers to the same cue with a lower value.
        ties: int64[n], answers to the same cue with this very value, itself included.
        best_other: float64[n], highest value of the other answers; NaN where not complete.
    """

    def __init__(self, values: Floats, complete: Bools, below: Ints, ties: Ints, best_other: Floats) -> None:
        self.values, self.complete, self.below, self.ties, self.best_other = values, complete, below, ties, best_other

    @classmethod
    def of(cls, values: Floats, cues: Cues) -> "_Ranked":
        """Rank values within their cues."""
        count = len(values)
        order = np.lexsort((values, cues.groups))
        group, value = cues.groups[order], values[order]
        starts, ends = _runs(group[1:] != group[:-1], count)
        first, last = _runs((group[1:] != group[:-1]) | (value[1:] != value[:-1]), count)
        finite = np.add.reduceat(np.isfinite(value), np.unique(starts)) if count else np.empty(0, np.int64)
        number = np.cumsum(np.arange(count) == starts) - 1
        complete = (finite[number] == cues.candidates[order]) & (ends - starts == cues.candidates[order])
        complete &= ends - starts > 1
        at = np.arange(count)
        highest = np.where(at == ends - 1, np.maximum(ends - 2, starts), ends - 1)
        best = np.where(complete, value[highest], np.nan)
        back = np.empty(count, np.int64)
        back[order] = at
        return cls(values, complete[back], (first - starts)[back], (last - first)[back], best[back])


def _runs(changes: Bools, count: int) -> tuple[Ints, Ints]:
    """First and one past the last place of each place's run, int64[count] each, from where a new run begins."""
    begins = np.flatnonzero(np.concatenate([np.ones(min(count, 1), bool), changes]))
    lengths = np.diff(np.append(begins, count))
    return np.repeat(begins, lengths), np.repeat(begins + lengths, lengths)
