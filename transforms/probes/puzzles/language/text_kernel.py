"""The compiled part of `language.text`, for whole texts: quizzes, chains of thought and solutions as UTF-8.

Each kernel first adds up a bound of its output's size, writes into one buffer, and says where each text ends.
`tests/probes/puzzles/language/slow_text.py` says the same in plain Python.
"""

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import inline_kernel, kernel
from transforms.base.streams import stream_word
from transforms.base.vectors import SLACK
from transforms.probes.puzzles.language.filling import address, drawn, put, set_pair, set_place, table, template
from transforms.probes.puzzles.language.program import SLOTS, Family, Joint, Program, Slot
from transforms.probes.puzzles.logic.claims import ASSIGN, CONFLICT, EXHAUSTED, RECONSIDER

_Bytes = npt.NDArray[np.uint8]
_Flags = npt.NDArray[np.bool_]
_I16 = npt.NDArray[np.int16]
_I64 = npt.NDArray[np.int64]
_U64 = npt.NDArray[np.uint64]

_NAME, _ROLE, _CLAIM = int(Slot.NAME), int(Slot.ROLE), int(Slot.CLAIM)
_OTHER, _OTHER_ROLE, _OTHER_CLAIM = int(Slot.OTHER), int(Slot.OTHER_ROLE), int(Slot.OTHER_CLAIM)
_NAMES, _COUNT, _NUMBER = int(Slot.NAMES), int(Slot.COUNT), int(Slot.NUMBER)

_INTRO, _QUESTION, _SAYS = int(Family.INTRO), int(Family.QUESTION), int(Family.SAYS)
_HEAD, _SUCCESS = int(Family.HEAD), int(Family.SUCCESS)
_TAKE_TRUTH, _CLASH_TRUTH = int(Family.TAKE_TRUTH), int(Family.CLASH_TRUTH)
_F_EXHAUSTED, _F_RECONSIDER = int(Family.EXHAUSTED), int(Family.RECONSIDER)
_CLAUSE_IS, _LINE = int(Family.CLAUSE_IS), int(Family.CONCLUSION_LINE)

_LIST, _LIST_LAST = int(Joint.LIST), int(Joint.LIST_LAST)
_SENTENCE, _SENTENCE_LAST, _SENTENCE_END = int(Joint.SENTENCE), int(Joint.SENTENCE_LAST), int(Joint.SENTENCE_END)
_BETWEEN_WORDS, _BETWEEN_LINES = int(Joint.WORD), int(Joint.LINE)


@kernel
def _longest_name(program: Program, names: _I16) -> int:
    longest = 0
    for name in names:
        longest = max(longest, program.lengths[name])
    return longest


@inline_kernel
def _write_names(program: Program, names: _I16, row: int, places: _I64, out: int) -> int:
    people = names.shape[1]
    for person in range(people):
        if person > 0:
            out = put(places, program.joints[_LIST_LAST if person == people - 1 else _LIST], out)
        out = put(places, int(SLOTS + names[row, person]), out)
    return out


@kernel
def write_quizzes(
    program: Program, claims: _Bytes, claim_starts: _I64, names: _I16, pair: _I16, flipped: _Flags, order: _I16,
    intro: _I16, question: _I16, says: _I16,
) -> tuple[_Bytes, _I64]:  # fmt: skip
    """Quiz texts: what kinds of people there are, who they are, what each says, and the question.

    Args:
        program: the language.
        claims: from `write_claims`, as are `claim_starts`.
        claim_starts: int64[size * n + 1].
        names: and the arrays after it: those of `Wording`.
        pair: int16[size].
        flipped: bool[size].
        order: int16[size, n].
        intro: int16[size].
        question: int16[size].
        says: int16[size, n].

    Returns:
        Bytes (with `SLACK` more at their end) and int64[size + 1], where each text begins.
    """
    size, people = names.shape
    places = table(program)
    joint = program.lengths[program.joints[_LIST] - SLOTS] + program.lengths[program.joints[_LIST_LAST] - SLOTS]
    list_bound = people * (_longest_name(program, names.ravel()) + joint)
    each = program.bounds[_INTRO] + program.bounds[_QUESTION] + people * (program.bounds[_SAYS] + 1) + 1 + list_bound
    text = np.empty(size * each + claim_starts[-1] + SLACK, np.uint8)
    listed = np.empty(list_bound + SLACK, np.uint8)
    starts = np.empty(size + 1, np.int64)
    base, claims_base, listed_base = address(text), address(claims), address(listed)
    unknown = program.roles.shape[3] - 1
    space = program.joints[_BETWEEN_WORDS]
    out = base
    starts[0] = 0
    for row in range(size):
        set_pair(program, places, int(pair[row]), int(flipped[row]), unknown)
        set_place(places, _COUNT, program.numbers + people)
        places[_NAMES, 0] = listed_base
        places[_NAMES, 1] = _write_names(program, names, row, places, listed_base) - listed_base
        out = template(program, _INTRO, int(intro[row]), places, out)
        for shown in range(people):
            speaker = int(order[row, shown])
            claim = row * people + speaker
            set_place(places, _NAME, int(SLOTS + names[row, speaker]))
            places[_CLAIM, 0] = claims_base + claim_starts[claim]
            places[_CLAIM, 1] = claim_starts[claim + 1] - claim_starts[claim]
            out = put(places, space, out)
            out = template(program, _SAYS, int(says[row, speaker]), places, out)
        out = put(places, space, out)
        out = template(program, _QUESTION, int(question[row]), places, out)
        starts[row + 1] = out - base
    return text, starts


