"""Pieces of many texts, found and copied over the buffers of an Arrow string array."""

import numpy as np
from numpy.typing import NDArray

from transforms.base.kernels import kernel
from transforms.planting.copy_kernel import copy_bytes


@kernel
def around(
    data: NDArray[np.uint8],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    places: NDArray[np.int64],
    characters: int,
    firsts: NDArray[np.int64],
    lasts: NDArray[np.int64],
) -> None:
    """What stands around places in texts.

    Args:
        data: uint8, the texts' UTF-8.
        begins: int64[k], where the text of each place begins in `data`.
        ends: int64[k], where it ends.
        places: int64[k], borders of characters in `data`.
        characters: how many are wanted on either side.
        firsts: int64[k], filled: where what is wanted before each place begins.
        lasts: int64[k], filled: where what is wanted behind it ends.
    """
    for place in range(len(places)):
        at, left = places[place], characters
        while left > 0 and at > begins[place]:
            at -= 1
            left -= data[at] & 0xC0 != 0x80
        firsts[place] = at
        at, left = places[place], characters
        while left > 0 and at < ends[place]:
            at += 1
            left -= at == ends[place] or data[at] & 0xC0 != 0x80
        lasts[place] = at


@kernel
def copy_stretches(
    data: NDArray[np.uint8], begins: NDArray[np.int64], ends: NDArray[np.int64], out: NDArray[np.uint8]
) -> None:
    """Copy stretches (int64[k] each) of `data`, one after the other, to `out`, which is as long as all of them."""
    written = 0
    for stretch in range(len(begins)):
        written = copy_bytes(data, begins[stretch], ends[stretch], out, written)
