"""What a reply says: each person's role, read strictly, whatever the wording around it.

An *assertion* is a person's name, words that link ("is", "must be", "not a", punctuation), and a role, before which
one unknown word may stand ("a brave knight"). It may stand anywhere behind the conclusion's marker, in any order and
any spelling of case, with Markdown, LaTeX or a table around it; "is not" gives the other role. No assertion is what
stands in a question, behind a supposition ("if Ann is a knave ...") or behind a report ("Ann says that Bob is a
knave"), to the end of that sentence. All other text is ignored.

**Whoever asserts both roles for a person has not answered**, however many assertions come between, and so has whoever
says "either ... or", leaves a person out, or writes no marker. The words are the language's own (`[answers]` of its
data file).

    >>> language = load("en")
    >>> pair = language.roles[language.pair("knight/knave")]
    >>> read_answer("CONCLUSION: Ann is a knight, and Bob is not a knight.", ["Ann", "Bob"], language, pair).solution
    (True, False)
    >>> read_answer("CONCLUSION: Ann is a knight.", ["Ann", "Bob"], language, pair).solution is None
    True
"""

import functools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.probes.puzzles.language.language import Language, RolePair, load
from transforms.probes.puzzles.language.wording import Wording

_DENIED = "\x01"  # replaces a phrase such as "it is not true that"
_PLAINER = {"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u00a0": " ", "\u202f": " ", "\u2260": " != "}
_MARKUP = str.maketrans(_PLAINER | dict.fromkeys("*_`~#>{}$\\" + _DENIED))
_LATEX = re.compile(r"\\(?:[a-z]+)\b\*?")
_SENTENCE_END = re.compile(r"\n|[.!?;](?=[\s\"'»”)\]]|$)")
_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|!=|[^\s\w]|\x01")
_UNEQUAL = "!="
_LISTS = {",", "&", "/", "+"}


@dataclass(frozen=True)
class Answer:
    """What a reply asserts.

    Attributes:
        truthful: for each person whether that person is said to tell the truth; None if nothing is said, or both.
        contradicted: the people, from 0, of whom both is said.
    """

    truthful: tuple[bool | None, ...]
    contradicted: tuple[int, ...] = ()

    @property
    def solution(self) -> tuple[bool, ...] | None:
        """The answer, if it is one: exactly one role for everybody."""
        if None in self.truthful:
            return None
        return tuple(value is True for value in self.truthful)


def read_answer(
    reply: str,
    names: Sequence[str],
    language: Language,
    pair: RolePair,
    flipped: bool = False,
    after_marker: bool = False,
) -> Answer:
    """What a reply to a puzzle says.

    Args:
        reply: what the model wrote.
        names: the people of the puzzle, in order.
        language: in which the puzzle was put.
        pair: its roles.
        flipped: whether the role that usually lies told the truth.
        after_marker: whether the prompt itself ended with the conclusion's marker, so that the reply needs none.
    """
    words = _words(language.tag, pair.id)
    text = _plain(words.question.split(reply, 1)[0])
    if not after_marker:
        found = words.marker.search(text)
        if not found:
            return Answer((None,) * len(names))
        text = text[found.end() :]
    for phrase in words.elisions:
        text = phrase.sub(r"\1 ", text)
    for denial in words.denials:
        text = text.replace(denial, _DENIED)
    person_of = {_plain(name): person for person, name in enumerate(names)}
    said: list[set[bool]] = [set() for _ in names]
    for sentence in _sentences(text):
        for person, is_truth_role in _assertions(sentence, person_of, words):
            said[person].add(is_truth_role != flipped)
    return Answer(
        tuple(next(iter(values)) if len(values) == 1 else None for values in said),
        tuple(person for person, values in enumerate(said) if len(values) > 1),
    )


