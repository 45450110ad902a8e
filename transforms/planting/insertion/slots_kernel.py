"""Where in a text something may be inserted, and which of those slots is next to a wanted place.

A slot is a byte offset in UTF-8 text at which no character, grapheme, word or line of code, table or URL is cut apart.
Lines are classed first (fence, table row, indented, prose); within prose the characters decide.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.base.kernels import inline_kernel, kernel
from transforms.planting.insertion.lines_kernel import (
    BAR,
    BLANK,
    LESS,
    NEWLINE,
    RETURN,
    TAB,
    TICK,
    TILDE,
    closes_fence,
    find_byte,
    indent_columns,
    is_blank,
    is_quoted,
    is_rule,
    line_begin,
    lines_before,
    may_end_sentence,
    may_have_fence,
    may_have_rule,
    may_open,
    opening_fence,
    simple_table_end,
    span_end,
    table_row,
    text_start,
    underlines,
)

START, END, PARAGRAPH, SENTENCE, WORD = 0, 1, 2, 3, 4
"""Kinds of slot: before the text, after it, between paragraphs, between sentences, between words."""

NOTHING, SPACE, LINE, BLANK_LINE, CR_LINE, CR_BLANK_LINE = 0, 1, 2, 3, 4, 5
"""Separators: '', ' ', newline, two newlines, and the last two as carriage return and newline."""

_WHITE, _ENDS_LINE, _ENDS_SENTENCE, _CLOSES, _BELONGS, _SMALL, _ALONE = 1, 2, 4, 8, 16, 32, 64

NO_LINES, ENDED_LINES, ALL_LINES = 0, 1, 2
"""Of which lines the slots are wanted."""

_TILDES, _TICKS, _RULES, _OPENS = 1, 2, 4, 8

PARAGRAPH_REACH, SENTENCE_REACH = 1500, 400
"""Bytes from the wanted place within which a paragraph's, then a sentence's end is preferred."""

_LONGEST_TICKS = 7
"""Runs of more backticks than this open no inline code."""


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
def marks_in(data: NDArray[np.uint8]) -> int:
    """What may be in a text and has to be looked for in its lines: `_TILDES`, `_TICKS`, `_RULES` and `_OPENS`."""
    found = _TILDES if may_have_fence(data, TILDE) else 0
    found |= _TICKS if may_have_fence(data, TICK) else 0
    found |= _RULES if may_have_rule(data) else 0
    return found | (_OPENS if may_open(data) else 0)


@kernel
def find_slots(
    data: NDArray[np.uint8],
    marks: int,
    table: NDArray[np.uint8],
    lows: NDArray[np.int64],
    highs: NDArray[np.int64],
    within: int,
    offsets: NDArray[np.int64],
    kinds: NDArray[np.int8],
) -> int:
    """The slots of one text, ascending, into `offsets` and `kinds` (len(data) + 2 of each); returns how many.

    All within the wanted stretches are found, and a few beyond.

    Args:
        data: uint8[bytes], valid UTF-8.
        marks: `marks_in(data)`.
        table: `places_table()`.
        lows: int64[k], the first byte of each stretch in which slots are wanted, ascending; one or more.
        highs: int64[k], the last byte of each, itself included; less than the next stretch's first.
        within: of which lines those between sentences and words are wanted, too, which take most of the time: of
            `NO_LINES`, of `ENDED_LINES` (at least those that end with a sentence), or of `ALL_LINES`.
        offsets: int64, filled with byte offsets.
        kinds: int8, filled with `START` ... `WORD`.
    """
    size = len(data)
    begin = text_start(data)
    count = 0
    if begin < size or size == 0:
        offsets[0], kinds[0], count = begin, START, 1
    # A title that is underlined with ~ is told from a fence by the line before it, wherever that is.
    tildes, fenced, ruled = marks & _TILDES != 0, marks & (_TILDES | _TICKS) != 0, marks & _RULES != 0
    # Without fences and rules only the paragraph and the last line before it matter to a line, and of the paragraph
    # only lines that may open code, a tag or a table.
    everything = fenced or ruled
    plain = not everything and not marks & _OPENS
    stretch, last = 0, highs[len(highs) - 1]
    near, whole = lines_before(data, lows[0], plain, 0)
    near = max(begin, near)
    fence, ruled_to = 0, 0
    quoted, in_table = False, False
    was_blank, was_indented, was_prose, ended_sentence = False, False, False, False
    spans = np.zeros(_LONGEST_TICKS + 2, np.int64)
    # Where each of what may open code, a tag or a table stands next.
    tick: Any = np.int64(-1 if marks & _OPENS else size)
    less: Any = tick
    bar: Any = tick
    lo: Any = begin if everything else near
    while lo < size and lo <= last:
        if lo > highs[stretch]:
            stretch += 1
            near, whole = lines_before(data, lows[stretch], plain, lo)
            near = max(begin, near)
            if near > lo and not everything:
                lo = near
                was_blank, was_indented, was_prose, ended_sentence, in_table = False, False, False, False, False
            continue
        if within != NO_LINES and near <= lo:
            tick = find_byte(data, TICK, lo) if tick < lo else tick
            less = find_byte(data, LESS, lo) if less < lo else less
            bar = find_byte(data, BAR, lo) if bar < lo else bar
            if lo < whole and not everything:  # the lines of the paragraph up to the next that may open something
                upto = min(tick, less, bar)
                upto = line_begin(data, upto) if upto < whole else whole
                if upto > lo:
                    lo = upto
                    was_blank, was_indented, was_prose, ended_sentence = False, False, False, False
                    continue
        hi = find_byte(data, NEWLINE, lo)
        after = min(hi + 1, size)
        blank = is_blank(data, lo, hi)
        if quoted and (blank or not is_quoted(data, lo, hi)):
            fence, quoted = 0, False
        if blank:
            was_blank, was_prose, ended_sentence, in_table = True, False, False, False
            lo = after
            continue
        in_fence, in_rules = fence != 0, lo < ruled_to
        indented = indent_columns(data, lo, hi) >= 4
        if not in_fence and not in_rules and was_blank and lo > begin and not (indented and was_indented):
            code, _ = _character(data, lo)
            if not table[code] & _BELONGS:
                offsets[count], kinds[count] = lo, PARAGRAPH
                count += 1
        prose, ended = False, False
        inner = False
        if within != NO_LINES and near <= lo:
            inner = within == ALL_LINES or may_end_sentence(data, lo, hi)
            inner = (inner and whole <= lo) or min(tick, less, bar) < hi
        if in_fence:
            if closes_fence(data, lo, hi, fence, quoted):
                fence, quoted = 0, False
        elif not in_rules:
            if fenced:
                fence, quoted = opening_fence(data, lo, hi)
                if fence < 0 and was_prose and underlines(data, lo, hi):
                    fence, quoted = 0, False
            if fence != 0:
                in_table = False
            elif ruled and is_rule(data, lo, hi):
                ruled_to = simple_table_end(data, after)
            elif tildes or inner:
                row, begins_body = table_row(data, lo, hi)
                in_table = in_table or begins_body
                prose = not (row or in_table or indented)
        if prose and inner:
            may_begin = ended_sentence and not was_blank
            count, ended = _slots_in_line(data, table, lo, hi, may_begin, spans, offsets, kinds, count)
        was_blank, was_indented, was_prose, ended_sentence = False, indented, prose, ended
        lo = after
    # A fence in a quotation ends with it, and so before what stands behind a blank line.
    if (fence == 0 or quoted) and 0 < size <= last:
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
    spans: NDArray[np.int64],
    offsets: NDArray[np.int64],
    kinds: NDArray[np.int8],
    count: int,
) -> tuple[int, bool]:
    """The slots within one line of prose; how many there are now, and whether the line ends with a sentence.

    `may_begin`: the line before ended with a sentence, so that a slot may stand at the very start of this one.
    `spans`: int64[9], kept from line to line: where the inline code or tag ends that was opened last, and up to where
    nothing closes 1 ... 7 backticks (in 1 ... 7) or a tag (in 8).
    """
    at = lo
    before, ticks_to = 0, 0
    sentence = spaced = host = url = False
    while at < hi:
        # Most bytes are small letters and blanks, for which the rules below come to this.
        if at > lo and 97 <= data[at] <= 122:
            if spaced and at >= spans[0]:
                offsets[count], kinds[count] = at, WORD
                count += 1
            while at < hi and 97 <= data[at] <= 122:
                at += 1
            before, sentence, spaced = 0, False, False
            continue
        if data[at] == BLANK:
            before, spaced, host, url = 0, at > lo, False, False
            at += 1
            continue
        code, length = _character(data, at)
        kind = table[code]
        if at == lo:
            letter = code >= 128 or (65 <= code <= 90)
            if may_begin and at >= spans[0] and letter and not kind & (_BELONGS | _SMALL | _WHITE):
                offsets[count], kinds[count] = at, SENTENCE
                count += 1
        elif at >= spans[0] and not kind & (_BELONGS | _WHITE):
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
            spaced, host, url = at > lo, False, False
            before = 0
        else:
            if kind & _ENDS_SENTENCE:
                sentence = True
            elif not (sentence and kind & _CLOSES):
                sentence = False
            spaced, before = False, kind
            if code == TICK and at >= max(spans[0], ticks_to):
                ticks_to = at + 1
                while ticks_to < hi and data[ticks_to] == TICK:
                    ticks_to += 1
                if ticks_to - at <= _LONGEST_TICKS:
                    _open_span(data, ticks_to, TICK, ticks_to - at, spans)
            elif code == 60 and at >= spans[0] and at + 1 < hi:
                following = data[at + 1]
                if following == 47 or following == 33 or 65 <= (following & 0xDF) <= 90:
                    _open_span(data, at + 1, 62, 0, spans)
            elif code == 46:
                url = url or _begins_url(data, lo, at)
                host = at > lo and not spaced and at + 1 < hi and 65 <= (data[at + 1] & 0xDF) <= 90
            elif code == 47:
                url = url or host or _begins_url(data, lo, at)
            elif not (48 <= code <= 58 or code == 45 or 65 <= (code & ~0x20) <= 90):
                host = False
        at += length
    return count, sentence


@kernel
def _open_span(data: NDArray[np.uint8], lo: int, mark: int, width: int, spans: NDArray[np.int64]) -> None:
    """Note in `spans` where what opens before `lo` is closed, or that nothing closes it."""
    known = width if width else _LONGEST_TICKS + 1
    if lo < spans[known]:
        return
    end, closed = span_end(data, lo, mark, width)
    spans[0 if closed else known] = end


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
    lower, upper = -1, count
    while upper - lower > 1:
        middle = (lower + upper) >> 1
        if offsets[middle] <= wanted:
            lower = middle
        else:
            upper = middle
    best, nearer, is_sentence = -1, -1, False
    while lower >= 0 or upper < count:
        # From the place outwards, the earlier first of two that are equally near.
        down = upper == count or (lower >= 0 and wanted - offsets[lower] <= offsets[upper] - wanted)
        slot = lower if down else upper
        if down:
            lower -= 1
        else:
            upper += 1
        distance = abs(offsets[slot] - wanted)
        nearer = slot if nearer < 0 else nearer
        if best >= 0 and distance > PARAGRAPH_REACH:
            break
        if used[slot]:
            continue
        if kinds[slot] <= PARAGRAPH and distance <= PARAGRAPH_REACH:
            return slot
        if kinds[slot] == SENTENCE and distance <= SENTENCE_REACH and not is_sentence:
            best, is_sentence = slot, True
        elif best < 0:
            best = slot
    return best if best >= 0 else nearer


@kernel
def separators(
    data: NDArray[np.uint8], table: NDArray[np.uint8], offset: int, kind: int, returns: bool, later: bool
) -> tuple[int, int]:
    """What goes before and after an insertion at a slot: codes of two separators.

    Args:
        data: uint8[bytes], one text.
        table: `places_table()`.
        offset: the slot, in bytes.
        kind: its kind.
        returns: the text's lines end in carriage return and newline.
        later: another insertion stands before this one in the same slot.
    """
    size = len(data)
    blank = CR_BLANK_LINE if returns else BLANK_LINE
    line = CR_LINE if returns else LINE
    if kind in (START, PARAGRAPH):
        return NOTHING, blank
    if kind == END:
        if later or size == 0:
            return blank, NOTHING
        if data[size - 1] == RETURN:
            # A newline alone would become one character with the carriage return.
            return CR_BLANK_LINE, NOTHING
        if data[size - 1] != NEWLINE:
            return blank, NOTHING
        at = size - 2
        while at >= 0 and (data[at] == BLANK or data[at] == TAB or data[at] == RETURN):
            at -= 1
        return (NOTHING if at < 0 or data[at] == NEWLINE else line), NOTHING
    if data[offset - 1] == NEWLINE:
        return NOTHING, line
    # What stands before a slot is white space or a character that is a word of its own: only the latter is no blank.
    at = offset - 1
    while at > 0 and data[at] & 0xC0 == 0x80:
        at -= 1
    code, _ = _character(data, at)
    return (NOTHING if table[code] & _WHITE else SPACE), SPACE


@kernel
def choose_separators(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    first: NDArray[np.int64],
    at: NDArray[np.int64],
    kinds: NDArray[np.int8],
    table: NDArray[np.uint8],
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """What parts the insertions from what stands before and after them, and from each other.

    Args:
        data: uint8, the texts' UTF-8.
        starts: int64[texts], where each begins.
        ends: int64[texts], where each ends.
        first: int64[texts + 1]: text t takes the insertions first[t] <= i < first[t + 1].
        at: int64[insertions], byte offsets within the text, ascending within each.
        kinds: int8[insertions], the kinds of these slots.
        table: `places_table()`.

    Returns:
        int8[insertions] separators before, and after.
    """
    lead, tail = np.empty(len(at), np.int8), np.empty(len(at), np.int8)
    for text in range(len(starts)):
        own = data[starts[text] : ends[text]]
        newline = find_byte(own, NEWLINE, 0)
        returns = 0 < newline < len(own) and own[newline - 1] == RETURN
        for insertion in range(first[text], first[text + 1]):
            later = insertion > first[text] and at[insertion - 1] == at[insertion]
            before, after = separators(own, table, at[insertion], kinds[insertion], returns, later)
            lead[insertion], tail[insertion] = before, after
    return lead, tail
