"""What a line is to a reader: blank, the fence of a code block, a row of a table; and where a text begins.

Fences follow CommonMark 0.31, section 4.5, rows the tables of GitHub Flavored Markdown and of reStructuredText.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.base.kernels import kernel
from transforms.base.vectors import STEP, equal_bytes, leading_zeros, trailing_zeros

NEWLINE, RETURN, TAB, BLANK, TICK, TILDE, BAR, LESS = 10, 13, 9, 32, 96, 126, 124, 60
_PLUS, _MINUS, _EQUALS, _COLON, _STAR, _QUOTE, _DOT = 43, 45, 61, 58, 42, 62, 46


@kernel
def find_byte(data: NDArray[np.uint8], byte: int, lo: int) -> int:
    """The first place of a byte from `lo` on; len(data) if there is none."""
    size = len(data)
    base = np.int64(data.ctypes.data)
    at = lo
    while at + STEP <= size:
        found = equal_bytes(base + at, byte)
        if found != 0:
            return int(at + trailing_zeros(found))
        at += STEP
    while at < size and data[at] != byte:
        at += 1
    return at


@kernel
def line_begin(data: NDArray[np.uint8], at: int) -> int:
    """Where the line begins that holds the byte at `at`, or that ends there."""
    base = np.int64(data.ctypes.data)
    while at >= STEP:
        found = equal_bytes(base + at - STEP, NEWLINE)
        if found != 0:
            return int(at - leading_zeros(found))
        at -= STEP
    while at > 0 and data[at - 1] != NEWLINE:
        at -= 1
    return at


@kernel
def is_blank(data: NDArray[np.uint8], lo: int, hi: int) -> bool:
    """Whether nothing but blanks, tabs and carriage returns stands there."""
    at = lo
    while at < hi and (data[at] == BLANK or data[at] == TAB or data[at] == RETURN):
        at += 1
    return at == hi


@kernel
def may_end_sentence(data: NDArray[np.uint8], lo: int, hi: int) -> bool:
    """Whether a line may end with a sentence: not where an ASCII letter or digit or one of `,:;-` comes last."""
    at = hi - 1
    while at >= lo and (data[at] == BLANK or data[at] == TAB or data[at] == RETURN):
        at -= 1
    if at < lo:
        return False
    last = data[at]
    return not (97 <= last <= 122 or 65 <= last <= 90 or 48 <= last <= 57 or last in (44, 45, 58, 59))


@kernel
def indent_columns(data: NDArray[np.uint8], lo: int, hi: int) -> int:
    """Columns of white space before a line's content; a tab counts as four."""
    columns = 0
    for at in range(lo, hi):
        if data[at] == BLANK:
            columns += 1
        elif data[at] == TAB:
            columns += 4
        else:
            break
    return columns


@kernel
def _content(data: NDArray[np.uint8], lo: int, hi: int) -> int:
    at = lo
    while at < hi and (data[at] == BLANK or data[at] == TAB):
        at += 1
    return at


@kernel
def _run(data: NDArray[np.uint8], lo: int, hi: int) -> int:
    """Where the run of equal bytes that begins at `lo` ends."""
    at = lo
    while at < hi and data[at] == data[lo]:
        at += 1
    return at


@kernel
def _after_marker(data: NDArray[np.uint8], lo: int, hi: int) -> int:
    """The byte after the mark of a quotation or of an item of a list that begins at `lo`; `lo` if there is none."""
    if lo == hi:
        return lo
    at = lo
    if data[at] == _QUOTE:
        return at + 1
    if data[at] in (_MINUS, _STAR, _PLUS):
        at += 1
    else:
        while at < hi and at - lo < 9 and 48 <= data[at] <= 57:
            at += 1
        if at in (lo, hi) or data[at] not in (_DOT, 41):
            return lo
        at += 1
    return at if at < hi and data[at] in (BLANK, TAB) else lo


@kernel
def is_quoted(data: NDArray[np.uint8], lo: int, hi: int) -> bool:
    """Whether a line begins with the mark of a quotation."""
    at = _content(data, lo, hi)
    return bool(at < hi and data[at] == _QUOTE)


