"""Columns that would betray a changed text."""

import hashlib
import zlib
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from transforms.planting.errors import SealError
from transforms.planting.followers import FUNCTIONS, Follower, find_followers, recompute

TEXTS = [f"Document {at} says\n{'something ' * (at % 7)}é漢\n" for at in range(40)]


def table(**columns: list[Any] | pa.Array) -> pa.Table:
    return pa.table({"id": [str(at) for at in range(len(TEXTS))], "text": TEXTS, **columns})


KNOWN: dict[str, Callable[[str], Any]] = {
    "bytes": lambda text: len(text.encode()),
    "characters": len,
    "words": lambda text: len(text.split()),
    "newlines": lambda text: text.count("\n"),
    "crc32": lambda text: zlib.crc32(text.encode()),
    "md5 hex": lambda text: hashlib.md5(text.encode()).hexdigest(),
    "sha256 hex": lambda text: hashlib.sha256(text.encode()).hexdigest(),
    "sha1 raw": lambda text: hashlib.sha1(text.encode()).digest(),
}


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_a_column_that_is_a_known_function_of_the_text_is_found_and_made_again(name: str) -> None:
    function = KNOWN[name]
    values = [function(text) for text in TEXTS]
    values[5] = None if name == "newlines" else values[5]
    if name == "newlines":  # two lines everywhere: let it differ somewhere
        texts = [text * (1 + at % 2) for at, text in enumerate(TEXTS)]
        documents = pa.table({"text": texts, "odd": [function(text) for text in texts]})
    else:
        documents = table(odd=values)
    assert find_followers(documents, "text") == [Follower("odd", name)]
    before = [one.encode() for one in documents["text"].to_pylist()]
    edited, bits = recompute(documents, [1, 3], [before[1], before[3]], [b"new", b"n e w"], [Follower("odd", name)])
    assert bits == [1, 1]
    assert edited["odd"][1].as_py() == function("new")
    assert edited["odd"][3].as_py() == function("n e w")
    assert edited["odd"][2].as_py() == documents["odd"][2].as_py()
    assert edited.schema == documents.schema
    back, _ = recompute(edited, [1, 3], [b"new", b"n e w"], [before[1], before[3]], [Follower("odd", name)])
    assert back.equals(documents)


def test_a_value_that_did_not_follow_the_text_stays() -> None:
    documents = table(size=[99] * len(TEXTS))
    edited, bits = recompute(documents, [0], [TEXTS[0].encode()], [b"x"], [Follower("size", "bytes")])
    assert edited.equals(documents)
    assert bits == [0]


@pytest.mark.parametrize(
    "name",
    ["token_count", "n_tokens", "text_hash", "length", "input_ids", "a_digest", "minhash", "num_words", "sha256"],
)
def test_a_column_with_the_name_of_something_unknown_is_refused(name: str) -> None:
    documents = table(**{name: [at * 7919 % 100 for at in range(len(TEXTS))]})
    with pytest.raises(SealError, match=f"column '{name}'.*--unrelated-columns {name}"):
        find_followers(documents, "text")
    assert find_followers(documents, "text", [name]) == []


def test_a_number_that_grows_with_the_length_is_refused() -> None:
    documents = table(cost=[len(text.encode()) * 0.25 + 3 for text in TEXTS])
    with pytest.raises(SealError, match="goes with the length of the text"):
        find_followers(documents, "text")


def test_ordinary_columns_pass() -> None:
    documents = table(
        lang=["en"] * len(TEXTS),
        year=[1990 + at for at in range(len(TEXTS))],
        url=[f"http://x/{at}" for at in range(len(TEXTS))],
        nothing=pa.nulls(len(TEXTS), pa.int64()),
        tags=[["a"]] * len(TEXTS),
    )
    assert find_followers(documents, "text") == []


def test_dictionaries_are_followed_too() -> None:
    digests = pa.array([hashlib.md5(text.encode()).hexdigest() for text in TEXTS]).dictionary_encode()
    documents = table(odd=digests)
    (found,) = find_followers(documents, "text")
    edited, _ = recompute(documents, [2], [TEXTS[2].encode()], [b"new"], [found])
    assert edited["odd"].type == digests.type
    assert edited["odd"][2].as_py() == hashlib.md5(b"new").hexdigest()


def test_every_function_takes_any_text() -> None:
    for function in FUNCTIONS.values():
        assert function("é\n".encode()) is not None
