"""What form a unit's texts have, which decides between what they are inserted. It never depends on the draw."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from transforms.planting.characters import (
    ALONE,
    ATERM,
    LOWER,
    STERM,
    places_table,
    sentence_classes,
)

LINE, SENTENCE, UNSPACED = 0, 1, 2
"""Lines; sentences; sentences in a script that has no spaces."""

_WIDE_MARKS = frozenset("\u3002\uff01\uff1f\uff0e\uff61")


def form_of(texts: Sequence[str]) -> int:
    """The form that all texts of a unit have: they are sentences if each ends in a mark and none begins small."""
    classes, table = sentence_classes(), places_table()
    for text in texts:
        if classes[ord(text[0])] == LOWER or classes[ord(text[-1])] not in (ATERM, STERM):
            return LINE
    unspaced = all(table[ord(text[0])] & ALONE and text[-1] in _WIDE_MARKS for text in texts)
    return UNSPACED if unspaced else SENTENCE


def forms_of(
    firsts: npt.NDArray[np.int64], lasts: npt.NDArray[np.int64], owners: npt.NDArray[np.int64], units: int
) -> npt.NDArray[np.int8]:
    """`form_of` of many units at once, int8[units].

    Args:
        firsts: int64[texts], the code point with which each text begins.
        lasts: int64[texts], with which it ends.
        owners: int64[texts], the unit of each, from 0; every unit has a text.
        units: how many there are.
    """
    classes, table = sentence_classes(), places_table()
    line = (classes[firsts] == LOWER) | ~np.isin(classes[lasts], (ATERM, STERM))
    spaced = (table[firsts] & ALONE == 0) | ~np.isin(lasts, [ord(one) for one in _WIDE_MARKS])
    lines, with_spaces = (np.bincount(owners[flags], minlength=units) > 0 for flags in (line, spaced))
    return np.where(lines, LINE, np.where(with_spaces, SENTENCE, UNSPACED)).astype(np.int8)
