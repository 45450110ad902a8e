"""What a character means for a place in a text: the table of `unicode_places.tsv`.

The table is data of this package, not of the interpreter, so the places in a text do not depend on the Python that
reads it. `tests/planting/insertion/unicode_places_generator.py` wrote it.
"""

import functools
from pathlib import Path

import numpy as np
import numpy.typing as npt

_FILE = Path(__file__).with_name("unicode_places.tsv")
_CODE_POINTS = 0x110000

WHITE, ENDS_LINE, ENDS_SENTENCE, CLOSES, BELONGS, SMALL, ALONE = 1, 2, 4, 8, 16, 32, 64


@functools.cache
def places_table() -> npt.NDArray[np.uint8]:
    """For each of the 0x110000 code points the sum of what it is; uint8, read-only."""
    lines = [line for line in _FILE.read_text("ascii").splitlines() if not line.startswith("#")]
    table = np.zeros(_CODE_POINTS, np.uint8)
    for line in lines:
        first, last, kind = map(int, line.split("\t"))
        table[first : last + 1] = kind
    table.flags.writeable = False
    return table
