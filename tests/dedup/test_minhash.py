"""The scan kernel against plain Python: words, hashes, minima and band keys, whatever the text and its storage."""

import ctypes
import mmap
from collections.abc import Sequence
from dataclasses import fields
from itertools import product
from unicodedata import is_normalized, ucd_3_2_0

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dedup import slow_reference
from transforms.dedup import nfc
from transforms.dedup.minhash import (
    MinHashConfig,
    Sketches,
    minima,
    shingle_hashes,
    sketch_texts,
    sketch_tokens,
)
from transforms.dedup.minhash_kernel import _key_bands

DEFAULT = MinHashConfig()
BLOCK = 8192  # folded bytes that the kernel takes at once, and tokens

# Alphabets of many scripts, but only characters so old that every supported Python has them in its Unicode.
ALPHABETS = (
    "0020-024F 0300-033F 0370-05FF 0900-097F 0E00-0E7F 1000-10FF 13A0-13FF 1780-17FF 1E00-20FF 3040-30FF "
    "4E00-4E3F AC00-AC3F FF00-FFDF 10400-1042F 1D400-1D43F 20000-2000F"
)
BOUNDS = [[int(bound, 16) for bound in alphabet.split("-")] for alphabet in ALPHABETS.split()]
OLD = [chr(code) for first, last in BOUNDS for code in range(first, last + 1)]
OLD = [character for character in OLD if ucd_3_2_0.category(character) != "Cn"]
DIFFICULT = [*"aB_9 \n.éßẞİıſΣσςᎠꭰＡ１", "\u0301", "\u3099", *"東京にーコไຍកမ", *"한국عר🎈𠀀𝐀\u200d\u2028\U0010ffff"]
texts = st.one_of(
    st.text(st.sampled_from(DIFFICULT)),
    st.text(st.sampled_from(OLD)),
    st.lists(st.text(st.sampled_from("abcXYZ09_éÉλ"), max_size=40), max_size=30).map(" ".join),
)
ngrams = st.integers(1, 8)


def small(ngram: int, num_perm: int = 8) -> MinHashConfig:
    return MinHashConfig(num_perm=num_perm, ngram=ngram, bands=2, rows=3)


def datasketch_minima(shingles: Sequence[int], num_perm: int) -> list[int]:
    sketch = MinHash(num_perm, scheme="affine32", hashfunc=lambda value: value)
    for shingle in shingles:
        sketch.update(shingle)
    values: list[int] = sketch.hashvalues.tolist()
    return values


def raw_array(texts: Sequence[bytes | None], large: bool = False) -> pa.Array:
    """A string array of whatever bytes, in buffers of just their size."""
    offsets = np.cumsum([0, *(len(text or b"") for text in texts)]).astype(np.int64 if large else np.int32)
    present = np.packbits(np.array([text is not None for text in texts], np.bool_), bitorder="little")
    buffers = [pa.py_buffer(part) for part in (present.tobytes(), offsets.tobytes(), b"".join(t or b"" for t in texts))]
    return pa.Array.from_buffers(pa.large_string() if large else pa.string(), len(texts), buffers)


def assert_equal(one: Sketches, other: Sketches) -> None:
    for field in fields(Sketches):
        left, right = getattr(one, field.name), getattr(other, field.name)
        assert left.dtype == right.dtype, field.name
        np.testing.assert_array_equal(left, right, field.name)


def rows(sketches: Sketches, which: slice) -> Sketches:
    return Sketches(*(getattr(sketches, field.name)[which] for field in fields(Sketches)))


def assert_as_reference(text: str, config: MinHashConfig, found: Sketches, row: int) -> None:
    words = slow_reference.words(text)
    shingles = slow_reference.shingle_hashes([slow_reference.word_hash(word) for word in words], config.ngram)
    lowest = datasketch_minima(shingles, config.num_perm)
    keys = slow_reference.band_keys(lowest, config.bands, config.rows) if shingles else [0] * config.bands
    assert found.valid[row]
    assert found.num_bytes[row] == len(text.encode())
    assert found.num_words[row] == len(words)
    assert tuple(found.text_hash[row]) == slow_reference.text_hash(text)
    assert found.bands[row].tolist() == keys
    assert found.sketch[row].tolist() == [value & 255 for value in lowest]