@kernel
def opening_fence(data: NDArray[np.uint8], lo: int, hi: int) -> tuple[int, bool]:
    """Length of the fence that a line opens, negative for one of ~, 0 for none; and whether it lies in a quotation.

    Marks of quotations and lists before it count as indent; no ` may stand behind a fence of `.
    """
    quoted = False
    at = _content(data, lo, hi)
    after = _after_marker(data, at, hi)
    while after > at:
        quoted = quoted or data[at] == _QUOTE
        at = _content(data, after, hi)
        after = _after_marker(data, at, hi)
    if at == hi or (data[at] != TICK and data[at] != TILDE):
        return 0, False
    end = _run(data, at, hi)
    if end - at < 3:
        return 0, False
    if data[at] == TILDE:
        return at - end, quoted
    for behind in range(end, hi):
        if data[behind] == TICK:
            return 0, False
    return end - at, quoted


@kernel
def closes_fence(data: NDArray[np.uint8], lo: int, hi: int, fence: int, quoted: bool) -> bool:
    """Whether a line closes a fence: of the same mark, as long or longer, and nothing behind it."""
    at = _content(data, lo, hi)
    while quoted and at < hi and data[at] == _QUOTE:
        at = _content(data, at + 1, hi)
    if at == hi or data[at] != (TICK if fence > 0 else TILDE):
        return False
    end = _run(data, at, hi)
    return end - at >= abs(fence) and is_blank(data, end, hi)


@kernel
def underlines(data: NDArray[np.uint8], lo: int, hi: int) -> bool:
    """Whether a line of ~ and nothing else is as long as the text of the line before, short of one character.

    So reStructuredText marks a title.
    """
    first = _content(data, lo, hi)
    end = _run(data, first, hi)
    if lo == 0 or not is_blank(data, end, hi):
        return False
    characters, at = 0, lo - 2
    while at >= 0 and data[at] != NEWLINE:
        characters += data[at] & 0xC0 != 0x80 and data[at] != RETURN
        at -= 1
    return end - first + 1 >= characters


@kernel
def may_have_fence(data: NDArray[np.uint8], mark: int) -> bool:
    """Whether three marks, ` or ~, stand side by side anywhere."""
    at = find_byte(data, mark, 0)
    while at + 2 < len(data):
        if data[at + 1] == mark and data[at + 2] == mark:
            return True
        at = find_byte(data, mark, at + 1)
    return False


@kernel
def _is_delimiter_row(data: NDArray[np.uint8], lo: int, hi: int) -> bool:
    """Whether a line is what parts the head of a Markdown table from its body: `--- | :---:`."""
    bar = dash = False
    for at in range(lo, hi):
        byte = data[at]
        bar = bar or byte == BAR
        dash = dash or byte == _MINUS
        if byte not in (BAR, _MINUS, _COLON, BLANK, TAB, RETURN):
            return False
    return bar and dash


@kernel
def table_row(data: NDArray[np.uint8], lo: int, hi: int) -> tuple[bool, bool]:
    """Whether a line looks like a row of a table, and whether it is the one that begins the body of a Markdown table.

    Rows: bars, several tabs, the rule of a grid, cells of HTML, and what stands before a Markdown delimiter row.
    """
    first = _content(data, lo, hi)
    if first + 1 < hi and data[first] == _PLUS and (data[first + 1] == _MINUS or data[first + 1] == _EQUALS):
        return True, False
    own, marks = data[first:hi], 0
    for at in range(len(own)):  # of many bytes at once; nearly all lines have none
        marks += (own[at] == BAR) | (own[at] == TAB) | (own[at] == LESS)
    if marks == 0:
        return False, False
    bars, tabs = 1 if own[0] == BAR else 0, 0
    for at in range(len(own)):
        if own[at] == BAR:
            bars += 1
        elif own[at] == TAB:
            tabs += 1
        elif own[at] == LESS and _is_cell(data, first + at + 1, hi):
            return True, False
    if bars and _is_delimiter_row(data, lo, hi):
        return True, True
    if bars == 1 and hi < len(data):
        return _is_delimiter_row(data, hi + 1, find_byte(data, NEWLINE, hi + 1)), False
    return bars >= 2 or tabs >= 2, False


@kernel
def _is_cell(data: NDArray[np.uint8], lo: int, hi: int) -> bool:
    """Whether `td`, `th` or `tr`, of an opening or closing tag, begins there."""
    at = lo + (lo < hi and data[lo] == 47)
    if at + 1 >= hi or data[at] | 0x20 != 116:
        return False
    return data[at + 1] | 0x20 in (100, 104, 114)


@kernel
def may_have_rule(data: NDArray[np.uint8]) -> bool:
    """Whether two = stand anywhere with nothing but blanks between them, and at least one."""
    at = find_byte(data, _EQUALS, 0)
    while at < len(data):
        after = _content(data, at + 1, len(data))
        if after > at + 1 and after < len(data) and data[after] == _EQUALS:
            return True
        at = find_byte(data, _EQUALS, after)
    return False


