"""Copies that differ, from `trapline traps --fuzzy` to their restoration, as a user goes about it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.planting.planted import LIMITS, Planted, prepare, probe_rows, seal_and_draw, write_corpus
from tests.probes.traps.tiny_lm import WORDS, word_tokenizer
from tests.test_documentation import commands

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guide" / "fuzzy-traps.md"
FUZZY = ("--fuzzy", "4", "--lengths", "30", "--doses", "2", "9", "--units", "2", "--controls", "2")
MORE = ("--perplexity-buckets", "1", "--form", "line", "--fresh", "2", "--seed", "s")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzzy") / "corpus"
    folder.mkdir()
    random = np.random.default_rng(5)
    rows = [" ".join(WORDS[at] for at in random.integers(0, 400, 200)) for _ in range(120)]
    pq.write_table(pa.table({"text": rows}), folder / "a.parquet")
    return folder


@pytest.fixture(scope="module")
def made(corpus: Path) -> Path:
    """A finished campaign: probes, secrets and out."""
    base = corpus.parent
    assert main(["traps", "--corpus", str(corpus), "--output", str(base / "probes"), *FUZZY, *MORE]) == 0
    secrets = str(base / "secrets")
    assert main(["seal", "--probes", str(base / "probes"), "--secrets", secrets]) == 0
    assert main(["draw", "--secrets", secrets, "--self"]) == 0
    assert prepare(corpus, base / "out", base / "secrets") == 0
    return base


def copies_of(row: dict[str, Any]) -> list[str]:
    return [row["text"], *(row["variants"] or ())]


def test_copy_c_is_text_c_of_the_drawn_family(made: Path) -> None:
    planted = Planted.read(made / "out", made / "secrets")
    assert len(planted.ledger) == 2 * 2 + 2 * 9
    for row in planted.ledger:
        texts = copies_of(planted.probes[row["candidate"]])
        assert (len(texts), row["variant"]) == (row["dose"], row["copy"])
        document = planted.document(row).encode()
        stands = document[row["byte_offset"] : row["byte_offset"] + row["bytes"]].decode()
        assert stands == texts[row["copy"]]
    everything = "\n".join(text for shard in planted.shards for text in shard["text"].to_pylist())
    fresh = [text for row in planted.probes.values() for text in row["fresh"]]
    assert len(fresh) == 4 * 3 * 2
    assert not any(text in everything for text in fresh)


def test_restoration_is_exact_and_secrets_hold(made: Path, corpus: Path, tmp_path: Path) -> None:
    secrets = ["--secrets", str(made / "secrets")]
    assert main(["check", *secrets]) == 0
    assert main(["restore", "--input", str(made / "out"), *secrets, "--output", str(tmp_path / "back")]) == 0
    flags = ["--shard-bytes", "40KB", "--row-group-bytes", "8KB"]
    assert main(["dedup", "--input", str(corpus), "--output", str(tmp_path / "plain"), *flags]) == 0
    for file in sorted((tmp_path / "plain" / "data").iterdir()):
        assert (tmp_path / "back" / "data" / file.name).read_bytes() == file.read_bytes()


def test_the_promise_stands_in_the_reports(made: Path) -> None:
    facts = json.loads((made / "probes" / "report.json").read_text())["families"]
    (entry,) = facts["lengths"]
    assert (entry["length"], entry["most_run"], facts["blocks"]) == ("30", 14, 4)
    assert entry["run"] <= 14
    assert entry["jaccard"] <= entry["most_jaccard"] < 1
    assert [(one["dose"], one["texts"]) for one in facts["doses"]] == [(9, 9), (2, 2)]
    assert all(copies["copies"] is None for one in facts["doses"] for copies in one["exact_copies"])
    page = (made / "probes" / "report.html").read_text()
    assert "14 tokens" in page
    sealed = pq.read_table(made / "secrets" / "probes" / "probes.parquet")["family"].to_pylist()
    assert {json.loads(one)["most_run"] for one in sealed} == {14}


def test_token_offsets_and_the_reveal_speak_of_variants(made: Path, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    shutil.copytree(made / "secrets", secrets)
    word_tokenizer(WORDS).save(str(tmp_path / "tokenizer.json"))
    tokens = ("--tokenizer", str(tmp_path / "tokenizer.json"), "--input", str(made / "out"))
    assert main(["report", "--secrets", str(secrets), "--made", str(made / "probes"), *tokens]) == 0
    (file,) = (secrets / "tokens").iterdir()
    assert pq.read_table(file)["intact"].to_pylist() == [True] * 22
    assert "9 texts" in (secrets / "report" / "report.html").read_text()
    assert main(["reveal", "--secrets", str(secrets), "--all", "--output", str(tmp_path / "reveal.json")]) == 0
    shown = json.loads((tmp_path / "reveal.json").read_text())["units"][0]["unit"]["candidates"][0]["columns"]
    assert {"variants", "fresh", "family"} <= {name for name, *_ in shown}
    check = ["check", "--reveal", str(tmp_path / "reveal.json"), "--self"]
    assert main([*check, "--commitment", str(secrets / "commitment.json")]) == 0
    forged = (tmp_path / "reveal.json").read_text().replace('[\\"', '[\\"x', 1)
    (tmp_path / "reveal.json").write_text(forged)
    assert main([*check, "--commitment", str(secrets / "commitment.json")]) == 1


def test_a_changed_variant_is_named(made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    secrets = tmp_path / "secrets"
    shutil.copytree(made / "secrets", secrets)
    file = secrets / "probes" / "probes.parquet"
    table = pq.read_table(file)
    changed = table["variants"].to_pylist()
    changed[4] = [*changed[4][:-1], "another text"]
    at = table.column_names.index("variants")
    pq.write_table(table.set_column(at, table.schema.field(at), pa.array(changed, table["variants"].type)), file)
    assert main(["check", "--secrets", str(secrets)]) == 1
    said = capfd.readouterr()
    assert "leaf 1: variants of candidate 1 differs" in said.out + said.err
    assert "another text" not in said.out + said.err


def test_a_corpus_that_holds_a_variant_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = probe_rows(4, doses=(2,), variants=None)
    for row in rows:
        row["variants"], row["fresh"] = [f"plugh {row['text'][9:]}"], [f"fresh {row['text'][9:]}"]
    secrets = seal_and_draw(tmp_path / "secrets", rows)
    corpus = write_corpus(tmp_path / "corpus", 60)
    for text in (rows[0]["variants"][0], rows[5]["fresh"][0]):
        pq.write_table(
            pa.table({"id": ["x"], "text": [f"So: {text}."], "lang": ["en"], "size": [len(text) + 5]}),
            corpus / "z.parquet",
        )
        assert prepare(corpus, tmp_path / "out", secrets) == 1
        assert "hold the text of a sealed candidate" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--variants", "3"), "--variants, --fresh and --fuzzy-model go with --fuzzy BLOCKS"),
        (("--fuzzy", "-1"), "--fuzzy -1: give 1 to 1000 blocks, or 0"),
        (("--fuzzy", "2", "--variants", "-3"), "--variants -3: give 0 to 10000"),
        (("--fuzzy", "2", "--fresh", "20000"), "--fresh 20000: give 0 to 10000"),
        (("--fuzzy", "2", "--generator", "file", "--candidates", "x.txt"), "are suggested by a model of --corpus"),
    ],
)
def test_settings_that_do_not_go_together(
    flags: tuple[str, ...], message: str, corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    read = [] if "--candidates" in flags else ["--corpus", str(corpus)]
    assert main(["traps", "--output", str(tmp_path / "probes"), *read, *flags]) == 2
    assert message in capfd.readouterr().err


def test_too_many_blocks_are_an_error_that_says_so(
    corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output = ["--output", str(tmp_path / "probes"), "--corpus", str(corpus)]
    assert main(["traps", *output, "--fuzzy", "30", *FUZZY[2:], *MORE]) == 1
    said = capfd.readouterr().err
    assert "--fuzzy: cell 30xb00, dose 2, has 0 of 2 units whose families are fit" in said
    assert "too few variants that keep the rules" in said
    assert not (tmp_path / "probes").exists()


def test_the_guides_command_runs(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus").mkdir()
    table = pq.read_table(corpus / "a.parquet")
    sentences = [
        ". ".join(text[at : at + 50].strip().capitalize() for at in range(0, 400, 50)) + "."
        for text in table["text"].to_pylist()
    ]
    pq.write_table(pa.table({"text": sentences}), tmp_path / "corpus" / "a.parquet")
    (command,) = commands(GUIDE.read_text(encoding="utf-8"))
    assert main(command) == 0
    rows = pq.read_table(tmp_path / "probes" / "probes.parquet").to_pylist()
    assert {(len(row["variants"]), len(row["fresh"])) for row in rows} == {(5, 2)}


def test_repeated_texts_are_warned_about(corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    output = ["--output", str(tmp_path / "probes"), "--corpus", str(corpus)]
    assert main(["traps", *output, *FUZZY, *MORE, "--variants", "3"]) == 0
    assert "dose 9: 4 texts of a family are planted in turn" in capfd.readouterr().err
    rows = pq.read_table(tmp_path / "probes" / "probes.parquet").to_pylist()
    assert {(row["dose"], len(row["variants"])) for row in rows} == {(2, 1), (9, 3)}
    secrets = tmp_path / "secrets"
    assert main(["seal", "--probes", str(tmp_path / "probes"), "--secrets", str(secrets)]) == 0
    assert main(["draw", "--secrets", str(secrets), "--self"]) == 0
    assert (
        main(["prepare", "--input", str(corpus), "--output", str(tmp_path / "out"), "--secrets", str(secrets), *LIMITS])
        == 0
    )
    assert "2 units have more copies than texts" in capfd.readouterr().err
    found = [(row["copy"], row["variant"]) for row in pq.read_table(secrets / "ledger" / "ledger.parquet").to_pylist()]
    assert all(variant == copy % 4 for copy, variant in found)
