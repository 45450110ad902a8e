"""Greedy choice of texts no two of which are too alike, by prefix filtering over an inverted index.

Tokens of a set ascend by how many sets have them. If two sets overlap in o tokens or more, then so do their prefixes of
size - o + 1 in at least one (Chaudhuri, Ganti & Kaushik 2006; Bayardo, Ma & Srikant 2007); what the prefixes share plus
the longer of the two rests bounds the overlap, so that few pairs are ever compared in full.
"""

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import inline_kernel, kernel

_I32 = npt.NDArray[np.int32]
_I64 = npt.NDArray[np.int64]

SPARE, ACCEPTED, ALIKE = 0, 1, 2


@inline_kernel
def _overlap(tokens: _I32, a: int, a_end: int, b: int, b_end: int) -> int:
    count = 0
    while a < a_end and b < b_end:
        left, right = tokens[a], tokens[b]
        count += left == right
        a += left <= right
        b += right <= left
    return count


@kernel
def choose(
    tokens: _I32,
    offsets: _I64,
    order: _I64,
    cell: _I32,
    room: _I64,
    num_tokens: int,
    numerator: int,
    denominator: int,
    status: npt.NDArray[np.uint8],
) -> None:
    """Accept sets in order, unless their cell is full or they are too alike to an accepted one.

    Args:
        tokens: int32, the sets' tokens as ranks: rarest first within a set.
        offsets: int64[n + 1].
        order: int64[n], in which the sets are looked at.
        cell: int32[n], the cell of each.
        room: int64, how many each cell still takes; used up.
        num_tokens: tokens are below it.
        numerator: with `denominator` the similarity that must not be exceeded.
        denominator: see there.
        status: uint8[n], filled with `SPARE` (cell full), `ACCEPTED` or `ALIKE`.
    """
    n = len(order)
    head = np.full(num_tokens, -1, np.int64)
    following = np.empty(len(tokens), np.int64)
    owner = np.empty(len(tokens), np.int32)
    entries = 0
    shared = np.zeros(n, np.int32)
    touched = np.empty(n, np.int32)
    for x in order:
        status[x] = SPARE
        if room[cell[x]] <= 0:
            continue
        begin, end = offsets[x], offsets[x + 1]
        size = end - begin
        rest = size * numerator // denominator  # one less than the overlap that is too much, whatever the other set
        count = 0
        for at in range(begin, end - rest):
            entry = head[tokens[at]]
            while entry >= 0:
                y = owner[entry]
                if shared[y] == 0:
                    touched[count] = y
                    count += 1
                shared[y] += 1
                entry = following[entry]
        alike = False
        for i in range(count):
            y = touched[i]
            both = shared[y]
            shared[y] = 0
            if alike:
                continue
            other = offsets[y + 1] - offsets[y]
            needed = numerator * (size + other) // (numerator + denominator) + 1
            other_rest = other * numerator // denominator
            if both + max(rest, other_rest) >= needed:
                alike = _overlap(tokens, begin, end, offsets[y], offsets[y + 1]) >= needed
        if alike:
            status[x] = ALIKE
            continue
        status[x] = ACCEPTED
        room[cell[x]] -= 1
        for at in range(begin, end - rest):
            following[entries] = head[tokens[at]]
            owner[entries] = x
            head[tokens[at]] = entries
            entries += 1
