"""Replies written by hand with their readings, half of them adversarial: `replies.tsv` beside this file.

A line is language, reading and reply. In a reading T tells the truth and F lies, a letter for each of the three people
below; "-" is a reply that gives no answer. In a reply `\\n` is a line break.
"""

from collections import Counter
from pathlib import Path

import pytest

from transforms.probes.puzzles.language.language import TAGS, load
from transforms.probes.puzzles.replies.answers import read_answer

NAMES = {"en": ("Ann", "Bob", "Carl"), "de": ("Anna", "Bernd", "Carla"), "fr": ("Alice", "Bruno", "Claire")}
NOTHING = "-"
_LINES = (Path(__file__).parent / "replies.tsv").read_text(encoding="utf-8").splitlines()[1:]
CORPUS = [tuple(line.split("\t")) for line in _LINES]


def test_the_corpus_has_three_hundred_replies_in_three_languages_and_half_of_them_give_no_answer() -> None:
    assert len(CORPUS) >= 300
    assert len(set(CORPUS)) == len(CORPUS)
    assert set(Counter(tag for tag, _, _ in CORPUS)) == set(TAGS)
    assert 0.4 < sum(reading == NOTHING for _, reading, _ in CORPUS) / len(CORPUS) < 0.6


@pytest.mark.parametrize(("tag", "reading", "reply"), CORPUS)
def test_a_reply_is_read_as_it_was_meant(tag: str, reading: str, reply: str) -> None:
    language = load(tag)
    text = f"{language.texts['conclusion.marker']} " + reply.replace("\\n", "\n")
    got = read_answer(text, NAMES[tag], language, language.roles[0]).solution
    assert got == (None if reading == NOTHING else tuple(letter == "T" for letter in reading))
