"""What a candidate must be like."""

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from transforms.base.errors import CorpusError
from transforms.probes.corpus.tokens import load_tokenizer, stable
from transforms.probes.traps.rules import Rules

LINES = Rules(form="line")
FINE = ["a plain line", "x", "\u4e2d\u6587", "caf\u00e9, na\u00efve", "d\u0915\u093f"]
SHAPELESS = [
    "two\nlines", "a tab\there", " leading", "trailing ", "ends with a stop.", "(brackets)", "", "nul\0in",
    "cafe\u0301 in", "bell\x07in", "left\u202eright", "lost\ufffdbyte", "para\u2029graph",
]  # fmt: skip


def broken(rules: Rules, texts: list[str], reason: str) -> list[bool]:
    flags = [flags for name, flags in rules.broken(pa.array(texts, pa.large_string())) if name == reason]
    return np.any(flags, axis=0).tolist()


@pytest.mark.parametrize("text", FINE)
def test_plain_lines_are_fine(text: str) -> None:
    assert not any(broken(LINES, [text], reason)[0] for reason in ("shape", "separator"))


@pytest.mark.parametrize("text", SHAPELESS)
def test_what_is_no_plain_normal_line_between_word_characters_is_rejected(text: str) -> None:
    assert broken(LINES, [text], "shape") == [True]


PROSE = [
    "All is well.", "Is it? Yes, it is!", "The cat's friend didn't go; it stayed there.",
    'He said "yes" and "no".', "Ja, \u201eja\u201c, sagte er.", "\u00c9t\u00e9 2024, 30 % de plus !",
    "中文。", "它是猫\uff0c不是狗\uff01", "नमस\u094dत\u0947 द\u0941न\u093fय\u093e।",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0643\u061f", "\u041c\u0438\u0440 \u0438 \u0442\u0440\u0443\u0434.", "X.",
]  # fmt: skip
NO_PROSE = [
    "no capital.", "No mark", "Two marks..", "An ellipsis...", "An ellipsis\u2026", "Brackets (here).", "Brackets [1].",
    "Code x = 1.", "A_name here.", "See example.com now.", "See https://a.b.", 'Open "quote here.', "Curly {x}.", ".",
    "Open \u201cquote here.", "'Single quotes' here.", "A -- dash.", "Tags <b>.", "A back\\slash.", "1. Item here.",
    "Key:value here.", "Lorem ipsum dolor.", "We use JavaScript here.", "Read our privacy policy.", "It, , is.",
    "Closed \u00bbby.", "At @home.", "No word behind it ,.",
]  # fmt: skip


@pytest.mark.parametrize("text", PROSE)
def test_sentences_of_prose_are_fine(text: str) -> None:
    assert not any(broken(Rules(), [text], reason)[0] for reason in ("shape", "form", "separator"))


@pytest.mark.parametrize("text", NO_PROSE)
def test_what_is_no_sentence_of_prose_is_rejected(text: str) -> None:
    assert broken(Rules(), [text], "form") == [True]


@pytest.mark.parametrize(
    "text", ["Two\nlines.", "A tab\there.", " Leading.", "Trailing. ", "Cafe\u0301 in.", "Bell\x07in."]
)
def test_sentences_are_single_normal_lines_as_well(text: str) -> None:
    assert broken(Rules(), [text], "shape") == [True]


def test_separators_of_the_corpus_are_rejected() -> None:
    texts = ["all is well", "a <|endoftext|> b", "a </s> b", "a === b"]
    assert broken(Rules(), texts, "separator") == [False, True, True, False]
    assert broken(Rules(("===",)), texts, "separator") == [False, False, False, True]


def words(**settings: object) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "red": 1, "blue": 2, "green": 3}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    for name, value in settings.items():
        setattr(tokenizer, name, value)
    return tokenizer


def test_tokens_must_come_back_after_decoding_and_encoding() -> None:
    assert stable(words(), pa.array(["red blue", "green"])).tolist() == [True, True]
    # A decoder that glues words makes one unknown word of two.
    assert stable(words(decoder=decoders.Fuse()), pa.array(["red blue", "green"])).tolist() == [False, True]
    # A normaliser may change the text, as long as its tokens come back.
    assert stable(words(normalizer=normalizers.Lowercase()), pa.array(["RED blue"])).tolist() == [True]


def test_a_tokenizer_that_cuts_by_chance_is_not_stable() -> None:
    letters = {letter: at for at, letter in enumerate("ab")}
    by_chance = Tokenizer(models.BPE({**letters, "ab": 2}, [("a", "b")], dropout=0.5))
    # A text may come back by chance: of so many hardly all do.
    *found, last = stable(by_chance, pa.array(["ab" * (200 + more) for more in range(64)] + ["a"])).tolist()
    assert not all(found)
    assert last


def test_unknown_and_special_tokens_are_not_stable() -> None:
    special = words()
    special.add_special_tokens(["green"])
    assert stable(words(), pa.array(["red purple"])).tolist() == [False]
    assert stable(special, pa.array(["red green", "red"])).tolist() == [False, True]


def test_every_given_tokenizer_counts() -> None:
    rules = Rules(tokenizers=(words(), words(decoder=decoders.Fuse())))
    assert broken(rules, ["red blue", "green"], "unstable") == [True, False]


def test_truncation_and_padding_of_a_file_are_not_used(tmp_path: object) -> None:
    tokenizer = words()
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=9)
    tokenizer.save(f"{tmp_path}/tokenizer.json")
    assert len(load_tokenizer(f"{tmp_path}/tokenizer.json").encode("red blue green").ids) == 3


def test_a_file_that_is_no_tokenizer_is_an_error_that_names_it(tmp_path: object) -> None:
    with pytest.raises(CorpusError, match=r"nowhere\.json: cannot be read"):
        load_tokenizer(f"{tmp_path}/nowhere.json")
