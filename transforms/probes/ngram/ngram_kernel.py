"""Sampling from an `NgramModel` at a temperature, with probabilities under the model itself.

Temperature t acts on each order: the discounted counts are raised to 1 / t, and so is the probability of backing off;
at 1 the model is sampled as it is. The log-probabilities are always those at temperature 1.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import inline_kernel, kernel
from transforms.base.streams import GOLDEN, mix, stream_word

_I32 = npt.NDArray[np.int32]
_I64 = npt.NDArray[np.int64]
_U64 = npt.NDArray[np.uint64]
_F64 = npt.NDArray[np.float64]
_U8 = npt.NDArray[np.uint8]

WORD, BEGINS, ENDS = 1, 2, 4
"""What a piece is: a word; fit to begin a sentence; a mark that ends one."""

_TRIES = 200
_SLACK = 128
"""Tokens by which a piece may have more or fewer at the beginning of a text than inside it."""


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


@kernel
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


@kernel
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
def cumulative_weights(begin: _I64, end: _I64, mass: _F64, exponent: float) -> _F64:
    """float64[e + 1]: sums, over the entries so far, of each context's weights mass ** exponent as parts of 1."""
    out = np.empty(len(mass) + 1)
    out[0] = 0.0
    for context in range(len(begin)):
        lo, hi = begin[context], end[context]
        total = 0.0
        for at in range(lo, hi):
            out[at + 1] = mass[at] ** exponent
            total += out[at + 1]
        for at in range(lo, hi):
            out[at + 1] = out[at] + out[at + 1] / total
    return out


@kernel
def _draw(
    contexts: _I64,
    begin: _I64,
    end: _I64,
    piece: _I32,
    weights: _F64,
    tempered: _F64,
    alone_weights: _F64,
    highest: int,
    stream: np.uint64,
    counter: int,
) -> tuple[int, int]:
    """A piece after `contexts` (of orders 2, 3, ...), from order `highest` + 2 down; and the counter behind it."""
    order = highest
    while order >= 0:
        context = contexts[order]
        if context >= 0 and begin[context] < end[context]:
            counter += 1
            if _uniform(stream, counter) >= tempered[context]:
                at = _pick(weights, begin[context], end[context], _uniform(stream, counter + 1))
                found: Any = np.int64(piece[at])
                return found, counter + 1
        order -= 1
    return _pick(alone_weights, 0, len(alone_weights) - 1, _uniform(stream, counter + 1)), counter + 1


