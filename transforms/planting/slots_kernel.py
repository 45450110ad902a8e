"""Where in a text something may be inserted, and which of those slots is next to a wanted place.

A slot is a byte offset in UTF-8 text at which no character, grapheme, word or line of code, table or URL is cut apart.
Lines are classed first (fence, table row, indented, prose); within prose the characters decide.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.corpus.instructions import STEP, equal_bytes, trailing_zeros
from transforms.corpus.jit import inline_kernel, kernel

START, END, PARAGRAPH, SENTENCE, WORD = 0, 1, 2, 3, 4
"""Kinds of slot: before the text, after it, between paragraphs, between sentences, between words."""

NOTHING, SPACE, LINE, BLANK_LINE, CR_LINE, CR_BLANK_LINE = 0, 1, 2, 3, 4, 5
"""Separators: '', ' ', newline, two newlines, and the last two as carriage return and newline."""

_WHITE, _ENDS_LINE, _ENDS_SENTENCE, _CLOSES, _BELONGS, _SMALL, _ALONE = 1, 2, 4, 8, 16, 32, 64

PARAGRAPH_REACH, SENTENCE_REACH = 1500, 400
"""Bytes from the wanted place within which a paragraph's, then a sentence's end is preferred."""

_NEWLINE, _RETURN, _TAB, _BLANK, _BAR, _TICK, _TILDE, _PLUS = 10, 13, 9, 32, 124, 96, 126, 43


@inline_kernel
def _character(data: NDArray[np.uint8], at: int) -> tuple[Any, int]:
    """Code point and length in bytes of the character at `at` of valid UTF-8."""
    first = np.int64(data[at])
    if first < 0x80:
        return first, 1
    if first < 0xE0:
        return (first & 0x1F) << 6 | (np.int64(data[at + 1]) & 0x3F), 2
    if first < 0xF0:
        return (first & 0x0F) << 12 | (np.int64(data[at + 1]) & 0x3F) << 6 | (np.int64(data[at + 2]) & 0x3F), 3
    return (
        (first & 0x07) << 18
        | (np.int64(data[at + 1]) & 0x3F) << 12
        | (np.int64(data[at + 2]) & 0x3F) << 6
        | (np.int64(data[at + 3]) & 0x3F)
    ), 4


@kernel
def _is_blank(data: NDArray[np.uint8], lo: int, hi: int) -> bool:
    at = lo
    while at < hi and (data[at] == _BLANK or data[at] == _TAB or data[at] == _RETURN):
        at += 1
    return at == hi


@kernel
def _indent(data: NDArray[np.uint8], lo: int, hi: int) -> int:
    """Columns of white space before a line's content; a tab counts as four."""
    columns = 0
    for at in range(lo, hi):
        if data[at] == _BLANK:
            columns += 1
        elif data[at] == _TAB:
            columns += 4
        else:
            break
    return columns


@kernel
def _fence(data: NDArray[np.uint8], lo: int, hi: int) -> int:
    """Length of a run of three or more ` or ~ that begins a line's content, negative for ~; 0 for none."""
    at = lo
    while at < hi and (data[at] == _BLANK or data[at] == _TAB):
        at += 1
    if at == hi or (data[at] != _TICK and data[at] != _TILDE):
        return 0
    mark, first = data[at], at
    while at < hi and data[at] == mark:
        at += 1
    length = at - first
    if length < 3:
        return 0
    return length if mark == _TICK else -length


@kernel
def _is_row(data: NDArray[np.uint8], lo: int, hi: int) -> bool:
    """Whether a line looks like a row of a table: bars, several tabs, or the rule of a grid."""
    bars = tabs = 0
    content = False
    for at in range(lo, hi):
        byte = data[at]
        if not content and byte != _BLANK and byte != _TAB:
            content = True
            if byte == _BAR:
                return True
            if byte == _PLUS and at + 1 < hi and (data[at + 1] == 45 or data[at + 1] == 61):
                return True
        if byte == _BAR:
            bars += 1
        elif byte == _TAB and content:
            tabs += 1
    return bars >= 2 or tabs >= 2


@kernel
def _find(data: NDArray[np.uint8], byte: int, lo: int) -> int:
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
def _may_have_fence(data: NDArray[np.uint8]) -> bool:
    """Whether three ` or three ~ stand side by side anywhere."""
    for mark in (_TICK, _TILDE):
        at = _find(data, mark, 0)
        while at + 2 < len(data):
            if data[at + 1] == mark and data[at + 2] == mark:
                return True
            at = _find(data, mark, at + 1)
    return False


@kernel
def _line_before(data: NDArray[np.uint8], first: int) -> int:
    """Where the last line with content that begins before `first` begins; 0 if there is none."""
    lo = min(first, len(data))
    while lo > 0:
        hi = lo - 1
        lo = hi
        while lo > 0 and data[lo - 1] != _NEWLINE:
            lo -= 1
        if not _is_blank(data, lo, hi):
            break
    return lo


