"""The compiled part of `language.text`, for statements: claims of any depth and width as UTF-8.

What is still to be written of a claim waits on a stack, so that every part is written once, in its place.
`slow_text.py` among its tests says the same in plain Python. All is inlined: a call that hands arrays on counts
references to each of them, atomically, which took as long as the writing.
"""

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import inline_kernel, kernel
from transforms.base.streams import below, stream_word
from transforms.base.vectors import SLACK
from transforms.probes.puzzles.language.filling import address, put, set_place, table, template
from transforms.probes.puzzles.language.program import SLOTS, Family, Joint, Program, Slot
from transforms.probes.puzzles.logic.claims import IFF, IMPLIES, NOT, arity, claim_end

_Bytes = npt.NDArray[np.uint8]
_Flags = npt.NDArray[np.bool_]
_I16 = npt.NDArray[np.int16]
_I64 = npt.NDArray[np.int64]
_U64 = npt.NDArray[np.uint64]

_NAME, _ROLE, _NO_ROLE, _CLAIM = int(Slot.NAME), int(Slot.ROLE), int(Slot.NO_ROLE), int(Slot.CLAIM)
_F_NOT, _F_AND, _F_OR = int(Family.NOT), int(Family.AND), int(Family.OR)
_F_IMPLIES, _F_IFF = int(Family.IMPLIES), int(Family.IFF)
_CLAUSE_IS, _CLAUSE_NOT, _GROUP = int(Family.CLAUSE_IS), int(Family.CLAUSE_NOT), int(Family.GROUP)
_BETWEEN = int(Joint.CLAIMS)

# What waits to be written of a claim: a place; a (sub)claim as an operand, in a form; the same, in a group whatever it
# is; or an operator's phrase.
_PLACE, _OPERAND, _GROUPED, _PHRASE = range(4)
_NO_FORM = -1
_WORDS_A_CLAIM = 1 << 16  # of the stream of phrases; a token takes the one of its place in the claim


@inline_kernel
def _clause(
    program: Program, token: int, denied: bool, form: int, name: int, pair: int, flipped: int, places: _I64, out: int
) -> int:
    """Write a leaf, or its denial, as a clause about the person of that name."""
    gender = program.genders[name]
    word = (token & 1) ^ flipped
    set_place(places, _NAME, SLOTS + name)
    set_place(places, _ROLE, program.roles[pair, word, 0, gender])
    set_place(places, _NO_ROLE, program.roles[pair, word, 1, gender])
    return template(program, _CLAUSE_NOT if denied else _CLAUSE_IS, form, places, out)


@inline_kernel
def _family_of(token: int) -> int:
    if token == NOT:
        return _F_NOT
    if token == IMPLIES:
        return _F_IMPLIES
    if token == IFF:
        return _F_IFF
    return _F_OR if token & 1 else _F_AND


@inline_kernel
def _push(waiting: _I64, count: int, kind: int, what: int, form: int) -> int:
    waiting[count, 0] = kind
    waiting[count, 1] = what
    waiting[count, 2] = form
    return count + 1


@inline_kernel
def _push_operands(tokens: _I16, at: int, last: bool, form: int, between: int, waiting: _I64, count: int) -> int:
    """Put the last operand, or all but the last, of the operator at `at` onto what waits; the first comes on top."""
    operands = arity(tokens[at])
    kind = _GROUPED if tokens[at] == NOT else _OPERAND
    low = count
    position = at + 1
    for operand in range(operands):
        if operands == 1 or (operand == operands - 1) == last:
            if count > low:
                count = _push(waiting, count, _PLACE, between, 0)
            count = _push(waiting, count, kind, position, form)
        position = claim_end(tokens, position)
    high = count - 1
    while low < high:
        for column in range(3):
            waiting[low, column], waiting[high, column] = waiting[high, column], waiting[low, column]
        low += 1
        high -= 1
    return count


@inline_kernel
def _push_group(program: Program, tokens: _I16, what: int, form: int, waiting: _I64, count: int) -> int:
    """Put a (sub)claim in a group onto what waits."""
    at = program.family[_GROUP] + form
    plain = tokens[what] >= 0 or (tokens[what] == NOT and tokens[what + 1] >= 0)
    for step in range(program.template[at + 1] - 1, program.template[at] - 1, -1):
        place = int(program.steps[step])
        if place == _CLAIM:
            count = _push(waiting, count, _OPERAND if plain else _PHRASE, what, 0)
        else:
            count = _push(waiting, count, _PLACE, place, 0)
    return count


