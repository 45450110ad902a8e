"""Judges that need nothing but trapline: what they take out, against a slow reading of their rules."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.certify.judges.duplicates import lines, substrings


def test_the_first_of_equal_lines_with_letters_stays() -> None:
    documents = ["One line.\nAnother 1 line.", "one LINE\nNew.", "Another 7 line!\n\n", "\n..."]
    assert list(lines.judge(documents, [])) == ["One line.\nAnother 1 line.", "New.", None, "\n..."]


def tokens(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", text)


def left_by_the_rule(documents: list[str], length: int) -> list[list[str]]:
    """Tokens that are left when every run that stood before is cut out."""
    seen: set[tuple[str, ...]] = set()
    out = []
    for text in documents:
        own = tokens(text)
        cut = [False] * len(own)
        for at in range(len(own) - length + 1):
            run = tuple(own[at : at + length])
            if run in seen:
                cut[at : at + length] = [True] * length
            seen.add(run)
        out.append([token for token, one in zip(own, cut, strict=True) if not one])
    return out


@given(st.lists(st.text("ab .", min_size=1, max_size=30), min_size=1, max_size=5))
def test_substrings_that_stood_before_are_cut(documents: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(substrings.SETTINGS, "tokens", 3)
        found = list(substrings.judge(documents, []))
    wanted = left_by_the_rule(documents, 3)
    # What is left on both sides of a cut stands together, and may read as one token.
    assert ["".join(tokens(text or "")) for text in found] == ["".join(one) for one in wanted]
    untouched = [rest == tokens(own) for own, rest in zip(documents, wanted, strict=True)]
    assert all(text == own for text, own, same in zip(found, documents, untouched, strict=True) if same)


def test_what_stands_between_two_cut_tokens_goes_too() -> None:
    run = " ".join(f"w{at}" for at in range(50))
    assert list(substrings.judge([f"{run} end.", f"Begin {run} and more."], [])) == [f"{run} end.", "Begin  and more."]
