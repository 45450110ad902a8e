"""Words and sentences of texts, part by part: each run of characters between white space is tokenized once.

SpaCy tokenizes each part by itself, and where a sentence ends follows from the marks in the parts before. So the words
and the sentences of a text are those of its parts, put together; texts of a corpus share most of their parts.
"""

import copy
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from transforms.certify.judges.joints import Joints

_BREAKS_SPACY = "IS_ALPHA"
_SPACES = re.compile(r"(\s+)")


def is_whole(text: str) -> bool:
    """Whether a text is taken as a whole: spaCy fails at a word in it that it has met, and datatrove leaves it out."""
    return _BREAKS_SPACY in text


class Whole(Protocol):
    """What takes whole texts apart: the methods of datatrove's tokenizers."""

    def word_tokenize(self, text: str) -> list[str]:
        """The words of a text."""

    def sent_tokenize(self, text: str) -> list[str]:
        """The sentences of a text, without white space around them."""

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        """Begin and end of each sentence, in characters."""


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


def pieces_of(text: str, joined: Iterable[tuple[int, int]]) -> list[str]:
    """Parts and the white space between them in turn; what is joined is one part, with the white space in it."""
    pieces, at = [""], 0
    for begin, end in [*joined, (len(text), len(text))]:
        first, *rest = _SPACES.split(text[at:begin])
        pieces[-1] += first
        pieces += rest
        pieces[-1] += text[begin:end]
        at = end
    return pieces


class Parts:
    """Words and sentences of texts, by their parts.

    Args:
        tokens_of: takes parts apart, each by itself.
        whole: takes a whole text apart, for those that cannot be taken part by part.
        joints: tells which parts of a text belong together.
    """

    def __init__(
        self,
        tokens_of: Callable[[list[str]], Iterable[Sequence[Token]]],
        whole: Whole,
        joints: Joints,
    ) -> None:
        self._tokens_of, self._whole, self._joints = tokens_of, whole, joints
        self._known: dict[str, Part] = {}
        self._words: dict[str, tuple[str, ...]] = {}
        self._ends: set[str] = set()  # parts in which a sentence ends or begins, whatever is before them

    def without_joints(self, change: Callable[[str], str]) -> "Parts":
        """The same for texts in which no special case is left that `change` changes."""
        own = copy.copy(self)
        own._joints = self._joints.among({one for one in self._joints.special if change(one) == one})  # noqa: SLF001
        return own

    def _learn(self, parts: Iterable[str]) -> None:
        """Take apart what is new of some parts."""
        new = list(set(parts).difference(self._known, ("",)))
        if not new:
            return
        for text, tokens in zip(new, self._tokens_of(new), strict=True):
            part = self._known[text] = part_of(tokens)
            self._words[text] = part.words
            if part.breaks[False] or part.ended[False]:
                self._ends.add(text)

    def words(self, text: str) -> list[str]:
        """The words of a text."""
        if is_whole(text):
            return self._whole.word_tokenize(text)
        found, at = list[str](), 0
        for begin, end in [*self._joints.of(text), (len(text), len(text))]:
            parts = text[at:begin].split()
            if begin < end:
                parts.append(text[begin:end])
            self._learn(parts)
            found.extend(itertools.chain.from_iterable(map(self._words.__getitem__, parts)))
            at = end
        return found

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Begin and end of each sentence of a text, in characters.

        A space by itself belongs to the token before it; other white space is a token of its own.
        """
        if is_whole(text):
            return self._whole.span_tokenize(text)
        if not text:
            return []
        starts = [0, *self._breaks(text)]
        # The space that belongs to the token before a sentence is no part of either.
        ends = [start - (text[start - 1] == " ") for start in starts[1:]]
        last = len(text) - (len(text) > 1 and text[-1] == " " and not text[-2].isspace())
        return list(zip(starts, [*ends, last], strict=True))

    def sentences(self, text: str) -> list[str]:
        """The sentences of a text, without those of white space alone."""
        return self._whole.sent_tokenize(text) if is_whole(text) else sentences_in(text, self.spans(text))

    def _breaks(self, text: str) -> Iterator[int]:
        """Where sentences begin, but for the first."""
        pieces = pieces_of(text, self._joints.of(text))
        self._learn(pieces[::2])
        starts = list(itertools.accumulate(map(len, pieces), initial=0))
        done = 0
        for number in [number for number, piece in enumerate(pieces) if piece in self._ends]:
            # From a part in which a sentence ends on, until the next one has begun.
            seen, done = False, max(done, number)
            while done < len(pieces) and (seen or done == number):
                piece, at = pieces[done], starts[done]
                if done & 1:
                    if piece != " ":
                        yield at + (piece[0] == " ")
                        seen = False
                elif piece:
                    part = self._known[piece]
                    yield from (at + one for one in part.breaks[seen])
                    seen = part.ended[seen]
                done += 1


def sentences_in(text: str, spans: Iterable[tuple[int, int]]) -> list[str]:
    """The sentences of a text, without white space around them and those of white space alone."""
    return [own for begin, end in spans if (own := text[begin:end].strip())]