@inline_kernel
def _claim(
    program: Program, tokens: _I16, start: int, names: _I16, row: int, pair: int, flipped: int, phrases: np.uint64,
    counter: int, places: _I64, waiting: _I64, out: int,
) -> int:  # fmt: skip
    """Write the claim that begins at `start`; the stream `phrases` gives word `counter` to that token, and so on."""
    count = _push(waiting, 0, _OPERAND, start, _NO_FORM)
    steps = program.steps
    while count > 0:
        count -= 1
        kind, what, form = waiting[count, 0], waiting[count, 1], waiting[count, 2]
        if kind == _PLACE:
            out = put(places, what, out)
            continue
        token = int(tokens[what])
        if kind == _PHRASE:
            family = _family_of(token)
            templates = program.family[family + 1] - program.family[family]
            at = program.family[family] + below(stream_word(phrases, counter + what - start), templates)
            for step in range(program.template[at + 1] - 1, program.template[at] - 1, -1):
                place = int(steps[step])
                if place >= 0:
                    count = _push(waiting, count, _PLACE, place, 0)
                else:
                    last = (-1 - place) & 1 == 1
                    between = program.joints[_BETWEEN]
                    count = _push_operands(tokens, what, last, (-1 - place) >> 1, between, waiting, count)
        elif kind == _OPERAND and token >= 0:
            name = int(names[row, token >> 1])
            out = _clause(program, token, False, max(form, 0), name, pair, flipped, places, out)
        elif kind == _OPERAND and token == NOT and tokens[what + 1] >= 0:
            token = int(tokens[what + 1])
            name = int(names[row, token >> 1])
            out = _clause(program, token, True, max(form, 0), name, pair, flipped, places, out)
        elif form == _NO_FORM:
            count = _push(waiting, count, _PHRASE, what, 0)
        else:
            count = _push_group(program, tokens, what, form, waiting, count)
    return out


@inline_kernel
def _capital(text: _Bytes, begin: int, end: int) -> None:
    """Make the first letter, behind brackets, a capital if it is one of a to z."""
    while begin < end and text[begin] == 40:
        begin += 1
    if begin < end and 97 <= text[begin] <= 122:
        text[begin] -= 32


@kernel
def _most_waiting(program: Program, tokens: int) -> int:
    """Room for what waits of a claim of that many tokens: each puts a group, a phrase and its operands there."""
    steps = 0
    for at in range(len(program.template) - 1):
        steps = max(steps, program.template[at + 1] - program.template[at])
    return (2 * steps + 2) * (tokens + 1)


@kernel
def write_claims(
    program: Program, tokens: _I16, offsets: _I64, names: _I16, pair: _I16, flipped: _Flags, phrases: _U64
) -> tuple[_Bytes, _I64]:
    """All claims of a batch as sentences without a full stop.

    Returns:
        Bytes (with `SLACK` more at their end) and int64[size * n + 1], where each claim begins.
    """
    size, people = names.shape
    places = table(program)
    longest = 0
    for claim in range(size * people):
        longest = max(longest, offsets[claim + 1] - offsets[claim])
    bounds, joints = program.bounds, program.lengths[program.joints[_BETWEEN] - SLOTS]
    operator = bounds[_GROUP] + joints + max(bounds[_F_NOT], bounds[_F_AND], bounds[_F_OR])
    operator = max(operator, bounds[_GROUP] + joints + max(bounds[_F_IMPLIES], bounds[_F_IFF]))
    each = max(operator, bounds[_GROUP] + joints + max(bounds[_CLAUSE_IS], bounds[_CLAUSE_NOT]))
    text = np.empty(each * len(tokens) + SLACK, np.uint8)
    waiting = np.empty((_most_waiting(program, longest), 3), np.int64)
    starts = np.empty(size * people + 1, np.int64)
    base = address(text)
    out = base
    starts[0] = 0
    for row in range(size):
        for person in range(people):
            claim = row * people + person
            out = _claim(
                program, tokens, offsets[claim], names, row, int(pair[row]), int(flipped[row]),
                phrases[row], person * _WORDS_A_CLAIM, places, waiting, out,
            )  # fmt: skip
            starts[claim + 1] = out - base
            _capital(text, starts[claim], starts[claim + 1])
    return text, starts