@given(st.lists(texts, max_size=5), ngrams, st.sampled_from([6, 64, 65, 128]), st.booleans())
@settings(deadline=None)
def test_sketches_equal_the_reference(batch: list[str], ngram: int, num_perm: int, large: bool) -> None:
    config = small(ngram, num_perm)
    found = sketch_texts(pa.array(batch, pa.large_string() if large else pa.string()), config)
    assert len(found.valid) == len(batch)
    for row, text in enumerate(batch):
        assert_as_reference(text, config, found, row)


@given(texts, ngrams)
@settings(deadline=None)
def test_shingle_hashes_equal_the_reference(text: str, ngram: int) -> None:
    hashes = [slow_reference.word_hash(word) for word in slow_reference.words(text)]
    assert shingle_hashes(text, small(ngram)).tolist() == slow_reference.shingle_hashes(hashes, ngram)


@given(texts, texts)
@settings(deadline=None)
def test_equal_text_hash_means_equal_bytes(one: str, other: str) -> None:
    batch = [one, other, f"{one} ", f"{one}-", one.swapcase(), one]
    hashes = sketch_texts(pa.array(batch), DEFAULT).text_hash.tolist()
    for left, right in product(range(len(batch)), repeat=2):
        assert (hashes[left] == hashes[right]) == (batch[left] == batch[right])


@given(st.lists(texts, max_size=5))
@settings(deadline=None)
def test_texts_that_may_change_under_nfc_are_marked(batch: list[str]) -> None:
    marked = sketch_texts(pa.array(batch, pa.string()), DEFAULT).may_change
    assert not np.any(nfc.may_change(pa.array(batch, pa.string())) & ~marked)
    for text, mark in zip(batch, marked.tolist(), strict=True):
        assert mark or is_normalized("NFC", text)
        assert not (mark and text.isascii())


def test_any_change_of_a_word_or_its_place_changes_both_halves_of_the_text_hash() -> None:
    words = [f"word{i}" for i in range(40)]
    variants = [words, words[:-1], [*words, "x"], ["x", *words], [*words, *words], ["".join(words)]]
    for i in range(39):
        variants.append([*words[:i], words[i + 1], words[i], *words[i + 2 :]])
        variants.append([*words[:i], words[i] + words[i + 1], *words[i + 2 :]])
        variants.append([*words[:i], words[i][:-1], words[i][-1], *words[i + 1 :]])
        variants.append([*words[:i], words[i] + "s", *words[i + 1 :]])
        variants.append(words[:i] + words[i + 1 :])
        variants.append([*words[:i], words[i], words[i], *words[i + 1 :]])
    hashes = sketch_texts(pa.array([" ".join(variant) for variant in variants]), DEFAULT).text_hash
    for half in hashes.T:
        assert len(np.unique(half)) == len(variants)
    assert not np.isin(hashes[:, 0], hashes[:, 1]).any()


def test_texts_are_told_apart_by_their_bytes() -> None:
    batch = ["", " ", "  ", "!", "?", "🎈", "🎉", "🎈🎉", "🎉🎈", "." * 15, "." * 16, "." * 17, "." * 32, "\0", "\0\0"]
    found = sketch_texts(pa.array(batch), DEFAULT)
    assert found.valid.all()
    assert not found.num_words.any()
    assert not found.bands.any()
    assert (found.sketch == 255).all()
    assert len(np.unique(found.text_hash, axis=0)) == len(batch)


def test_like_words_do_not_collide() -> None:
    """Words that differ in a letter, in length, or in both so that one could undo the other."""
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789_"
    alike = {"".join(word) for size in (1, 2, 3) for word in product(alphabet, repeat=size)}
    alike |= {"".join(word) for size in range(1, 14) for word in product("01", repeat=size)}
    alike |= {a * size + b for size in range(1, 70) for a in "018aé" for b in ("", *"0123456789abcé")}
    alike |= {a + b * size for size in range(1, 70) for b in "018aé" for a in "0123456789abcé"}
    alike = {word.lower() for word in alike}
    hashes = sketch_texts(pa.array(sorted(alike)), DEFAULT).text_hash
    assert len(np.unique(hashes[:, 0])) == len(np.unique(hashes[:, 1])) == len(alike)
    shingles = shingle_hashes(" ".join(alike), small(1))
    bits = np.unpackbits(shingles.view(np.uint8)).reshape(-1, 32).mean(axis=0)
    assert abs(bits - 0.5).max() < 0.02


