"""Prompts, and the texts with which a model is scored without writing anything."""

import numpy as np
import pytest

from schemas.public.puzzles import MESSAGES
from tests.probes.puzzles.language.slow_text import Speech
from transforms.probes.puzzles.language.language import TAGS, load
from transforms.probes.puzzles.language.text import render_quiz, render_solution
from transforms.probes.puzzles.language.wording import draw
from transforms.probes.puzzles.logic.grammar import Grammar
from transforms.probes.puzzles.logic.sampling import sample
from transforms.probes.puzzles.replies.answers import read_answer
from transforms.probes.puzzles.replies.assignments import assignment_texts, assignments, two_way_texts
from transforms.probes.puzzles.replies.prompts import chat_prompts, completion_prompts, stops

SEED = b"a seed of these tests"


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("variant", ["original", "role_pair", "flipped"])
def test_prompts_hold_the_question_in_the_puzzles_own_roles(tag: str, variant: str) -> None:
    language = load(tag)
    puzzles = sample(3, b"seed", np.arange(5), Grammar())
    wording = draw(puzzles.index, 3, language, SEED, variant)
    quiz = render_quiz(puzzles, wording)
    truthful, lying = (column.to_pylist() for column in wording.roles())
    for reasoned in (False, True):
        texts = completion_prompts(quiz, wording, reasoned).to_pylist()
        chats = chat_prompts(quiz, wording, reasoned)
        assert chats.type == MESSAGES
        for row, (text, messages) in enumerate(zip(texts, chats.to_pylist(), strict=True)):
            instruction, rest = text.split("\n\n" + language.texts["prompt.question"] + "\n")
            question, heading = rest.split("\n\n" + language.texts["prompt.answer"] + "\n")
            assert question == quiz[row].as_py()
            assert heading == ("" if reasoned else language.texts["conclusion.marker"] + "\n")
            assert [message["role"] for message in messages] == ["system", "user"]
            assert [message["content"] for message in messages] == [instruction, question]
            assert instruction.index(truthful[row]) < instruction.index(lying[row])
            assert language.texts["conclusion.marker"] in instruction
            assert "{" not in instruction


@pytest.mark.parametrize("tag", TAGS)
def test_a_completion_with_examples_can_be_read_and_stops_at_the_next_question(tag: str) -> None:
    language = load(tag)
    puzzles = sample(3, b"seed", np.arange(2), Grammar())
    wording = draw(puzzles.index, 3, language, SEED)
    quiz, conclusion = render_quiz(puzzles, wording), render_solution(puzzles.solution, wording)
    marker = language.texts["conclusion.marker"]
    examples = [(quiz[0].as_py(), f"{marker}\n{conclusion[0].as_py()}")]
    prompt = completion_prompts(quiz, wording, examples=examples)[1].as_py()
    assert prompt.count(language.texts["prompt.question"]) == 2
    assert prompt.count(f"{marker}\n{conclusion[0].as_py()}") == 1
    # A base model goes on with further questions: they are cut, or ignored by the reader.
    completion = f"{conclusion[1].as_py()}\n\n{stops(language)[0]}\n{quiz[0].as_py()}"
    names = wording.name_lists()[1].as_py()
    answer = read_answer(completion, names, language, language.roles[0], after_marker=True)
    assert answer.solution == tuple(puzzles.solution[1].tolist())


def test_assignments_are_all_and_different() -> None:
    for people in (1, 2, 5):
        found = assignments(people)
        assert found.shape == (2**people, people)
        assert len(set(map(tuple, found.tolist()))) == 2**people
    assert assignments(3)[0b011].tolist() == [True, True, False]
    with pytest.raises(ValueError, match=r"13 people have 2\^13 assignments"):
        assignments(13)


@pytest.mark.parametrize("tag", TAGS)
def test_every_assignment_has_its_text(tag: str) -> None:
    wording = draw(np.arange(3), 4, load(tag), SEED, "uncommon")
    texts = assignment_texts(wording).to_pylist()
    assert len(texts) == 3 * 16
    for row in range(3):
        speech = Speech(wording, row)
        wanted = [speech.conclusion(one) for one in assignments(4).tolist()]
        assert texts[16 * row : 16 * row + 16] == wanted


@pytest.mark.parametrize("tag", TAGS)
def test_two_way_texts_differ_in_one_persons_line(tag: str) -> None:
    solution = np.random.default_rng(6).random((4, 5)) < 0.5
    wording = draw(np.arange(4), 5, load(tag), SEED)
    found = two_way_texts(solution, wording)
    assert found.person.tolist() == list(range(5)) * 4
    for at, (right, wrong) in enumerate(zip(found.right.to_pylist(), found.wrong.to_pylist(), strict=True)):
        row, person = divmod(at, 5)
        lines = Speech(wording, row).conclusion(solution[row].tolist()).split("\n")
        assert right.split("\n") == lines[: person + 1]
        assert wrong.split("\n")[:-1] == lines[:person]
        turned = solution[row].tolist()
        turned[person] = not turned[person]
        assert wrong.split("\n")[-1] == Speech(wording, row).conclusion(turned).split("\n")[person]
