from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.traps.reproduction import DESIGNS, first_bytes, leave_out_what_the_corpus_has, training_order


def test_the_twin_reads_its_documents_in_the_same_order() -> None:
    ids = [f"document {at}" for at in range(200)]
    planted = [*ids[:50], None, *ids[50:120], None, None, *ids[120:]]
    order = [planted[at] for at in training_order(planted)]
    assert [one for one in order if one is not None] == [ids[at] for at in training_order(ids)]


def test_documents_without_ids_are_spread() -> None:
    planted = [*(f"document {at}" for at in range(1000)), *[None] * 1000]
    places = np.flatnonzero([planted[at] is None for at in training_order(planted)])
    assert 400 < (places < 1000).sum() < 600


def test_candidates_that_stand_in_the_corpus_are_left_out(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.parquet"
    pq.write_table(pa.table({"text": ["it says: see the list, and no more", "other words"]}), corpus)
    (tmp_path / "made").mkdir()
    made = pa.table(
        {"text": ["see the list", "nobody ever wrote this", "the list, and"], "perplexity": [1.0, 2.0, 3.0]}
    )
    pq.write_table(made, tmp_path / "made/probes.parquet")
    leave_out_what_the_corpus_has([str(corpus)], tmp_path)
    assert pq.read_table(tmp_path / "unseen.parquet").to_pylist() == [
        {"text": "nobody ever wrote this", "perplexity": 2.0}
    ]


def test_a_small_design_takes_the_first_documents_and_a_large_one_the_files(tmp_path: Path) -> None:
    files = [str(tmp_path / f"{at}.parquet") for at in range(2)]
    for at, file in enumerate(files):
        pq.write_table(pa.table({"id": [at * 3, at * 3 + 1, at * 3 + 2], "text": ["xxxx"] * 3}), file)
    assert first_bytes(files, DESIGNS["gpu"].bytes, tmp_path) == files
    [file] = first_bytes(files, 14, tmp_path)
    assert pq.read_table(file)["id"].to_pylist() == [0, 1, 2, 3], "up to the document that reaches 14 bytes"
