"""How close the texts of a family are: runs and sets of n-grams that two of them share."""

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import kernel


@kernel
def longest_aligned(tokens: npt.NDArray[np.uint64]) -> int:
    """The longest run that two rows of `tokens` (uint64[texts, length]) share at the same place."""
    texts, length = tokens.shape
    longest = 0
    for one in range(texts):
        for other in range(one + 1, texts):
            run = 0
            for at in range(length):
                run = run + 1 if tokens[one, at] == tokens[other, at] else 0
                longest = max(longest, run)
    return longest


@kernel
def largest_jaccard(grams: npt.NDArray[np.uint64]) -> float:
    """The largest Jaccard similarity of two rows as sets; `grams` is uint64[texts, n], ascending in each row."""
    texts, width = grams.shape
    largest = 0.0
    for one in range(texts):
        for other in range(one + 1, texts):
            a, b, both, either = 0, 0, 0, 0
            while a < width or b < width:
                if b >= width or (a < width and grams[one, a] < grams[other, b]):
                    value = grams[one, a]
                elif a >= width or grams[other, b] < grams[one, a]:
                    value = grams[other, b]
                else:
                    value = grams[one, a]
                    both += 1
                either += 1
                while a < width and grams[one, a] == value:
                    a += 1
                while b < width and grams[other, b] == value:
                    b += 1
            largest = max(largest, both / either if either else 0.0)
    return largest