@pytest.mark.parametrize("ngram", range(1, 9))
def test_texts_around_the_ngram(ngram: int) -> None:
    config = small(ngram)
    batch = [" ".join("w" * (i + 1) for i in range(n)) for n in range(10)]
    found = sketch_texts(pa.array(batch), config)
    for row, text in enumerate(batch):
        assert_as_reference(text, config, found, row)
        assert (found.bands[row] != 0).all() == (row >= ngram)


@pytest.mark.parametrize("num_perm", [1, 63, 64, 100, 128, 256, 300])
def test_minima_equal_datasketch(num_perm: int) -> None:
    config = MinHashConfig(num_perm=num_perm, bands=1, rows=1)
    batch = [" ".join(f"word{i * i % 97}" for i in range(n)) for n in (4, 5, 6, 300)]
    found = minima(pa.array([*batch, None]), config)
    assert found.dtype == np.uint32
    for row, text in zip(found, batch, strict=False):
        assert row.tolist() == datasketch_minima(shingle_hashes(text, config).tolist(), num_perm)
    assert (found[-1] == 2**32 - 1).all()


def test_a_band_key_is_never_zero() -> None:
    """Minima of zero throughout are the only known ones whose key would be."""
    keys = np.full(3, 99, np.uint64)
    _key_bands(np.zeros(6, np.uint32), np.array([3, 5], np.uint64), keys)
    assert keys[0] == 1
    assert len(np.unique(keys)) == 3
    assert keys.all()


def test_documents_longer_than_a_block() -> None:
    random = np.random.default_rng(1)
    pieces = ["word", "Émigré", "東京", ", ", " ", "\n", "x" * 30, "🎈", "ﬁ", "Ωmega", "y" * 17, "z" * 16]
    batch = ["".join(random.choice(pieces, 6000).tolist()) for _ in range(2)]
    batch += ["".join(random.choice(["a", "b ", "é", "K "], 3 * BLOCK).tolist())]
    assert min(map(len, batch)) > 2 * BLOCK
    for ngram in (1, 5):
        config = small(ngram)
        found = sketch_texts(pa.array(batch), config)
        for row, text in enumerate(batch):
            assert_as_reference(text, config, found, row)
            hashes = [slow_reference.word_hash(word) for word in slow_reference.words(text)]
            assert shingle_hashes(text, config).tolist() == slow_reference.shingle_hashes(hashes, ngram)


@pytest.mark.parametrize("size", [15, 16, 17, 100, BLOCK - 1, BLOCK, BLOCK + 1, BLOCK + 17, 3 * BLOCK + 5])
def test_a_word_hashes_alike_wherever_the_block_ends(size: int) -> None:
    config = small(1)
    word = ("ab1_" * size)[:size]
    expected = slow_reference.shingle_hashes([slow_reference.word_hash(word)], 1)[0]
    for before in [*range(20), *range(BLOCK - 40, BLOCK + 20)]:
        assert shingle_hashes("." * before + word, config).tolist() == [expected]
        assert shingle_hashes("." * before + word + "!", config).tolist() == [expected]
    accented = shingle_hashes("é" + word[1:], config).tolist()
    assert shingle_hashes("." * (BLOCK - 1) + "É" + word[1:] + " ", config).tolist() == accented


def test_slices_and_nulls_and_batches_change_nothing() -> None:
    batch = [None if i % 7 == 3 else f"text {i} " * (i % 11) + "é東" * (i % 3) for i in range(100)]
    for kind in (pa.string(), pa.large_string()):
        whole = pa.array(batch, kind)
        expected = sketch_texts(whole, DEFAULT)
        assert expected.valid.tolist() == [text is not None for text in batch]
        for start, length in ((0, 100), (0, 1), (3, 1), (5, 20), (13, 87), (40, 0), (100, 0)):
            which = slice(start, start + length)
            assert_equal(sketch_texts(whole.slice(start, length), DEFAULT), rows(expected, which))
            np.testing.assert_array_equal(minima(whole.slice(start, length), DEFAULT), minima(whole, DEFAULT)[which])
        binary = whole.cast(pa.binary() if kind == pa.string() else pa.large_binary())
        assert_equal(sketch_texts(binary, DEFAULT), expected)


