"""Datatrove's English tokenizer, part by part: each run of characters between white space is tokenized once.

SpaCy tokenizes each part by itself, and where a sentence ends follows from the marks in the parts before. So the words,
the sentences and the simplified form of a text are those of its parts, put together; texts of a corpus share most of
their parts.
"""

import contextlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BREAKS_SPACY = "IS_ALPHA"
"""Datatrove has a way of its own for texts with this word."""
_SPACES = re.compile(r"(\s+)")


@dataclass(frozen=True)
class Token:
    """A token of a part: where it begins, its text, whether it ends a sentence, whether it may stand behind the end."""

    at: int
    text: str
    ends: bool
    closes: bool


@dataclass(frozen=True)
class Part:
    """What a part is taken apart into.

    Attributes:
        words: its tokens.
        breaks: where in it sentences begin, in characters, if none has ended before it; and if one has.
        ended: whether a sentence has ended behind it, for the same two cases.
    """

    words: tuple[str, ...]
    breaks: tuple[tuple[int, ...], tuple[int, ...]]
    ended: tuple[bool, bool]


def part_of(tokens: Iterable[Token]) -> Part:
    """A part from its tokens.

    A sentence begins at the first token behind an end that is neither an end nor punctuation, as spaCy's sentencizer
    has it.
    """
    own = list(tokens)
    words = tuple(word for token in own if (word := token.text.strip()))
    found, ended = [], []
    for before in (False, True):
        seen, breaks = before, []
        for token in own:
            if seen and not token.ends and not token.closes:
                breaks.append(token.at)
                seen = False
            elif token.ends:
                seen = True
        found.append(tuple(breaks))
        ended.append(seen)
    return Part(words, (found[0], found[1]), (ended[0], ended[1]))


class Joints:
    """Where special cases of the tokenizer in one part may depend on the part beside it.

    SpaCy looks for special cases that it would else take apart, such as ":)", among tokens, whatever white space stands
    between them. One that it finds across parts is not taken, but keeps one that it overlaps with from being taken.

    Args:
        special: the special cases, and the tokens that each would else be taken apart into.
    """

    def __init__(self, special: Mapping[str, Sequence[str]]) -> None:
        self._special = {one for one, tokens in special.items() if len(tokens) > 1}
        self._most = max(map(len, self._special), default=0)
        # By the characters around a joint: what stands before it, what behind, and whether more parts belong to it.
        self._sides: dict[tuple[str, str], set[tuple[str, str, bool]]] = {}
        for tokens in map(special.__getitem__, self._special):
            for at in range(1, len(tokens)):
                for end in range(at + 1, len(tokens) + 1):
                    left, right = "".join(tokens[:at]), "".join(tokens[at:end])
                    self._sides.setdefault((left[-1], right[0]), set()).add((left, right, end < len(tokens)))
        last, first = (re.escape("".join(sorted({pair[side] for pair in self._sides}))) for side in (0, 1))
        self._near = re.compile(rf"([{last}])\s+(?=([{first}]))") if self._sides else None

    def of(self, text: str) -> dict[int, int]:
        """Where the white space at joints begins, in characters, and how many of the parts behind it belong there."""
        if self._near is None:
            return {}
        near = ((one, self._sides.get((one[1], one[2]))) for one in self._near.finditer(text))
        found = ((one.end(1), self._at(text, one.end(1), one.end(), sides)) for one, sides in near if sides)
        return {at: parts for at, parts in found if parts}

    def _at(self, text: str, end: int, begin: int, sides: Iterable[tuple[str, str, bool]]) -> int:
        """How many parts behind the white space from `end` to `begin` belong to what stands before it; 0 for none."""
        parts = 0
        for left, right, more in sides:
            if not text.endswith(left, 0, end) or not text.startswith(right, begin):
                continue
            behind = begin + len(right)
            if more and behind < len(text) and not text[behind].isspace():
                continue
            before = text[max(0, end - 2 * self._most) : end].split()[-1]
            after = text[begin : begin + 2 * self._most].split(maxsplit=1)[0]
            if self._overlaps(before[::-1], len(left), back=True) or self._overlaps(after, len(right), back=False):
                parts = max(parts, 1 + more)
        return parts

    def _overlaps(self, part: str, taken: int, *, back: bool) -> bool:
        """Whether a special case within a part begins among the first `taken` characters; of a reversed one, ends."""
        return any(
            (part[at : at + length][::-1] if back else part[at : at + length]) in self._special
            for at in range(taken)
            for length in range(2, self._most + 1)
            if at + length <= len(part)
        )


