"""Datatrove's English tokenizer, part by part: each run of characters between white space is tokenized once.

SpaCy tokenizes each part by itself, and where a sentence ends follows from the marks in the parts before. So the words,
the sentences and the simplified form of a text are those of its parts, put together; texts of a corpus share most of
their parts.
"""

import contextlib
import copy
import itertools
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BREAKS_SPACY = "IS_ALPHA"
"""Datatrove has a way of its own for texts with this word."""
_SPACES, _PART = re.compile(r"(\s+)"), re.compile(r"\s*\S+")


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


class Joints:
    """Where special cases of the tokenizer in one part may depend on the part beside it.

    SpaCy looks for special cases that it would else take apart, such as ":)", among tokens, whatever white space stands
    between them. One that it finds across parts is not taken, but keeps one that it overlaps with from being taken.

    Args:
        special: the special cases, and the tokens that each would else be taken apart into.

    Attributes:
        special: those of more than one token.
    """

    def __init__(self, special: Mapping[str, Sequence[str]]) -> None:
        self.special = {one: tokens for one, tokens in special.items() if len(tokens) > 1}
        self._most = max(map(len, self.special), default=0)
        # By the characters around a joint: what stands before it, what behind, and whether more parts belong to it.
        self._sides: dict[tuple[str, str], set[tuple[str, str, bool]]] = {}
        for tokens in self.special.values():
            for at in range(1, len(tokens)):
                for end in range(at + 1, len(tokens) + 1):
                    left, right = "".join(tokens[:at]), "".join(tokens[at:end])
                    self._sides.setdefault((left[-1], right[0]), set()).add((left, right, end < len(tokens)))
        last, first = (re.escape("".join(sorted({pair[side] for pair in self._sides}))) for side in (0, 1))
        self._near = re.compile(rf"([{last}])\s+(?=([{first}]))") if self._sides else None

    def among(self, special: Collection[str]) -> "Joints":
        """Joints of some of the special cases alone."""
        return Joints({one: tokens for one, tokens in self.special.items() if one in special})

    def of(self, text: str) -> list[tuple[int, int]]:
        """Where parts at joints begin and end, in characters, with the white space between them; in order."""
        found: list[tuple[int, int]] = []
        for one in self._near.finditer(text) if self._near else ():
            sides = self._sides.get((one[1], one[2]))
            parts = sides and self._at(text, one.end(1), one.end(), sides)
            if not parts:
                continue
            begin, end = one.end(1), one.end(1)
            while begin and not text[begin - 1].isspace():
                begin -= 1
            for _ in range(parts):
                part = _PART.match(text, end)
                end = part.end() if part else end
            if found and begin < found[-1][1]:
                begin, end = found[-1][0], max(end, found.pop()[1])
            found.append((begin, end))
        return found

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
            (part[at : at + length][::-1] if back else part[at : at + length]) in self.special
            for at in range(taken)
            for length in range(2, self._most + 1)
            if at + length <= len(part)
        )


class Parts:
    """Words and sentences of texts, by their parts.

    Args:
        tokens_of: takes parts apart, each by itself.
        words_of: the words of a whole text, for those that cannot be taken part by part.
        spans_of: the same of sentences.
        joints: tells which parts of a text belong together.
    """

    def __init__(
        self,
        tokens_of: Callable[[list[str]], Iterable[Sequence[Token]]],
        words_of: Callable[[str], list[str]],
        spans_of: Callable[[str], list[tuple[int, int]]],
        joints: Joints,
    ) -> None:
        self._tokens_of, self._words_of, self._spans_of, self._joints = tokens_of, words_of, spans_of, joints
        self._known: dict[str, Part] = {}
        self._words: dict[str, tuple[str, ...]] = {}
        self._ends: set[str] = set()  # parts in which a sentence ends or begins, whatever is before them

    def part(self, text: str) -> Part:
        """What a part is taken apart into."""
        self._learn([text])
        return self._known[text]

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
        if BREAKS_SPACY in text:
            return self._words_of(text)
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

    def tokens_of(parts: list[str]) -> list[list[Token]]:
        """A line break between two parts keeps special cases from being looked for across them."""
        ends = list(itertools.accumulate(len(part) + 1 for part in parts))
        own: list[list[Token]] = [[] for _ in parts]
        part = at = 0
        for one in language.tokenizer("\n".join(parts)):
            if one.idx + 1 == ends[part]:
                part, at = part + 1, ends[part]
            else:
                own[part].append(Token(one.idx - at, one.text, one.text in marks, one.is_punct))
        return own

    take = language.tokenizer
    searches = {name: getattr(take, name) for name in ("prefix_search", "suffix_search", "infix_finditer", "url_match")}
    bare = Tokenizer(language.vocab, {}, **searches)
    special = {one: [token.text for token in bare(one)] for one in take.rules if not one.isspace()}
    parts = Parts(tokens_of, own.word_tokenize, own.span_tokenize, Joints(special))
    own.word_tokenize, own.span_tokenize, own.sent_tokenize = parts.words, parts.spans, parts.sentences
    return parts
