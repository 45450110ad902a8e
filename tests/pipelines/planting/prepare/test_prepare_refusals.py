"""What `trapline prepare` refuses."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.planting.planted import (
    LEFT,
    documents,
    prepare,
    probe_rows,
    seal_and_draw,
    write_corpus,
)


def test_a_planted_corpus_is_not_planted_again(copy: Path, fails: Callable[..., str]) -> None:
    """Also after the ledger is gone, the shards are merged and the columns are others."""
    for name in LEFT:
        (copy / "secrets" / name).unlink()
    merged = copy / "merged"
    merged.mkdir()
    pq.write_table(pa.table({"text": [row["text"] for row in documents(copy / "out")]}), merged / "all.parquet")
    flags = ("--secrets", copy / "secrets", "--max-doc-share", ".4", "--max-corpus-share", ".2")
    said = fails(1, "prepare", "--input", merged, "--output", copy / "twice", *flags)
    assert "hold the text of a sealed candidate" in said
    assert "xyzzy" not in said
    assert not (copy / "twice").exists()


def test_another_key_is_refused(corpus: Path, copy: Path, fails: Callable[..., str], tmp_path: Path) -> None:
    (copy / "secrets" / "key").write_bytes(bytes(32))
    flags = ("--secrets", copy / "secrets", "--output", tmp_path / "new")
    assert "not the key" in fails(1, "prepare", "--input", corpus, *flags)
    assert "not the key" in fails(1, "restore", "--input", copy / "out", *flags)
    assert not (tmp_path / "new").exists()


def test_a_dose_that_the_corpus_cannot_hold_leaves_nothing(
    corpus: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    secrets = seal_and_draw(tmp_path / "secrets", probe_rows(4, doses=(5000,)))
    flags = ("--input", corpus, "--output", tmp_path / "out", "--secrets", secrets)
    said = fails(1, "prepare", *flags)
    assert "the largest dose in place of 5,000 is" in said
    assert not (tmp_path / "out").exists()
    assert not (secrets / "work").exists()


def test_what_is_refused_before_anything_is_read(corpus: Path, fails: Callable[..., str], tmp_path: Path) -> None:
    undrawn = tmp_path / "undrawn"
    pq.write_table(pa.Table.from_pylist(probe_rows(4)), tmp_path / "p.parquet")
    assert main(["seal", "--probes", str(tmp_path / "p.parquet"), "--secrets", str(undrawn)]) == 0
    flags = ("--input", corpus, "--output", tmp_path / "out")
    assert "nothing was drawn yet" in fails(1, "prepare", *flags, "--secrets", undrawn)
    assert main(["draw", "--secrets", str(undrawn), "--self"]) == 0
    (undrawn / "drawn.json").unlink()
    assert "drawn.json is missing" in fails(1, "prepare", *flags, "--secrets", undrawn)
    assert main(["draw", "--secrets", str(undrawn), "--self"]) == 0
    assert "overlap" in fails(2, "prepare", "--input", corpus, "--output", undrawn / "x", "--secrets", undrawn)
    assert "no such folder" in fails(1, "prepare", *flags, "--secrets", tmp_path / "none")
    assert "--max-doc-share 1.5" in fails(2, "prepare", *flags, "--secrets", undrawn, "--max-doc-share", "1.5")
    assert "no SQL expression" in fails(1, "prepare", *flags, "--secrets", undrawn, "--where", "lang = = 'x'")
    assert "'langue'" in fails(1, "prepare", *flags, "--secrets", undrawn, "--where", "langue = 'x'")
    assert "one truth value a document" in fails(1, "prepare", *flags, "--secrets", undrawn, "--where", "lang")
    assert not (tmp_path / "out").exists()


def test_a_column_that_would_betray_planting_is_refused(fails: Callable[..., str], tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "in", 60, parts=1)
    (path,) = corpus.iterdir()
    table = pq.read_table(path)
    pq.write_table(table.append_column("n_tokens", pa.array(range(table.num_rows))), path)
    secrets = seal_and_draw(tmp_path / "secrets", probe_rows(4))
    flags = ("--input", corpus, "--output", tmp_path / "out", "--secrets", secrets)
    assert "--unrelated-columns n_tokens" in fails(1, "prepare", *flags)
    assert not (tmp_path / "out").exists()
    assert prepare(corpus, tmp_path / "out", secrets, "--unrelated-columns", "n_tokens") == 0


def test_a_dry_run_writes_nothing_and_says_how_much_text_is_needed(
    corpus: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    secrets = seal_and_draw(tmp_path / "secrets", probe_rows(4))
    before = sorted(path.name for path in secrets.rglob("*"))
    assert prepare(corpus, tmp_path / "out", secrets, "--dry-run") == 0
    said = capfd.readouterr().out
    assert "[prepare]" in said
    assert "4 units, 8 copies; they need about" in said
    assert sorted(path.name for path in secrets.rglob("*")) == before
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", LEFT)
def test_any_changed_byte_of_what_planting_left_is_found(name: str, copy: Path, fails: Callable[..., str]) -> None:
    path = copy / "secrets" / name
    whole = path.read_bytes()
    step = max(1, len(whole) // 60)
    for at in range(0, len(whole), step):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        said = fails(1, "check", "--secrets", copy / "secrets")
        assert name in said
        assert "xyzzy" not in said
    path.write_bytes(whole)
    assert main(["check", "--secrets", str(copy / "secrets")]) == 0
