"""What a reply says: each person's role, read strictly, whatever the wording around it.

An *assertion* is a sentence or line of one of few forms: "Ann is (not) a knight", "Ann: knight", "Ann lies", "Neither
Ann nor Bob is a knight", "It is impossible that Bob is a knight", "Knights: Ann, Carl", a row of a table, a list, JSON.
It may stand anywhere behind the conclusion's marker, or in `<answer>` tags, in any order and any spelling of case, with
Markdown, HTML or LaTeX around it. A sentence of another form asserts nothing, nor does a question, or a sentence with a
word that leaves a doubt: a supposition ("if"), a report ("says"), "perhaps", "at least one of", "or", "contradiction".

**Whoever asserts both roles for a person has not answered**, however many assertions come between, and so has whoever
takes the answer back ("This is wrong."), leaves a person out, or writes no marker. The words are the language's own
(`[answers]` of its data file).

    >>> language = load("en")
    >>> pair = language.roles[language.pair("knight/knave")]
    >>> read_answer("CONCLUSION: Ann is a knight, and Bob is not a knight.", ["Ann", "Bob"], language, pair).solution
    (True, False)
    >>> read_answer("CONCLUSION: Ann or Bob is a knight.", ["Ann", "Bob"], language, pair).solution is None
    True
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.probes.puzzles.language.language import Language, RolePair, load
from transforms.probes.puzzles.language.wording import Wording
from transforms.probes.puzzles.replies.markup import answer_of, folded, plain
from transforms.probes.puzzles.replies.sentences import Reading, read_sentence
from transforms.probes.puzzles.replies.vocabulary import Vocabulary, vocabulary

_SENTENCE_END = re.compile(r"\n|(?<![.!?;])(?:[.!?;]+(?=[\s\"')\]]|$)|[.!?]*;[.!?;]*)")

__all__ = ["Answer", "Language", "load", "read_answer", "right_answers"]


@dataclass(frozen=True)
class Answer:
    """What a reply asserts.

    Attributes:
        truthful: for each person whether that person is said to tell the truth; None if nothing is said, or both.
        contradicted: the people, from 0, of whom both is said, or one and then taken back.
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
    words = vocabulary(language.tag, pair.id)
    text = _conclusion(reply, words, after_marker)
    if text is None:
        return Answer((None,) * len(names))
    person_of = {folded(name): person for person, name in enumerate(names)}
    said = _said(text, words, person_of, flipped)
    values = [{value for person, value in said if person == at} for at in range(len(names))]
    return Answer(
        tuple(next(iter(given)) if len(given) == 1 else None for given in values),
        tuple(person for person, given in enumerate(values) if len(given) > 1),
    )


def _conclusion(reply: str, words: Vocabulary, after_marker: bool) -> str | None:
    """The part of a reply that may assert, folded and plain; None if there is none."""
    text, answer = answer_of(words.question.split(reply, 1)[0])
    whole = _folded(text, words)
    if after_marker and answer is None:
        return whole
    if found := words.marker.search(whole):
        return whole[found.end() :]
    return None if answer is None else _folded(answer, words)


def _folded(text: str, words: Vocabulary) -> str:
    """Text in lower case, where a capital that begins a supposition begins a line as well."""

    def split(found: re.Match[str]) -> str:
        before = found[1].lstrip("(['\"")
        shouted = len(before) > 1 and before.isupper()
        return found[1] + "\n" if shouted or not before[:1].isupper() else found[0]

    return words.plain(folded(words.opening.sub(split, plain(text))))


def _sentences(text: str) -> Iterator[tuple[str, str]]:
    """The sentences and lines of a text, each with what ends it."""
    begin = 0
    for end in _SENTENCE_END.finditer(text):
        yield text[begin : end.start()], end[0]
        begin = end.end()
    yield text[begin:], "\n"


def _said(text: str, words: Vocabulary, person_of: dict[str, int], flipped: bool) -> list[tuple[int, bool]]:
    """All assertions of a text, (person, does that person tell the truth)."""
    said: list[tuple[int, bool]] = []
    assumed = supposed = hypothetical = questioned = doubted = False
    begins_line = False
    uncertain: list[tuple[int, bool]] = []
    pending: list[int] = []
    heading: bool | None = None
    for sentence, end in _sentences(text):
        found = read_sentence(sentence, words, person_of, flipped)
        if "?" in end:
            questioned, pending, heading = True, [], None
            continue
        if found.empty and begins_line:
            doubted = False  # a blank line
        begins_line = end == "\n"
        if not found.empty:
            doubted = doubted or found.doubts
            asserts = not (doubted or hypothetical or (assumed and found.goes_on) or (supposed and found.goes_on_if))
            if found.refutes and not questioned:
                said += [(person, not value) for person, value in said]
            if doubted:
                uncertain += found.said
            if asserts:
                said += found.said
                pending, heading = _carry(found, pending, heading, said)
            assumed = found.supposes or not asserts
            supposed = assumed or found.conditional
            hypothetical = hypothetical or found.supposes
            questioned = False
        if end == "\n":
            hypothetical = False
    # Whether a heading such as "Wrong:" speaks of all below it is not known: what differs from that is both.
    return said + [one for one in uncertain if (one[0], not one[1]) in said]


def _carry(
    found: Reading, pending: list[int], heading: bool | None, said: list[tuple[int, bool]]
) -> tuple[list[int], bool | None]:
    """What a line leaves for the next ones: names that wait for a role, or a role that introduces names."""
    if found.names and heading is not None:
        said += [(person, heading) for person in found.names]
        return [], heading
    if found.names:
        return ([] if pending else found.names), None
    if found.role is not None and len(pending) == 1:
        said.append((pending[0], found.role))
        return [], None
    return [], found.heading


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