class Parts:
    """Words and sentences of texts, by their parts.

    Args:
        tokens_of: takes one part apart.
        words_of, spans_of: of a whole text, for those that cannot be taken part by part.
        joints: tells which these are.
    """

    def __init__(
        self,
        tokens_of: Callable[[str], Iterable[Token]],
        words_of: Callable[[str], list[str]],
        spans_of: Callable[[str], list[tuple[int, int]]],
        joints: Joints,
    ) -> None:
        self._tokens_of, self._words_of, self._spans_of, self._joints = tokens_of, words_of, spans_of, joints
        self._known: dict[str, Part] = {}

    def part(self, text: str) -> Part:
        """What a part is taken apart into."""
        known = self._known.get(text)
        if known is None:
            known = self._known[text] = part_of(self._tokens_of(text))
        return known

    def words(self, text: str) -> list[str]:
        """The words of a text."""
        if BREAKS_SPACY in text:
            return self._words_of(text)
        known: dict[str, Part] = self._known
        found: list[str] = []
        joints = self._joints.of(text)
        for one in self._pieces(text, joints)[::2] if joints else text.split():
            found += (known.get(one) or self.part(one)).words
        return found

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Begin and end of each sentence of a text, in characters.

        A space by itself belongs to the token before it; other white space is a token of its own.
        """
        if BREAKS_SPACY in text:
            return self._spans_of(text)
        if not text:
            return []
        starts = [0, *self._breaks(text)]
        # The space that belongs to the token before a sentence is no part of either.
        ends = [start - (text[start - 1] == " ") for start in starts[1:]]
        last = len(text) - (len(text) > 1 and text[-1] == " " and not text[-2].isspace())
        return list(zip(starts, [*ends, last], strict=True))

    def sentences(self, text: str) -> list[str]:
        """The sentences of a text, without those of white space alone."""
        return sentences_in(text, self.spans(text))

    @staticmethod
    def _pieces(text: str, joints: Mapping[int, int]) -> list[str]:
        """Parts and the white space between them in turn; parts at a joint are one, with the white space in it."""
        pieces: list[str] = _SPACES.split(text)
        if not joints:
            return pieces
        found, at, more, joined = [""], 0, 0, True
        for number, piece in enumerate(pieces):
            if number & 1:
                more = max(more, joints.get(at, 0))
                joined, more = more > 0, max(0, more - 1)
            if joined:
                found[-1] += piece
            else:
                found.append(piece)
            at += len(piece)
        return found

    def _breaks(self, text: str) -> Iterator[int]:
        known, seen, at = self._known, False, 0
        for number, piece in enumerate(self._pieces(text, self._joints.of(text))):
            if number & 1:
                if seen and piece != " " and at + len(piece) <= len(text):
                    yield at + (piece[0] == " ")
                    seen = False
            elif piece:
                part = known.get(piece) or self.part(piece)
                for one in part.breaks[seen]:
                    yield at + one
                seen = part.ended[seen]
            at += len(piece)


def sentences_in(text: str, spans: Iterable[tuple[int, int]]) -> list[str]:
    """The sentences of a text, without white space around them and those of white space alone."""
    return [own for begin, end in spans if (own := text[begin:end].strip())]


class Simple:
    """Texts as datatrove compares them: lower case, without punctuation and accents, numbers alike.

    Args:
        simplify: datatrove's function of a text, without its last step, which takes accents off.
        parts: the words of what it gives.
    """

    def __init__(self, simplify: Callable[[str], str], parts: Parts) -> None:
        self._simplify, self._parts = simplify, parts
        self._known: dict[str, tuple[str | None, tuple[str, ...]]] = {}

    def _part(self, text: str) -> tuple[str | None, tuple[str, ...]]:
        """What is left of a part, None for punctuation alone, and the words of it.

        White space is made alike before accents are taken off, so that what is an accent alone leaves its spaces.
        """
        known = self._known.get(text)
        if known is None:
            left = self._simplify(text)
            simple = without_accents(left) if left else None
            known = self._known[text] = (simple, tuple(self._parts.words(simple or "")))
        return known

    def text(self, text: str) -> str:
        """The simplified text."""
        known = self._known
        own = [(known.get(one) or self._part(one))[0] for one in text.split()]
        return " ".join(one for one in own if one is not None).strip()

    def words(self, text: str) -> list[str]:
        """The words of the simplified text."""
        known, found = self._known, list[str]()
        for one in text.split():
            found += (known.get(one) or self._part(one))[1]
        return found


def without_accents(text: str) -> str:
    """The text in canonical decomposition, without marks that take no place of their own."""
    if text.isascii():
        return text
    return "".join(one for one in unicodedata.normalize("NFD", text) if unicodedata.category(one) != "Mn")


_MADE: list[tuple[Parts, Simple]] = []


def parts_of_texts() -> Parts:
    """Words and sentences as datatrove's tokenizer has them, which every user of it in this process now gets."""
    return _made()[0]


def simple_texts() -> Simple:
    """Texts as datatrove simplifies them by default."""
    return _made()[1]


def _made() -> tuple[Parts, Simple]:
    if not _MADE:
        from datatrove.utils.text import TextNormConfig, simplify_text

        parts, accents = _taken_over(), TextNormConfig(norm_unicode_diacritics=False)
        _MADE.append((parts, Simple(lambda text: simplify_text(text, accents), parts)))
    return _MADE[0]


def _taken_over() -> Parts:
    """Put the parts in place of the methods of datatrove's English tokenizer.

    What spaCy finds out about a word that it has not met takes most of its time. Of that only whether the word is
    punctuation is asked for.
    """
    from datatrove.utils.typeshelper import Languages
    from datatrove.utils.word_tokenizers import load_word_tokenizer
    from spacy.attrs import IS_PUNCT
    from spacy.tokenizer import Tokenizer

    own: Any = load_word_tokenizer(Languages.english)
    language = own.tokenizer
    language.memory_zone = contextlib.nullcontext
    getters = language.vocab.lex_attr_getters
    for attribute in list(getters):
        if attribute != IS_PUNCT:
            del getters[attribute]
    marks = language.get_pipe("sentencizer").punct_chars

    def tokens_of(part: str) -> list[Token]:
        return [Token(one.idx, one.text, one.text in marks, one.is_punct) for one in language.tokenizer(part)]

    take = language.tokenizer
    searches = {name: getattr(take, name) for name in ("prefix_search", "suffix_search", "infix_finditer", "url_match")}
    bare = Tokenizer(language.vocab, {}, **searches)
    special = {one: [token.text for token in bare(one)] for one in take.rules if not one.isspace()}
    parts = Parts(tokens_of, own.word_tokenize, own.span_tokenize, Joints(special))
    own.word_tokenize, own.span_tokenize, own.sent_tokenize = parts.words, parts.spans, parts.sentences
    return parts
