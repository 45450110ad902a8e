from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.dedup.judge import judge, kept_by_number, removed_by_trapline
from benchmarks.dedup.neighbours import find_neighbours
from benchmarks.dedup.shingles import Sets, shingle_sets

ALONE = r"[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]"
WORD = regex.compile(rf"(?V1){ALONE}|\p{{Script=Myanmar}}|[[\p{{L}}\p{{M}}\p{{Nd}}_]--{ALONE}--\p{{Script=Myanmar}}]+")


def reference(text: str) -> frozenset[tuple[str, ...]]:
    """Shingles of a text; of fewer than five words, all of them at once."""
    words = [word for word in WORD.findall(text.lower()) if regex.match(r"[\p{L}\p{M}\p{Nd}_]", word)]
    if len(words) < 5:
        return frozenset([tuple(words)])
    return frozenset(tuple(words[i : i + 5]) for i in range(len(words) - 4))


def member(sets: Sets, number: int) -> set[int]:
    return set(sets.tokens[sets.offsets[number] : sets.offsets[number + 1]].tolist())


TEXTS = st.text(st.sampled_from("abcAB12_ .,\n-äßÉ中文あアไทယ́💡٣〇"), max_size=60)


@given(st.lists(TEXTS, max_size=8))
@settings(deadline=None)
def test_shingles_are_those_of_a_regular_expression(texts: list[str]) -> None:
    sets = shingle_sets(pa.array(texts, pa.large_string()))
    expected = [reference(text) for text in texts]
    assert len(sets) == len(texts)
    for i, one in enumerate(expected):
        assert len(member(sets, i)) == len(one)
        for j, other in enumerate(expected):
            assert len(member(sets, i) & member(sets, j)) == len(one & other)


def test_shingles_of_a_slice() -> None:
    column = pa.array(["one two three four five six", "a b c d e f", ""], pa.large_string())
    whole, part = shingle_sets(column), shingle_sets(column.slice(1))
    assert [member(part, i) for i in range(2)] == [member(whole, i) for i in range(1, 3)]


def flags(word: str) -> tuple[np.ndarray, np.ndarray]:
    """k: kept, r: removed, -: neither."""
    letters = np.array(list(word))
    return letters == "k", letters == "r"


# Similarities of 100 numbers each: 0-1 is 90 / 110 = .82, 0-2 is 95 / 105 = .90, 1-2 is 85 / 115 = .74; 3 equals 0.
STARTS = (0, 10, -5, 0, 5000)


def corpus() -> Sets:
    tokens = np.concatenate([np.arange(1000 + start, 1100 + start, dtype=np.uint64) for start in STARTS])
    return Sets(tokens, np.arange(0, 501, 100, dtype=np.int64))


@pytest.mark.parametrize(
    ("choice", "residual", "equal", "wrong"),
    [
        ("kkkkk", 2, 1, 0),  # 2 is near 0, 3 equals 0; 1 is near nobody at .87
        ("rkkkk", 1, 0, 0),  # 3 is near 2
        ("kkrrk", 0, 0, 0),
        ("rrkrk", 0, 0, 0),  # 1 is covered by 2 at .74
        ("rrrrk", 0, 0, 4),
        ("kkkkr", 2, 1, 1),
        ("-krrk", 0, 0, 0),
        ("--r-k", 0, 0, 1),  # what is lost covers nobody
    ],
)
def test_verdicts(choice: str, residual: int, equal: int, wrong: int) -> None:
    verdict = judge(find_neighbours(corpus(), 73), *flags(choice))
    assert (verdict.residual, verdict.residual_equal, verdict.false_removals) == (residual, equal, wrong)
    assert (verdict.kept, verdict.removed, verdict.lost) == tuple(choice.count(letter) for letter in "kr-")
    assert verdict.duplicates == 3
    assert verdict.residual_share == residual / max(1, verdict.kept)
    assert verdict.false_share == wrong / max(1, verdict.removed)


DOCUMENTS = st.lists(st.sets(st.integers(0, 25), min_size=1), min_size=1, max_size=12)


@given(DOCUMENTS, st.data())
@settings(deadline=None)
def test_verdicts_are_those_of_all_pairs(documents: list[set[int]], data: st.DataObject) -> None:
    choice = data.draw(st.text("kr-", min_size=len(documents), max_size=len(documents)))
    offsets = np.cumsum([0] + [len(document) for document in documents]).astype(np.int64)
    flat = np.array([token for document in documents for token in sorted(document)], np.uint64)
    verdict = judge(find_neighbours(Sets(flat, offsets), 73), *flags(choice))

    def near(i: int, j: int, percent: int) -> bool:
        shared = len(documents[i] & documents[j])
        return 100 * shared >= percent * len(documents[i] | documents[j])

    kept = [i for i, letter in enumerate(choice) if letter == "k"]
    removed = [i for i, letter in enumerate(choice) if letter == "r"]
    assert verdict.residual == sum(any(near(i, j, 87) for j in kept if j < i) for i in kept)
    assert verdict.false_removals == sum(not any(near(i, j, 73) for j in kept) for i in removed)
    assert verdict.duplicates == sum(any(near(i, j, 80) for j in range(i)) for i in range(len(documents)))


def test_a_document_cannot_be_kept_and_removed() -> None:
    both = np.ones(5, np.bool_)
    with pytest.raises(ValueError, match="5 documents are both"):
        judge(find_neighbours(corpus(), 73), both, both)


def test_kept_numbers() -> None:
    kept, removed = kept_by_number(4, ["2", "0"])
    assert kept.tolist() == [True, False, True, False]
    assert removed.tolist() == [False, True, False, True]


def output_of(folder: Path, removed: list[int], quarantined: list[int], shards: int) -> Path:
    for name, addresses in (("duplicates", removed), ("quarantine", quarantined)):
        (folder / name).mkdir(parents=True)
        pq.write_table(pa.table({"address": pa.array(addresses, pa.uint64())}), folder / name / "a.parquet")
    (folder / "data").mkdir()
    pq.write_table(pa.table({"text": ["x"] * shards}), folder / "data" / "a.parquet")
    return folder


def test_addresses_name_files_in_byte_order_of_their_paths(tmp_path: Path) -> None:
    for name, rows in (("b/x.parquet", 2), ("a/y.parquet", 3), ("a/_hidden.parquet", 1)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        pq.write_table(pa.table({"text": ["x"] * rows}), tmp_path / name)
    output = output_of(tmp_path / "out", removed=[1, 1 << 40], quarantined=[2], shards=2)
    kept, removed = removed_by_trapline([tmp_path / "b", tmp_path / "a"], output)
    assert removed.tolist() == [False, True, False, True, False]
    assert kept.tolist() == [True, False, False, False, True]


def test_an_output_that_lacks_documents_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["x"] * 3}), tmp_path / "x.parquet")
    output = output_of(tmp_path / "out" / "deep", removed=[1], quarantined=[], shards=1)
    corpus_folder = tmp_path / "in"
    corpus_folder.mkdir()
    (tmp_path / "x.parquet").rename(corpus_folder / "x.parquet")
    with pytest.raises(ValueError, match="2 documents should be left, but the shards hold 1"):
        removed_by_trapline([corpus_folder], output)