@kernel
def sample(
    begin: _I64,
    end: _I64,
    total: _F64,
    back_off: _F64,
    piece: _I32,
    mass: _F64,
    child: _I64,
    alone: _F64,
    weights: _F64,
    tempered: _F64,
    alone_weights: _F64,
    longest: int,
    kinds: _U8,
    sentences: bool,
    cost: _I64,
    first_cost: _I64,
    stream: np.uint64,
    first: int,
    most: int,
    ids: _I32,
    lengths: _I64,
    log_probs: _F64,
) -> None:
    """Sample texts number `first`, `first + 1`, ... of a stream into the rows of `ids` (int32[n, width]).

    Sentences are sampled one after another; the first of them that follow each other and have exactly `width` tokens
    together are the text. Without `sentences` it is one stretch from the boundary on that ends with a word. No two
    marks stand in a row; what does not fit is drawn anew.

    Args:
        begin: of the `NgramModel`, as is all up to `alone`.
        end: see `begin`.
        total: see `begin`.
        back_off: see `begin`.
        piece: see `begin`.
        mass: see `begin`.
        child: see `begin`.
        alone: see `begin`.
        weights: `cumulative_weights` of the entries, at the temperature.
        tempered: float64[c], the probabilities of backing off at the temperature.
        alone_weights: `cumulative_weights` of `alone`.
        longest: pieces of the longest n-grams.
        kinds: uint8[V + 1], `WORD`, `BEGINS` and `ENDS` added up.
        sentences: see above.
        cost: int64[V + 1], tokens of each piece inside a text.
        first_cost: int64[V + 1], at the beginning of one.
        stream: key of all random choices.
        first: see above.
        most: tokens sampled for a text at most.
        ids: filled.
        lengths: int64[n], pieces of each text; 0 if there is none.
        log_probs: float64[n], natural logarithms under the model, of all pieces and the boundaries behind sentences.
    """
    n, width = ids.shape
    contexts, following = np.empty(longest - 1, np.int64), np.empty(longest - 1, np.int64)
    # Where a sentence begins, by the tokens before it; its number + 1, 0 for none.
    opens = np.zeros(most + 2 * _SLACK + 2, np.int32)
    text, sums = np.empty(most + 2, np.int32), np.empty(most + 2)
    tokens: Any = most
    for row in range(n):
        own = mix(stream ^ mix(np.uint64(first + row) + GOLDEN))
        counter: Any = 0
        lengths[row], spent = 0, 0
        fresh, previous = True, 0
        at, sentence_tokens = 0, 0
        log_prob = 0.0
        while spent < most and lengths[row] == 0:
            if fresh:
                for old in range(min(tokens + 2 * _SLACK + 1, len(opens))):
                    opens[old] = 0
                at, tokens, sentence_tokens, log_prob, previous, fresh = 0, 0, 0, 0.0, 0, False
                contexts[0] = 0
                for order in range(1, longest - 1):
                    contexts[order] = -1
            behind = kinds[previous]
            w: Any = 0
            for attempt in range(_TRIES):
                # A context may have no continuation that fits: the later tries back off.
                highest = longest - 2 - attempt * longest // _TRIES
                w, counter = _draw(contexts, begin, end, piece, weights, tempered, alone_weights, highest, own, counter)
                kind = kinds[w]
                if not sentences:
                    last = tokens + 1 == width
                    if kind & WORD or (w != 0 and behind & WORD and not last):
                        break
                elif behind & ENDS:
                    if w == 0:
                        break
                elif previous == 0:
                    if kind & BEGINS:
                        break
                elif w != 0 and (kind & WORD or behind & WORD):
                    break
            if sentences and behind & ENDS:
                w = 0
            probability = alone[w]
            for order in range(longest - 1):
                context = contexts[order]
                place = -1
                if context >= 0 and total[context] > 0:
                    place = _find(piece, begin[context], end[context], w)
                    probability = back_off[context] * probability
                    probability += mass[place] / total[context] if place >= 0 else 0.0
                if order + 1 < longest - 1:
                    following[order + 1] = child[place] if place >= 0 else -1
            following[0] = w
            for order in range(longest - 1):
                contexts[order] = following[order]
            log_prob += np.log(probability)
            if w == 0:
                # A sentence has ended. Those that began as many tokens before as are wanted make a text with it.
                opened = opens[tokens - width + _SLACK] if sentences and tokens >= width - _SLACK else 0
                if opened > 0 and at - opened + 1 <= width:
                    lengths[row] = at - opened + 1
                    log_probs[row] = log_prob - sums[opened - 1]
                    for place in range(lengths[row]):
                        ids[row, place] = text[opened - 1 + place]
                previous, sentence_tokens = 0, 0
                fresh = not sentences
                spent += 1
                continue
            if previous == 0:
                opens[tokens - first_cost[w] + cost[w] + _SLACK] = at + 1
                sums[at] = log_prob - np.log(probability)
            text[at] = w
            at += 1
            tokens += cost[w]
            spent += cost[w]
            sentence_tokens += cost[w]
            previous = w
            ended = not sentences and kinds[w] & WORD and tokens >= width - _SLACK and at <= width
            if ended and opens[tokens - width + _SLACK] == 1:
                lengths[row], log_probs[row] = at, log_prob
                for place in range(at):
                    ids[row, place] = text[place]
            elif sentence_tokens > width + _SLACK // 2:
                # No text of that length has this sentence in it.
                fresh = True