@kernel
def find_slots(
    data: NDArray[np.uint8],
    table: NDArray[np.uint8],
    first: int,
    last: int,
    offsets: NDArray[np.int64],
    kinds: NDArray[np.int8],
) -> int:
    """The slots of one text, ascending, into `offsets` and `kinds` (len(data) + 2 of each); returns how many.

    All between the bytes `first` and `last`, both included, are found, and a few beyond.

    Args:
        data: uint8[bytes], valid UTF-8.
        table: `places_table()`.
        first: no slot before it is wanted.
        last: no slot after it is wanted.
        offsets: int64, filled with byte offsets.
        kinds: int8, filled with `START` ... `WORD`.
    """
    size = len(data)
    offsets[0], kinds[0], count = 0, START, 1
    fenced = _may_have_fence(data)
    fence = 0
    was_blank, was_indented, ended_sentence = False, False, False
    # Without a fence only the line before matters to a line, and blank lines between.
    lo = 0 if fenced else _line_before(data, first)
    while lo < size and (fenced or lo <= last):
        hi = _find(data, _NEWLINE, lo)
        after = min(hi + 1, size)
        if _is_blank(data, lo, hi):
            was_blank, ended_sentence = True, False
            lo = after
            continue
        mark = _fence(data, lo, hi) if fenced else 0
        in_fence = fence != 0
        indented = _indent(data, lo, hi) >= 4
        if not in_fence and was_blank and lo > 0 and not (indented and was_indented):
            code, _ = _character(data, lo)
            if not table[code] & _BELONGS:
                offsets[count], kinds[count] = lo, PARAGRAPH
                count += 1
        if mark != 0 and not in_fence:
            fence = mark
        elif in_fence and mark * fence > 0 and abs(mark) >= abs(fence):
            fence = 0
        ended = False
        if not in_fence and mark == 0 and not indented and after >= first and lo <= last and not _is_row(data, lo, hi):
            count, ended = _slots_in_line(data, table, lo, hi, ended_sentence and not was_blank, offsets, kinds, count)
        was_blank, was_indented, ended_sentence = False, indented, ended
        lo = after
    if fence == 0 and 0 < size <= last:
        offsets[count], kinds[count] = size, END
        count += 1
    return count


@kernel
def _slots_in_line(
    data: NDArray[np.uint8],
    table: NDArray[np.uint8],
    lo: int,
    hi: int,
    may_begin: bool,
    offsets: NDArray[np.int64],
    kinds: NDArray[np.int8],
    count: int,
) -> tuple[int, bool]:
    """The slots within one line of prose; how many there are now, and whether the line ends with a sentence.

    `may_begin`: the line before ended with a sentence, so that a slot may stand at the very start of this one.
    """
    at = lo
    before = 0
    sentence = spaced = ticked = tagged = url = False
    while at < hi:
        code, length = _character(data, at)
        kind = table[code]
        if at == lo:
            letter = code >= 128 or (65 <= code <= 90)
            if may_begin and letter and not kind & (_BELONGS | _SMALL | _WHITE):
                offsets[count], kinds[count] = at, SENTENCE
                count += 1
        elif not ticked and not tagged and not kind & (_BELONGS | _WHITE):
            # A comma or a full stop belongs to the word before it, also across a space.
            begins = not kind & (_ENDS_SENTENCE | _CLOSES) and code != 44 and code != 58 and code != 59
            if spaced and begins:
                offsets[count], kinds[count] = at, SENTENCE if sentence and not kind & _SMALL else WORD
                count += 1
            elif before & _ALONE and kind & _ALONE and not url:
                offsets[count], kinds[count] = at, WORD
                count += 1
            elif sentence and kind & _ALONE and not url and not spaced:
                offsets[count], kinds[count] = at, SENTENCE
                count += 1
        if kind & _WHITE:
            spaced, url = at > lo, False
            before = 0
        else:
            if kind & _ENDS_SENTENCE:
                sentence = True
            elif not (sentence and kind & _CLOSES):
                sentence = False
            spaced, before = False, kind
            if code == _TICK:
                ticked = not ticked
            elif code == 60 and at + 1 < hi:
                following = data[at + 1]
                tagged = tagged or following == 47 or following == 33 or 65 <= (following & 0xDF) <= 90
            elif code == 62:
                tagged = False
            elif code in (46, 47):
                url = url or _begins_url(data, lo, at)
        at += length
    return count, sentence


@kernel
def _begins_url(data: NDArray[np.uint8], lo: int, at: int) -> bool:
    """Whether `://` or `www.` ends with the byte at `at`."""
    if at < lo + 2:
        return False
    if data[at] == 47:
        return bool(data[at - 1] == 47 and data[at - 2] == 58)
    return bool(at >= lo + 3 and data[at - 1] == 119 and data[at - 2] == 119 and data[at - 3] == 119)


