"""Write the table of characters that matter to a place in a text, `transforms/planting/unicode_places.tsv`.

    python tests/planting/insertion/unicode_places_generator.py > transforms/planting/unicode_places.tsv

Properties come from the `regex` package (Unicode's Grapheme_Cluster_Break, Sentence_Break, White_Space, Script and
General_Category). A new table changes where traps are planted.
"""

import sys
from collections.abc import Callable, Iterator

import regex

PROPERTIES = (
    (1, r"\p{White_Space}"),
    (2, r"[\r\n\x85\u2028\u2029]"),
    (4, r"[\p{Sentence_Break=STerm}\p{Sentence_Break=ATerm}]"),
    (8, r"\p{Sentence_Break=Close}"),
    (
        16,
        r"[\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}\p{General_Category=Mark}\p{General_Category=Format}]",
    ),
    (32, r"\p{Sentence_Break=Lower}"),
    (64, r"[[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]&&\p{General_Category=Letter}]"),
)
PATTERNS = [(bit, regex.compile(pattern, regex.V1)) for bit, pattern in PROPERTIES]

HEADER = """\
# Inclusive runs of code points with the sum of what they are; a code point in no run is none of it.
# 1 white space, 2 ends a line, 4 may end a sentence, 8 closes (quotes, brackets), 16 belongs to the character before,
# 32 small letter, 64 is a word of its own that no space parts from the next (Han, Hiragana, Katakana).
# first	last	sum
"""


def classify(character: str) -> int:
    """The sum of the properties of one character."""
    return sum(bit for bit, pattern in PATTERNS if pattern.fullmatch(character))


def runs(classify: Callable[[str], int]) -> Iterator[tuple[int, int, int]]:
    """(first, last, number) of every run of code points to which `classify` gives the same number, but for 0."""
    first, kind = 0, 0
    for code in range(sys.maxunicode + 2):
        surrogate = 0xD800 <= code <= 0xDFFF
        new = classify(chr(code)) if code <= sys.maxunicode and not surrogate else 0
        if new != kind:
            if kind:
                yield first, code - 1, kind
            first, kind = code, new


def render() -> str:
    """The whole file."""
    return HEADER + "".join(f"{first}\t{last}\t{kind}\n" for first, last, kind in runs(classify))


if __name__ == "__main__":
    sys.stdout.write(render())
