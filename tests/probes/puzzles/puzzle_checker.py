"""Knights and Knaves from the rules alone: nothing here knows the kernels, their tokens or their masks."""

import itertools
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Truth = npt.NDArray[np.bool_]


@lru_cache(maxsize=16)
def assignments(people: int) -> Truth:
    """Every way to make people knights, bool[2^n, n]."""
    return np.array(list(itertools.product((False, True), repeat=people)), np.bool_)


def is_true(claim: Sequence[Any], knight: Truth) -> Truth:
    """Whether a claim is true in each of the assignments, bool[k, n] -> bool[k]."""
    name, *operands = claim
    if name == "telling-truth":
        return knight[:, operands[0]]
    if name == "lying":
        return ~knight[:, operands[0]]
    values = [is_true(operand, knight) for operand in operands]
    if name == "not":
        return ~values[0]
    if name == "and":
        return np.logical_and.reduce(values)
    if name == "or":
        return np.logical_or.reduce(values)
    if name == "->":
        return ~values[0] | values[1]
    assert name == "<=>"
    return values[0] == values[1]


def solutions(claims: Sequence[Sequence[Any]]) -> list[list[bool]]:
    """Every assignment in which a person's claim is true exactly if that person is a knight."""
    knight = assignments(len(claims))
    agree = np.ones(len(knight), np.bool_)
    for person, claim in enumerate(claims):
        agree &= is_true(claim, knight) == knight[:, person]
    return knight[agree].tolist()


def leaves(claim: Sequence[Any]) -> list[tuple[str, int]]:
    """The leaves of a claim, in order."""
    if claim[0] in ("telling-truth", "lying"):
        return [(claim[0], claim[1])]
    return [leaf for operand in claim[1:] for leaf in leaves(operand)]


def shape(claim: Sequence[Any]) -> Any:
    """A claim without what its leaves say."""
    if claim[0] in ("telling-truth", "lying"):
        return "leaf"
    return (claim[0], *(shape(operand) for operand in claim[1:]))


def faults_of_claim(claim: Sequence[Any], speaker: int, people: int) -> list[str]:
    """What is wrong with a claim in itself."""
    found = []
    if ("lying", speaker) in leaves(claim):
        found.append("the speaker says to be lying")
    if _has_equal_operands(claim):
        found.append("equal operands")
    truth = is_true(claim, assignments(people))
    if truth.all() or not truth.any():
        found.append("constant")
    return found


def _has_equal_operands(claim: Sequence[Any]) -> bool:
    if claim[0] in ("telling-truth", "lying"):
        return False
    operands = list(claim[1:])
    repeated = any(one == other for one, other in itertools.combinations(operands, 2))
    return repeated or any(_has_equal_operands(operand) for operand in operands)


def faults_of_puzzle(claims: Sequence[Sequence[Any]], solution: Sequence[bool]) -> list[str]:
    """What is wrong with a puzzle that is to have this solution and no other."""
    found = [
        f"{person}: {fault}"
        for person, claim in enumerate(claims)
        for fault in faults_of_claim(claim, person, len(claims))
    ]
    if solutions(claims) != [list(solution)]:
        found.append("the solutions are others")
    return found


def faults_of_edit(
    kind: str,
    before: Sequence[Sequence[Any]],
    solution: Sequence[bool],
    after: Sequence[Sequence[Any]],
    new_solution: Sequence[bool],
    hamming: int,
) -> list[str]:
    """What is wrong with an edit of a puzzle; `hamming` is what it says of itself."""
    found = faults_of_puzzle(after, new_solution)
    changed = [person for person, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    if len(changed) != 1:
        found.append(f"{len(changed)} claims differ")
    elif kind == "leaf":
        one, other = before[changed[0]], after[changed[0]]
        differing = sum(left != right for left, right in zip(leaves(one), leaves(other), strict=False))
        if shape(one) != shape(other) or differing != 1:
            found.append("not exactly one leaf differs")
    distance = sum(left != right for left, right in zip(solution, new_solution, strict=True))
    if (distance == 0) != (kind == "control"):
        found.append(f"{distance} roles differ")
    if distance != hamming:
        found.append(f"{distance} roles differ, {hamming} are claimed")
    return found


def renamed(claims: Sequence[Sequence[Any]], names: Sequence[int]) -> tuple[Any, ...]:
    """The same puzzle in which person i is person names[i]."""
    out: list[Any] = [None] * len(claims)
    for person, claim in enumerate(claims):
        out[names[person]] = _renamed_claim(claim, names)
    return tuple(out)


def _renamed_claim(claim: Sequence[Any], names: Sequence[int]) -> tuple[Any, ...]:
    if claim[0] in ("telling-truth", "lying"):
        return (claim[0], names[claim[1]])
    return (claim[0], *(_renamed_claim(operand, names) for operand in claim[1:]))


def in_order(claim: Sequence[Any]) -> tuple[Any, ...]:
    """The claim with commuting operands sorted."""
    if claim[0] in ("telling-truth", "lying"):
        return tuple(claim)
    operands = [in_order(operand) for operand in claim[1:]]
    if claim[0] in ("and", "or", "<=>"):
        operands.sort(key=repr)
    return (claim[0], *operands)


def class_by_trying(claims: Sequence[Sequence[Any]]) -> str:
    """The smallest spelling of a puzzle over all renamings."""
    return min(
        repr([in_order(claim) for claim in renamed(claims, names)])
        for names in itertools.permutations(range(len(claims)))
    )
