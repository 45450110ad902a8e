"""How the kernels write: templates filled in from a table of places, at an address that moves on.

A table holds where each place of a `Program` is: int64[places, 2], address and length. Addresses are int64. All
functions that write return the address after what they wrote. Numba's cache on disk does not notice, in the kernels
that call these, an edit here: remove the `__pycache__` folders after one.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import inline_kernel, kernel
from transforms.base.streams import below
from transforms.base.vectors import SLACK, copy32
from transforms.probes.puzzles.language.program import SLOTS, Program, Slot

_I64 = npt.NDArray[np.int64]

_TRUTH, _TRUTHS, _TRUTHS_CAPITAL = int(Slot.TRUTH), int(Slot.TRUTHS), int(Slot.TRUTHS_CAPITAL)


@inline_kernel
def address(array: Any) -> Any:
    """Where an array's data begins.

    Numba frees an array after its last mention: only take the address of an argument, which the caller keeps alive.
    """
    return np.int64(array.ctypes.data)


@inline_kernel
def put(places: Any, place: Any, out: Any) -> Any:
    """Write a place to the address `out`; the address after it."""
    source, length = places[place, 0], places[place, 1]
    done = np.int64(0)
    while done < length:
        copy32(source + done, out + done)
        done += SLACK
    return out + length


@inline_kernel
def set_place(places: Any, slot: Any, place: Any) -> Any:
    """Let a slot be what is at another place."""
    places[slot, 0] = places[place, 0]
    places[slot, 1] = places[place, 1]


@inline_kernel
def _fill(places: _I64, steps: npt.NDArray[np.int32], begin: int, end: int, out: int) -> int:
    for step in range(begin, end):
        out = put(places, np.int64(steps[step]), out)
    return out


@inline_kernel
def template(program: Program, family: int, number: int, places: _I64, out: int) -> int:
    """Write template `number` of a family."""
    at = program.family[family] + number
    return _fill(places, program.steps, program.template[at], program.template[at + 1], out)


@inline_kernel
def drawn(program: Program, family: int, word: np.uint64, places: _I64, out: int) -> int:
    """Write a template of a family, picked by 64 random bits."""
    count = program.family[family + 1] - program.family[family]
    return template(program, family, below(word, count), places, out)


@kernel
def table(program: Program) -> _I64:
    """The places of a program, its slots yet unset."""
    places = np.zeros((SLOTS + len(program.starts), 2), np.int64)
    base = address(program.pool)
    for snippet in range(len(program.starts)):
        places[SLOTS + snippet, 0] = base + program.starts[snippet]
        places[SLOTS + snippet, 1] = program.lengths[snippet]
    return places


@inline_kernel
def set_pair(program: Program, places: _I64, pair: int, flipped: int, gender: int) -> None:
    """The slots that the role pair decides: words for those who tell the truth (0) and who lie (1)."""
    for lies in range(2):
        word = lies ^ flipped
        set_place(places, _TRUTH + lies, program.roles[pair, word, 0, gender])
        set_place(places, _TRUTHS + lies, program.many[pair, word, 0])
        set_place(places, _TRUTHS_CAPITAL + lies, program.many[pair, word, 1])