def test_nulls_have_zeros_throughout() -> None:
    for empty in (pa.nulls(3, pa.string()), pa.array([None] * 3, pa.large_string()), raw_array([None, None, None])):
        found = sketch_texts(empty, DEFAULT)
        for field in fields(Sketches):
            assert not getattr(found, field.name).any()
    assert len(sketch_texts(pa.array([], pa.string()), DEFAULT).valid) == 0


def is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


BAD = [
    b"\x80",
    b"\xbf",
    b"\xc3",  # cut
    b"\xc3(",
    b"\xc0\x80",  # overlong
    b"\xc1\xbf",
    b"\xe2\x82",  # cut
    b"\xe2(\xa1",
    b"\xe2\x82(",
    b"\xe0\x80\x80",  # overlong
    b"\xe0\x9f\xbf",
    b"\xed\xa0\x80",  # surrogates
    b"\xed\xbf\xbf",
    b"\xf0\x9f\x8e",  # cut
    b"\xf0(\x8e\x88",
    b"\xf0\x9f(\x88",
    b"\xf0\x9f\x8e(",
    b"\xf0\x80\x80\x80",  # overlong
    b"\xf0\x8f\xbf\xbf",
    b"\xf4\x90\x80\x80",  # beyond U+10FFFF
    b"\xf5\x80\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xff",
]


@pytest.mark.parametrize("bad", BAD)
def test_what_is_not_utf8_is_told_and_leaves_its_neighbours_alone(bad: bytes) -> None:
    good = b"one two three four five six"
    assert not is_utf8(bad)
    batch: list[bytes] = []
    for before in (b"", b"a", b" " * 63, b"word " * 20, "é".encode() * 33, b"x" * (BLOCK + 1)):
        for after in (b"", b"\x80", b"b", b" tail of some words", "é".encode()):
            batch += [good, before + bad + after]
    found = sketch_texts(raw_array(batch), DEFAULT)
    assert found.valid.tolist() == [is_utf8(text) for text in batch]
    alone = sketch_texts(raw_array([good]), DEFAULT)
    for row in range(0, len(batch), 2):
        assert_equal(rows(found, slice(row, row + 1)), alone)
    wrong = rows(found, slice(1, None, 2))
    for field in fields(Sketches):
        assert not getattr(wrong, field.name)[~wrong.valid].any()


def test_a_character_does_not_continue_in_the_next_text() -> None:
    for character in ("é", "東", "🎈"):
        data = character.encode()
        for cut in range(1, len(data)):
            batch = [data[:cut], data[cut:], b"word " + data[:cut], data[cut:] + b" and more than eight bytes"]
            assert not sketch_texts(raw_array(batch), DEFAULT).valid.any()


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=12),
            st.lists(st.sampled_from([*BAD, b"a", b" ", "é".encode(), "東".encode(), "🎈".encode()])).map(b"".join),
        ),
        max_size=6,
    )
)
@settings(deadline=None)
def test_validity_is_that_of_pythons_decoder(batch: list[bytes]) -> None:
    found = sketch_texts(raw_array(batch), DEFAULT)
    assert found.valid.tolist() == [is_utf8(text) for text in batch]
    alone = [sketch_texts(raw_array([text]), DEFAULT) for text in batch]
    for row, one in enumerate(alone):
        assert_equal(rows(found, slice(row, row + 1)), one)


