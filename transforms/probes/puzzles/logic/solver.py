"""Puzzles of more people than a truth table can hold: a SAT solver finds the solutions.

A claim becomes clauses with one auxiliary variable per operator (Tseitin 1968). That a puzzle has one solution is
established by a model and the refutation of the same clauses with that model excluded.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from transforms.probes.puzzles.logic.claims import IFF, IMPLIES, NOT
from transforms.probes.puzzles.logic.masks import packed

_SOLVER = "cadical153"
_MOST_IN_REST = 256


class _Claims:
    """Clauses of one puzzle in a solver; each claim holds only while its switch is assumed."""

    def __init__(self, tokens: npt.NDArray[np.int16], places: npt.NDArray[np.int64]) -> None:
        # PySAT takes long to import, and most puzzles are small enough to do without it.
        from pysat.solvers import Solver

        self._people = len(places) - 1
        self._variables = self._people
        self._solver = Solver(name=_SOLVER)
        self._switches = []
        everything = tokens.tolist()
        for speaker, (start, end) in enumerate(zip(places[:-1].tolist(), places[1:].tolist(), strict=True)):
            told, switch = self._literal(everything[start:end]), self._new()
            self._solver.add_clause([-switch, -(speaker + 1), told])
            self._solver.add_clause([-switch, speaker + 1, -told])
            self._switches.append(switch)

    def __enter__(self) -> "_Claims":
        return self

    def __exit__(self, *_: object) -> None:
        self._solver.delete()

    def solutions(self, without: int = -1) -> Iterator[list[bool]]:
        """The assignments that agree with all claims, but for that of speaker `without`."""
        excluded = self._new()
        assumed = [switch for speaker, switch in enumerate(self._switches) if speaker != without]
        while self._solver.solve(assumptions=[*assumed, excluded]):
            model = self._solver.get_model()[: self._people]
            yield [literal > 0 for literal in model]
            self._solver.add_clause([-excluded, *(-literal for literal in model)])

    def _new(self) -> int:
        self._variables += 1
        return self._variables

    def _literal(self, tokens: Sequence[int]) -> int:
        """A literal that is as true as the claim."""
        stack: list[int] = []
        for token in reversed(tokens):
            if token >= 0:
                stack.append(-(token // 2 + 1) if token % 2 else token // 2 + 1)
            elif token == NOT:
                stack.append(-stack.pop())
            elif token == IFF:
                left, right, same = stack.pop(), stack.pop(), self._new()
                for clause in ([-left, right], [left, -right]):
                    self._solver.add_clause([-same, *clause])
                for clause in ([left, right], [-left, -right]):
                    self._solver.add_clause([same, *clause])
                stack.append(same)
            else:
                operands = [stack.pop() for _ in range(2 if token == IMPLIES else -token // 2)]
                if token == IMPLIES:
                    operands[0] = -operands[0]
                # A conjunction is the negation of the disjunction of negations.
                sign = -1 if token != IMPLIES and token % 2 == 0 else 1
                any_of = self._new()
                self._solver.add_clause([-any_of, *(sign * one for one in operands)])
                for one in operands:
                    self._solver.add_clause([any_of, -sign * one])
                stack.append(sign * any_of)
        return stack[0]


def only_solution(tokens: npt.NDArray[np.int16], places: npt.NDArray[np.int64]) -> list[bool] | None:
    """The solution of a puzzle, claim i at `tokens[places[i] : places[i + 1]]`, if it has exactly one."""
    with _Claims(tokens, places) as claims:
        found = claims.solutions()
        first = next(found, None)
        return first if first is not None and next(found, None) is None else None


def other_solutions(
    tokens: npt.NDArray[np.int16], places: npt.NDArray[np.int64], speakers: Sequence[int]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """For each of some speakers the solutions of all other claims: uint64[n, n, words], [n, words] and bool[n]."""
    people = len(places) - 1
    knights = np.zeros((people, people, _MOST_IN_REST // 64), np.uint64)
    rest = np.zeros((people, _MOST_IN_REST // 64), np.uint64)
    complete = np.zeros(people, np.bool_)
    with _Claims(tokens, places) as claims:
        for speaker in speakers:
            found = []
            for solution in claims.solutions(without=speaker):
                found.append(solution)
                if len(found) > _MOST_IN_REST:
                    break
            complete[speaker] = len(found) <= _MOST_IN_REST
            if complete[speaker]:
                columns, every = packed(np.array(found, np.bool_))
                knights[speaker, :, : columns.shape[1]] = columns
                rest[speaker, : len(every)] = every
    return knights, rest, complete
