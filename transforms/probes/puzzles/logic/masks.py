"""Truth tables as bit masks: bit a of a claim's mask says whether the claim is true in assignment a.

Up to 12 people the assignments are all 2^n of them (assignment a makes person i a knight if its bit i is set), 64 in a
word. Beyond, a mask holds only the assignments that matter, for instance the solutions of all claims but one.
"""

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import inline_kernel, kernel
from transforms.probes.puzzles.logic.claims import IFF, IMPLIES, NOT

MOST_IN_A_TABLE = 12
WITNESS_WORDS = 4

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
# Bit i of 0, 1, ..., 63.
_COLUMNS = np.array(
    [
        0xAAAAAAAAAAAAAAAA, 0xCCCCCCCCCCCCCCCC, 0xF0F0F0F0F0F0F0F0, 0xFF00FF00FF00FF00, 0xFFFF0000FFFF0000,
        0xFFFFFFFF00000000,
    ],
    np.uint64,
)  # fmt: skip


def table_of(people: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Masks of "person i is a knight" over all 2^n assignments, uint64[n, words], and of all assignments, [words].

    Raises:
        ValueError: above 12 people.
    """
    if people > MOST_IN_A_TABLE:
        raise ValueError(f"{people} people: a table of all assignments holds at most {MOST_IN_A_TABLE}")
    words = max(1, (1 << people) // 64)
    knights = np.zeros((people, words), np.uint64)
    for person in range(min(6, people)):
        knights[person] = _COLUMNS[person]
    for person in range(6, people):
        knights[person] = np.where(np.arange(words) >> (person - 6) & 1, _ALL, np.uint64(0))
    everything = np.full(words, _ALL if people >= 6 else np.uint64((1 << (1 << people)) - 1), np.uint64)
    return knights & everything, everything


def packed(assignments: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """The same over the given assignments, bool[k, n], in place of all: uint64[n, words] and [words]."""
    count, people = assignments.shape
    words = max(1, -(-count // 64))
    padded = np.zeros((people, words * 64), np.bool_)
    padded[:, :count] = assignments.T
    every = np.zeros(words * 64, np.bool_)
    every[:count] = True
    knights = np.packbits(padded, axis=1, bitorder="little").view(np.uint64)
    return knights, np.packbits(every, bitorder="little").view(np.uint64)


def witnesses(people: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Assignments that show whether a claim is constant: all of them up to 12 people, else 256 fixed ones.

    A claim that is both true and false among them is certainly not constant.
    """
    if people <= MOST_IN_A_TABLE:
        return table_of(people)
    generator = np.random.Generator(np.random.PCG64(people))
    return packed(generator.integers(0, 2, (64 * WITNESS_WORDS, people)).astype(np.bool_))


@inline_kernel
def claim_mask(
    tokens: npt.NDArray[np.int16],
    start: int,
    end: int,
    knights: npt.NDArray[np.uint64],
    every: npt.NDArray[np.uint64],
    stack: npt.NDArray[np.uint64],
) -> None:
    """Write the mask of the claim `tokens[start:end]` into `stack[0]`; the stack needs one row per token."""
    words = len(every)
    height = 0
    for position in range(end - 1, start - 1, -1):
        token = tokens[position]
        if token >= 0:
            person = token >> 1
            for word in range(words):
                knight = knights[person, word]
                stack[height, word] = knight if token & 1 == 0 else knight ^ every[word]
            height += 1
        elif token == NOT:
            for word in range(words):
                stack[height - 1, word] ^= every[word]
        elif token == IMPLIES:
            for word in range(words):
                stack[height - 2, word] |= stack[height - 1, word] ^ every[word]
            height -= 1
        elif token == IFF:
            for word in range(words):
                stack[height - 2, word] ^= stack[height - 1, word] ^ every[word]
            height -= 1
        else:
            for _ in range(-token // 2 - 1):
                for word in range(words):
                    if token & 1:
                        stack[height - 2, word] |= stack[height - 1, word]
                    else:
                        stack[height - 2, word] &= stack[height - 1, word]
                height -= 1


@kernel
def bits(word: np.uint64) -> int:
    """Number of bits that are set (Warren, 'Hacker's Delight', section 5-1)."""
    word = np.uint64(word)
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int(np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56)))


@kernel
def only_bit(mask: npt.NDArray[np.uint64]) -> int:
    """The place of the one bit that is set; -1 if none is, -2 if several are."""
    found = -1
    for at in range(len(mask)):
        word = mask[at]
        if word != 0:
            if found >= 0 or word & (word - np.uint64(1)) != 0:
                return -2
            found = 64 * at + bits(word - np.uint64(1))
    return found
