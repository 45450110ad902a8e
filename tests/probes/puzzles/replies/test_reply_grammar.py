"""Whatever a reply of the slow grammar says, the reader returns that or nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.probes.puzzles.replies.reply_grammar import reply
from transforms.probes.puzzles.language.language import TAGS, load
from transforms.probes.puzzles.replies.answers import read_answer


@pytest.mark.parametrize("tag", TAGS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_the_reading_is_what_was_said_or_nothing(tag: str, data: st.DataObject) -> None:
    language = load(tag)
    pair, flipped = data.draw(st.integers(0, len(language.roles) - 1)), data.draw(st.booleans())
    numbers = data.draw(st.lists(st.integers(0, 99), min_size=2, max_size=4, unique=True))
    names = [language.common[number][0] for number in numbers]
    made = data.draw(reply(language, pair, names, flipped))
    answer = read_answer(made.text, names, language, language.roles[pair], flipped)
    for person, got in enumerate(answer.truthful):
        said = {value for other, value in made.said if other == person}
        assert got is None or said == {got}, made.text
