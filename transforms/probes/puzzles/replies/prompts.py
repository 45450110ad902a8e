"""Prompts for puzzles, columnwise: one text for a base model that completes it, messages for a chat model.

A prompt for a base model ends where the answer is to begin:

    >>> import numpy as np
    >>> from transforms.probes.puzzles.language.language import load
    >>> from transforms.probes.puzzles.language.text import render_quiz
    >>> from transforms.probes.puzzles.language.wording import draw
    >>> from transforms.probes.puzzles.logic.grammar import Grammar
    >>> from transforms.probes.puzzles.logic.sampling import sample
    >>> puzzles = sample(3, b"a seed", np.arange(2), Grammar())
    >>> wording = draw(puzzles.index, 3, load("en"), b"a seed", variant="original")
    >>> prompts = completion_prompts(render_quiz(puzzles, wording), wording)
    >>> prompts[0].as_py().splitlines()[-1]
    'CONCLUSION:'
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.public.puzzles import MESSAGES
from transforms.probes.puzzles.language.language import SLOT, Language, RolePair
from transforms.probes.puzzles.language.wording import Wording


def completion_prompts(
    quiz: pa.LargeStringArray, wording: Wording, reasoned: bool = False, examples: Sequence[tuple[str, str]] = ()
) -> pa.LargeStringArray:
    """Prompts for a base model: instruction, question, and the heading of the answer, which the model completes.

    Without reasoning a prompt ends with the conclusion's marker, so that the completion begins with the first person:
    read it with `after_marker=True`. Cut the completion at `stops(language)`.

    Args:
        quiz: from `render_quiz`.
        wording: that of the quiz.
        reasoned: whether to ask for steps.
        examples: solved puzzles to show first, question and answer (marker and conclusion).
    """
    texts = wording.language.texts
    question, answer = texts["prompt.question"], texts["prompt.answer"]
    shown = "".join(f"{question}\n{asked}\n\n{answer}\n{given}\n\n" for asked, given in examples)
    end = "\n\n" + answer + "\n" + ("" if reasoned else texts["conclusion.marker"] + "\n")
    return _joined(_instructions(wording, reasoned), f"\n\n{shown}{question}\n", quiz, end)


def chat_prompts(quiz: pa.LargeStringArray, wording: Wording, reasoned: bool = False) -> pa.ListArray:
    """Messages for a chat model, `MESSAGES`: instruction and puzzle; read the reply with `after_marker=False`.

    Args:
        quiz: from `render_quiz`.
        wording: that of the quiz.
        reasoned: whether to ask for steps.
    """
    size = len(quiz)
    content = pa.concat_arrays([_instructions(wording, reasoned), quiz]).take(_alternating(size))
    role = pa.array(["system", "user"], pa.large_string()).take(pa.array(np.tile([0, 1], size)))
    messages = pa.StructArray.from_arrays([role, content], fields=list(MESSAGES.value_type))
    return pa.ListArray.from_arrays(pa.array(np.arange(0, 2 * size + 1, 2, dtype=np.int32)), messages)


def completions(conclusion: pa.LargeStringArray, language: Language) -> pa.ListArray:
    """What a chat model should reply to `chat_prompts`, `MESSAGES`: the conclusion's marker and the conclusion.

    Args:
        conclusion: from `render_solution`, as numbered lines.
        language: that of the texts.
    """
    size = len(conclusion)
    content = _joined(language.texts["conclusion.marker"] + "\n", conclusion)
    role = pa.repeat(pa.scalar("assistant", pa.large_string()), size)
    messages = pa.StructArray.from_arrays([role, content], fields=list(MESSAGES.value_type))
    return pa.ListArray.from_arrays(pa.array(np.arange(size + 1, dtype=np.int32)), messages)


def stops(language: Language) -> list[str]:
    """Where a completion is over: the next question's heading."""
    return [language.texts["prompt.question"]]


def _alternating(size: int) -> pa.Array:
    rows: npt.NDArray[np.int64] = np.arange(2 * size).reshape(2, size).T.ravel()
    return pa.array(rows)


def _instructions(wording: Wording, reasoned: bool) -> pa.LargeStringArray:
    """The instruction in each puzzle's role words, large_string[size]."""
    language = wording.language
    each = [_instruction(language, pair, flipped, reasoned) for pair in language.roles for flipped in (False, True)]
    return pa.array(each, pa.large_string()).take(pa.array(2 * wording.pair.astype(np.int64) + wording.flipped))


def _instruction(language: Language, pair: RolePair, flipped: bool, reasoned: bool) -> str:
    truth, lie = (pair.lie, pair.truth) if flipped else (pair.truth, pair.lie)
    values = {
        "truth": truth.a[-1],
        "lie": lie.a[-1],
        "truths": truth.many,
        "lies": lie.many,
        "marker": language.texts["conclusion.marker"],
        "person": language.texts["prompt.person"],
    }
    how = "prompt.reasoned" if reasoned else "prompt.direct"
    lines = [language.texts["prompt.instruction"], language.texts[how], language.texts["prompt.example"]]
    return "\n".join(SLOT.sub(lambda slot: values[slot[1]], line) for line in lines)


def _joined(*parts: pa.LargeStringArray | str) -> pa.LargeStringArray:
    columns = [pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*columns, pa.scalar("", pa.large_string()))