def right_answers(
    replies: Sequence[str | None], wording: Wording, solution: npt.NDArray[np.bool_], after_marker: bool = False
) -> npt.NDArray[np.bool_]:
    """Which replies give the solution: bool[size].

    Args:
        replies: one per puzzle; None where the model gave none.
        wording: of the puzzles.
        solution: bool[size, n].
        after_marker: as for `read_answer`.

    Raises:
        ValueError: if there are more or fewer replies than puzzles.
    """
    if len(replies) != len(wording):
        raise ValueError(f"{len(replies)} replies to {len(wording)} puzzles: give one each, None where there is none")
    names = wording.name_lists().to_pylist()
    right = np.zeros(len(replies), np.bool_)
    for row, reply in enumerate(replies):
        if reply is None:
            continue
        pair = wording.language.roles[int(wording.pair[row])]
        answer = read_answer(reply, names[row], wording.language, pair, bool(wording.flipped[row]), after_marker)
        right[row] = answer.solution == tuple(solution[row].tolist())
    return right


@dataclass(frozen=True)
class _Words:
    """A language's words for one role pair, as `_plain` writes them."""

    marker: re.Pattern[str]
    question: re.Pattern[str]
    elisions: tuple[re.Pattern[str], ...]
    denials: tuple[str, ...]
    one: dict[str, bool]  # a role of one person: is it the one that usually tells the truth?
    many: dict[str, bool]  # of several
    links: frozenset[str]
    joins: frozenset[str]
    negations: frozenset[str]
    not_asserting: frozenset[str]


@functools.cache
def _words(tag: str, roles: str) -> _Words:
    language = load(tag)
    pair = language.roles[language.pair(roles)]
    sides = ((pair.truth, True), (pair.lie, False))
    words = {key: frozenset(map(_plain, value)) for key, value in language.words.items()}
    marker = re.escape(_plain(language.texts["conclusion.marker"]).rstrip(" :"))
    return _Words(
        re.compile(rf"(?<!\w){marker}\s*(?::|\n|$)"),
        re.compile(rf"^\s*{re.escape(language.texts['prompt.question'])}", re.IGNORECASE | re.MULTILINE),
        tuple(re.compile(rf"\b({re.escape(elided)})'") for elided in sorted(words["elisions"])),
        tuple(sorted(words["denials"], key=len, reverse=True)),
        {_plain(form.split()[-1]): side for role, side in sides for form in (*role.a, *role.no)},
        {_plain(role.many): side for role, side in sides},
        words["links"],
        words["joins"],
        words["negations"],
        words["suppositions"] | words["reports"],
    )


def _plain(text: str) -> str:
    """Text in lower case, without markup and with one kind of apostrophe and space."""
    text = unicodedata.normalize("NFKC", text.replace("|", " : ")).casefold()
    text = _LATEX.sub(" ", text).translate(_MARKUP)
    return unicodedata.normalize("NFKC", text)


def _sentences(text: str) -> Iterator[str]:
    """The sentences and lines that are not questions."""
    begin = 0
    for end in _SENTENCE_END.finditer(text):
        if end[0] != "?":
            yield text[begin : end.start()]
        begin = end.end()
    yield text[begin:]


def _assertions(sentence: str, person_of: dict[str, int], words: _Words) -> Iterator[tuple[int, bool]]:
    """(person, is it the role that usually tells the truth) for each role that a sentence gives."""
    people: list[int] = []  # of whom the words at hand speak
    held: list[int] = []  # the same, across one unknown word: "a brave knight"
    more = False  # whether a further name is one more of them
    linked = False  # whether the word before links
    negations = denials = 0
    for token in _TOKEN.findall(sentence):
        word = token.removesuffix("'s")
        if token in words.not_asserting:
            return
        before, linked = linked, token in words.links
        across, held = held, []
        if token in person_of or word in person_of:
            person = person_of[token if token in person_of else word]
            people = [*people, person] if more else [person]
            more, negations = True, 0
        elif token in words.one or (token in words.many and len(people or across) > 1):
            side = words.one[token] if token in words.one else words.many[token]
            people = people or across
            for person in people:
                yield person, side != ((negations + denials) % 2 == 1)
            more, negations = False, 0
        elif token == _DENIED:
            denials += 1
            people = []
        elif token in words.negations or token == _UNEQUAL:
            negations += 1
            more = False
        elif token in words.joins or linked or token in _LISTS:
            pass
        elif token.isalpha() or "'" in token:
            people, held = [], people if before else []
        else:
            more = False
