"""Extraction that is made again only where what is said of segments differs, as if it were always made."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from transforms.certify.judges.filters.trafilatura import Extraction

MOST = 1
DOCUMENTS = st.lists(st.sampled_from("abcdeXY"), max_size=6).map("".join)


class Seen:
    """How often segments were counted; capital ones are too short to be repeated."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.made = 0

    def __call__(self, segment: str) -> int:
        self.counts[segment] += 1
        return self.counts[segment] - 1


def extract(text: str, repeated: object) -> str | None:
    """Segments that are not repeated; behind one that is, the next is not asked about."""
    left, skip = "", False
    for one in text:
        if skip:
            left, skip = left + one.upper(), False
        elif repeated(one):  # type: ignore[operator]
            skip = True
        else:
            left += one
    return left or None


@given(st.lists(st.lists(DOCUMENTS, max_size=8), max_size=4))
def test_what_is_extracted_is_what_a_new_extraction_gives(corpora: list[list[str]]) -> None:
    seen, bare = Seen(), Seen()
    extraction = Extraction(seen)

    def own(text: str) -> str | None:
        return extract(text, lambda one: extraction.is_repeated(one, None if one.isupper() else MOST))

    for corpus in corpora:
        seen.counts.clear()
        bare.counts.clear()
        for text in corpus:
            wanted = extract(text, lambda one: (bare(one) > MOST) and not one.isupper())
            assert extraction.of(text, own) == wanted
            assert seen.counts == bare.counts


def test_a_document_whose_segments_are_seen_as_before_is_not_extracted_again() -> None:
    seen, made = Seen(), []
    extraction = Extraction(seen)

    def own(text: str) -> str | None:
        made.append(text)
        return extract(text, lambda one: extraction.is_repeated(one, MOST))

    for text in ("ab", "ab", "cd", "ab"):
        extraction.of(text, own)
    assert made == ["ab", "cd", "ab"]  # the third time its segments were seen too often
    seen.counts.clear()
    assert extraction.of("cd", own) == "cd"
    assert made == ["ab", "cd", "ab"]
