"""A language compiled for the kernels: all its words in one array of bytes, its templates as numbers of places.

A *place* is somewhere bytes can be copied from: the first `SLOTS` places are filled in by a kernel as it goes (the name
of the person at hand, a role, a statement); the places after them are *snippets*, fixed bytes of the language: names,
roles, and the text between the slots of templates. A template is a sequence of places.
"""

import functools
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.base.vectors import SLACK
from transforms.probes.puzzles.language.language import SLOT, Language, Role, load
from transforms.probes.puzzles.logic.claims import MAX_PEOPLE


class Slot(IntEnum):
    """Places that a kernel fills in."""

    NAME = 0
    ROLE = 1
    NO_ROLE = 2
    OTHER = 3
    OTHER_ROLE = 4
    CLAIM = 5
    OTHER_CLAIM = 6
    TRUTH = 7
    LIE = 8
    TRUTHS = 9
    LIES = 10
    TRUTHS_CAPITAL = 11
    LIES_CAPITAL = 12
    NAMES = 13
    COUNT = 14
    NUMBER = 15


SLOTS = len(Slot)

_SLOT_OF = {slot.name.lower(): slot for slot in Slot} | {"Truths": Slot.TRUTHS_CAPITAL, "Lies": Slot.LIES_CAPITAL}


class Family(IntEnum):
    """Templates of which one is drawn, or, of clauses, that of the wanted form is taken."""

    INTRO = 0
    QUESTION = 1
    SAYS = 2
    NOT = 3
    AND = 4
    OR = 5
    IMPLIES = 6
    IFF = 7
    HEAD = 8
    TAKE_TRUTH = 9
    TAKE_LIE = 10
    CLASH_TRUTH = 11
    CLASH_LIE = 12
    EXHAUSTED = 13
    RECONSIDER = 14
    SUCCESS = 15
    CLAUSE_IS = 16
    CLAUSE_NOT = 17
    GROUP = 18
    CONCLUSION_LINE = 19


_KEY_OF = {
    Family.INTRO: "quiz.intro",
    Family.QUESTION: "quiz.question",
    Family.SAYS: "quiz.says",
    **{Family[name.upper()]: f"claims.{name}" for name in ("not", "and", "or", "implies", "iff")},
    **{family: f"thought.{family.name.lower()}" for family in Family if Family.HEAD <= family <= Family.SUCCESS},
}


class Joint(IntEnum):
    """What separates the parts of a list."""

    LIST = 0
    LIST_LAST = 1
    SENTENCE = 2
    SENTENCE_LAST = 3
    SENTENCE_END = 4
    CLAIMS = 5
    WORD = 6
    LINE = 7


class Program(NamedTuple):
    """What kernels get of a language. Snippet s is place `SLOTS + s`; of all of them, names come first.

    Attributes:
        pool: uint8[], all snippets, then `SLACK` bytes.
        starts: int64[snippets], where each begins in the pool.
        lengths: int64[snippets], bytes of each.
        steps: int32[], the places of all templates one after another. In the phrases of operators, -1 - 2 * f stands
            for operand a in form f of the clause, -2 - 2 * f for operand b.
        template: int64[templates + 1], where each template begins among the steps.
        family: int64[families + 1], where each family begins among the templates.
        bounds: int64[families], the most bytes of a template, without the slots CLAIM, OTHER_CLAIM and NAMES.
        roles: int64[pairs, 2, 2, genders], place of a role: truth or lie; `a` or `no`; gender.
        many: int64[pairs, 2, 2], place of its plural: truth or lie; as it is or with a capital.
        genders: int16[names], of each name.
        numbers: int64, place of "0"; those of "1" to "100" follow.
        joints: int64[joints], place of each.
    """

    pool: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    steps: npt.NDArray[np.int32]
    template: npt.NDArray[np.int64]
    family: npt.NDArray[np.int64]
    bounds: npt.NDArray[np.int64]
    roles: npt.NDArray[np.int64]
    many: npt.NDArray[np.int64]
    genders: npt.NDArray[np.int16]
    numbers: int
    joints: npt.NDArray[np.int64]


@functools.cache
def program(tag: str) -> Program:
    """The compiled language of that tag.

    Raises:
        ValueError: if there is no such language.
    """
    return compile_language(load(tag))


