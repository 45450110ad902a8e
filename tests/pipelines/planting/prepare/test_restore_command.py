"""`trapline restore` as a user runs it, and what it refuses."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.planting.planted import (
    SMALL_SHARDS,
    Planted,
    digests,
    prepare,
    probe_rows,
    seal_and_draw,
    write_corpus,
)


def test_restoring_gives_the_files_of_dedup_byte_for_byte(planted: Path, tmp_path: Path) -> None:
    flags = ["--input", planted / "out", "--secrets", planted / "secrets", "--output", tmp_path / "restored"]
    assert main(["restore", *map(str, flags)]) == 0
    assert digests(tmp_path / "restored") == digests(planted / "plain")
    assert digests(planted / "out", "data") != digests(planted / "plain", "data")
    assert main(["restore", *map(str, flags)]) == 0  # finished already
    manifest = (tmp_path / "restored" / "manifest.json").read_bytes()
    success = json.loads((tmp_path / "restored" / "_SUCCESS").read_text())
    assert success["manifest_sha256"] == hashlib.sha256(manifest).hexdigest()


def test_json_lines_take_insertions_too(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "parquet", 60)
    (tmp_path / "in").mkdir()
    for part in sorted(corpus.iterdir()):
        lines = [json.dumps(row, ensure_ascii=False) for row in pq.read_table(part).to_pylist()]
        (tmp_path / "in" / f"{part.stem}.jsonl").write_text("\n".join(lines) + "\n{broken\n")
    secrets = seal_and_draw(tmp_path / "secrets", probe_rows(6))
    assert prepare(tmp_path / "in", tmp_path / "out", secrets) == 0
    flags = ["--input", tmp_path / "out", "--secrets", secrets, "--output", tmp_path / "back"]
    assert main(["restore", *map(str, flags)]) == 0
    assert main(["dedup", "--input", str(tmp_path / "in"), "--output", str(tmp_path / "plain"), *SMALL_SHARDS]) == 0
    assert digests(tmp_path / "back") == digests(tmp_path / "plain")
    assert pq.read_metadata(next((tmp_path / "out" / "quarantine").iterdir())).num_rows == 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ledger/ledger.parquet", "ledger/ledger.parquet: is missing"),
        ("slots.parquet", "slots.parquet: is missing"),
        ("planting.json", "planting.json: is missing"),
        ("planted.json", "planted.json: is missing"),
        ("key", "key"),
    ],
)
def test_secrets_with_a_missing_file_are_refused(
    name: str, said: str, copy: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    (copy / "secrets" / name).unlink()
    flags = ("--input", copy / "out", "--secrets", copy / "secrets", "--output", tmp_path / "back")
    assert said in fails(1, "restore", *flags)
    assert not (tmp_path / "back").exists()


def test_a_ledger_of_another_corpus_is_refused(
    corpus: Path, copy: Path, planted: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    flags = ("--secrets", copy / "secrets", "--output", tmp_path / "back")
    assert "the ledger belongs to another output" in fails(1, "restore", "--input", planted / "plain", *flags)
    number = Planted.read(copy / "out", copy / "secrets").ledger[0]["shard"]
    shard = sorted((copy / "out" / "data").iterdir())[number]
    shutil.copy(sorted((planted / "plain" / "data").iterdir())[number], shard)
    assert f"data/{shard.name}" in fails(1, "restore", "--input", copy / "out", *flags)


def test_the_first_document_that_differs_is_named(copy: Path, fails: Callable[..., str], tmp_path: Path) -> None:
    found = Planted.read(copy / "out", copy / "secrets")
    row = found.ledger[0]
    path = sorted((copy / "out" / "data").iterdir())[row["shard"]]
    table = pq.read_table(path, partitioning=None)
    texts = table["text"].to_pylist()
    texts[row["row"]] += "!"
    pq.write_table(table.set_column(1, "text", pa.array(texts)), path)
    said = fails(1, "restore", "--input", copy / "out", "--secrets", copy / "secrets", "--output", tmp_path / "back")
    assert f"data/{path.name}: row {row['row']:,}: the document is not the one that was planted" in said


def test_a_change_beside_what_was_planted_is_found_too(copy: Path, fails: Callable[..., str], tmp_path: Path) -> None:
    path = sorted((copy / "out" / "data").iterdir())[0]
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.set_column(2, "lang", pa.array(["xx"] * table.num_rows)), path)
    said = fails(1, "restore", "--input", copy / "out", "--secrets", copy / "secrets", "--output", tmp_path / "back")
    assert f"data/{path.name}: is not the file that was planted" in said
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("trouble", ["changed", "missing", "link"])
@pytest.mark.parametrize("part", ["duplicates", "data"])
def test_a_planted_corpus_that_is_not_whole_is_refused_and_leaves_nothing(
    part: str, trouble: str, copy: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    path = sorted((copy / "out" / part).iterdir())[-1]
    if trouble == "changed":
        path.write_bytes(path.read_bytes()[:-7])
    elif trouble == "missing":
        path.unlink()
    else:
        shutil.move(path, tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    said = fails(1, "restore", "--input", copy / "out", "--secrets", copy / "secrets", "--output", tmp_path / "back")
    wanted = {"changed": "is not the file that was planted", "missing": "is missing", "link": "is a symbolic link"}
    complaint = [line for line in said.splitlines() if line.startswith("trapline: ")]
    assert len(complaint) == 1
    assert f"{part}/{path.name}" in complaint[0]
    assert wanted[trouble] in complaint[0]
    assert not (tmp_path / "back").exists()


def test_check_names_what_the_manifest_does_not_list(
    planted: Path, copy: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    corpus = copy / "out"
    fails(0, "check", "--corpus", planted / "plain")
    fails(0, "check", "--corpus", corpus)
    flags = ("--input", corpus, "--secrets", copy / "secrets", "--output", tmp_path / "back")
    fails(0, "restore", *flags)
    fails(0, "check", "--corpus", tmp_path / "back")
    (corpus / ".gitattributes").write_text("not read by anyone")
    fails(0, "check", "--corpus", corpus)
    for name in ("data/more.parquet", "data/deep/.hidden.parquet", "notes.txt"):
        (corpus / name).parent.mkdir(exist_ok=True)
        (corpus / name).write_text("x")
        assert f"{name}: is not listed in manifest.json" in fails(1, "check", "--corpus", corpus)
        (corpus / name).unlink()
    (corpus / "README.md").write_text("other words")
    assert "README.md: is not the one that belongs to manifest.json" in fails(1, "check", "--corpus", corpus)
