"""The slot of each insertion; for sentences one between two sentences of a line, or behind the last one of a line.

Sentences end as Unicode Standard Annex 29, section 5, has it, with one difference: the end of a line alone ends none.
What is code, table, heading, URL or tag is known from `find_slots`: a sentence is inserted only where a word could be.

A line that does not end in a mark is dropped by common filters of web text with all that stands in it (Raffel et al.
2020, section 2.2), so the lines that do are preferred.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.base.kernels import inline_kernel, kernel
from transforms.planting.insertion.lines_kernel import (
    BLANK,
    NEWLINE,
    RETURN,
    TAB,
    TICK,
    find_byte,
    is_blank,
    line_begin,
    may_end_sentence,
)
from transforms.planting.insertion.slots_kernel import (
    ALL_LINES,
    ENDED_LINES,
    NO_LINES,
    NOTHING,
    PARAGRAPH,
    PARAGRAPH_REACH,
    SENTENCE,
    SPACE,
    WORD,
    find_slots,
    marks_in,
    nearest,
)

INSIDE, LINE_END = 5, 6
"""Kinds of slot: between two sentences of a line; behind the last sentence of a line."""

_ATERM, _STERM, _CLOSE, _SP, _LOWER, _UPPER, _OTHER_LETTER, _NUMERIC, _CONTINUES, _EXTENDS, _SEPARATOR = range(1, 12)
_WHITE = 1
_PROSE, _LIST, _WRAPPED, _APART, _ANYWHERE = 0, 1, 2, 3, 4
"""How well a slot suits a sentence, best first.

