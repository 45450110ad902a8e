"""Write the table of characters that matter to the ends of sentences, `transforms/planting/unicode_sentences.tsv`.

    python -m tests.planting.insertion.unicode_sentences_generator > transforms/planting/unicode_sentences.tsv

The property Sentence_Break comes from the `regex` package. A new table changes where traps are planted.
"""

import sys

import regex

from tests.planting.insertion.unicode_places_generator import runs

CLASSES = (
    (1, r"\p{SB=ATerm}"),
    (2, r"\p{SB=STerm}"),
    (3, r"\p{SB=Close}"),
    (4, r"\p{SB=Sp}"),
    (5, r"\p{SB=Lower}"),
    (6, r"\p{SB=Upper}"),
    (7, r"\p{SB=OLetter}"),
    (8, r"\p{SB=Numeric}"),
    (9, r"\p{SB=SContinue}"),
    (10, r"[\p{SB=Extend}\p{SB=Format}]"),
    (11, r"[\p{SB=Sep}\p{SB=CR}\p{SB=LF}]"),
)
PATTERNS = [(number, regex.compile(pattern, regex.V1)) for number, pattern in CLASSES]

HEADER = """\
# Inclusive runs of code points with their class of Sentence_Break (Unicode Standard Annex 29); no run: Other.
# 1 ATerm, 2 STerm, 3 Close, 4 Sp, 5 Lower, 6 Upper, 7 OLetter, 8 Numeric, 9 SContinue, 10 Extend or Format,
# 11 Sep, CR or LF.
# first	last	class
"""


def classify(character: str) -> int:
    """The class of one character."""
    return next((number for number, pattern in PATTERNS if pattern.fullmatch(character)), 0)


def render() -> str:
    """The whole file."""
    return HEADER + "".join(f"{first}\t{last}\t{kind}\n" for first, last, kind in runs(classify))


if __name__ == "__main__":
    sys.stdout.write(render())
