from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.dedup.corpus import measure_size, sampled_rows, write_sample
from benchmarks.dedup.scale import make_copies, seed_of, substituted, vocabulary
from benchmarks.dedup.shingles import shingle_sets

WORDS = pa.array([f"new{i}" for i in range(1000)], pa.large_string())


def prose(documents: int, words: int = 200) -> list[str]:
    rng = np.random.default_rng(3)
    names = np.array([f"word{i}" for i in range(5000)])
    return [" ".join(rng.choice(names, words)) for _ in range(documents)]


def similarity(one: str, other: str) -> float:
    sets = shingle_sets(pa.array([one, other], pa.large_string()))
    a, b = (set(sets.tokens[sets.offsets[i] : sets.offsets[i + 1]].tolist()) for i in range(2))
    return len(a & b) / len(a | b)


def changed(texts: list[str], copy: int, first: int = 0, *, kin: bool = False) -> list[str]:
    column = pa.array(texts, pa.large_string())
    return substituted(column, first, seed_of("key", copy), WORDS, kin=kin).to_pylist()


@pytest.mark.parametrize("kin", [False, True])
def test_a_fifth_of_the_words_changes(kin: bool) -> None:
    texts = prose(50)
    pairs = [
        (a, b)
        for one, other in zip(texts, changed(texts, 1, kin=kin), strict=True)
        for a, b in zip(one.split(" "), other.split(" "), strict=True)
    ]
    share = np.mean([a != b for a, b in pairs])
    assert 0.18 < share < 0.22
    assert all(a == b or b.startswith("new") for a, b in pairs)


@pytest.mark.parametrize("kin", [False, True])
def test_copies_are_no_neighbours_of_each_other(kin: bool) -> None:
    texts = prose(20)
    first, second = changed(texts, 1, kin=kin), changed(texts, 2, kin=kin)
    to_original = [similarity(a, b) for a, b in zip(texts, first, strict=True)]
    between = [similarity(a, b) for a, b in zip(first, second, strict=True)]
    assert 0.12 < np.mean(to_original) < 0.28  # .8**5 / (2 - .8**5) = .2
    assert max(to_original) < 0.5
    assert max(between) < 0.3


def test_near_duplicates_stay_so_in_kin_copies_only() -> None:
    text = prose(1)[0]
    near = text.rsplit(" ", 5)[0]
    kin = changed([text, near], 1, kin=True)
    others = changed([text, near], 1)
    assert similarity(*kin) > 0.9
    assert similarity(*others) < 0.3


def test_a_document_changes_the_same_wherever_it_is_cut() -> None:
    texts = prose(6)
    whole = changed(texts, 1)
    column = pa.array(texts, pa.large_string())
    part = substituted(column.slice(2, 3), 2, seed_of("key", 1), WORDS).to_pylist()
    assert part == whole[2:5]
    assert changed(texts[2:], 1, first=2) == whole[2:]
    assert changed(texts, 1) != changed(texts, 2)


@given(st.lists(st.text(max_size=80), max_size=5), st.booleans())
@settings(deadline=None)
def test_any_text_stays_text_and_keeps_what_is_between_words(texts: list[str], kin: bool) -> None:
    odd = pa.array(["\u2019quoted\u2019", "中", "emoji💡", "x" * 300], pa.large_string())
    out = substituted(pa.array(texts, pa.large_string()), 0, seed_of("k", 1), odd, kin=kin, share=1.0)
    out.validate(full=True)
    assert len(out) == len(texts)
    for before, after in zip(texts, out.to_pylist(), strict=True):
        assert [c for c in before if c in " \n.,!-"] == [c for c in after if c in " \n.,!-"]


def write_corpus(folder: Path) -> Path:
    folder.mkdir()
    texts = prose(300, 60)
    for shard in range(2):
        rows = texts[shard::2]
        table = pa.table({"id": [f"d{i}" for i in range(len(rows))], "text": rows, "n": range(len(rows))})
        pq.write_table(table, folder / f"{shard}.parquet", row_group_size=70)
    return folder


def test_copies_have_the_layout_of_the_corpus_and_are_reused(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "in")
    copies = make_copies([corpus], tmp_path / "scale", 2)
    original = pq.read_table(corpus)
    for number, copy in enumerate(copies, 1):
        table = pq.read_table(copy)
        assert table.schema.equals(original.schema)
        assert table.column("id").to_pylist() == [f"{i}~{number}" for i in original.column("id").to_pylist()]
        assert table.column("n").equals(original.column("n"))
        before, after = measure_size([corpus]), measure_size([copy])
        assert (before.files, before.documents) == (after.files, after.documents)
        assert 0.95 < after.text_bytes / before.text_bytes < 1.05
    stamps = [file.stat().st_mtime_ns for copy in copies for file in sorted(copy.iterdir())]
    assert make_copies([corpus], tmp_path / "scale", 2) == copies
    assert stamps == [file.stat().st_mtime_ns for copy in copies for file in sorted(copy.iterdir())]


def test_the_vocabulary_has_the_corpus_words_as_often_as_they_occur(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["often often often rare " * 100] * 40}), tmp_path / "a.parquet")
    words = vocabulary([tmp_path / "a.parquet"], 1501).to_pylist()
    assert set(words) == {"often", "rare"}
    assert 0.7 < words.count("often") / len(words) < 0.8


def test_a_corpus_without_words_has_no_vocabulary(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["", "..."]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="no word found"):
        vocabulary([tmp_path / "a.parquet"])


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5, 1.0])
def test_a_sample_is_whole_blocks(fraction: float) -> None:
    chosen = sampled_rows(64 * 200, fraction).reshape(200, 64)
    assert (chosen.all(axis=1) | ~chosen.any(axis=1)).all()
    assert chosen.any(axis=1).sum() == round(200 * fraction)


def test_a_sample_numbers_its_documents(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "in")
    sample = write_sample([corpus], 0.5, tmp_path / "sample")
    table = pq.read_table(sample)
    assert table.schema.names == ["id", "text"]
    assert table.column("id").to_pylist() == [str(i) for i in range(len(table))]
    assert set(table.column("text").to_pylist()) < set(pq.read_table(corpus).column("text").to_pylist())
