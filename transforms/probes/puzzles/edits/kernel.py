"""One claim of a puzzle replaced by another: draw or scan the replacements, and judge each by masks.

`Rest`, the assignments that agree with all claims but one, is all that is needed: a replacement for that one gives a
puzzle with one solution if exactly one assignment of `Rest` agrees with it, and where `Rest` holds a single assignment
no replacement can change the answer.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import inline_kernel, kernel
from transforms.base.streams import below, mix, stream_start, stream_word
from transforms.probes.puzzles.edits.arrays import (
    DISTANCE,
    FACTS,
    FOUND,
    FOUND_DISTANCE,
    FOUND_HAMMING,
    FOUND_NODES,
    HAMMING,
    LEAF_ONLY,
    LENGTH,
    MINIMAL,
    NODES,
    NONE,
    ONLY_SPEAKER,
    PLACE,
    SAME_ANSWER,
    SPEAKER,
    STATUS,
    UNKNOWN,
    Batch,
    Edit,
    Masks,
    Puzzle,
    Wish,
)
from transforms.probes.puzzles.edits.comparing import edit_distance, one_leaf_off, operands_differ
from transforms.probes.puzzles.logic.canonical import class_of
from transforms.probes.puzzles.logic.claims import IFF, IMPLIES, NOT
from transforms.probes.puzzles.logic.drawing import draw_claim, draw_flat_claim, draw_leaf, is_constant
from transforms.probes.puzzles.logic.masks import bits, claim_mask
from transforms.probes.puzzles.logic.search import solve
from transforms.probes.puzzles.logic.small_claims import small_claim, small_claims

_TRIES = 512
_COMPARED = 2
_NEAR = 5  # a fifth of the nodes wanted is near enough
_SPARE_STEPS = 512


@inline_kernel
def _judge(
    claim: npt.NDArray[np.int16],
    length: int,
    speaker: int,
    solution: npt.NDArray[np.bool_],
    knights: npt.NDArray[np.uint64],
    rest: npt.NDArray[np.uint64],
    stack: npt.NDArray[np.uint64],
    allowed_constant: bool,
    witness_knights: npt.NDArray[np.uint64],
    witness_every: npt.NDArray[np.uint64],
    answer: npt.NDArray[np.bool_],
) -> int:
    """The number of people whose role changes with a claim in place of the speaker's; -1 if it is of no use.

    The new solution goes to `answer`. `rest[speaker]` holds the assignments, among the columns of `knights`, that agree
    with all other claims.
    """
    claim_mask(claim, 0, length, knights, rest[speaker], stack)
    found = -1
    for word in range(rest.shape[1]):
        agree = rest[speaker, word] & ~(stack[0, word] ^ knights[speaker, word])
        if agree != 0:
            if found >= 0 or agree & (agree - np.uint64(1)) != 0:
                found = -2
                break
            found = 64 * word + bits(agree - np.uint64(1))
    changed = -1
    if found >= 0:
        changed = 0
        for person in range(len(solution)):
            answer[person] = (knights[person, found >> 6] >> np.uint64(found & 63)) & np.uint64(1) != 0
            changed += answer[person] != solution[person]
        if not allowed_constant:
            claim_mask(claim, 0, length, witness_knights, witness_every, stack)
            if is_constant(stack[0], witness_every):
                changed = -1
    return changed


@kernel
def _replace(
    tokens: npt.NDArray[np.int16],
    places: npt.NDArray[np.int64],
    speaker: int,
    claim: npt.NDArray[np.int16],
    new_tokens: npt.NDArray[np.int16],
    new_places: npt.NDArray[np.int64],
) -> None:
    """The puzzle with another claim for one speaker, from place 0."""
    position = 0
    for person in range(len(places) - 1):
        new_places[person] = position
        if person == speaker:
            new_tokens[position : position + len(claim)] = claim
            position += len(claim)
        else:
            length = places[person + 1] - places[person]
            new_tokens[position : position + length] = tokens[places[person] : places[person + 1]]
            position += length
    new_places[len(places) - 1] = position


@kernel
def _able(wish: Wish, masks: Masks) -> Any:
    """The speakers whose claims can be replaced, int64, and whether all were looked at."""
    people = len(masks.complete)
    able = np.empty(people, np.int64)
    count = 0
    known = True
    for speaker in range(people):
        if wish.request[ONLY_SPEAKER] >= 0 and wish.request[ONLY_SPEAKER] != speaker:
            continue
        known &= masks.complete[speaker]
        inside = 0
        for word in range(masks.rest.shape[1]):
            inside += bits(masks.rest[speaker, word])
        if masks.complete[speaker] and inside > 1:
            able[count] = speaker
            count += 1
    return able[:count], known


@kernel
def edit_puzzle(puzzle: Puzzle, wish: Wish, masks: Masks, found: Edit) -> None:
    """Find an edit of one puzzle, into `found`, or establish that there is none.

    First replacements are drawn as the puzzles are, so that edits are distributed like claims; if some hundred are of
    no use all are scanned.
    """
    # The loop is one function on plain arrays: cut into kernels that take the groups, an item took three times as long.
    tokens, places, solution, own_class = puzzle
    start, request, limits, split = wish
    knights, rest, _, witness_knights, witness_every = masks
    facts, new_class, answer, claim_found = found
    able, known = _able(wish, masks)
    count = len(able)
    facts[:] = -1
    facts[STATUS] = NONE if known else UNKNOWN
    if count == 0:
        return
    people = len(solution)
    most = max(limits[3], 3)
    words = max(rest.shape[1], len(witness_every))
    stack = np.empty((most, words), np.uint64)
    claim = np.empty(most, np.int16)
    size = places[people] - places[0]
    new_tokens = np.empty(size + most, np.int16)
    new_places = np.empty(people + 1, np.int64)
    row = np.empty(most + 2, np.int64)
    events = np.empty((_SPARE_STEPS + people + 3, 4), np.int16)
    trial = np.empty(people, np.bool_)
    allowed_constant = limits[2] != 0
    counter = 0
    matches = 0
    best_distance = best_nodes = 1 << 40
    ties = compared = 0
    scanning = request[MINIMAL] != 0
    tried = 0
    at = 0  # of the scan: speaker, then number of the replacement
    number = 0
    speaker = able[0]
    while True:
        # One more replacement into claim[:length].
        if not scanning:
            if tried == _TRIES:
                if matches > 0:
                    break
                scanning = True
                at = number = 0
                continue
            tried += 1
            speaker = able[below(stream_word(start, counter), count)]
            counter += 1
            begin, end = places[speaker], places[speaker + 1]
            if request[LEAF_ONLY]:
                length = _copy(tokens, begin, end, claim)
                chosen = below(stream_word(start, counter), length)
                counter += 1
                if claim[chosen] < 0:
                    continue
                claim[chosen] = draw_leaf(start, counter, people, speaker)
                counter += 1
            elif 0 < request[DISTANCE] <= 2 and tried & 1:
                # Claims so near to the present one are rarely drawn: some of its tokens are.
                length = _copy(tokens, begin, end, claim)
                for _ in range(request[DISTANCE]):
                    counter = _draw_token(start, counter, people, speaker, claim, length)
            elif limits[0] <= 2 and limits[1] == 2:
                length, counter = draw_flat_claim(start, counter, people, speaker, limits[0], claim, 0)
            else:
                length, counter = draw_claim(start, counter, people, speaker, limits[0], limits[1], claim, 0)
        else:
            if at == count:
                break
            speaker = able[at]
            begin, end = places[speaker], places[speaker + 1]
            of_leaves = (end - begin) * (2 * people - 1)
            of_claims = 0 if request[LEAF_ONLY] else small_claims(people, limits[0])
            if number == of_leaves + of_claims:
                at += 1
                number = 0
                continue
            if number < of_leaves:
                length = _copy(tokens, begin, end, claim)
                chosen, leaf = number // (2 * people - 1), number % (2 * people - 1)
                number += 1
                if claim[chosen] < 0:
                    continue
                claim[chosen] = leaf + (leaf > 2 * speaker)
            else:
                length = small_claim(number - of_leaves, people, speaker, claim)
                number += 1
                # Replacements that change one leaf came before.
                if (
                    length == end - begin
                    and edit_distance(claim, length, tokens, begin, end, row) == 1
                    and one_leaf_off(claim, tokens, begin, end)
                ):
                    continue
        distance = edit_distance(claim, length, tokens, begin, end, row)
        if distance == 0 or (request[MINIMAL] and distance > best_distance):
            continue
        off = 0
        if request[DISTANCE] > 0:
            off = abs(distance - request[DISTANCE])
            if off > (best_distance if scanning else 0):
                continue
        if not _is_well_formed(claim, length, request[LEAF_ONLY] != 0, length == end - begin):
            continue
        r = speaker if len(knights) > 1 else 0
        changed = _judge(
            claim, length, speaker, solution, knights[r], rest, stack, allowed_constant, witness_knights,
            witness_every, trial,
        )  # fmt: skip
        if changed < 0 or (changed == 0) != (request[SAME_ANSWER] != 0):
            continue
        if request[HAMMING] > 0 and changed != request[HAMMING]:
            continue
        _replace(tokens, places, speaker, claim[:length], new_tokens, new_places)
        first, second, fine = class_of(new_tokens, new_places, people)
        if not fine or first == own_class:
            continue
        if not _is_inside(first, split):
            continue
        score = distance if request[MINIMAL] else off
        nodes = -1
        nearness = 0
        if request[NODES] >= 0 and score <= best_distance:
            if score < best_distance:
                compared = 0
            if compared == _COMPARED:
                continue
            compared += 1
            _, nodes = solve(new_tokens, new_places, people, events)
            nearness = abs(nodes - request[NODES]) if nodes >= 0 else 1 << 30
        matches += 1
        better = score < best_distance or (score == best_distance and nearness < best_nodes)
        if score == best_distance and nearness == best_nodes:
            ties += 1
            better = below(stream_word(start, counter), ties + 1) == 0  # each of the equals with the same probability
            counter += 1
        elif better:
            ties = 0
        if better:
            best_distance, best_nodes = score, nearness
            facts[STATUS], facts[SPEAKER], facts[FOUND_HAMMING] = FOUND, speaker, changed
            facts[FOUND_DISTANCE], facts[FOUND_NODES], facts[LENGTH] = distance, nodes, length
            new_class[0], new_class[1] = first, second
            answer[:] = trial
            claim_found[:length] = claim[:length]
        if not scanning and (request[NODES] < 0 or matches == _COMPARED or nearness * _NEAR <= request[NODES]):
            break


@kernel
def _is_well_formed(claim: npt.NDArray[np.int16], length: int, leaf_only: bool, as_long: bool) -> bool:
    """Whether no operator of the claim has two equal operands, where that is asked of it."""
    if (leaf_only or (as_long and length > 3)) and not operands_differ(claim, 0, length):
        return False
    return not (length == 3 and claim[0] < NOT and claim[1] == claim[2])


@inline_kernel
def _is_inside(word: np.uint64, split: npt.NDArray[np.uint64]) -> bool:
    """Whether a class, of which this is the first word, is within a split."""
    at = mix(word ^ split[0])
    return bool(at >= split[1] and at <= split[2])


@inline_kernel
def _copy(tokens: npt.NDArray[np.int16], begin: int, end: int, claim: npt.NDArray[np.int16]) -> int:
    """Copy `tokens[begin:end]` into `claim`; returns how many they are."""
    for at in range(end - begin):
        claim[at] = tokens[begin + at]
    return end - begin


@inline_kernel
def _draw_token(
    start: np.uint64, counter: int, people: int, speaker: int, claim: npt.NDArray[np.int16], length: int
) -> int:
    """Draw one token of `claim[:length]` again, of as many operands; returns the next word of the stream."""
    chosen = below(stream_word(start, counter), length)
    word = stream_word(start, counter + 1)
    token = claim[chosen]
    if token >= 0:
        claim[chosen] = draw_leaf(start, counter + 1, people, speaker)
    elif -5 <= token <= IMPLIES:
        claim[chosen] = (-4, -5, IMPLIES, IFF)[below(word, 4)]
    elif token != NOT:
        claim[chosen] = -(-token & ~1) - below(word, 2)
    return counter + 2


@kernel
def rest_masks(
    tokens: npt.NDArray[np.int16],
    places: npt.NDArray[np.int64],
    knights: npt.NDArray[np.uint64],
    every: npt.NDArray[np.uint64],
    stack: npt.NDArray[np.uint64],
    rest: npt.NDArray[np.uint64],
) -> None:
    """The assignments that agree with all claims but that of speaker i, into `rest[i]`, uint64[n, words]."""
    people = len(rest)
    words = len(every)
    agree = np.empty((people, words), np.uint64)
    for speaker in range(people):
        claim_mask(tokens, places[speaker], places[speaker + 1], knights, every, stack)
        for word in range(words):
            agree[speaker, word] = every[word] ^ stack[0, word] ^ knights[speaker, word]
    for word in range(words):
        before = every[word]
        for speaker in range(people):
            rest[speaker, word] = before
            before &= agree[speaker, word]
        after = every[word]
        for speaker in range(people - 1, -1, -1):
            rest[speaker, word] &= after
            after &= agree[speaker, word]


@kernel
def edit_batch(
    key: np.uint64,
    batch: Batch,
    requests: npt.NDArray[np.int64],
    limits: npt.NDArray[np.int64],
    split: npt.NDArray[np.uint64],
    table: npt.NDArray[np.uint64],
    every: npt.NDArray[np.uint64],
) -> Any:
    """`edit_puzzle` for each of many puzzles, with tables of all assignments.

    Args:
        key: of the streams of this kind of edit.
        batch: the puzzles.
        requests: int64[size, REQUESTS], `Wish.request` of each; ONLY_SPEAKER -2 skips a puzzle.
        limits: as `Wish.limits`.
        split: as `Wish.split`.
        table: uint64[n, words], and
        every: uint64[words], the masks of all assignments.

    Returns:
        facts int64[size, FACTS], classes uint64[size, 2], answers bool[size, n], and all found claims one after
        another, int16; `facts[:, PLACE]` says where each begins.
    """
    size, people = batch.solutions.shape
    facts = np.full((size, FACTS), -1, np.int64)
    facts[:, STATUS] = NONE
    classes = np.zeros((size, 2), np.uint64)
    answers = np.zeros((size, people), np.bool_)
    claims = np.empty(size * max(limits[3], 3), np.int16)
    most = 0
    for claim in range(size * people):
        most = max(most, batch.offsets[claim + 1] - batch.offsets[claim])
    stack = np.empty((most + 1, len(every)), np.uint64)
    rest = np.empty((people, len(every)), np.uint64)
    masks = Masks(table.reshape((1, people, len(every))), rest, np.ones(people, np.bool_), table, every)
    used = 0
    for row in range(size):
        if requests[row, ONLY_SPEAKER] == -2:
            continue
        places = batch.offsets[row * people : (row + 1) * people + 1]
        rest_masks(batch.tokens, places, table, every, stack, rest)
        puzzle = Puzzle(batch.tokens, places, batch.solutions[row], batch.own_classes[row])
        wish = Wish(stream_start(key, batch.indices[row]), requests[row], limits, split)
        edit_puzzle(puzzle, wish, masks, Edit(facts[row], classes[row], answers[row], claims[used:]))
        if facts[row, STATUS] == FOUND:
            facts[row, PLACE] = used
            used += facts[row, LENGTH]
    return facts, classes, answers, claims[:used].copy()
