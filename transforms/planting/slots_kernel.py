"""Where in a text something may be inserted, and which of those slots is next to a wanted place.

A slot is a byte offset in UTF-8 text at which no character, grapheme, word or line of code, table or URL is cut apart.
Lines are classed first (fence, table row, indented, prose); within prose the characters decide.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

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
def find_slots(
    data: NDArray[np.uint8],
    table: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    kinds: NDArray[np.int8],
) -> int:
    """All slots of one text, ascending, into `offsets` and `kinds` (len(data) + 2 of each); returns how many.

    Args:
        data: uint8[bytes], valid UTF-8.
        table: `places_table()`.
        offsets: int64, filled with byte offsets.
        kinds: int8, filled with `START` ... `WORD`.
    """
    size = len(data)
    offsets[0], kinds[0], count = 0, START, 1
    fence = 0
    was_blank, was_indented, ended_sentence, was_prose = False, False, False, False
    lo = 0
    while lo < size:
        hi = lo
        while hi < size and data[hi] != _NEWLINE:
            hi += 1
        after = min(hi + 1, size)
        if _is_blank(data, lo, hi):
            was_blank, ended_sentence = True, False
            lo = after
            continue
        mark = _fence(data, lo, hi)
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
        prose = not in_fence and mark == 0 and not indented and not _is_row(data, lo, hi)
        ended = False
        if prose:
            count, ended = _slots_in_line(
                data, table, lo, hi, ended_sentence and was_prose and not was_blank, offsets, kinds, count
            )
        was_blank, was_indented, was_prose, ended_sentence = False, indented, prose, ended
        lo = after
    if fence == 0 and size > 0:
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
    longest = 0
    for text in range(len(starts)):
        longest = max(longest, ends[text] - starts[text])
    offsets, kinds = np.empty(longest + 2, np.int64), np.empty(longest + 2, np.int8)
    used = np.empty(longest + 2, np.bool_)
    for text in range(len(starts)):
        own = data[starts[text] : ends[text]]
        size = len(own)
        count = find_slots(own, table, offsets, kinds)
        used[:count] = False
        returns = False
        for byte in range(size):
            if own[byte] == _NEWLINE:
                returns = byte > 0 and own[byte - 1] == _RETURN
                break
        for insertion in range(first[text], first[text + 1]):
            share = fractions[insertion] >> np.uint64(32)
            wanted: Any = np.int64(share * np.uint64(size) >> np.uint64(32))
            slot = nearest(offsets, kinds, used, count, wanted)
            used[slot] = True
            at[insertion], kind[insertion] = offsets[slot], kinds[slot]
            before, after = separators(own, table, offsets[slot], kinds[slot], returns)
            lead[insertion], tail[insertion] = before, after
    return at, kind, lead, tail