@inline_kernel
def _set_person(
    program: Program, places: _I64, slot: int, name: int, value: int, pair: int, flipped: int, claim: int, length: int
) -> None:
    """Fill NAME, ROLE and CLAIM (`slot` is NAME), or the same of the other person (OTHER)."""
    set_place(places, slot, SLOTS + name)
    role = program.roles[pair, (1 - value) ^ flipped, 0, program.genders[name]]
    set_place(places, _ROLE if slot == _NAME else _OTHER_ROLE, role)
    claim_slot = _CLAIM if slot == _NAME else _OTHER_CLAIM
    places[claim_slot, 0] = claim
    places[claim_slot, 1] = length


@kernel
def write_thoughts(
    program: Program, claims: _Bytes, claim_starts: _I64, events: _I16, event_starts: _I64, names: _I16, pair: _I16,
    flipped: _Flags, thoughts: _U64,
) -> tuple[_Bytes, _I64]:  # fmt: skip
    """Chains of thought: one line for the plan, one per step of the search, one at success.

    Args:
        program: the language.
        claims: from `write_claims`, as are `claim_starts`.
        claim_starts: int64[size * n + 1].
        events: int16[steps, 4] and `event_starts`: those of `Traces`.
        event_starts: int64[size + 1].
        names: and the arrays after it: those of `Wording`.
        pair: int16[size].
        flipped: bool[size].
        thoughts: uint64[size].

    Returns:
        Bytes (with `SLACK` more at their end) and int64[size + 1], where each text begins; empty if there is no trace.
    """
    size, people = names.shape
    places = table(program)
    each = 1 + program.bounds[_HEAD : _SUCCESS + 1].max()
    bound = size * each
    for row in range(size):
        for step in range(event_starts[row], event_starts[row + 1]):
            kind = events[step, 0]
            bound += each
            if kind in (ASSIGN, CONFLICT):
                claim = row * people + (events[step, 1] if kind == ASSIGN else events[step, 3])
                bound += claim_starts[claim + 1] - claim_starts[claim]
    text = np.empty(bound + SLACK, np.uint8)
    starts = np.empty(size + 1, np.int64)
    value_of = np.zeros(people, np.int64)
    base, claims_base = address(text), address(claims)
    line = program.joints[_BETWEEN_LINES]
    out = base
    starts[0] = 0
    for row in range(size):
        roles, turned = int(pair[row]), int(flipped[row])
        if event_starts[row + 1] > event_starts[row]:
            out = drawn(program, _HEAD, stream_word(thoughts[row], 0), places, out)
        for step in range(event_starts[row], event_starts[row + 1]):
            kind, person, value = events[step, 0], int(events[step, 1]), int(events[step, 2])
            family = _SUCCESS
            if kind in (ASSIGN, CONFLICT):
                value_of[person] = value
                claim = row * people + person
                _set_person(
                    program, places, _NAME, int(names[row, person]), value, roles, turned,
                    claims_base + claim_starts[claim], claim_starts[claim + 1] - claim_starts[claim],
                )  # fmt: skip
                family = _TAKE_TRUTH + 1 - value
                if kind == CONFLICT:
                    speaker = int(events[step, 3])
                    claim = row * people + speaker
                    _set_person(
                        program, places, _OTHER, int(names[row, speaker]), value_of[speaker], roles, turned,
                        claims_base + claim_starts[claim], claim_starts[claim + 1] - claim_starts[claim],
                    )  # fmt: skip
                    family = _CLASH_TRUTH + 1 - value_of[speaker]
            elif kind in (EXHAUSTED, RECONSIDER):
                name = int(names[row, person])
                set_place(places, _NAME, SLOTS + name)
                set_pair(program, places, roles, turned, int(program.genders[name]))
                family = _F_EXHAUSTED if kind == EXHAUSTED else _F_RECONSIDER
            out = put(places, line, out)
            out = drawn(program, family, stream_word(thoughts[row], 1 + step - event_starts[row]), places, out)
        starts[row + 1] = out - base
    return text, starts


@kernel
def write_solutions(
    program: Program, solution: _Flags, names: _I16, pair: _I16, flipped: _Flags, sentence: bool
) -> tuple[_Bytes, _I64]:
    """Solutions, bool[size, n]: as one sentence, or as numbered lines.

    Returns:
        Bytes (with `SLACK` more at their end) and int64[size + 1], where each text begins.
    """
    size, people = names.shape
    places = table(program)
    joint = program.lengths[program.joints - SLOTS].max()
    each = max(program.bounds[_LINE], program.bounds[_CLAUSE_IS]) + joint
    text = np.empty(size * (people * each + joint) + SLACK, np.uint8)
    starts = np.empty(size + 1, np.int64)
    base = address(text)
    out = base
    starts[0] = 0
    for row in range(size):
        for person in range(people):
            name = int(names[row, person])
            value = int(solution[row, person])
            _set_person(program, places, _NAME, name, value, int(pair[row]), int(flipped[row]), base, 0)
            if sentence:
                if person > 0:
                    out = put(places, program.joints[_SENTENCE_LAST if person == people - 1 else _SENTENCE], out)
                out = template(program, _CLAUSE_IS, 0, places, out)
            else:
                if person > 0:
                    out = put(places, program.joints[_BETWEEN_LINES], out)
                set_place(places, _NUMBER, program.numbers + person + 1)
                out = template(program, _LINE, 0, places, out)
        if sentence:
            out = put(places, program.joints[_SENTENCE_END], out)
        starts[row + 1] = out - base
    return text, starts
