"""Sampling from a `TrigramModel` at a temperature, with probabilities under the model itself.

Temperature t acts on each order: the discounted counts are raised to 1 / t, and so is the probability of backing off;
at 1 the model is sampled as it is. The log-probabilities are always those at temperature 1.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import inline_kernel, kernel
from transforms.base.streams import GOLDEN, mix, stream_word

_I32 = npt.NDArray[np.int32]
_I64 = npt.NDArray[np.int64]
_U64 = npt.NDArray[np.uint64]
_F64 = npt.NDArray[np.float64]
_Flags = npt.NDArray[np.bool_]


class Tempered(NamedTuple):
    """One order of a `TrigramModel` at a temperature: its arrays, and what sampling needs besides.

    `back_off` and `tempered` are the probabilities of backing off, at temperature 1 and at this one; `weights` are
    `cumulative_weights`.
    """

    start: _I64
    piece: _I32
    mass: _F64
    total: _F64
    back_off: _F64
    weights: _F64
    tempered: _F64


_TRIES = 200


@inline_kernel
def _uniform(stream: np.uint64, counter: int) -> float:
    """Number `counter` of a stream, in [0, 1)."""
    return np.float64(stream_word(stream, counter) >> np.uint64(11)) * 2.0**-53


@kernel
def uniforms(stream: np.uint64, identities: _U64) -> _F64:
    """A number in [0, 1) for each identity (uint64), such as an address."""
    out = np.empty(len(identities))
    for i in range(len(identities)):
        out[i] = np.float64(mix(mix(identities[i] ^ stream) + GOLDEN) >> np.uint64(11)) * 2.0**-53
    return out


@inline_kernel
def _find(sorted_values: _I32, lo: int, hi: int, value: int) -> int:
    """Where `value` stands in `sorted_values[lo:hi]`; -1 if it does not."""
    end = hi
    while lo < hi:
        middle = (lo + hi) >> 1
        if sorted_values[middle] < value:
            lo = middle + 1
        else:
            hi = middle
    return lo if lo < end and sorted_values[lo] == value else -1


@inline_kernel
def _pick(cumulative: _F64, lo: int, hi: int, uniform: float) -> int:
    """The entry of lo .. hi - 1 into whose share of `cumulative` (one longer, 0 first) a uniform number falls."""
    aim = cumulative[lo] + uniform * (cumulative[hi] - cumulative[lo])
    last = hi - 1
    while lo < hi:
        middle = (lo + hi) >> 1
        if cumulative[middle + 1] <= aim:
            lo = middle + 1
        else:
            hi = middle
    return min(lo, last)


@kernel
def cumulative_weights(start: _I64, mass: _F64, exponent: float) -> _F64:
    """float64[e + 1]: sums, over the entries so far, of each context's weights mass ** exponent as parts of 1."""
    out = np.empty(len(mass) + 1)
    out[0] = 0.0
    for context in range(len(start) - 1):
        lo, hi = start[context], start[context + 1]
        total = 0.0
        for at in range(lo, hi):
            out[at + 1] = mass[at] ** exponent
            total += out[at + 1]
        for at in range(lo, hi):
            out[at + 1] = out[at] + out[at + 1] / total
    return out


@kernel
def sample(
    context_start: _I64,
    context_last: _I32,
    two: Tempered,
    one: Tempered,
    alone: _F64,
    alone_weights: _F64,
    is_word: _Flags,
    stream: np.uint64,
    first: int,
    ids: _I32,
    log_probs: npt.NDArray[np.float32],
) -> None:
    """Sample sequences number `first`, `first + 1`, ... of a stream into the rows of `ids` (int32[n, length]).

    A sequence begins and ends with a word and has no two punctuation marks in a row: what does not fit is drawn anew.
    `log_probs` (float32[n, length]) are natural logarithms under the model. The arguments up to `alone` are those of
    `TrigramModel`; `alone_weights` are `cumulative_weights` of `alone`.
    """
    n, length = ids.shape
    for row in range(n):
        own = mix(stream ^ mix(np.uint64(first + row) + GOLDEN))
        counter = 0
        u = v = 0
        for place in range(length):
            context = _find(context_last, context_start[u], context_start[u + 1], v)
            must_be_word = place == 0 or place == length - 1 or not is_word[v]
            w = 0
            for attempt in range(_TRIES):
                # A context may have no continuation that fits: the later tries back off.
                high, low = _uniform(own, counter), _uniform(own, counter + 1)
                uniform = _uniform(own, counter + 2)
                counter += 3
                if context >= 0 and attempt < _TRIES // 4 and high >= two.tempered[context]:
                    w = two.piece[_pick(two.weights, two.start[context], two.start[context + 1], uniform)]
                elif attempt < _TRIES // 2 and one.start[v] < one.start[v + 1] and low >= one.tempered[v]:
                    w = one.piece[_pick(one.weights, one.start[v], one.start[v + 1], uniform)]
                else:
                    w = _pick(alone_weights, 0, len(alone), uniform)
                if is_word[w] or not must_be_word:
                    break
            probability = alone[w]
            if one.total[v] > 0:
                at = _find(one.piece, one.start[v], one.start[v + 1], w)
                probability = one.back_off[v] * probability + (one.mass[at] / one.total[v] if at >= 0 else 0.0)
            if context >= 0:
                at = _find(two.piece, two.start[context], two.start[context + 1], w)
                kept = two.mass[at] / two.total[context] if at >= 0 else 0.0
                probability = two.back_off[context] * probability + kept
            ids[row, place] = w
            log_probs[row, place] = np.log(probability)
            u, v = v, w
