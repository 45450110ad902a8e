"""Copying bytes from one buffer to another within kernels."""

from numpy import uint8
from numpy.typing import NDArray

from transforms.base.kernels import kernel


@kernel
def copy_bytes(source: NDArray[uint8], begin: int, end: int, target: NDArray[uint8], to: int) -> int:
    """Copy `source[begin:end]` to `target` from `to` on; returns where it ends there.

    Slices let LLVM copy blocks. An assignment to one would compile the message of an error as well, which takes
    seconds.
    """
    piece, place = source[begin:end], target[to : to + end - begin]
    for at in range(len(piece)):
        place[at] = piece[at]
    return to + end - begin
