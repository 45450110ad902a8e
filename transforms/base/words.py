"""What a word is: the table of word characters, and a plain reader of it.

A word is a maximal run of letters (Unicode categories L*), marks (M*), decimal digits (Nd) and underscores, after
simple case folding (statuses C and S of Unicode's CaseFolding.txt). A letter, mark or digit whose script is Han,
Hiragana, Katakana, Thai, Lao, Khmer or Myanmar is a word of its own: those scripts are written without spaces.

The table is data of this package, not of the interpreter, so the words of a text do not depend on the Python that
reads it. `tests/base/unicode_words_generator.py` wrote it.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.texts import buffers_of
from transforms.base.words_kernel import hash_code, hash_words

_FILE = Path(__file__).with_name("unicode_words.tsv")
_CODE_POINTS = 0x110000

PARTS_WORDS = 0
IN_WORD = 1
WORD_BY_ITSELF = 2


@functools.cache
def word_table() -> npt.NDArray[np.uint32]:
    """For each of the 0x110000 code points, `folded << 2 | class`; uint32, read-only, 4.4 MB, built in milliseconds.

    The class is `PARTS_WORDS`, `IN_WORD` or `WORD_BY_ITSELF`; `folded` is the code point after case folding.
    """
    lines = (line for line in _FILE.read_text("ascii").splitlines() if not line.startswith("#"))
    runs = np.fromstring(" ".join(lines), dtype=np.int64, sep=" ").reshape(-1, 4)
    first, last, kind, fold = runs.T
    bounds = np.concatenate([[0], np.column_stack([first, last + 1]).ravel(), [_CODE_POINTS]])
    change = np.zeros(2 * len(runs) + 1, np.uint32)
    change[1::2] = (4 * fold + kind).astype(np.uint32)  # modulo 2**32, as is the sum below
    table = np.repeat(change, np.diff(bounds))
    table += np.arange(0, 4 * _CODE_POINTS, 4, dtype=np.uint32)
    table.flags.writeable = False
    return table


def words(text: str) -> list[str]:
    """The words of `text`, folded, in order. For tests and for showing a text's words: the kernels have their own."""
    table = word_table()
    found: list[str] = []
    run: list[str] = []
    for entry in table[[ord(character) for character in text]].tolist() if text else ():
        kind, folded = entry & 3, chr(entry >> 2)
        if kind == IN_WORD:
            run.append(folded)
            continue
        if run:
            found.append("".join(run))
            run = []
        if kind == WORD_BY_ITSELF:
            found.append(folded)
    if run:
        found.append("".join(run))
    return found


@dataclass(frozen=True)
class WordHashes:
    """Words of n texts: text i has `hashes[offsets[i]:offsets[i + 1]]` (uint64; offsets int64[n + 1])."""

    hashes: npt.NDArray[np.uint64]
    offsets: npt.NDArray[np.int64]


def words_of(texts: pa.Array) -> WordHashes:
    """The hashes of all words of a string or large_string array; a null has none."""
    data, offsets = buffers_of(texts)
    out = np.empty(len(data) + 1, np.uint64)
    borders = np.zeros(len(texts) + 1, np.int64)
    hash_words(data, offsets, word_table(), out, borders)
    return WordHashes(out[: borders[-1]].copy(), borders)


def code_of(texts: pa.Array) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """The words and signs of code, for texts of which an operator or a capital letter changes the meaning.

    A word is a run of letters, marks, digits and underscores, not folded; any other character that is no white space
    is by itself, and so is one of a script without spaces.

    Args:
        texts: string or large_string[n]; a null has none.

    Returns:
        32-bit hashes (uint32), and int64[n + 1]: text i has those from offsets[i] to below offsets[i + 1].
    """
    data, offsets = buffers_of(texts)
    out = np.empty(len(data) + 1, np.uint32)
    borders = np.zeros(len(texts) + 1, np.int64)
    hash_code(data, offsets, word_table(), out, borders)
    return out[: borders[-1]].copy(), borders
