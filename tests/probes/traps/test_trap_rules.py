"""What a candidate must be like."""

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from transforms.base.errors import CorpusError
from transforms.probes.traps.rules import Rules
from transforms.probes.traps.tokens import load_tokenizer, stable

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
    assert not any(broken(Rules(), [text], reason)[0] for reason in ("shape", "separator"))


@pytest.mark.parametrize("text", SHAPELESS)
def test_what_is_no_plain_normal_line_between_word_characters_is_rejected(text: str) -> None:
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