In prose; in an item of a list or a quotation; in a line that ends in no mark; between paragraphs; between words.
"""


_NEAR = 400
"""Bytes around the wanted place that are looked at first for a sentence, then four times as many again and again."""


@inline_kernel
def _character(data: NDArray[np.uint8], at: int) -> tuple[Any, int]:
    """Code point and length in bytes of the character at `at` of valid UTF-8."""
    first = np.int64(data[at])
    if first < 0x80:
        return first, 1
    length = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    code = first & (0xFF >> (length + 1))
    for further in range(1, length):
        code = code << 6 | (np.int64(data[at + further]) & 0x3F)
    return code, length


@kernel
def _goes_on(data: NDArray[np.uint8], classes: NDArray[np.uint8], at: int, hi: int) -> bool:
    """Whether a small letter is the first letter from `at` on: then a full stop before it ends no sentence (SB8)."""
    while at < hi:
        code, length = _character(data, at)
        kind = classes[code]
        if kind == _LOWER:
            return True
        if kind in (_UPPER, _OTHER_LETTER, _SEPARATOR, _ATERM, _STERM):
            return False
        at += length
    return False


@kernel
def sentences_of_line(
    data: NDArray[np.uint8], classes: NDArray[np.uint8], lo: int, hi: int, breaks: NDArray[np.int64]
) -> tuple[int, int, bool]:
    """Where in the line `data[lo:hi]` a sentence begins behind another one.

    Args:
        data: uint8, valid UTF-8.
        classes: `sentence_classes()`.
        lo: where the line begins.
        hi: where it ends, before the newline.
        breaks: int64, filled with byte offsets, ascending.

    Returns:
        How many; the offset behind the last sentence if the line ends with one (white space not counted), else -1; and
        whether that end is a full stop, which is none if a small letter follows.
    """
    # Since the last mark: 0 none, 1 the mark itself, 2 something that closes, 3 white space.
    state, count, behind = 0, 0, 0
    full_stop = letter = before_stop = False
    at = lo
    while at < hi:
        if state == 0 and 97 <= data[at] <= 122:  # most bytes are small letters, with which nothing ends
            while at < hi and 97 <= data[at] <= 122:
                at += 1
            letter = True
            continue
        code, length = _character(data, at)
        kind = classes[code]
        if kind == _EXTENDS:
            behind = at + length if behind == at else behind
            at += length
            continue
        mark = kind in (_ATERM, _STERM)
        if state > 0 and not mark:
            if (kind == _CLOSE and state < 3) or kind in (_SP, _SEPARATOR):
                closes = kind == _CLOSE
                state = 2 if closes else 3
                behind = at + length if closes else behind
                at += length
                continue
            joined = full_stop and state == 1 and (kind == _NUMERIC or (before_stop and kind == _UPPER))
            if not (joined or kind == _CONTINUES or (full_stop and _goes_on(data, classes, at, hi))):
                breaks[count] = at
                count += 1
            state = 0
        if mark:
            state, behind = 1, at + length
            full_stop, before_stop = kind == _ATERM, letter
        letter = kind in (_UPPER, _LOWER)
        at += length
    return count, behind if state > 0 else -1, full_stop


@kernel
def _sentence_ends_well(data: NDArray[np.uint8], lo: int, end: int, classes: NDArray[np.uint8]) -> bool:
    """Whether a line that ends with a sentence at `end` ends in its mark or a straight quote, not in an ellipsis."""
    last = data[end - 1]
    if last in (34, 39):
        return True
    if last < 0x80:
        return bool(last in (33, 46, 63) and not (end - 3 >= lo and last == 46 and data[end - 2] == 46))
    at = end - 1
    while data[at] & 0xC0 == 0x80:
        at -= 1
    code, _ = _character(data, at)
    return bool(classes[code] in (_ATERM, _STERM))


@kernel
def _line_class(data: NDArray[np.uint8], lo: int, hi: int) -> int:
    """`_PROSE`; `_LIST` for an item of a list or a quotation; `_ANYWHERE` for a heading."""
    at = lo
    while at < hi and (data[at] == BLANK or data[at] == TAB):
        at += 1
    if at == hi:
        return _PROSE
    first = data[at]
    if first == 35:
        return _ANYWHERE
    after = at
    if first == 62:
        return _LIST
    if first in (42, 43, 45):
        after = at + 1
    elif first == 0xE2 and at + 2 < hi and data[at + 1] == 0x80 and data[at + 2] in (0x93, 0x94, 0xA2):
        after = at + 3  # en dash, em dash, bullet
    else:
        while after < hi and after - at < 9 and 48 <= data[after] <= 57:
            after += 1
        after = after + 1 if after > at and after < hi and data[after] in (41, 46) else at
    if after > at and after < hi and data[after] in (BLANK, TAB):
        return _LIST
    below = find_byte(data, NEWLINE, hi + 1) if hi < len(data) else hi
    under = below
    while under > hi and (data[under - 1] == BLANK or data[under - 1] == RETURN):
        under -= 1
    length = under - hi - 1
    if length >= 3 and data[hi + 1] in (34, 39, 42, 43, 45, 61, 94, 126):
        same = 1
        while same < length and data[hi + 1 + same] == data[hi + 1]:
            same += 1
        if same == length:
            return _ANYWHERE
    return _PROSE


@kernel
def _has_letters(data: NDArray[np.uint8], lo: int, hi: int) -> bool:
    """Whether anything but digits, ASCII punctuation and blanks stands there: a number alone is no sentence."""
    at = lo
    while at < hi and data[at] < 65:
        at += 1
    return at < hi


@kernel
def _is_closed(data: NDArray[np.uint8], last: int, end: int) -> bool:
    """Whether `last`, the last slot of a line, begins its last word or code, and no code or tag is open at `end`."""
    runs, width, opened, white = 0, 0, 0, False
    at = last
    while at < end:
        byte = data[at]
        if byte == TICK:
            begin = at
            while at < end and data[at] == TICK:
                at += 1
            if runs % 2 == 1 and at - begin != width:
                return False
            runs, width = runs + 1, at - begin
            continue
        opened += (byte == 60) - (byte == 62)
        white = white or (byte in (BLANK, TAB) and runs % 2 == 0 and opened == 0)
        at += 1
    return runs % 2 == 0 and opened == 0 and not white


@kernel
def _sentence_slots(
    data: NDArray[np.uint8],
    classes: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    kinds: NDArray[np.int8],
    count: int,
    all_lines: bool,
    found: NDArray[np.int64],
    found_kinds: NDArray[np.int8],
    ranks: NDArray[np.int8],
    breaks: NDArray[np.int64],
) -> int:
    """The slots of a text with those for sentences among them, in no order; how many.

    `offsets` and `kinds`: `count` slots from `find_slots`. `found`, `found_kinds`, `ranks`: filled, `2 count` at most.
    Without `all_lines` only those of the rank `_PROSE` are wanted.
    """
    total, slot = 0, 0
    while slot < count:
        if kinds[slot] != WORD and kinds[slot] != SENTENCE:
            if not all_lines:
                slot += 1
                continue
            found[total], found_kinds[total], ranks[total] = offsets[slot], kinds[slot], _APART
            total += 1
            slot += 1
            continue
        lo = line_begin(data, offsets[slot])
        hi = find_byte(data, NEWLINE, offsets[slot])
        rank = _line_class(data, lo, hi) if all_lines or may_end_sentence(data, lo, hi) else _ANYWHERE
        if not all_lines and rank != _PROSE:
            while slot < count and offsets[slot] < hi and (kinds[slot] == WORD or kinds[slot] == SENTENCE):
                slot += 1
            continue
        breaks_here, end, full_stop = sentences_of_line(data, classes, lo, hi, breaks)
        within = rank if end >= 0 and _sentence_ends_well(data, lo, end, classes) else max(rank, _WRAPPED)
        last, at_break = offsets[slot], 0
        while slot < count and offsets[slot] < hi and (kinds[slot] == WORD or kinds[slot] == SENTENCE):
            last = offsets[slot]
            while at_break < breaks_here and breaks[at_break] < last:
                at_break += 1
            begins = at_break < breaks_here and breaks[at_break] == last and rank != _ANYWHERE
            begins = begins and _has_letters(data, lo, last)
            if begins or all_lines:
                found[total], found_kinds[total] = last, INSIDE if begins else kinds[slot]
                ranks[total] = within if begins else _ANYWHERE
                total += 1
            slot += 1
        if end > last and rank != _ANYWHERE and _is_closed(data, last, end):
            following = find_byte(data, NEWLINE, hi + 1) if hi < len(data) else hi
            goes_on = full_stop and not is_blank(data, hi + 1, following)
            if not (goes_on and _goes_on(data, classes, hi + 1, following)):
                found[total], found_kinds[total], ranks[total] = end, LINE_END, rank
                total += 1
    return total


@kernel
def _best(
    offsets: NDArray[np.int64], ranks: NDArray[np.int8], used: NDArray[np.bool_], count: int, wanted: int, reach: int
) -> tuple[int, bool]:
    """The slot for a sentence that is wanted at a byte offset, and whether it is a free one in prose within `reach`."""
    best, best_rank, best_distance = -1, 0, 0
    for slot in range(count):
        distance = abs(offsets[slot] - wanted)
        rank = ranks[slot] + (100 if used[slot] else 0)
        if best < 0 or rank < best_rank or (rank == best_rank and distance < best_distance):
            best, best_rank, best_distance = slot, rank, distance
    return best, best_rank == _PROSE and best_distance <= reach


@kernel
def _stretches(
    wanted: NDArray[np.int64], reaches: NDArray[np.int64], lows: NDArray[np.int64], highs: NDArray[np.int64]
) -> int:
    """What lies within reach of the wanted places: disjoint stretches into `lows` and `highs`; how many."""
    # By insertion: they are mostly in order, and compiling a sort of NumPy takes seconds.
    for number in range(len(wanted)):
        low, high = max(0, wanted[number] - reaches[number]), wanted[number] + reaches[number]
        at = number
        while at > 0 and lows[at - 1] > low:
            lows[at], highs[at] = lows[at - 1], highs[at - 1]
            at -= 1
        lows[at], highs[at] = low, high
    count = min(1, len(wanted))
    for number in range(1, len(wanted)):
        if lows[number] <= highs[count - 1]:
            highs[count - 1] = max(highs[count - 1], highs[number])
        else:
            lows[count], highs[count] = lows[number], highs[number]
            count += 1
    return count


@kernel
def choose_slots(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    first: NDArray[np.int64],
    fractions: NDArray[np.uint64],
    lines: NDArray[np.bool_],
    table: NDArray[np.uint8],
    classes: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """A slot for each of the insertions into some texts.

    For a line see `nearest`. For a sentence, of the free slots one in prose, else in a list, else in a line without a
    mark at its end, else between paragraphs, else between words; of equals the nearest. If none is free, the best.

    Args:
        data: uint8, the texts' UTF-8.
        starts: int64[texts], where each begins.
        ends: int64[texts], where each ends.
        first: int64[texts + 1]: text t takes the insertions first[t] <= i < first[t + 1].
        fractions: uint64[insertions], the wanted place as 2**64 times the share of the text before it.
        lines: bool[insertions], whether a line is inserted, and not a sentence.
        table: `places_table()`.
        classes: `sentence_classes()`.

    Returns:
        int64[insertions] byte offsets within the text, and int8[insertions]: the kind of each slot.
    """
    total = len(fractions)
    at, kind = np.empty(total, np.int64), np.empty(total, np.int8)
    chosen, landed = np.empty(total, np.int64), np.empty(total, np.int8)
    longest = most = 0
    for text in range(len(starts)):
        longest, most = max(longest, ends[text] - starts[text]), max(most, first[text + 1] - first[text])
    offsets, kinds, used = (
        np.empty(longest + 2, np.int64),
        np.empty(longest + 2, np.int8),
        np.empty(longest + 2, np.bool_),
    )
    found, found_kinds = np.empty(2 * longest + 4, np.int64), np.empty(2 * longest + 4, np.int8)
    ranks, taken = np.empty(2 * longest + 4, np.int8), np.empty(2 * longest + 4, np.bool_)
    breaks = np.empty(longest + 1, np.int64)
    lows, highs, reaches = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    for text in range(len(starts)):
        own = data[starts[text] : ends[text]]
        size = len(own)
        begin, behind = first[text], first[text + 1]
        marks = marks_in(own)
        sentences, near = False, begin == behind
        for insertion in range(begin, behind):
            wanted = np.int64((fractions[insertion] >> np.uint64(32)) * np.uint64(size) >> np.uint64(32))
            at[insertion] = wanted
            reaches[insertion - begin] = PARAGRAPH_REACH if lines[insertion] else _NEAR
            sentences = sentences or not lines[insertion]
        # What is chosen mostly lies close by: more of a text is looked at only where it does not. What is found of some
        # parts of a text is what would be chosen of the whole.
        within = ENDED_LINES if sentences else NO_LINES
        while not near:
            stretches = _stretches(at[begin:behind], reaches, lows, highs)
            count = find_slots(own, marks, table, lows[:stretches], highs[:stretches], within, offsets, kinds)
            all_lines = within == ALL_LINES
            slots: Any = 0
            if sentences:
                slots = _sentence_slots(
                    own, classes, offsets, kinds, count, all_lines, found, found_kinds, ranks, breaks
                )
            for slot in range(count):
                used[slot] = False
            for slot in range(slots):
                taken[slot] = False
            near = True
            for insertion in range(begin, behind):
                reach = reaches[insertion - begin]
                everything = reach >= size and all_lines
                if (count if lines[insertion] else slots) == 0:
                    well = False
                elif lines[insertion]:
                    slot = nearest(offsets, kinds, used, count, at[insertion])
                    well = not used[slot] and abs(offsets[slot] - at[insertion]) <= PARAGRAPH_REACH
                    well = well and (all_lines or kinds[slot] <= PARAGRAPH)
                    used[slot] = True
                    chosen[insertion], landed[insertion] = offsets[slot], kinds[slot]
                else:
                    slot, well = _best(found, ranks, taken, slots, at[insertion], reach)
                    taken[slot] = True
                    chosen[insertion], landed[insertion] = found[slot], found_kinds[slot]
                if well or everything:
                    continue
                near = False
                if not all_lines and (lines[insertion] or reach >= size):
                    within = ALL_LINES
                else:
                    reaches[insertion - begin] = 4 * reach if reach < PARAGRAPH_REACH else size
        for insertion in range(first[text], first[text + 1]):
            at[insertion], kind[insertion] = chosen[insertion], landed[insertion]
    return at, kind


@kernel
def choose_sentence_separators(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    at: NDArray[np.int64],
    kinds: NDArray[np.int8],
    unspaced: NDArray[np.bool_],
    table: NDArray[np.uint8],
    lead: NDArray[np.int8],
    tail: NDArray[np.int8],
) -> None:
    """What parts sentences from their neighbours, into `lead` and `tail` (int8) where a slot is for sentences.

    Args:
        data: uint8, the texts' UTF-8.
        starts: int64[insertions], where each insertion's text begins.
        at: int64[insertions], byte offsets within the text.
        kinds: int8[insertions], of the slots.
        unspaced: bool[insertions], whether the sentence's script has no spaces.
        table: `places_table()`.
        lead: int8[insertions], changed.
        tail: int8[insertions], changed.
    """
    for insertion in range(len(at)):
        if kinds[insertion] < INSIDE:
            continue
        before = starts[insertion] + at[insertion] - 1
        while data[before] & 0xC0 == 0x80:
            before -= 1
        code, _ = _character(data, before)
        white = table[code] & _WHITE != 0
        # Ideographic and full-width marks: the text around the slot has no spaces either.
        none = unspaced[insertion] and (0x3000 < code < 0x3040 or 0xFF00 <= code < 0xFFF0)
        gap = NOTHING if none else SPACE
        lead[insertion] = NOTHING if white else gap
        tail[insertion] = NOTHING if kinds[insertion] == LINE_END else gap
