"""Puzzles in words: quiz texts, chains of thought, solutions and whole documents, columnwise.

Batch of puzzles and their wording in, one large_string a puzzle out. No Python runs for a single puzzle.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.probes.puzzles.language.language import Language
from transforms.probes.puzzles.language.program import Program, program
from transforms.probes.puzzles.language.statement_kernel import write_claims
from transforms.probes.puzzles.language.text_kernel import write_quizzes, write_solutions, write_thoughts
from transforms.probes.puzzles.language.wording import Wording
from transforms.probes.puzzles.logic.claims import Puzzles, Traces

FORMS = ("conclusion", "sentence")
"""How `render_solution` can write a solution: numbered lines "(1) X is a knight", or one sentence."""


def render_quiz(puzzles: Puzzles, wording: Wording) -> pa.LargeStringArray:
    """What is asked: large_string[size].

    Raises:
        ValueError: if puzzles and wording differ in size.
    """
    words = _program(puzzles, wording)
    return _quizzes(words, _statements(words, puzzles, wording), wording)


def render_thought(puzzles: Puzzles, traces: Traces, wording: Wording) -> pa.LargeStringArray:
    """The chain of thought of each trace, one line per step; null where there is no trace.

    The first line says the plan, the last one that all roles are found; the conclusion is not part of it.

    Raises:
        ValueError: if puzzles, traces and wording differ in size.
    """
    words = _program(puzzles, wording)
    return _thoughts(words, _statements(words, puzzles, wording), traces, wording)


def render_both(puzzles: Puzzles, traces: Traces, wording: Wording) -> tuple[pa.LargeStringArray, pa.LargeStringArray]:
    """`render_quiz` and `render_thought` at once, with the statements written only once."""
    words = _program(puzzles, wording)
    statements = _statements(words, puzzles, wording)
    return _quizzes(words, statements, wording), _thoughts(words, statements, traces, wording)


def render_solution(solution: npt.NDArray[np.bool_], wording: Wording, form: str = "conclusion") -> pa.LargeStringArray:
    """Who is what: large_string[size].

    Args:
        solution: bool[size, n], who tells the truth.
        wording: of the puzzles.
        form: one of `FORMS`.

    Raises:
        ValueError: for another form, or if solution and wording differ in shape.
    """
    if form not in FORMS:
        raise ValueError(f"no form {form!r} of a solution: choose from {', '.join(FORMS)}")
    if solution.shape != wording.names.shape:
        raise ValueError(f"solutions of shape {solution.shape} for a wording of shape {wording.names.shape}")
    words = program(wording.language.tag)
    return _strings(*write_solutions(words, solution, wording.names, wording.pair, wording.flipped, form == "sentence"))


def document(
    quiz: pa.LargeStringArray,
    conclusion: pa.LargeStringArray,
    language: Language,
    thought: pa.LargeStringArray | None = None,
) -> pa.LargeStringArray:
    """A puzzle as a document of its own: question, chain of thought if given, marker and conclusion.

    Args:
        quiz: from `render_quiz`.
        conclusion: from `render_solution`, as numbered lines.
        language: that of the texts.
        thought: from `render_thought`; a null leaves only the thought out.
    """
    marker = pa.scalar(language.texts["conclusion.marker"], pa.large_string())
    answer = pc.binary_join_element_wise(marker, conclusion, _string("\n"))
    parts = [quiz, answer] if thought is None else [quiz, thought, answer]
    return pc.binary_join_element_wise(*parts, _string("\n\n"), null_handling="skip")


def _string(text: str) -> pa.LargeStringScalar:
    return pa.scalar(text, pa.large_string())


def _program(puzzles: Puzzles, wording: Wording) -> Program:
    if wording.names.shape != (len(puzzles), puzzles.people):
        raise ValueError(
            f"a wording of shape {wording.names.shape} for {len(puzzles)} puzzles of {puzzles.people} people: "
            "draw it for the same index and people"
        )
    return program(wording.language.tag)


_Statements = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]


def _statements(words: Program, puzzles: Puzzles, wording: Wording) -> _Statements:
    """What `write_claims` returns for these puzzles."""
    text, starts = write_claims(
        words, puzzles.tokens, puzzles.offsets, wording.names, wording.pair, wording.flipped, wording.phrases
    )
    return text, starts


def _quizzes(words: Program, statements: _Statements, wording: Wording) -> pa.LargeStringArray:
    return _strings(
        *write_quizzes(
            words, *statements, wording.names, wording.pair, wording.flipped, wording.order, wording.intro,
            wording.question, wording.says,
        )
    )  # fmt: skip


def _thoughts(words: Program, statements: _Statements, traces: Traces, wording: Wording) -> pa.LargeStringArray:
    if len(traces) != len(wording):
        raise ValueError(f"{len(traces)} traces for {len(wording)} puzzles: give one a puzzle")
    text, starts = write_thoughts(
        words, *statements, traces.events, traces.offsets, wording.names, wording.pair, wording.flipped,
        wording.thoughts,
    )  # fmt: skip
    return _strings(text, starts, traces.offsets[1:] > traces.offsets[:-1])


def _strings(
    text: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_] | None = None
) -> pa.LargeStringArray:
    """An Arrow array over a kernel's buffer; pages behind the used part were never touched and take no memory."""
    mask = None if valid is None or valid.all() else pa.array(valid).buffers()[1]
    return pa.Array.from_buffers(
        pa.large_string(), len(starts) - 1, [mask, pa.py_buffer(starts), pa.py_buffer(text[: starts[-1]])]
    )
