"""Edit distance of token sequences, up to a bound: insertion, deletion and replacement of one token cost 1 each.

With a bound k only a band of width 2k + 1 around the diagonal is filled (Ukkonen 1985, 'Algorithms for Approximate
String Matching'), so near copies of 100 tokens take a few hundred steps.
"""

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import kernel

Ints = npt.NDArray[np.int64]


@kernel
def _bounded(left: Ints, right: Ints, at_most: int, above: Ints, here: Ints) -> int:
    """The distance, or `at_most + 1` if it is larger; `above` and `here` (len(right) + 1 each) are room to work in."""
    first, left_end, right_end = 0, len(left), len(right)
    while first < left_end and first < right_end and left[first] == right[first]:
        first += 1
    while left_end > first and right_end > first and left[left_end - 1] == right[right_end - 1]:
        left_end -= 1
        right_end -= 1
    rows, columns = left_end - first, right_end - first
    far = at_most + 1
    if abs(rows - columns) > at_most:
        return far
    for column in range(columns + 1):
        above[column] = min(column, far)
    for row in range(1, rows + 1):
        low, high = max(1, row - at_most), min(columns, row + at_most)
        here[low - 1] = min(row, far) if low == 1 else far
        smallest = here[low - 1]
        for column in range(low, high + 1):
            replaced = above[column - 1] + np.int64(left[first + row - 1] != right[first + column - 1])
            # The cell above the band's right end was not filled in the row before.
            deleted = above[column] + 1 if column < row + at_most else far
            here[column] = min(replaced, deleted, here[column - 1] + 1, far)
            smallest = min(smallest, here[column])
        if smallest > at_most:
            return far
        above, here = here, above
    return int(above[columns])


@kernel
def edit_distances(
    left: Ints, left_offsets: Ints, right: Ints, right_offsets: Ints, pairing: Ints, at_most: Ints, cut: int
) -> Ints:
    """The distance of each left row to its right row, int64[n]; `at_most + 1` stands for any larger one.

    Args:
        left: int64[total], token ids of n rows.
        left_offsets: int64[n + 1], where the left rows begin.
        right: int64[total], token ids.
        right_offsets: int64[k + 1], where the right rows begin.
        pairing: int64[n], which right row each left row is compared with.
        at_most: int64[n], the bound of each comparison, 0 or more.
        cut: tokens of a row that are compared, from its start; 0 or less compares all.
    """
    distances = np.empty(len(left_offsets) - 1, np.int64)
    longest = 0
    for row in range(len(right_offsets) - 1):
        longest = max(longest, right_offsets[row + 1] - right_offsets[row])
    above, here = np.empty(longest + 1, np.int64), np.empty(longest + 1, np.int64)
    for row in range(len(distances)):
        one = left[left_offsets[row] : left_offsets[row + 1]]
        other = right[right_offsets[pairing[row]] : right_offsets[pairing[row] + 1]]
        if cut > 0:
            one, other = one[:cut], other[:cut]
        distances[row] = _bounded(one, other, at_most[row], above, here)
    return distances
