"""Lines of JSON in a buffer: where they are, whether each is one object, whether it is UTF-8, and packing them.

A line ends at a newline byte; a carriage return is white space. The scan knows strings, escapes, brackets and
integers and nothing else of JSON: it does not replace a parser. It sees to it that the parser, which would take two
objects on one line or one object over two lines, meets exactly one object per line, and it keeps from the parser what
the parser does not survive or does not get right (`TOO_DEEP`, `BIG_INTEGER`, `OBJECT_NULL_ITEM`, and integers that
a float would round).
"""

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import inline_kernel, kernel

BLANK = 0
"""Nothing but spaces, tabs and carriage returns."""
OBJECT = 1
"""One object, from its opening to its closing brace."""
OBJECT_NULL_ITEM = 2
"""As `OBJECT`, and some array in it has a null for an item."""
NOT_ONE_OBJECT = 3
"""No object, an unfinished one, a bracket that does not match, a control character, or text after the object."""
TOO_DEEP = 4
"""Nested deeper than `MAX_DEPTH`."""
BIG_INTEGER = 5
"""Holds an integer that does not fit 64 bits with a sign: the parser would round it to a float."""

MAX_DEPTH = 64
"""Levels of objects and arrays in each other: what Arrow's IPC reads. At some 10,000 the parser would overflow the
stack."""

_NEWLINE, _RETURN, _TAB, _SPACE = 10, 13, 9, 32
_QUOTE, _BACKSLASH, _MINUS, _PLUS, _DOT, _ZERO, _NINE = 34, 92, 45, 43, 46, 48, 57
_OPEN_ARRAY, _CLOSE_ARRAY, _OPEN_OBJECT, _CLOSE_OBJECT = 91, 93, 123, 125
_UPPER_E, _LOWER_E, _LOWER_N, _LOWER_U = 69, 101, 110, 117
_LARGEST = np.uint64(2**63 - 1)
_INTEGER_DIGITS, _EXACT_DIGITS = 19, 15
_ALL_EXACT = np.uint64(2**53)
_MARK = (0xEF, 0xBB, 0xBF)