@kernel
def nearest(
    offsets: NDArray[np.int64],
    kinds: NDArray[np.int8],
    used: NDArray[np.bool_],
    count: int,
    wanted: int,
) -> int:
    """The slot for a wanted byte offset.

    Of the free ones a paragraph's end within reach, then a sentence's, then the nearest of all; of two that are equally
    near the earlier. If none is free, the nearest of all.
    """
    best, best_distance, best_rank = -1, 0, 4
    for slot in range(count):
        if used[slot]:
            continue
        distance = abs(offsets[slot] - wanted)
        if kinds[slot] <= PARAGRAPH and distance <= PARAGRAPH_REACH:
            rank = 1
        elif kinds[slot] == SENTENCE and distance <= SENTENCE_REACH:
            rank = 2
        else:
            rank = 3
        if rank < best_rank or (rank == best_rank and distance < best_distance):
            best, best_distance, best_rank = slot, distance, rank
    if best >= 0:
        return best
    best = 0
    for slot in range(1, count):
        if abs(offsets[slot] - wanted) < abs(offsets[best] - wanted):
            best = slot
    return best


@kernel
def separators(
    data: NDArray[np.uint8], table: NDArray[np.uint8], offset: int, kind: int, returns: bool
) -> tuple[int, int]:
    """What goes before and after an insertion at a slot: codes of two separators.

    `returns`: the text's lines end in carriage return and newline.
    """
    size = len(data)
    blank = CR_BLANK_LINE if returns else BLANK_LINE
    line = CR_LINE if returns else LINE
    if kind in (START, PARAGRAPH):
        return NOTHING, blank
    if kind == END:
        if size == 0 or data[size - 1] != _NEWLINE:
            return blank, NOTHING
        at = size - 2
        while at >= 0 and (data[at] == _BLANK or data[at] == _TAB or data[at] == _RETURN):
            at -= 1
        return (NOTHING if at < 0 or data[at] == _NEWLINE else line), NOTHING
    if data[offset - 1] == _NEWLINE:
        return NOTHING, line
    # What stands before a slot is white space or a character that is a word of its own: only the latter is no blank.
    at = offset - 1
    while at > 0 and data[at] & 0xC0 == 0x80:
        at -= 1
    code, _ = _character(data, at)
    return (NOTHING if table[code] & _WHITE else SPACE), SPACE


@kernel
def choose_slots(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    first: NDArray[np.int64],
    fractions: NDArray[np.uint64],
    table: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.int8], NDArray[np.int8]]:
    """A slot for each of the insertions into some texts.

    Args:
        data: uint8, the texts' UTF-8.
        starts: int64[texts], where each begins.
        ends: int64[texts], where each ends.
        first: int64[texts + 1]: text t takes the insertions first[t] <= i < first[t + 1].
        fractions: uint64[insertions], the wanted place as 2**64 times the share of the text before it.
        table: `places_table()`.

    Returns:
        int64[insertions] byte offsets within the text, and for each its kind, separator before and separator after.
    """
    total = len(fractions)
    at, kind = np.empty(total, np.int64), np.empty(total, np.int8)
    lead, tail = np.empty(total, np.int8), np.empty(total, np.int8)
    chosen = np.empty(total, np.int64)
    longest = 0
    for text in range(len(starts)):
        longest = max(longest, ends[text] - starts[text])
    offsets, kinds = np.empty(longest + 2, np.int64), np.empty(longest + 2, np.int8)
    used = np.empty(longest + 2, np.bool_)
    for text in range(len(starts)):
        own = data[starts[text] : ends[text]]
        size = len(own)
        newline = _find(own, _NEWLINE, 0)
        returns = 0 < newline < size and own[newline - 1] == _RETURN
        lowest: Any = np.int64(size)
        highest: Any = np.int64(0)
        for insertion in range(first[text], first[text + 1]):
            wanted = np.int64((fractions[insertion] >> np.uint64(32)) * np.uint64(size) >> np.uint64(32))
            at[insertion] = wanted
            lowest, highest = min(lowest, wanted), max(highest, wanted)
        # What is chosen nearly always lies within reach: all of a text is looked at only where it does not.
        for whole in range(2):
            reach: Any = size if whole else PARAGRAPH_REACH
            count = find_slots(own, table, max(0, lowest - reach), highest + reach, offsets, kinds)
            used[:count] = False
            near = True
            for insertion in range(first[text], first[text + 1]):
                slot = nearest(offsets, kinds, used, count, at[insertion])
                near = near and not used[slot] and abs(offsets[slot] - at[insertion]) <= PARAGRAPH_REACH
                used[slot] = True
                chosen[insertion] = slot
            if near:
                break
        for insertion in range(first[text], first[text + 1]):
            slot = chosen[insertion]
            at[insertion], kind[insertion] = offsets[slot], kinds[slot]
            before, after = separators(own, table, offsets[slot], kinds[slot], returns)
            lead[insertion], tail[insertion] = before, after
    return at, kind, lead, tail
