"""Input that is large in one way: a document, a row group, a bucket, the number of files."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines.running.machine import peak_rss_bytes


def letters(size: int) -> str:
    """Random words of lower-case letters, `size` bytes."""
    chance = np.random.default_rng(7)
    drawn = chance.integers(97, 123, size, dtype=np.uint8)
    drawn[chance.random(size) < 0.17] = 32
    return drawn.tobytes().decode()


def numbered(count: int, template: str, varied: int) -> pa.Array:
    """`count` texts of `template` and `varied` words of their own."""
    places = np.arange(count) * varied
    words = [pc.binary_join_element_wise("v", pa.array(places + at).cast(pa.string()), "") for at in range(varied)]
    return pc.binary_join_element_wise(template, *words, " ")


def write(path: Path, text: pa.Array, **settings: Any) -> Path:
    pq.write_table(pa.table({"text": text}), path, **settings)
    return path


def repeated(text: str, count: int) -> pa.Array:
    return pa.array([text]).take(pa.array(np.zeros(count, np.int64)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_document_of_200_mb(kind: str, folder: Path, tmp_path: Path) -> None:
    text = letters(5_000_000) * 40
    if kind == "parquet":
        write(folder / "a.parquet", pa.array(["small", text, "after"]), compression="zstd", use_dictionary=False)
    else:
        lines = (json.dumps({"text": one}) for one in ("small", text, "after"))
        (folder / "a.jsonl").write_text("\n".join(lines))
    flags = ["--input", str(folder), "--output", str(tmp_path / "out")]
    subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "dedup", *flags], check=True, capture_output=True, timeout=300
    )
    found = json.loads((tmp_path / "out/metrics.json").read_text())
    assert (found["counts"]["documents_in"], found["counts"]["kept"]) == (3, 3)
    assert found["peak_rss_bytes"] < 1.6e9
    assert pq.read_table(tmp_path / "out/data")["text"].to_pylist() == ["small", text, "after"]


def test_a_million_empty_documents(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table]
) -> None:
    write(folder / "a.parquet", repeated("", 1_000_000))
    assert pq.read_metadata(folder / "a.parquet").num_row_groups == 1
    outcome = attempt(folder)
    assert outcome.code == 0
    assert "1,000,000 documents in: 1 kept, 999,999 exact" in outcome.said
    assert read_output()["text"].to_pylist() == [""]


def test_a_million_small_documents_in_one_row_group(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table]
) -> None:
    text = pc.binary_join_element_wise("number", pa.array(range(1_000_000)).cast(pa.string()), " ")
    write(folder / "a.parquet", text, row_group_size=1_000_000)
    assert pq.read_metadata(folder / "a.parquet").num_row_groups == 1
    assert attempt(folder).code == 0
    assert read_output()["text"].combine_chunks().equals(text)


def test_a_hundred_thousand_equal_documents(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table], metrics: Callable[..., Any]
) -> None:
    write(folder / "a.parquet", repeated(letters(1000), 100_000))
    assert attempt(folder).code == 0
    assert read_output()["text"].to_pylist() == [letters(1000)]
    assert metrics()["clusters"]["sizes"] == {"100000": 1}
    covered = pq.read_table(folder.parent / "out/duplicates")
    assert set(covered["kept_address"].to_pylist()) == {0}
    assert set(covered["reason"].to_pylist()) == {"exact"}


def test_equal_documents_that_are_large_are_read_a_few_at_a_time(folder: Path, tmp_path: Path) -> None:
    """2,000 x 200 kB: 40 kB on disk, 400 MB as Arrow would read them at once."""
    write(folder / "a.parquet", repeated(letters(200_000), 2000))
    script = (
        "import sys, pyarrow; from pipelines.cli import main\n"
        "code = main(['dedup', '--input', sys.argv[1], '--output', sys.argv[2], '--threads', '1'])\n"
        "print('arrow', pyarrow.default_memory_pool().max_memory()); sys.exit(code)"
    )
    command = [sys.executable, "-c", script, str(folder), str(tmp_path / "out")]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    assert int(said.split()[-1]) < 250e6
    assert pq.read_table(tmp_path / "out/data").num_rows == 1


def test_a_hundred_thousand_documents_of_one_template(
    folder: Path, attempt: Callable[..., Any], metrics: Callable[..., Any]
) -> None:
    """80 words in common and 16 of its own: 76 shingles of 108 in common, J = .70, in all buckets together."""
    template = " ".join(f"fixed{at}" for at in range(80))
    write(folder / "a.parquet", numbered(100_000, template, 16), row_group_size=20_000)
    outcome = attempt(folder)
    assert outcome.code == 0
    counts, comparisons = metrics()["counts"], metrics()["comparisons"]
    assert counts["kept"] > 95_000
    assert comparisons["capped_documents"] > 50_000
    assert comparisons["capped_buckets"] > 0
    assert comparisons["pairs"] < 100_000 * 512 * 28
    assert re.search(r"[\d,]+ documents met a bucket with more kept documents than --bucket-cap", outcome.said)


def test_five_hundred_tiny_files(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table]
) -> None:
    for at in range(250):
        write(folder / f"{at:03}.parquet", pa.array([f"document {at}", "in every file"]))
        (folder / f"{at:03}.jsonl").write_text(json.dumps({"text": f"line {at}"}) + "\n")
    outcome = attempt(folder)
    assert outcome.code == 0
    assert outcome.said.startswith("500 files")
    wanted = [text for at in range(250) for text in (f"line {at}", f"document {at}", *["in every file"] * (at == 0))]
    assert read_output()["text"].to_pylist() == wanted


def test_the_metrics_know_the_peak_memory(
    folder: Path, attempt: Callable[..., Any], metrics: Callable[..., Any]
) -> None:
    write(folder / "a.parquet", pa.array(["one"]))
    assert attempt(folder).code == 0
    assert 50e6 < metrics()["peak_rss_bytes"] <= peak_rss_bytes()
