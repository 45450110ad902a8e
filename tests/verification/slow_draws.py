"""The redraws once more, one number at a time, from their description in docs/formats/redraws.md alone."""

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction

MASK = 2**32 - 1


def philox4x32(counter: Sequence[int], key: Sequence[int]) -> list[int]:
    """Salmon et al. 2011: ten rounds, the key bumped between them."""
    (a, b, c, d), (k, j) = counter, key
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (q >> 32) ^ b ^ k, q & MASK, (p >> 32) ^ d ^ j, p & MASK
        k, j = (k + 0x9E3779B9) & MASK, (j + 0xBB67AE85) & MASK
    return [a, b, c, d]


def redraw(seed: bytes, number: int, units: int, candidates: int) -> list[int]:
    """The arms of one redraw."""
    words = [int.from_bytes(seed[at : at + 4], "big") for at in (0, 4, 8)]
    size = 1
    while candidates ** (size + 1) <= 1024:
        size += 1
    arms: list[int] = []
    for group in range(-(-units // size)):
        together = min(size, units - group * size)
        bound, attempt = candidates**together, 0
        while True:
            product = philox4x32([number // 4, group, attempt, words[2]], words[:2])[number % 4] * bound
            if product & MASK >= 2**32 % bound:
                break
            attempt += 1
        value = product >> 32
        for _ in range(together):
            arms.append(value % candidates)
            value //= candidates
    return arms


def aligned(scores: Sequence[Sequence[Fraction]], strata: Sequence[int]) -> list[list[Fraction]]:
    """R_ij / (n_g (m + 1) + 1) - 1/2 with exact numbers."""
    centred = [[one - sum(row) / len(row) for one in row] for row in scores]
    out = []
    for i, row in enumerate(centred):
        pool = [one for k, other in enumerate(centred) if strata[k] == strata[i] for one in other]
        ranks = [Fraction(2 * sum(x < one for x in pool) + sum(x == one for x in pool) + 1, 2) for one in row]
        out.append([rank / (len(pool) + 1) - Fraction(1, 2) for rank in ranks])
    return out


def all_draws(units: int, candidates: int) -> Iterator[tuple[int, ...]]:
    """Every draw."""
    return itertools.product(range(candidates), repeat=units)