def compile_language(language: Language) -> Program:
    """A language for the kernels."""
    snippets: dict[str, int] = {}

    def place(text: str) -> int:
        return SLOTS + snippets.setdefault(text, len(snippets))

    names = language.common + language.uncommon
    for name, _ in names:
        place(name)
    roles = np.array(
        [
            [[list(map(place, role.a)), list(map(place, role.no))] for role in (pair.truth, pair.lie)]
            for pair in language.roles
        ]
    )
    many = np.array(
        [
            [[place(role.many), place(role.many[0].upper() + role.many[1:])] for role in (pair.truth, pair.lie)]
            for pair in language.roles
        ]
    )
    # Digits in a place of their own each, one behind the other, though a template may hold the same digit.
    numbers = SLOTS + len(snippets)
    for number in range(MAX_PEOPLE + 1):
        snippets[f"\0{number}"] = len(snippets)
    joint = language.joints
    joints = [
        joint["list"]["between"], joint["list"]["last"],
        joint["sentence"]["between"], joint["sentence"]["last"], joint["sentence"]["end"],
        joint["claims"]["between"], " ", "\n",
    ]  # fmt: skip
    joint_places = np.array([place(text) for text in joints])
    families = [_steps_of(language, family, place) for family in Family]
    texts = [text.lstrip("\0").encode() for text in snippets]
    lengths = np.array([len(text) for text in texts])
    templates = [steps for family in families for steps in family]
    slot_bounds = _slot_bounds(language)
    bounds = [max(sum(_bytes(step, lengths, slot_bounds) for step in steps) for steps in family) for family in families]
    return Program(
        np.frombuffer(b"".join(texts) + bytes(SLACK), np.uint8),
        np.concatenate([[0], np.cumsum(lengths)[:-1]]),
        lengths,
        np.array([step for steps in templates for step in steps], np.int32),
        np.cumsum([0, *map(len, templates)]),
        np.cumsum([0, *map(len, families)]),
        np.array(bounds),
        roles,
        many,
        np.array([gender for _, gender in names], np.int16),
        numbers,
        joint_places,
    )


def _steps_of(language: Language, family: Family, place: Callable[[str], int]) -> list[list[int]]:
    if family in _KEY_OF:
        texts: Sequence[str] = language.templates[_KEY_OF[family]]
    elif family == Family.CONCLUSION_LINE:
        texts = [language.texts["conclusion.line"]]
    else:
        key = {Family.CLAUSE_IS: "is", Family.CLAUSE_NOT: "not", Family.GROUP: "group"}[family]
        texts = [language.clauses[form][key] for form in language.forms]
    return [_steps(language, text, place) for text in texts]


def _steps(language: Language, text: str, place: Callable[[str], int]) -> list[int]:
    """A template as places; `{is}` and `{other_is}` become the clause's own template."""
    clause = language.clauses[language.forms[0]]["is"]
    other = clause.replace("{name}", "{other}").replace("{role}", "{other_role}")
    text = text.replace("{is}", clause).replace("{other_is}", other)
    steps: list[int] = []
    end = 0
    for found in SLOT.finditer(text):
        if found.start() > end:
            steps.append(place(text[end : found.start()]))
        slot, form = found.groups()
        if slot in ("a", "b"):
            steps.append(-(1 if slot == "a" else 2) - 2 * language.forms.index(form or language.forms[0]))
        else:
            steps.append(_SLOT_OF[slot])
        end = found.end()
    if end < len(text):
        steps.append(place(text[end:]))
    return steps


def _slot_bounds(language: Language) -> list[int]:
    """The most bytes that each slot can take; 0 for those that a kernel measures."""
    names = max(len(name.encode()) for name, _ in language.common + language.uncommon)
    every: list[Role] = [role for pair in language.roles for role in (pair.truth, pair.lie)]
    role = max(len(word.encode()) for one in every for word in (*one.a, *one.no, one.many))
    measured = {Slot.CLAIM, Slot.OTHER_CLAIM, Slot.NAMES}
    named = {Slot.NAME, Slot.OTHER}
    return [0 if slot in measured else names if slot in named else role + SLACK for slot in Slot]


def _bytes(step: int, lengths: npt.NDArray[np.int64], slot_bounds: Sequence[int]) -> int:
    if step < 0:
        return 0
    return slot_bounds[step] if step < SLOTS else int(lengths[step - SLOTS])
