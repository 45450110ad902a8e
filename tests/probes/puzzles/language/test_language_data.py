"""The data files: enough variety, nothing that a reader of answers could mistake, and mistakes in them are refused."""

import re
from pathlib import Path

import pytest

from transforms.probes.puzzles.language import language as language_module
from transforms.probes.puzzles.language.language import SLOT, TAGS, load, parse
from transforms.probes.puzzles.replies.markup import folded
from transforms.probes.puzzles.replies.vocabulary import _KINDS, vocabulary

FOLDER = Path(language_module.__file__).parent
ENGLISH = (FOLDER / "language_en.toml").read_text("utf-8")


def test_there_are_three_languages() -> None:
    assert set(TAGS) == {"en", "de", "fr"}
    with pytest.raises(ValueError, match="no language 'tlh': choose from de, en, fr"):
        load("tlh")


@pytest.mark.parametrize("tag", TAGS)
def test_there_is_more_variety_than_in_the_reference(tag: str) -> None:
    language = load(tag)
    assert len(language.common) > 2 * 51
    assert len(language.uncommon) > 2 * 50
    assert len(language.templates["quiz.says"]) > 18
    assert len(language.roles) >= 1 + 6


@pytest.mark.parametrize("tag", TAGS)
def test_no_name_is_a_word_that_the_reader_of_answers_knows(tag: str) -> None:
    language = load(tag)
    names = {folded(name) for name, _ in language.common + language.uncommon}
    assert len(names) == len(language.common) + len(language.uncommon)
    assert all(re.fullmatch(r"[^\W\d_]+", name) for name in names)
    lists = {folded(word) for key in _KINDS for word in language.words[key]}
    for pair in language.roles:
        words = vocabulary(tag, pair.id)
        assert not names & set(words.kinds)
        assert not set(words.sides) & lists


@pytest.mark.parametrize("tag", TAGS)
def test_no_word_of_a_conclusion_holds_the_letters_that_the_reference_takes_for_a_condition(tag: str) -> None:
    language = load(tag)
    words = [name for name, _ in language.common + language.uncommon]
    words += [form for pair in language.roles for role in (pair.truth, pair.lie) for form in (*role.a, *role.no)]
    assert not [word for word in words if "if" in word]


@pytest.mark.parametrize("tag", ["de", "fr"])
def test_no_thought_holds_these_letters_where_the_reference_judges_the_whole_reply(tag: str) -> None:
    # Its evaluation knows the English marker alone; without it, it judges all that a reply says.
    for family, templates in load(tag).templates.items():
        if family.startswith(("thought.", "claims.")):
            assert not [text for text in templates if "if" in text], family


@pytest.mark.parametrize("tag", TAGS)
def test_the_two_roles_of_a_pair_share_no_word(tag: str) -> None:
    for pair in load(tag).roles:
        sides = [
            {form.split()[-1].casefold() for form in (*role.a, *role.no, role.many)} for role in (pair.truth, pair.lie)
        ]
        assert not sides[0] & sides[1], pair.id


@pytest.mark.parametrize("tag", TAGS)
def test_sentences_begin_with_a_letter_that_can_be_made_a_capital(tag: str) -> None:
    language = load(tag)
    for key, templates in language.templates.items():
        if key.startswith("claims."):
            for template in templates:
                assert SLOT.match(template) or "a" <= template[0] <= "z", template


def test_french_words_that_lose_their_vowel_stand_before_no_slot() -> None:
    language = load("fr")
    texts = [text for family in language.templates.values() for text in family] + list(language.texts.values())
    for text in texts:
        assert not re.search(
            r"\b(de|que|le|la|ne|je|se|ce|jusque|lorsque|puisque|parce que) \{(?!count)", text, re.IGNORECASE
        ), text
        assert not re.search(r" [:;?!»]|« ", text), f"an ordinary space where a no-break space belongs: {text!r}"


@pytest.mark.parametrize(
    ("find", "put", "message"),
    [
        ("Aaron Abigail", "Aaron Aaron", "the name 'Aaron' stands there twice"),
        ("Aaron Abigail", "Aaron Heathcliff Abigail", "'Heathcliff' holds the letters 'if'"),
        ('truth = { a = { any = "a knight" }', 'truth = { a = { any = "a pontiff" }', "'a pontiff' holds the letters"),
        ('between = ", "\nnot = [', 'between = ", "\nnot = ["{b} is false", ', "may hold a"),
        ("{name} says: ", "{who} says: ", "may hold name, claim"),
        ("{name} says: ", "Somebody says: ", "needs name, claim, each once"),
        ('"{a} and {b}", ', '"{a} and {b}", "{a} and {b}", ', "holds a template twice"),
        ("So who among them is {truth}", "So who among them is {truth", "may hold truth, lie"),
    ],
)
def test_a_mistake_in_a_data_file_is_named(find: str, put: str, message: str) -> None:
    assert find in ENGLISH
    with pytest.raises(ValueError, match=message):
        parse("en", ENGLISH.replace(find, put, 1))


def test_names_must_be_enough_for_a_hundred_people() -> None:
    few = re.sub(r'(\[names.common\]\nany = """\n).*?"""', r'\1Ann Bob"""', ENGLISH, flags=re.DOTALL)
    with pytest.raises(ValueError, match="a list of names needs 100 or more"):
        parse("en", few)
    german = (FOLDER / "language_de.toml").read_text("utf-8")
    moved = re.sub(r"Adelgunde.*?(?=Edeltraud)", "", german, count=1, flags=re.DOTALL)
    moved = moved.replace(
        "Adalbert Adelbert", "Adalbert Adelbert Adelgundus Adelheidus Aldonus Almutus Amalus Apollonius"
    )
    moved = moved.replace(
        "Albrecht Aloisius", "Albrecht Aloisius Aurelius Balbinus Benediktus Berengarus Bertradus Brunus"
    )
    with pytest.raises(ValueError, match="uncommon names of gender 'f' cannot replace 68"):
        parse("de", moved)
