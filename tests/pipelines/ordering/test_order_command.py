"""`trapline order` as a user runs it, on folders of Parquet without probes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.forked import Forked
from tests.pipelines.ordering.corpora import SMALL, held, multiset, order, rows, write_corpus
from tests.scoring.tiny_checkpoints import tiny_tokenizer
from transforms.ordering.copying import spread
from transforms.ordering.copying.blocks import BlockReader


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "in")


@pytest.fixture(scope="module")
def ordered(corpus: Path) -> Path:
    assert order(corpus, corpus.parent / "out") == 0
    return corpus.parent / "out"


def test_the_order_has_the_rows_of_the_input_and_another_order(corpus: Path, ordered: Path) -> None:
    before, after = rows(corpus), rows(ordered / "data")
    assert multiset(after) == multiset(before)
    assert len(list((ordered / "data").iterdir())) > 3
    ids = [int(row["id"][3:]) for row in after]
    assert abs(np.corrcoef(ids, range(len(ids)))[0, 1]) < 0.3
    schema = pq.read_schema(next((ordered / "data").iterdir())).remove_metadata()
    assert schema.equals(pq.read_schema(corpus / "part0.parquet").remove_metadata())


def test_the_tables_of_documents_say_where_each_row_comes_from(corpus: Path, ordered: Path) -> None:
    files = json.loads((ordered / "manifest.json").read_text())["content"]["input"]
    inputs = [pq.read_table(corpus / file["path"]).to_pylist() for file in files]
    after, told = rows(ordered / "data"), rows(ordered / "documents")
    assert [inputs[one["address"] >> 40][one["address"] & (2**40 - 1)] for one in told] == after


def test_the_same_bytes_for_any_runner_and_number_of_threads(corpus: Path, ordered: Path, tmp_path: Path) -> None:
    assert order(corpus, tmp_path / "one", "--threads", "1") == 0
    assert held(tmp_path / "one") == held(ordered)
    parallel = ("--direct_running_mode", "multi_processing", "--direct_num_workers", "2", "--threads", "1")
    assert order(corpus, tmp_path / "two", *parallel) == 0
    assert held(tmp_path / "two") == held(ordered)


def test_another_seed_gives_another_order_and_a_step_is_no_part_of_it(
    corpus: Path, ordered: Path, tmp_path: Path
) -> None:
    assert order(corpus, tmp_path / "seed", "--seed", "1") == 0
    assert order(corpus, tmp_path / "batch", "--batch", "7") == 0
    ids = [[row["id"] for row in rows(output / "data")] for output in (ordered, tmp_path / "seed", tmp_path / "batch")]
    assert ids[0] != ids[1]
    assert ids[0] == ids[2]


def test_the_order_of_the_input_can_be_kept_and_a_manifest_is_a_config(corpus: Path, tmp_path: Path) -> None:
    assert order(corpus, tmp_path / "out", "--schedule", "input") == 0
    assert rows(tmp_path / "out" / "data") == rows(corpus)
    manifest = str(tmp_path / "out" / "manifest.json")
    assert main(["order", "--config", manifest, "--input", str(corpus), "--output", str(tmp_path / "again")]) == 0
    assert held(tmp_path / "again") == held(tmp_path / "out")


def test_repeats_are_seen_as_often_as_they_say(corpus: Path, tmp_path: Path) -> None:
    assert order(corpus, tmp_path / "out", "--schedule", "repeat:0.5,4") == 0
    found = multiset(rows(tmp_path / "out" / "data"))
    assert set(found) == set(multiset(rows(corpus)))
    assert set(found.values()) == {1, 4}
    times = list(found.values())
    assert 4 * times.count(4) / sum(times) == pytest.approx(0.5, abs=0.02)


def test_an_output_of_trapline_is_ordered_by_its_data(corpus: Path, ordered: Path, tmp_path: Path) -> None:
    assert order(ordered, tmp_path / "again", "--seed", "2") == 0
    assert multiset(rows(tmp_path / "again" / "data")) == multiset(rows(corpus))
    assert main(["check", "--corpus", str(tmp_path / "again")]) == 0


def test_an_empty_corpus_and_one_of_a_row_are_ordered(tmp_path: Path) -> None:
    for number in (0, 1):
        (tmp_path / f"in{number}").mkdir()
        table = pa.table({"text": pa.array(["a"] * number, pa.string())})
        pq.write_table(table, tmp_path / f"in{number}" / "a.parquet")
        assert order(tmp_path / f"in{number}", tmp_path / f"out{number}") == 0
        assert rows(tmp_path / f"out{number}" / "data") == [{"text": "a"}] * number


def test_tokens_are_those_of_the_documents_in_order(corpus: Path, ordered: Path, tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer().backend_tokenizer
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    end = next(iter(tokenizer.get_vocab()))
    flags = ("--tokenizer", str(tmp_path / "tokenizer.json"), "--end-token", end)
    assert order(corpus, tmp_path / "out", *flags) == 0
    assert rows(tmp_path / "out" / "data") == rows(ordered / "data")
    wanted = [
        [*tokenizer.encode(row["text"], add_special_tokens=False).ids, tokenizer.token_to_id(end)]
        for row in rows(ordered / "data")
    ]
    found = [np.fromfile(path, "<u2") for path in sorted((tmp_path / "out" / "tokens").glob("*.bin"))]
    assert np.concatenate(found).tolist() == [one for document in wanted for one in document]
    # As the page on the format reads a shard.
    index = np.fromfile(min((tmp_path / "out" / "tokens").glob("*.idx")), "u1")
    documents = int(index[18:26].view("<i8")[0])
    lengths = index[34 : 34 + 4 * documents].view("<i4")
    assert lengths.tolist() == [len(document) for document in wanted[:documents]]
    assert sum(lengths) == len(found[0])


@pytest.mark.slow
def test_killed_at_any_moment_a_rerun_gives_the_same_bytes(tmp_path: Path, forked: Forked) -> None:
    corpus = write_corpus(tmp_path / "in", 600)
    assert order(corpus, tmp_path / "whole") == 0
    output = tmp_path / "out"
    command = ["order", "--input", corpus, "--output", output, *SMALL, "--threads", "1"]
    for interrupted in range(1, 100):
        if not forked.run(*command, kill_at=3 * interrupted, after=interrupted % 2 == 0).killed:
            break
    assert interrupted > 5
    assert forked.run(*command).code == 0
    assert held(output) == held(tmp_path / "whole")


def test_a_run_goes_on_between_the_passes_and_mends_what_a_power_failure_emptied(
    corpus: Path, ordered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise OSError("stopped here")

    with monkeypatch.context() as patch:
        patch.setattr(BlockReader, "read", stop)
        assert order(corpus, tmp_path / "out") == 1
    assert not (tmp_path / "out" / "_SUCCESS").exists()
    (run,) = (path for path in (tmp_path / "out" / ".work").iterdir() if path.is_dir())
    (run / "spread" / "000001.blocks").write_bytes(b"")
    (run / "spread.json").unlink()
    written: list[int] = []
    write = spread._Spread._write
    monkeypatch.setattr(spread._Spread, "_write", lambda self, task: (written.append(task), write(self, task))[1])
    assert order(corpus, tmp_path / "out") == 0
    assert written == [1]
    assert held(tmp_path / "out") == held(ordered)


def test_rows_that_are_lost_between_the_passes_are_noticed(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    read = BlockReader.read

    def changed(*given: Any) -> Any:
        found = read(*given)
        tables = [
            rows.set_column(rows.column_names.index("score"), "score", pa.nulls(rows.num_rows, pa.float64()))
            for rows in found.rows.tables
        ]
        return replace(found, rows=replace(found.rows, tables=tuple(tables)))

    monkeypatch.setattr(BlockReader, "read", changed)
    assert order(corpus, tmp_path / "out") == 1
    assert "rows were written where 150 were to be, or others than were read" in capfd.readouterr().err
    assert not (tmp_path / "out" / "_SUCCESS").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--batch", "0"), "--batch 0: give 1 or more"),
        (("--schedule", "every:3"), "schedule 'every:3' is unknown: give one of once"),
        (("--schedule", "once"), "rules are for planted units: give --secrets"),
        (("--schedule", "missing.toml"), "--schedule missing.toml: cannot be read"),
        (("--schedule", "repeat:1,2"), "give repeat:f,E"),
        (("--end-token", "x"), "--end-token needs --tokenizer"),
        (("--tokenizer", "missing.json"), "--tokenizer missing.json: cannot be read"),
        (("--text-column", "body"), "no column 'body'"),
        (("--compression", "zip"), "compression 'zip' is unknown"),
        (("--shard-byte", "3"), "unknown flag --shard-byte: did you mean --shard-bytes?"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], flags: tuple[str, ...], said: str
) -> None:
    code = main(["order", "--input", str(corpus), "--output", str(tmp_path / "out"), *flags])
    found = capfd.readouterr().err
    assert code in (1, 2)
    assert said in found
    assert found.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_files_that_cannot_be_ordered_are_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text('{"text": "a"}\n')
    assert order(tmp_path / "in", tmp_path / "out") == 1
    assert "a.jsonl: rows are copied by their number, which needs Parquet or Arrow" in capfd.readouterr().err
    (tmp_path / "in" / "a.jsonl").rename(tmp_path / "in" / "a.parquet")
    assert order(tmp_path / "in", tmp_path / "out") == 1
    assert "a.parquet: cannot be read as Parquet" in capfd.readouterr().err


def test_a_finished_output_is_replaced_only_when_asked(
    corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert order(corpus, tmp_path / "out") == 0
    before = held(tmp_path / "out")
    assert order(corpus, tmp_path / "out") == 0
    assert "is finished already" in capfd.readouterr().err
    assert order(corpus, tmp_path / "out", "--seed", "3") == 2
    assert held(tmp_path / "out") == before
    assert order(corpus, tmp_path / "out", "--seed", "3", "--overwrite") == 0
    assert set(held(tmp_path / "out")) == set(before)
    assert held(tmp_path / "out") != before


def test_a_dry_run_says_what_would_be_written(corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert order(corpus, tmp_path / "out", "--batch", "4", "--dry-run") == 0
    said = capfd.readouterr().out
    assert "# 150 documents in training order, 38 steps" in said
    assert not (tmp_path / "out").exists()
    (tmp_path / "settings.toml").write_text(said)
    assert main(["order", "--config", str(tmp_path / "settings.toml")]) == 0
    assert multiset(rows(tmp_path / "out" / "data")) == multiset(rows(corpus))
