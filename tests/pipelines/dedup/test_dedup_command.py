"""`trapline dedup` as a user runs it, on small corpora."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

WORDS = [f"word{number}" for number in range(400)]


def sentence(seed: int, words: int = 60) -> str:
    """Words drawn by a hash: two seeds share next to no shingle."""
    drawn = (hashlib.blake2b(f"{seed}/{at}".encode(), digest_size=4).digest() for at in range(words))
    return " ".join(WORDS[int.from_bytes(one) % len(WORDS)] for one in drawn)


def near(text: str, changed: int = 1) -> str:
    """`text` with some of its last words replaced."""
    words = text.split()
    return " ".join(words[: len(words) - changed] + ["other"] * changed)


def mapping(output: Path) -> dict[int, tuple[int, str]]:
    rows = pq.read_table(output / "duplicates").to_pylist()
    return {row["address"]: (row["kept_address"], row["reason"]) for row in rows}


@pytest.fixture
def corpus(write_parquet: Callable[..., Path]) -> Path:
    base = [sentence(seed) for seed in range(20)]
    write_parquet([*base[:10], base[0], near(base[1])], "in/a.parquet")
    return write_parquet(
        [*base[10:], "!? " + base[2].upper(), near(base[3], 40), "two words", "two WORDS"], "in/b.parquet"
    ).parent


def test_duplicates_go_and_everything_else_stays_in_order(
    corpus: Path, dedup: Callable[..., int], read_output: Callable[..., pa.Table], tmp_path: Path
) -> None:
    assert dedup(corpus) == 0
    b = 1 << 40
    assert mapping(tmp_path / "out") == {
        10: (0, "exact"),
        11: (1, "near"),
        b + 10: (2, "near"),  # other capitals and punctuation: the same words, another text
    }
    everything = pa.concat_tables([pq.read_table(path) for path in sorted(corpus.iterdir())])
    gone = {10, 11, 12 + 10}
    wanted = [row for at, row in enumerate(everything.to_pylist()) if at not in gone]
    assert read_output().to_pylist() == wanted


def test_the_output_describes_itself(corpus: Path, dedup: Callable[..., int], tmp_path: Path) -> None:
    assert dedup(corpus) == 0
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "README.md", "_SUCCESS", "data", "duplicates", "manifest.json", "metrics.json", "quarantine", "report.html",
    ]  # fmt: skip
    manifest = json.loads((out / "manifest.json").read_bytes())
    success = json.loads((out / "_SUCCESS").read_bytes())
    assert success["manifest_sha256"] == hashlib.sha256((out / "manifest.json").read_bytes()).hexdigest()
    for entry in [*manifest["content"]["shards"], *manifest["content"]["files"]]:
        data = (out / entry["path"]).read_bytes()
        assert (entry["bytes"], entry["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert entry["rows"] == pq.read_metadata(out / entry["path"]).num_rows
    counts = manifest["content"]["counts"]
    assert counts["documents_in"] == 26
    assert counts["documents_in"] == counts["kept"] + sum(counts["removed"].values()) + sum(
        counts["quarantined"].values()
    )
    assert str(tmp_path) not in json.dumps(manifest["content"])
    assert "23" in (out / "report.html").read_text()


@pytest.mark.parametrize(("keep", "kept"), [("first", 0), ("longest", 1), ("max:score", 2)])
def test_the_keep_policy_decides_who_stays(
    keep: str,
    kept: int,
    write_parquet: Callable[..., Path],
    dedup: Callable[..., int],
    read_output: Callable[..., pa.Table],
) -> None:
    text = sentence(1)
    rows = [
        {"id": "first", "text": near(text), "score": 1},
        {"id": "long", "text": near(text) + " and", "score": None},
        {"id": "best", "text": near(text, 2), "score": 7},
    ]
    assert dedup(write_parquet(rows), None, "--keep", keep) == 0
    assert read_output()["id"].to_pylist() == [rows[kept]["id"]]


def test_chains_do_not_swallow_a_source_but_components_do(
    write_parquet: Callable[..., Path], dedup: Callable[..., int], read_output: Callable[..., pa.Table], tmp_path: Path
) -> None:
    words = sentence(5, 400).split()
    chain = [" ".join(words[step * 16 : step * 16 + 200]) for step in range(10)]
    path = write_parquet(chain)
    assert dedup(path, tmp_path / "survivors") == 0
    assert dedup(path, tmp_path / "components", "--method", "components") == 0
    assert read_output(tmp_path / "components").num_rows == 1
    assert read_output(tmp_path / "survivors").num_rows > 3


def test_shards_and_row_groups_have_the_sizes_asked_for(
    write_parquet: Callable[..., Path], dedup: Callable[..., int], read_output: Callable[..., pa.Table], tmp_path: Path
) -> None:
    path = write_parquet([sentence(seed) for seed in range(200)])
    size = sum(len(sentence(seed)) for seed in range(200))
    assert dedup(path, None, "--shard-bytes", str(size // 4 + 1), "--row-group-bytes", str(size // 16)) == 0
    shards = sorted((tmp_path / "out/data").iterdir())
    assert [shard.name for shard in shards] == [f"train-{at:05d}-of-00004.parquet" for at in range(4)]
    assert all(pq.read_metadata(shard).num_row_groups in (4, 5) for shard in shards)
    assert read_output()["text"].to_pylist() == [sentence(seed) for seed in range(200)]


def test_all_columns_pass_through_and_files_may_differ_in_columns(
    write_parquet: Callable[..., Path], dedup: Callable[..., int], read_output: Callable[..., pa.Table]
) -> None:
    rows: list[dict[str, Any]] = [{"text": sentence(1), "tags": ["a", "b"], "meta": {"x": 1.5}, "raw": b"\x00\xff"}]
    write_parquet(rows, "in/a.parquet")
    folder = write_parquet([{"text": sentence(2), "other": 3}], "in/b.parquet").parent
    assert dedup(folder) == 0
    assert read_output().to_pylist() == [
        {**rows[0], "other": None},
        {"text": sentence(2), "tags": None, "meta": None, "raw": None, "other": 3},
    ]


def test_jsonl_and_parquet_give_the_same_documents(
    corpus: Path, dedup: Callable[..., int], read_output: Callable[..., pa.Table], tmp_path: Path
) -> None:
    import gzip

    import zstandard

    folder = tmp_path / "json"
    folder.mkdir()
    for path in sorted(corpus.iterdir()):
        lines = "".join(json.dumps(row) + "\n" for row in pq.read_table(path).to_pylist()).encode()
        packed = gzip.compress(lines) if path.stem == "a" else zstandard.compress(lines)
        (folder / f"{path.stem}.jsonl{'.gz' if path.stem == 'a' else '.zst'}").write_bytes(packed)
    assert dedup(corpus, tmp_path / "one") == 0
    assert dedup(folder, tmp_path / "two", "--shard-bytes", "1000") == 0
    assert len(list((tmp_path / "two/data").iterdir())) > 3
    assert read_output(tmp_path / "one").to_pylist() == read_output(tmp_path / "two").to_pylist()


def test_until_plan_writes_no_text_and_the_next_run_goes_on(
    corpus: Path, dedup: Callable[..., int], read_output: Callable[..., pa.Table], tmp_path: Path
) -> None:
    assert dedup(corpus, None, "--until", "plan") == 0
    out = tmp_path / "out"
    assert not (out / "data").exists()
    assert not (out / "_SUCCESS").exists()
    assert len(mapping(out)) == 3
    assert dedup(corpus) == 0
    assert read_output().num_rows == 23
    assert not (out / ".work").exists()


def test_dry_run_writes_nothing_and_prints_a_config_that_can_be_used(
    corpus: Path, dedup: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dedup(corpus, None, "--dry-run", "--threshold", "0.7") == 0
    assert not (tmp_path / "out").exists()
    printed = capsys.readouterr().out
    assert "threshold = 0.7" in printed
    assert "26 documents" in printed
    from pipelines.cli import main

    (tmp_path / "settings.toml").write_text(printed)
    assert main(["dedup", "--config", str(tmp_path / "settings.toml")]) == 0
    assert (tmp_path / "out/_SUCCESS").exists()


def test_a_manifest_is_a_config_and_the_command_line_overrides_it(
    corpus: Path, dedup: Callable[..., int], tmp_path: Path
) -> None:
    assert dedup(corpus, tmp_path / "one", "--threshold", "0.7", "--split", "part") == 0
    assert dedup(corpus, tmp_path / "two", "--config", str(tmp_path / "one/manifest.json"), "--split", "train") == 0
    config = json.loads((tmp_path / "two/manifest.json").read_text())["content"]["config"]
    assert (config["threshold"], config["split"]) == (0.7, "train")


def test_a_finished_output_is_neither_touched_nor_lost(
    corpus: Path, dedup: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dedup(corpus) == 0
    out = tmp_path / "out"
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert dedup(corpus) == 0
    assert "finished already" in capsys.readouterr().err
    assert dedup(corpus, None, "--threshold", "0.9") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    (out / "data/mine.txt").write_text("keep me")
    assert dedup(corpus, None, "--threshold", "0.9", "--overwrite", "--shard-bytes", "500") == 0
    assert (out / "data/mine.txt").read_text() == "keep me"
    shards = [entry["path"] for entry in json.loads((out / "manifest.json").read_text())["content"]["shards"]]
    assert sorted(f"data/{path.name}" for path in (out / "data").glob("*.parquet")) == shards


def test_a_folder_with_other_things_in_it_is_refused(
    corpus: Path, dedup: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.tex").write_text("years of work")
    assert dedup(corpus, None, "--overwrite") == 2
    assert "thesis.tex" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]


def test_token_shingles_from_a_tokenizer_file(
    write_parquet: Callable[..., Path], dedup: Callable[..., int], read_output: Callable[..., pa.Table], tmp_path: Path
) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, **{word: at + 1 for at, word in enumerate(WORDS)}}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    text = sentence(1)
    path = write_parquet([text, near(text), sentence(2), text])
    assert dedup(path, None, "--tokenizer", str(tmp_path / "tokenizer.json")) == 0
    assert read_output()["text"].to_pylist() == [text, sentence(2)]
