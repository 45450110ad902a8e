"""What a character means for a place in a text: the tables `unicode_places.tsv` and `unicode_sentences.tsv`.

The tables are data of this package, not of the interpreter, so the places in a text do not depend on the Python that
reads it. `tests/planting/insertion/unicode_places_generator.py` and its neighbour for sentences wrote them.
"""

import functools
from pathlib import Path

import numpy as np
import numpy.typing as npt

_CODE_POINTS = 0x110000

WHITE, ENDS_LINE, ENDS_SENTENCE, CLOSES, BELONGS, SMALL, ALONE = 1, 2, 4, 8, 16, 32, 64


ATERM, STERM, CLOSE, SPACE, LOWER, UPPER, OTHER_LETTER, NUMERIC, CONTINUES, EXTENDS, SEPARATOR = range(1, 12)
"""Classes of Sentence_Break, as Unicode Standard Annex 29 names them; 0 is Other, and 10 is both Extend and Format."""


@functools.cache
def places_table() -> npt.NDArray[np.uint8]:
    """For each of the 0x110000 code points the sum of what it is; uint8, read-only."""
    return _table("unicode_places.tsv")


@functools.cache
def sentence_classes() -> npt.NDArray[np.uint8]:
    """The class of Sentence_Break of each of the 0x110000 code points; uint8, read-only."""
    return _table("unicode_sentences.tsv")


def _table(name: str) -> npt.NDArray[np.uint8]:
    lines = Path(__file__).with_name(name).read_text("ascii").splitlines()
    table = np.zeros(_CODE_POINTS, np.uint8)
    for line in lines:
        if not line.startswith("#"):
            first, last, kind = map(int, line.split("\t"))
            table[first : last + 1] = kind
    table.flags.writeable = False
    return table