@kernel
def is_rule(data: NDArray[np.uint8], lo: int, hi: int) -> bool:
    """Whether a line is the rule of a simple table of reStructuredText: `====  ====`."""
    columns = 0
    for at in range(lo, hi):
        if data[at] == _EQUALS:
            columns += at == lo or data[at - 1] != _EQUALS
        elif data[at] not in (BLANK, TAB, RETURN):
            return False
    return columns >= 2


@kernel
def simple_table_end(data: NDArray[np.uint8], lo: int) -> int:
    """Where the simple table ends whose first rule ends before `lo`; `lo` if no rule closes it.

    As docutils has it: with the second rule from there, or with the first that a blank line or nothing follows.
    """
    rules = 0
    at = lo
    while at < len(data):
        hi = find_byte(data, NEWLINE, at)
        after = min(hi + 1, len(data))
        if is_rule(data, at, hi):
            rules += 1
            if rules == 2 or is_blank(data, after, find_byte(data, NEWLINE, after)):
                return after
        at = after
    return lo


@kernel
def text_start(data: NDArray[np.uint8]) -> int:
    """Where a text begins: behind a byte order mark and YAML front matter.

    Front matter is a line `---` that no blank line follows, up to the next line `---` or `...`.
    """
    size = len(data)
    start = 3 if size >= 3 and data[0] == 0xEF and data[1] == 0xBB and data[2] == 0xBF else 0
    hi = find_byte(data, NEWLINE, start)
    if not _is_three(data, start, hi, _MINUS):
        return start
    lo = hi + 1
    while lo < size:
        after = find_byte(data, NEWLINE, lo)
        if lo == hi + 1 and is_blank(data, lo, after):
            return start
        if _is_three(data, lo, after, _MINUS) or _is_three(data, lo, after, _DOT):
            return min(after + 1, size)
        lo = after + 1
    return start


@kernel
def _is_three(data: NDArray[np.uint8], lo: int, hi: int, mark: int) -> bool:
    """Whether a line is three of a mark, and blanks."""
    return bool(hi - lo >= 3 and data[lo] == mark and _run(data, lo, hi) == lo + 3 and is_blank(data, lo + 3, hi))


@kernel
def may_open(data: NDArray[np.uint8]) -> bool:
    """Whether anything stands there that tells of later lines of its paragraph: a `, a < or a |."""
    size = len(data)
    return bool(find_byte(data, TICK, 0) < size or find_byte(data, LESS, 0) < size or find_byte(data, BAR, 0) < size)


@kernel
def lines_before(data: NDArray[np.uint8], first: int, plain: bool, floor: int) -> tuple[int, int]:
    """With which lines to begin so that all from `first` on is known.

    Args:
        data: uint8, a text.
        first: a place in it.
        plain: `may_open` says no of the whole text.
        floor: where a line begins; nothing before it is looked at.

    Returns:
        Where a paragraph begins in which code, a tag or a table may have been opened; and a line of it from which on
        all lines matter. That is the one before the last with content that begins before `first`: a sentence may begin
        with a line only if the line before ends one. Both are that line in a `plain` text, and 0 if there is none.
    """
    lo: Any = min(first, len(data))
    start, found, lines = 0, 0, 0
    while lo > floor:
        hi = lo - 1
        lo = line_begin(data, hi)
        if not is_blank(data, lo, hi):
            start = lo
            if lines < 2:
                found, lines = lo, lines + 1
            if plain and lines == 2:
                return lo, lo
        elif lines > 0:
            break
    return start, found


@kernel
def span_end(data: NDArray[np.uint8], lo: int, mark: int, width: int) -> tuple[int, bool]:
    """Where what opens before `lo` is closed within its paragraph by a run of `width` marks (0: of any number).

    Returns:
        The byte after that run, and True; or where the paragraph ends, by a blank line or a fence, and False.
    """
    size = len(data)
    at = lo
    while at < size:
        if data[at] == mark:
            end = _run(data, at, size)
            if width in (0, end - at):
                return end, True
            at = end
        elif data[at] == NEWLINE:
            hi = find_byte(data, NEWLINE, at + 1)
            if is_blank(data, at + 1, hi) or opening_fence(data, at + 1, hi)[0] != 0:
                return at, False
            at += 1
        else:
            at += 1
    return size, False
