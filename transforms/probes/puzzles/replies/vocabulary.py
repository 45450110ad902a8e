"""A language's words as the reader of replies takes them: each has a kind, written as one letter.

The kinds, so that the forms of a sentence can be written as patterns over letters:

    N P   a name, a name with possessive 's         R r A V U   a role: noun, plural, adjective, verb, verb of several
    n q   negation, "!="                            e o z d     neither, nor, "none of", "it is not true that"
    i j b is, are, be                               m C f       must, can, particle of a French negation
    t h s article, adverb, "role" or "name"         a O c k w   and, or, comma, colon or dash, "->"
    y     because                                   ( ) u       brackets, any other word
    S M   supposition ("if"), assumption            p X F       report ("says"), doubt ("perhaps"), "impossible"
    W     "=>" behind a role: one thing follows from another
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from transforms.probes.puzzles.language.language import Language, load
from transforms.probes.puzzles.replies.markup import folded

_WORD = r"[^\W\d_]+(?:['-][^\W\d_]+)*"
_SIGN = r"!=|<=>|<->|=>|->|[^\s\w]"
_MARKS = {
    **dict.fromkeys(",&/+", "c"), **dict.fromkeys(":=|-", "k"), "->": "w", "=>": "W", "<=>": "X", "<->": "X",
    "!=": "q", "\u00ac": "n", "\u2228": "O", "\u2227": "a", "(": "(", ")": ")",
    **dict.fromkeys("\u274c\u2717\u2718\u2715\u2716\u00d7", "X"), **dict.fromkeys("<>", "u"),
}  # fmt: skip
_KINDS = {
    "refutations": "F", "doubts": "X", "suppositions": "S", "assumptions": "M", "reports": "p", "denials": "d",
    "none_of": "z", "neither": "e", "or": "O", "nor": "o", "and": "a", "negations": "n", "particles": "f",
    "one_is": "i", "several_are": "j", "infinitives": "b", "must": "m", "can": "C", "articles": "t",
    "of_persons": "s", "reasons": "y", "adverbs": "h",
}  # fmt: skip
"""By list of the data file; a word in two lists is of the first kind."""

Token = tuple[str, str, bool | None]
"""Kind, text, and of a role whether it is that of those who usually tell the truth (of a verb: who do tell it)."""


@dataclass(frozen=True)
class Vocabulary:
    """The words of a language and one of its role pairs.

    Attributes:
        marker: what stands before an answer.
        question: the heading of a next question.
        elisions: words that lose their vowel before another.
        phrases: every known word or group of words, the longest first.
        kinds: of each of them, its letter.
        sides: of each role noun, whether it is the role that usually tells the truth.
        plurals: the nouns that may speak of several.
        speaking: of each word for who tells the truth or lies, whatever the role, whether it is the truth.
        verbs: patterns of the same that are verbs, with their side.
        opening: words with a capital that begin a sentence though no full stop is before them.
        together: words that do not go with a negation ("not all", "not only").
        then: words that go on from an assumption.
        inverts: whether the verb comes before its subject behind an adverb.
        just_then: the one among them that goes on from any supposition.
        those: words that point back to what was said.
        confirmations: words that, denied, take back what was said.
    """

    marker: re.Pattern[str]
    question: re.Pattern[str]
    elisions: re.Pattern[str] | None
    phrases: re.Pattern[str]
    kinds: dict[str, str]
    sides: dict[str, bool]
    plurals: frozenset[str]
    speaking: dict[str, bool]
    verbs: tuple[tuple[re.Pattern[str], bool], ...]
    opening: re.Pattern[str]
    together: frozenset[str]
    then: frozenset[str]
    those: frozenset[str]
    confirmations: frozenset[str]
    inverts: bool
    just_then: str

    def plain(self, text: str) -> str:
        """Folded text whose elided words stand alone."""
        return self.elisions.sub(r"\1 ", text) if self.elisions else text

    def tokens(self, sentence: str, person_of: dict[str, int]) -> Iterator[Token]:
        """The tokens of a sentence, which is folded and plain."""
        for pattern, side in self.verbs:
            sentence = pattern.sub(lambda found, side=side: _verb(found, side), sentence)  # type: ignore[misc]
        for found in self.phrases.finditer(sentence):
            text = found[0]
            if text.startswith("\x02"):
                yield text[2], text, text[1] == "t"
            elif found["sign"]:
                kind = _MARKS.get(text, "")
                if kind:
                    yield kind, text, None
            else:
                yield from self._word(" ".join(text.split()), person_of)

    def _word(self, text: str, person_of: dict[str, int]) -> Iterator[Token]:
        if text in person_of:
            yield "N", text, None
        elif text.endswith("'s") and text[:-2] in person_of:
            yield "P", text[:-2], None
        elif text in self.sides or text in self.kinds:
            yield self.kinds[text], text, self.sides.get(text, self.speaking.get(text))
        elif "-" in text:
            yield from self._compound(text, person_of)
        else:
            yield "u", text, None

    def _compound(self, text: str, person_of: dict[str, int]) -> Iterator[Token]:
        """Words joined by hyphens: "Ann-knight", "non-knight"; others are unknown, or doubtful as a part is."""
        first, _, rest = text.partition("-")
        if rest in self.sides and (first in person_of or self.kinds.get(first) == "n"):
            yield from self._word(first, person_of)
            if first in person_of:
                yield "k", "-", None
            yield from self._word(rest, person_of)
        else:
            doubtful = any(self.kinds.get(part) in ("X", "S", "M", "p", "F") for part in text.split("-"))
            yield ("X" if doubtful or rest in self.sides else "u"), text, None


def _verb(found: re.Match[str], side: bool) -> str:
    """A verb for telling the truth or lying as one token, with the negation that stands in its midst before it."""
    several = found["several"] is not None
    inner = next((group for group in found.groups()[1:] if group), "")
    return f" {inner} \x02{'t' if side else 'l'}{'U' if several else 'V'} "


@functools.cache
def vocabulary(tag: str, roles: str) -> Vocabulary:
    """The words of the language of that tag, with the role pair of that id."""
    language = load(tag)
    pair = language.roles[language.pair(roles)]
    elisions = sorted(language.words["elisions"])
    elided = re.compile(rf"\b({'|'.join(elisions)})'") if elisions else None

    def plain(text: str) -> str:
        text = " ".join(folded(text).split())
        return " ".join((elided.sub(r"\1 ", text) if elided else text).split())

    words = {key: [plain(one) for one in values] for key, values in language.words.items() if "phrases" not in key}
    kinds: dict[str, str] = {}
    for key, kind in _KINDS.items():
        for word in words[key]:
            kinds.setdefault(word, kind)
    sides: dict[str, bool] = {}
    speaking: dict[str, bool] = {}
    for part, side in (("truth", True), ("lie", False)):
        for noun in words[f"{part}_nouns"]:
            kinds[noun], speaking[noun] = "R", side
        for adjective in words[f"{part}_adjectives"]:
            kinds[adjective], speaking[adjective] = "A", side
    for role, side in ((pair.truth, True), (pair.lie, False)):
        for form in (role.many, role.women):
            kinds[plain(form)], sides[plain(form)] = "r", side
        for form in (*role.a, *role.no):
            noun = plain(form.split()[-1])
            kinds[noun], sides[noun] = "R", side
            speaking.pop(noun, None)
    ordered = sorted(kinds, key=len, reverse=True)
    alternatives = "|".join(re.escape(word).replace(r"\ ", r"\s+").replace(",", r"\s*,") for word in ordered)
    marker = re.escape(folded(language.texts["conclusion.marker"]).rstrip(" :"))
    opening = "|".join(
        re.escape(word.capitalize()) for key in ("suppositions", "assumptions") for word in language.words[key]
    )
    return Vocabulary(
        re.compile(rf"(?<!\w){marker}\s*(?::|\n|$)"),
        re.compile(rf"^[ \t]*{re.escape(language.texts['prompt.question'])}", re.IGNORECASE | re.MULTILINE),
        elided,
        re.compile(rf"\x02\w\w|(?<![\w'-])(?:{alternatives})(?![\w'-])|{_WORD}|(?P<sign>{_SIGN})"),
        kinds,
        sides,
        frozenset(plain(form) for role in (pair.truth, pair.lie) for form in (role.many, role.women)),
        speaking,
        tuple(_verbs(language)),
        re.compile(rf"(?<!\S)(\S+)[ \t]+(?=(?:{opening})\b)"),
        frozenset(words["together"]),
        frozenset(words["then"]),
        frozenset(words["those"]),
        frozenset(words["confirmations"]),
        "inv" in language.forms,
        words["then"][0],
    )


_SEVERAL = {"en": r"tell |speak |say |lie\b", "de": r"sagen|sprechen|lügen", "fr": r"disent|mentent"}


def _verbs(language: Language) -> Iterator[tuple[re.Pattern[str], bool]]:
    several = _SEVERAL[language.tag]
    for key, side in (("truth_phrases", True), ("lie_phrases", False)):
        for phrase in language.words[key]:
            yield re.compile(rf"(?<![\w'-])(?P<several>(?={several}))?(?:{phrase})(?![\w'-])"), side
