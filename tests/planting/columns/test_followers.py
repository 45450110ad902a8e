"""Columns that would betray a changed text."""

import base64
import hashlib
import json
import zlib
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from transforms.base.errors import SealError
from transforms.planting.columns.followers import FUNCTIONS, MOST, UNIQUE, Follower, find_followers, find_unique
from transforms.planting.columns.recompute import as_neighbours, recompute

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
    "identity": lambda text: text,
    "utf8": str.encode,
    "md5 hex upper": lambda text: hashlib.md5(text.encode()).hexdigest().upper(),
    "sha256 hex 16": lambda text: hashlib.sha256(text.encode()).hexdigest()[:16],
    "sha1 hex upper 8": lambda text: hashlib.sha1(text.encode()).hexdigest()[:8].upper(),
    "md5 base64": lambda text: base64.b64encode(hashlib.md5(text.encode()).digest()).decode(),
    "md5 base64 urlsafe": lambda text: base64.urlsafe_b64encode(hashlib.md5(text.encode()).digest()).decode(),
    "sha1 base64 unpadded": lambda text: base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()[:-1],
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
    [
        *("token_count", "n_tokens", "text_hash", "length", "input_ids", "a_digest", "minhash", "num_words", "sha256"),
        *("textHash", "tokenCount", "MD5Sum_len", "xxh64", "spans", "offsets", "ETag"),
    ],
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


def test_a_suspicious_name_without_any_value_is_refused() -> None:
    with pytest.raises(SealError, match=r"column 'tokens'.*no value in the documents looked at"):
        find_followers(table(tokens=pa.nulls(len(TEXTS), pa.int64())), "text")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([{"size": 3, "deep": {"length": 7}} for _ in TEXTS], "column 'odd.deep.length'"),
        ([{"v": text} for text in TEXTS], "column 'odd.v' is the text's identity within a struct"),
        ([[{"nTokens": 1}] for _ in TEXTS], "'odd' holds something named 'nTokens'"),
        ([json.dumps({"a": [{"content_sha256": "x"}]}) for _ in TEXTS], "named 'content_sha256'"),
        (pa.array([[("checksum", "x")] for _ in TEXTS], pa.map_(pa.string(), pa.string())), "named 'checksum'"),
        ([[[0, 5], [5, len(text)]] for text in TEXTS], "ends where the text ends"),
        ([[{"begin": 0, "end": len(text.encode())}] for text in TEXTS], "ends where the text ends"),
    ],
    ids=["name in a struct", "text in a struct", "list of structs", "JSON", "map", "lists", "lists of structs"],
)
def test_what_follows_the_text_inside_of_values_is_refused(values: list[Any] | pa.Array, said: str) -> None:
    documents = table(odd=values)
    with pytest.raises(SealError, match=said):
        find_followers(documents, "text")
    assert find_followers(documents, "text", ["odd"]) == []


def test_ordinary_values_inside_of_values_pass() -> None:
    documents = table(
        meta=[{"lang": "en", "score": 0.5, "tags": ["a"], "none": {}} for _ in TEXTS],
        json=[json.dumps({"url": f"http://x/{at}"}) for at in range(len(TEXTS))],
        broken=["{not json" for _ in TEXTS],
        numbers=[[at, 3] for at in range(len(TEXTS))],
    )
    assert find_followers(documents, "text") == []


def test_a_copy_that_is_not_the_text_everywhere_is_made_again_where_it_is() -> None:
    documents = table(raw=[text if at % 3 else text.upper() for at, text in enumerate(TEXTS)])
    (found,) = find_followers(documents, "text")
    before = [TEXTS[0].encode(), TEXTS[1].encode()]
    edited, bits = recompute(documents, [0, 1], before, [b"x", b"y"], [found])
    assert bits == [0, 1]
    assert edited["raw"].to_pylist()[:2] == [TEXTS[0].upper(), "y"]


def test_an_id_that_is_a_hash_of_the_text_is_refused() -> None:
    documents = table(key=[hashlib.sha256(text.encode()).hexdigest()[:20] for text in TEXTS])
    assert find_followers(documents, "text", id_column="id") == [Follower("key", "sha256 hex 20")]
    with pytest.raises(SealError, match=r"column 'key'.*hashes of the text cannot be kept.*--id-column"):
        find_followers(documents, "text", id_column="key")


def test_more_followers_than_the_ledger_has_bits_for_are_refused() -> None:
    with pytest.raises(SealError, match=rf"{MOST + 1} columns follow the text"):
        find_followers(table(**{f"raw{at}": TEXTS for at in range(MOST + 1)}), "text")


@pytest.mark.parametrize("function", ["newlines", "bytes"])
def test_a_value_that_the_type_cannot_hold_is_refused_with_the_columns_name(function: str) -> None:
    documents = table(odd=pa.array([FUNCTIONS[function](text.encode()) for text in TEXTS], pa.int8()))
    follower = Follower("odd", function)
    with pytest.raises(SealError, match=r"column 'odd'.*int8.*wider type"):
        recompute(documents, [0], [TEXTS[0].encode()], [b"x\n" * 200], [follower])
    with pytest.raises(SealError, match=r"column 'odd'.*int8.*wider type"):
        as_neighbours(documents.slice(0, 1), "text", ["x\n" * 200], [follower])


def test_columns_with_another_value_everywhere_are_unique_and_the_id_always() -> None:
    documents = table(
        url=[f"http://x/{at}" for at in range(len(TEXTS))],
        lang=["en"] * len(TEXTS),
        meta=[{"lang": "en", "url": f"http://x/{at}"} for at in range(len(TEXTS))],
        vector=[[float(at)] for at in range(len(TEXTS))],
        size=[len(text.encode()) for text in TEXTS],
        twice=[at // 2 for at in range(len(TEXTS))],
    )
    found = find_unique(documents, "text", [Follower("size", "bytes")], "twice")
    assert found == [Follower(name, UNIQUE) for name in ("id", "url", "meta", "vector", "twice")]


def test_a_unique_column_without_nulls_is_refused() -> None:
    documents = table()
    schema = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field("text", pa.string())])
    with pytest.raises(SealError, match=r"column 'id'.*leave it out of the input, or make it nullable"):
        find_unique(documents.cast(schema), "text", [])


def test_added_documents_look_like_their_neighbours() -> None:
    neighbours = pa.table(
        {
            "id": ["a", "b"],
            "text": ["one", "two"],
            "lang": pa.array(["en", "fr"]).dictionary_encode(),
            "size": pa.array([3, None], pa.int16()),
            "wrong": [77, 3],
            "meta": [{"n": 1}, None],
        }
    )
    followers = [Follower("size", "bytes"), Follower("wrong", "bytes"), Follower("id", UNIQUE)]
    added = as_neighbours(neighbours, "text", ["n\u00e9", "other"], followers)
    assert added.schema == neighbours.schema
    assert added.to_pylist() == [
        {"id": None, "text": "n\u00e9", "lang": "en", "size": 3, "wrong": 3, "meta": {"n": 1}},
        {"id": None, "text": "other", "lang": "fr", "size": None, "wrong": 5, "meta": None},
    ]
    assert recompute(neighbours, [0], [b"one"], [b"x"], [Follower("id", UNIQUE)]) == (neighbours, [0])
