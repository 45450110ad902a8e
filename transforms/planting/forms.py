"""What form a unit's texts have, which decides between what they are inserted. It never depends on the draw."""

from collections.abc import Sequence

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
