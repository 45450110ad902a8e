"""Write the table of word characters, `transforms/base/unicode_words.tsv`, from this Python's Unicode data.

    python tests/base/unicode_words_generator.py > transforms/base/unicode_words.tsv

Categories and case folding come from `unicodedata` and `str`, scripts from the `regex` package. A new table changes
which documents count as equal: it is a new version of every sketch.
"""

import sys
import unicodedata
from collections.abc import Iterator

import regex

SCRIPTS = ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar")
SINGLE = regex.compile("|".join(rf"\p{{Script={script}}}" for script in SCRIPTS))

HEADER = """\
# Word characters of Unicode {version}: inclusive runs of code points, in order; a code point in no run parts words.
# class 1: letter, mark, decimal digit or underscore, part of a run of them; class 2: a word of its own.
# fold: what simple case folding adds to the code point.
# first	last	class	fold
"""


def simple_fold(character: str) -> str:
    """Simple case folding (statuses C and S of CaseFolding.txt): always one character."""
    for folded in (character.casefold(), character.lower()):
        if len(folded) == 1:
            return folded
    return character


def classify(character: str) -> int:
    """0: parts words, 1: part of a run, 2: a word of its own."""
    category = unicodedata.category(character)
    if category[0] not in "LM" and category != "Nd" and character != "_":
        return 0
    return 2 if SINGLE.fullmatch(character) else 1


def runs() -> Iterator[tuple[int, int, int, int]]:
    """(first, last, class, fold) of every run of code points that agree in class and fold."""
    first, kind, fold = 0, 0, 0
    for code in range(sys.maxunicode + 2):
        if code <= sys.maxunicode:
            new_kind = classify(chr(code))
            new_fold = ord(simple_fold(chr(code))) - code if new_kind else 0
        else:
            new_kind, new_fold = 0, 0
        if (new_kind, new_fold) != (kind, fold):
            if kind:
                yield first, code - 1, kind, fold
            first, kind, fold = code, new_kind, new_fold


def render() -> str:
    """The whole file."""
    return HEADER.format(version=unicodedata.unidata_version) + "".join(
        f"{first}\t{last}\t{kind}\t{fold}\n" for first, last, kind, fold in runs()
    )


if __name__ == "__main__":
    sys.stdout.write(render())