def test_nothing_is_read_beyond_the_buffer() -> None:
    """The text ends where a page ends that is followed by one that may not be read."""
    page = mmap.PAGESIZE
    memory = mmap.mmap(-1, 3 * page)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    assert protect(base, page, 0) == 0
    assert protect(base + 2 * page, page, 0) == 0
    ends = [b"word " * 50, b"w", b"", b"x" * 64, b"." * 21, b"a\xe6\x9d", b"\xf0"]
    ends += [text.encode() for text in ("é", "東" * 30, "word é ab", "🎈a")]
    for text in ends:
        memory[2 * page - len(text) : 2 * page] = text
        data = pa.foreign_buffer(base + 2 * page - len(text), len(text), memory)
        offsets = pa.py_buffer(np.array([0, len(text)], np.int32).tobytes())
        found = sketch_texts(pa.Array.from_buffers(pa.string(), 1, [None, offsets, data]), DEFAULT)
        assert_equal(found, sketch_texts(raw_array([text]), DEFAULT))
    protect(base, 3 * page, mmap.PROT_READ | mmap.PROT_WRITE)


def as_tokens(lists: Sequence[Sequence[int]]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    offsets = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    return np.array([token for tokens in lists for token in tokens], np.uint32), offsets


@given(st.lists(st.lists(st.integers(0, 2**32 - 1), max_size=20), max_size=4), ngrams)
@settings(deadline=None)
def test_token_sketches_equal_the_reference(lists: list[list[int]], ngram: int) -> None:
    config = small(ngram)
    raw = pa.array([f"text {i}" for i in range(len(lists))], pa.string())
    assert_tokens_as_reference(lists, raw, config)


@pytest.mark.parametrize("ngram", [1, 2, 5])
def test_more_tokens_than_a_block(ngram: int) -> None:
    """Of three shingles in turn, so that a wrong one between two blocks is among the minima."""
    tokens = [5, 6, 7] * BLOCK
    lists = [tokens[:size] for size in (BLOCK - 1, BLOCK, BLOCK + 1, BLOCK + ngram, 2 * BLOCK + 3)]
    assert_tokens_as_reference(lists, pa.array(["one", "two", "", "!", "?"]), small(ngram, num_perm=64))


def assert_tokens_as_reference(lists: Sequence[Sequence[int]], raw: pa.Array, config: MinHashConfig) -> None:
    found = sketch_tokens(*as_tokens(lists), raw, config)
    by_words = sketch_texts(raw, config)
    np.testing.assert_array_equal(found.text_hash, by_words.text_hash)
    np.testing.assert_array_equal(found.num_bytes, by_words.num_bytes)
    for row, tokens in enumerate(lists):
        shingles = slow_reference.shingle_hashes([slow_reference.token_hash(token) for token in tokens], config.ngram)
        lowest = datasketch_minima(shingles, config.num_perm)
        keys = slow_reference.band_keys(lowest, config.bands, config.rows) if shingles else [0] * config.bands
        assert found.valid[row]
        assert found.num_words[row] == len(tokens)
        assert found.bands[row].tolist() == keys
        assert found.sketch[row].tolist() == [value & 255 for value in lowest]


def test_tokens_of_texts_that_are_null_or_no_utf8_are_left_out() -> None:
    ids, offsets = as_tokens([range(9)] * 3)
    found = sketch_tokens(ids, offsets, raw_array(["fine\u0301".encode(), None, b"\xff"]), DEFAULT)
    assert found.valid.tolist() == [True, False, False]
    for field in fields(Sketches):
        assert getattr(found, field.name)[0].any()
        assert not getattr(found, field.name)[1:].any()


def test_token_offsets_are_checked() -> None:
    ids = np.arange(5, dtype=np.uint32)
    raw = pa.array(["a", "b"])
    for offsets in ([0, 5], [0, 3, 6], [0, 4, 2], [-1, 0, 5], []):
        with pytest.raises(ValueError, match="offsets"):
            sketch_tokens(ids, np.array(offsets, np.int64), raw, DEFAULT)


def test_other_types_are_refused() -> None:
    for array in (pa.array([1]), pa.array(["a"]).dictionary_encode(), pa.array([["a"]])):
        with pytest.raises(TypeError, match=r"text is .*it must be string"):
            sketch_texts(array, DEFAULT)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_perm": 0}, "num_perm is 0"),
        ({"ngram": 0}, "ngram is 0"),
        ({"ngram": 1000}, "from 1 to"),
        ({"bands": 0}, "bands is 0"),
        ({"rows": -1}, "rows is -1"),
        ({"bands": 29}, "29 bands of 9 rows need 261 minima, num_perm is 256"),
    ],
)
def test_configs_are_checked(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MinHashConfig(**wrong)
