"""Quiz texts, chains of thought and solutions: what the kernels write is what plain Python writes, byte for byte."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.probes.puzzles.language.slow_text import every
from transforms.probes.puzzles.language.language import TAGS, load
from transforms.probes.puzzles.language.text import document, render_both, render_quiz, render_solution, render_thought
from transforms.probes.puzzles.language.wording import VARIANTS, Wording, draw
from transforms.probes.puzzles.logic.claims import (
    ASSIGN,
    CONFLICT,
    EXHAUSTED,
    RECONSIDER,
    SUCCESS,
    Claim,
    Puzzles,
    Traces,
    puzzles_of,
)

SEED = b"a seed of these tests"


def claims_of(people: int) -> st.SearchStrategy[Claim]:
    """Claims of any depth and width about so many people."""
    leaves = st.tuples(st.sampled_from(["telling-truth", "lying"]), st.integers(0, people - 1))

    def deeper(inner: st.SearchStrategy[Claim]) -> st.SearchStrategy[Claim]:
        return st.one_of(
            st.tuples(st.just("not"), inner),
            st.tuples(st.sampled_from(["->", "<=>"]), inner, inner),
            st.builds(
                lambda name, operands: (name, *operands),
                st.sampled_from(["and", "or"]),
                st.lists(inner, min_size=2, max_size=5),
            ),
        )

    return st.recursive(leaves, deeper, max_leaves=12)


@st.composite
def batches(draw_: st.DrawFn) -> tuple[Puzzles, Traces]:
    """Puzzles with any claims, and traces that say anything a solver could say."""
    people = draw_(st.sampled_from([2, 3, 5, 12]))
    size = draw_(st.integers(1, 3))
    claims = draw_(
        st.lists(st.lists(claims_of(people), min_size=people, max_size=people), min_size=size, max_size=size)
    )
    solutions = draw_(st.lists(st.lists(st.booleans(), min_size=people, max_size=people), min_size=size, max_size=size))
    puzzles = dataclasses.replace(
        puzzles_of(claims, solutions),
        index=np.array(draw_(st.lists(st.integers(0, 2**40), min_size=size, max_size=size))),
    )
    events: list[list[int]] = []
    offsets = [0]
    for _ in range(size):
        assigned: list[int] = []
        for kind in draw_(st.lists(st.sampled_from([ASSIGN, CONFLICT, EXHAUSTED, RECONSIDER]), max_size=9)):
            person = draw_(st.integers(0, people - 1))
            if kind in (EXHAUSTED, RECONSIDER):
                events.append([kind, person, -1, -1])
                continue
            assigned.append(person)
            speaker = draw_(st.sampled_from(assigned)) if kind == CONFLICT else -1
            events.append([kind, person, draw_(st.integers(0, 1)), speaker])
        if assigned:
            events.append([SUCCESS, -1, -1, -1])
        offsets.append(len(events))
    traces = Traces(np.array(events, np.int16).reshape(-1, 4), np.array(offsets))
    return puzzles, traces


@pytest.mark.parametrize("tag", TAGS)
@settings(max_examples=40)
@given(batch=batches(), variant=st.sampled_from(VARIANTS), seed=st.binary(max_size=8))
def test_the_kernels_write_what_plain_python_writes(
    tag: str, batch: tuple[Puzzles, Traces], variant: str, seed: bytes
) -> None:
    puzzles, traces = batch
    wording = draw(puzzles.index, puzzles.people, load(tag), seed, variant)
    claims = [puzzles.claims(row) for row in range(len(puzzles))]
    solutions = puzzles.solution.tolist()

    quiz = render_quiz(puzzles, wording)
    quiz.validate(full=True)
    assert quiz.to_pylist() == every(lambda speech, row: speech.quiz(claims[row]), wording)
    thought = render_thought(puzzles, traces, wording)
    thought.validate(full=True)
    steps = [traces.events[start:end].tolist() for start, end in zip(traces.offsets, traces.offsets[1:], strict=False)]
    wanted = every(lambda speech, row: speech.thought(claims[row], steps[row]), wording)
    assert thought.to_pylist() == [text if events else None for text, events in zip(wanted, steps, strict=True)]
    assert render_both(puzzles, traces, wording) == (quiz, thought)
    for form in ("conclusion", "sentence"):
        found = render_solution(puzzles.solution, wording, form)
        found.validate(full=True)
        assert found.to_pylist() == every(lambda speech, row: getattr(speech, form)(solutions[row]), wording)  # noqa: B023


def a_wording(tag: str = "en", people: int = 3, size: int = 4, variant: str = "original") -> tuple[Puzzles, Wording]:
    claims = [[("telling-truth", (person + 1) % people) for person in range(people)]] * size
    puzzles = puzzles_of(claims, [[True] * people] * size)
    return puzzles, draw(puzzles.index, people, load(tag), SEED, variant)


def test_a_nested_statement_is_read_in_one_way() -> None:
    leaf, other, third = ("telling-truth", 0), ("lying", 1), ("telling-truth", 2)
    trees: list[Claim] = [
        ("and", leaf, ("or", other, third)), ("or", ("and", leaf, other), third), ("not", ("and", leaf, other)),
        ("and", ("not", leaf), other), ("not", ("not", leaf)), ("->", ("->", leaf, other), third),
        ("->", leaf, ("->", other, third)), ("and", leaf, ("and", other, third)), ("and", leaf, other, third),
        ("<=>", leaf, ("not", ("or", other, third))), ("or", ("not", ("and", leaf, other)), third),
        ("not", ("or", ("and", leaf, other), third)),
    ]  # fmt: skip
    for tag in TAGS:
        puzzles = puzzles_of([[tree, leaf, leaf] for tree in trees], [[True] * 3] * len(trees))
        # The same wording for all, so that only the claim can make the difference.
        wording = draw(np.zeros(len(trees), np.int64), 3, load(tag), SEED)
        texts = render_quiz(puzzles, wording).to_pylist()
        assert len(set(texts)) == len(trees)
        assert all(text.count("(") == text.count(")") for text in texts)


@pytest.mark.parametrize("tag", TAGS)
def test_a_hundred_people_and_a_deep_statement_have_room(tag: str) -> None:
    deep: Claim = ("telling-truth", 99)
    for person in range(60):
        deep = ("->", ("lying", person % 100), ("not", ("or", deep, ("telling-truth", 0))))
    wide: Claim = ("and", *[("lying", person) for person in range(100)])
    puzzles = puzzles_of([[deep, wide, *[("lying", 1)] * 98]], [[True] * 100])
    for variant in VARIANTS:
        wording = draw(puzzles.index, 100, load(tag), SEED, variant)
        text = render_quiz(puzzles, wording)
        text.validate(full=True)
        assert text.to_pylist() == every(lambda speech, _: speech.quiz(puzzles.claims(0)), wording)
        assert len(set(wording.name_lists()[0].as_py())) == 100


def test_a_text_does_not_depend_on_its_batch() -> None:
    puzzles, wording = a_wording(size=7)
    rows = np.array([5, 1])
    assert render_quiz(puzzles.take(rows), wording.take(rows)) == render_quiz(puzzles, wording).take(pa.array(rows))
    assert draw(rows, 3, load("en"), SEED).names.tolist() == wording.take(rows).names.tolist()


def test_a_document_is_question_thought_and_conclusion() -> None:
    puzzles, wording = a_wording(size=2)
    quiz, conclusion = render_quiz(puzzles, wording), render_solution(puzzles.solution, wording)
    thought = pa.array(["a plan\na step", None], pa.large_string())
    q, c = quiz.to_pylist(), conclusion.to_pylist()
    assert document(quiz, conclusion, load("en")).to_pylist() == [f"{q[i]}\n\nCONCLUSION:\n{c[i]}" for i in range(2)]
    assert document(quiz, conclusion, load("en"), thought).to_pylist() == [
        f"{q[0]}\n\na plan\na step\n\nCONCLUSION:\n{c[0]}", f"{q[1]}\n\nCONCLUSION:\n{c[1]}",
    ]  # fmt: skip


def test_the_conclusion_has_the_fields_format() -> None:
    puzzles, wording = a_wording(people=2, size=1)
    one, two = wording.name_lists()[0].as_py()
    solution = np.array([[True, False]])
    assert render_solution(solution, wording)[0].as_py() == f"(1) {one} is a knight\n(2) {two} is a knave"
    assert render_solution(solution, wording, "sentence")[0].as_py() == f"{one} is a knight, and {two} is a knave."
    flipped = draw(puzzles.index, 2, load("en"), SEED, "flipped")
    assert render_solution(solution, flipped)[0].as_py() == f"(1) {one} is a knave\n(2) {two} is a knight"


def test_what_does_not_fit_together_is_refused() -> None:
    puzzles, wording = a_wording()
    with pytest.raises(ValueError, match="wording of shape"):
        render_quiz(puzzles.take(np.array([0])), wording)
    with pytest.raises(ValueError, match="no form 'prose'"):
        render_solution(puzzles.solution, wording, "prose")
    with pytest.raises(ValueError, match="solutions of shape"):
        render_solution(puzzles.solution[:2], wording)
    with pytest.raises(ValueError, match="1 traces for 4 puzzles"):
        render_thought(puzzles, Traces(np.empty((0, 4), np.int16), np.zeros(2, np.int64)), wording)