def _marks(stops: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[list(stops)] = True
    return table


_STOPS_A_STRING = _marks(bytes(range(32)) + b'"\\')
_STOPS_BETWEEN = _marks(b'\0\n"[]{}n-0123456789')


@inline_kernel
def _skip_spaces(data: npt.NDArray[np.uint8], at: int) -> int:
    while at < len(data) and (data[at] == _SPACE or data[at] == _TAB or data[at] == _RETURN):
        at += 1
    return at


@inline_kernel
def _is_exact(value: np.uint64) -> bool:
    """Whether a float64 holds an integer of at most 2**63: without its trailing zero bits it has at most 53."""
    while value > _ALL_EXACT and value & np.uint64(1) == np.uint64(0):
        value >>= np.uint64(1)
    return bool(value <= _ALL_EXACT)


@inline_kernel
def _marks_at(data: npt.NDArray[np.uint8], at: int) -> int:
    marks = 0
    while at + 3 <= len(data) and data[at] == _MARK[0] and data[at + 1] == _MARK[1] and data[at + 2] == _MARK[2]:
        marks += 1
        at += 3
    return marks


@kernel
def _end_of_object(data: npt.NDArray[np.uint8], at: int) -> tuple[int, int, int]:
    """What the object that opens at `at` is, the index after it (or where it went wrong), its inexact integers."""
    depth = 0
    inexact = 0
    arrays = np.uint64(0)  # a stack of bits, the innermost level lowest: 1 is an array, 0 an object
    one = np.uint64(1)
    found = OBJECT
    while at < len(data):
        byte = data[at]
        if not _STOPS_BETWEEN[byte]:
            at += 1
        elif byte == _QUOTE:
            at += 1
            while True:
                while at < len(data) and not _STOPS_A_STRING[data[at]]:
                    at += 1
                if at < len(data) and data[at] == _BACKSLASH:
                    at += 1
                    if at < len(data) and data[at] != _NEWLINE:
                        at += 1
                else:
                    break
            if at == len(data) or data[at] != _QUOTE:
                return NOT_ONE_OBJECT, at, inexact
            at += 1
        elif byte in (_OPEN_OBJECT, _OPEN_ARRAY):
            if depth == MAX_DEPTH:
                return TOO_DEEP, at, inexact
            depth += 1
            arrays <<= one
            if byte == _OPEN_ARRAY:
                arrays |= one
            at += 1
        elif byte in (_CLOSE_OBJECT, _CLOSE_ARRAY):
            if (byte == _CLOSE_ARRAY) != (arrays & one == one):
                return NOT_ONE_OBJECT, at, inexact
            depth -= 1
            arrays >>= one
            at += 1
            if depth == 0:
                return found, at, inexact
        elif byte == _LOWER_N:
            if arrays & one == one and at + 1 < len(data) and data[at + 1] == _LOWER_U:  # not that of Infinity
                found = OBJECT_NULL_ITEM
            at += 1
        elif byte == _MINUS or _ZERO <= byte <= _NINE:
            largest = _LARGEST
            if byte == _MINUS:
                largest += one
                at += 1
            digits = 0
            value = np.uint64(0)
            is_integer = True
            while at < len(data):
                byte = data[at]
                if _ZERO <= byte <= _NINE:
                    digits += 1
                    if digits <= _INTEGER_DIGITS:
                        value = value * np.uint64(10) + np.uint64(byte - _ZERO)
                elif byte in (_DOT, _LOWER_E, _UPPER_E, _PLUS, _MINUS):
                    is_integer = False
                else:
                    break
                at += 1
            if is_integer and digits > _EXACT_DIGITS:
                if digits > _INTEGER_DIGITS or value > largest:
                    return BIG_INTEGER, at, inexact
                inexact += not _is_exact(value)
        else:
            return NOT_ONE_OBJECT, at, inexact
    return NOT_ONE_OBJECT, at, inexact


@kernel
def scan_lines(
    data: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Find the lines of `data` and what each is.

    Args:
        data: uint8[n], whole lines; the last one need not end in a newline. Byte order marks at the start of a line
            count as white space.

    Returns:
        For each line its first byte (int64), the byte after its last one, the newline not counted (int64), one of the
        codes of this module, `BLANK` to `BIG_INTEGER` (uint8), and how many integers of an object a float64 would
        round (int32).
    """
    lines = 0
    for byte in data:
        lines += byte == _NEWLINE
    if len(data) and data[-1] != _NEWLINE:
        lines += 1
    starts = np.empty(lines, np.int64)
    ends = np.empty(lines, np.int64)
    kinds = np.empty(lines, np.uint8)
    inexact = np.zeros(lines, np.int32)
    at = 0
    for line in range(lines):
        starts[line] = at
        at = _skip_spaces(data, at + len(_MARK) * _marks_at(data, at))
        if at == len(data) or data[at] == _NEWLINE:
            kinds[line] = BLANK
        elif data[at] == _OPEN_OBJECT:
            kinds[line], at, inexact[line] = _end_of_object(data, at)
            at = _skip_spaces(data, at)
            if kinds[line] <= OBJECT_NULL_ITEM and at < len(data) and data[at] != _NEWLINE:
                kinds[line] = NOT_ONE_OBJECT
        else:
            kinds[line] = NOT_ONE_OBJECT
        while at < len(data) and data[at] != _NEWLINE:
            at += 1
        ends[line] = at
        at += 1
    return starts, ends, kinds, inexact


@kernel
def line_marks(data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many byte order marks (EF BB BF) stand at the start of each line: int64[lines]."""
    marks = np.empty(len(starts), np.int64)
    for line in range(len(starts)):
        marks[line] = _marks_at(data, starts[line])
    return marks


@kernel
def utf8_lines(
    data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Whether each of the lines data[starts[i]:ends[i]] is UTF-8 (The Unicode Standard, table 3-7): bool[lines]."""
    good = np.empty(len(starts), np.bool_)
    for line in range(len(starts)):
        at = starts[line]
        end = ends[line]
        valid = True
        while at < end and valid:
            lead = data[at]
            at += 1
            if lead < 0x80:
                continue
            low, high = 0x80, 0xBF  # what the second byte may be
            if 0xC2 <= lead <= 0xDF:
                more = 1
            elif 0xE0 <= lead <= 0xEF:
                more = 2
                if lead == 0xE0:
                    low = 0xA0
                elif lead == 0xED:
                    high = 0x9F
            elif 0xF0 <= lead <= 0xF4:
                more = 3
                if lead == 0xF0:
                    low = 0x90
                elif lead == 0xF4:
                    high = 0x8F
            else:
                more = 0
                valid = False
            for _ in range(more):
                if at >= end or not low <= data[at] <= high:
                    valid = False
                    break
                at += 1
                low, high = 0x80, 0xBF
        good[line] = valid
    return good


@kernel
def pack_lines(
    data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8]:
    """The lines data[starts[i]:ends[i]] one after the other, each with a newline: uint8[sum of lengths + lines]."""
    packed = np.empty(np.sum(ends - starts) + len(starts), np.uint8)
    at = 0
    for line in range(len(starts)):
        length = ends[line] - starts[line]
        packed[at : at + length] = data[starts[line] : ends[line]]
        at += length
        packed[at] = _NEWLINE
        at += 1
    return packed


@kernel
def last_newline(data: npt.NDArray[np.uint8], low: int, high: int) -> int:
    """Index of the last newline in data[low:high], or -1."""
    for at in range(high - 1, low - 1, -1):
        if data[at] == _NEWLINE:
            return at
    return -1


@kernel
def first_newline(data: npt.NDArray[np.uint8], low: int, high: int) -> int:
    """Index of the first newline in data[low:high], or -1."""
    for at in range(low, high):
        if data[at] == _NEWLINE:
            return at
    return -1
