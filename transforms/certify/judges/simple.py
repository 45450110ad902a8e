"""Texts as datatrove simplifies them to compare them, part by part."""

import unicodedata
from collections.abc import Callable

from transforms.certify.judges.parts import Parts


class Simple:
    """Texts as datatrove compares them: lower case, without punctuation and accents, numbers alike.

    Args:
        simplify: datatrove's function of a text, without its last step, which takes accents off.
        parts: the words of what it gives.
    """

    def __init__(self, simplify: Callable[[str], str], parts: Parts) -> None:
        self._simplify, self._parts = simplify, parts.without_joints(simplify)
        self._known: dict[str, str | None] = {}

    def _part(self, text: str) -> str | None:
        """What is left of a part, None for punctuation alone.

        White space is made alike before accents are taken off, so that what is an accent alone leaves its spaces.
        """
        left = self._simplify(text)
        self._known[text] = without_accents(left) if left else None
        return self._known[text]

    def text(self, text: str) -> str:
        """The simplified text."""
        known = self._known
        own = [known[one] if one in known else self._part(one) for one in text.split()]
        return " ".join(one for one in own if one is not None).strip()

    def words(self, text: str) -> list[str]:
        """The words of the simplified text."""
        return self._parts.words(self.text(text))


def without_accents(text: str) -> str:
    """The text in canonical decomposition, without marks that take no place of their own."""
    if text.isascii():
        return text
    return "".join(one for one in unicodedata.normalize("NFD", text) if unicodedata.category(one) != "Mn")
