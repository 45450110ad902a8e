"""`trapline traps` as a user runs it."""

import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from schemas.probes import PROBES, conform
from tests.pipelines.forked import stopped_at
from tests.probes.traps.tiny_lm import WORDS, save_checkpoint
from transforms.base.words import words

Run = Callable[..., int]
SMALL = ("--lengths", "10", "20", "--doses", "1", "5", "--units", "6", "3", "--controls", "2")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two formats, a null, and words enough that sampled texts differ."""
    folder = tmp_path_factory.mktemp("corpus")
    random = np.random.default_rng(2)

    def text(at: int) -> str:
        found = [WORDS[one % 500] + WORDS[one // 500] for one in (4000 * random.random(120) ** 2).astype(int)]
        return ". ".join(" ".join(found[k : k + 3 + (k + at) % 8]).capitalize() for k in range(0, 120, 10)) + "."

    rows = [text(at) for at in range(150)]
    pq.write_table(pa.table({"text": [*rows[:100], None]}), folder / "a.parquet", row_group_size=40)
    (folder / "b.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in rows[100:]) + "broken\n")
    return folder


@pytest.fixture
def probes(tmp_path: Path) -> Path:
    return tmp_path / "probes"


@pytest.fixture
def traps(corpus: Path, probes: Path) -> Run:
    def run(*flags: object, target: Path = probes, small: tuple[str, ...] = SMALL) -> int:
        given = [*map(str, flags)]
        read = [] if "--corpus" in given or "--generator" in given else ["--corpus", str(corpus)]
        return main(["traps", "--output", str(target), *read, *small, *given])

    return run


def read(probes: Path) -> list[dict[str, Any]]:
    table = pq.read_table(probes / "probes.parquet")
    assert conform([("probes", table)]).schema.equals(PROBES)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def documents(corpus: Path) -> list[str]:
    lines = (corpus / "b.jsonl").read_text().splitlines()[:-1]
    return [
        *pq.read_table(corpus / "a.parquet")["text"].drop_null().to_pylist(),
        *(json.loads(x)["text"] for x in lines),
    ]


def test_a_design_is_filled_exactly(traps: Run, probes: Path, corpus: Path) -> None:
    assert traps("--perplexity-buckets", 2) == 0
    rows = read(probes)
    first = [row for row in rows if row["candidate"] == 0]
    assert len(rows) == 3 * len(first)
    assert Counter((row["stratum"], row["dose"]) for row in first) == {
        (f"{length}xb0{bucket}", dose): units
        for length in (10, 20)
        for bucket in (0, 1)
        for dose, units in ((1, 6), (5, 3))
    }
    assert {(row["kind"], row["planted_as"], row["generator"]) for row in rows} == {("trap", "insertion", "ngram/2")}
    shared = {tuple(found[at : at + 8]) for found in map(words, documents(corpus)) for at in range(len(found) - 7)}
    for row in rows:
        found = words(row["text"])
        assert not any(tuple(found[at : at + 8]) in shared for at in range(len(found) - 7))
    report = json.loads((probes / "report.json").read_text())
    counts = report["candidates"]
    assert counts["made"] == counts["kept"] + counts["spare"] + sum(counts["rejected"].values())
    assert report["scans"][0]["documents"] == 150
    assert sum(report["perplexity_log10"]["counts"]) == counts["kept"] == len(rows)


def test_what_the_corpus_shares_is_found_in_every_file(traps: Run, probes: Path, corpus: Path, tmp_path: Path) -> None:
    stolen = [" ".join(documents(corpus)[at].split()[4:16]).strip(".,") for at in (3, 99, 120)]
    own = [f"line{at}a line{at}b line{at}c line{at}d line{at}e line{at}f line{at}g line{at}h" for at in range(6)]
    (tmp_path / "mine.txt").write_text("\n".join(stolen + own) + "\n")
    flags = ("--generator", "file", "--candidates", tmp_path / "mine.txt", "--corpus", corpus, "--controls", 1)
    flags += ("--form", "line")
    assert traps(*flags, "--doses", 1, "--units", 3, small=()) == 0
    assert {row["text"] for row in read(probes)} == set(own)
    assert json.loads((probes / "report.json").read_text())["candidates"]["rejected"]["in corpus"] == 3


def test_a_seed_repeats_a_run_whatever_the_threads_and_without_one_no_run_repeats(traps: Run, tmp_path: Path) -> None:
    for name, flags in (
        ("a", ("--seed", "x", "--threads", 1)),
        ("b", ("--seed", "x", "--threads", 3)),
        ("c", ()),
        ("d", ()),
    ):
        assert traps(*flags, target=tmp_path / name) == 0
    tables = [pq.read_table(tmp_path / name / "probes.parquet") for name in "abcd"]
    assert tables[0] == tables[1]
    assert (tmp_path / "a/probes.parquet").read_bytes() == (tmp_path / "b/probes.parquet").read_bytes()
    assert not set(tables[2]["text"].to_pylist()) & set(tables[3]["text"].to_pylist())


def test_candidates_are_for_their_owner_alone_and_nothing_else_is_left(traps: Run, probes: Path) -> None:
    before = os.umask(0)
    try:
        assert traps() == 0
    finally:
        os.umask(before)
    assert {path.name: path.stat().st_mode & 0o777 for path in probes.iterdir()} == dict.fromkeys(
        ("probes.parquet", "report.html", "report.json"), 0o600
    )
    assert probes.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in probes.parent.iterdir()] == ["probes"]


def test_no_text_and_no_id_is_said(traps: Run, probes: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert traps() == 0
    said = "".join(capfd.readouterr())
    page = (probes / "report.html").read_text()
    for row in read(probes):
        for secret in (row["text"], row["id"], row["unit"]):
            assert secret not in said
            assert secret not in page
    assert "https://" not in page.replace("https://www.w3.org", "").replace("http://www.w3.org", "")


def test_the_candidates_can_be_sealed(traps: Run, probes: Path, tmp_path: Path) -> None:
    assert traps() == 0
    assert main(["seal", "--probes", str(probes), "--secrets", str(tmp_path / "secrets")]) == 0


def test_candidates_from_a_checkpoint(traps: Run, probes: Path, tmp_path: Path, corpus: Path) -> None:
    model = save_checkpoint(tmp_path / "model", words=500)
    # So small a model fills its cells only with some seeds: a cell that is short is the subject of other tests.
    small = ("--lengths", "12", "--doses", "1", "--units", "2", "--controls", "1", "--perplexity-buckets", "3")
    flags = ("--generator", "lm", "--model", model, "--corpus", corpus, "--form", "line")
    assert traps(*flags, "--seed", "s0", small=small) == 0
    rows = read(probes)
    assert Counter(row["stratum"] for row in rows) == {"12xb00": 4, "12xb01": 4, "12xb02": 4}
    for row in rows:
        assert row["generator"].startswith("lm/1:")
        assert len(row["text"].split()) == row["length_tokens"] == 12
        bucket = int(row["stratum"][-1])
        assert 1 + 10 * bucket <= row["perplexity"] < 11 + 10 * bucket


def test_candidates_that_the_user_brings(traps: Run, probes: Path, tmp_path: Path) -> None:
    texts = [f"mine{at} own{at} text{at} by{at} me{at}" for at in range(24)]
    pq.write_table(pa.table({"t": texts[:12], "perplexity": [float(at) for at in range(12)]}), tmp_path / "a.parquet")
    lines = [json.dumps({"t": text, "perplexity": 12 + at}) for at, text in enumerate(texts[12:])]
    (tmp_path / "b.jsonl").write_text("\n".join(lines) + "\n")
    files = ("--candidates", tmp_path / "a.parquet", tmp_path / "b.jsonl", "--text-column", "t", "--generator", "file")
    files += ("--form", "line")
    small = ("--doses", "3", "--units", "4", "--controls", "2", "--perplexity-buckets", "2")
    assert traps(*files, small=small) == 0
    rows = read(probes)
    assert {row["text"] for row in rows} == set(texts)
    assert all((row["perplexity"] < 11.6) == (row["stratum"] == "anyxb00") for row in rows)
    too_few = tmp_path / "few"
    assert traps(*files, small=(*small[:3], "9", *small[4:]), target=too_few) == 1
    assert not too_few.exists()
    assert traps(*files, "--allow-short", small=(*small[:3], "9", *small[4:]), target=too_few) == 0
    assert len(read(too_few)) == 24


def test_lengths_are_exact_in_the_tokens_of_a_given_tokenizer(
    traps: Run, probes: Path, tmp_path: Path, corpus: Path
) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=4000, show_progress=False, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(documents(corpus), trainer)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert traps("--tokenizer", tmp_path / "tokenizer.json") == 0
    for row in read(probes):
        ids = tokenizer.encode(row["text"]).ids
        assert len(ids) == row["length_tokens"] == int(row["stratum"].split("x")[0])
        assert tokenizer.encode(tokenizer.decode(ids)).ids == ids


def test_a_dry_run_tells_the_design_and_writes_nothing(
    traps: Run, probes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert traps("--dry-run", small=()) == 0
    said = capsys.readouterr().out
    assert "units = [\n    700,\n    200,\n    60,\n    24,\n]" in said
    assert "# 12 cells of 9,840 candidates: 118,080 in all" in said
    assert "32,700 copies" in said
    assert not list(probes.parent.iterdir())
    (probes.parent / "again.toml").write_text(said)
    assert main(["traps", "--config", str(probes.parent / "again.toml"), "--dry-run"]) == 0
    assert capsys.readouterr().out == said


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--units", 1, 2, 3), "--units: 3 numbers for 2 doses"),
        (("--lengths", 0), "--lengths 0: give 1"),
        (("--lengths", 10, 10), "--lengths 10 10: give each once"),
        (("--doses", 0, 1), "--doses 0: give 1"),
        (("--controls", 0), "--controls 0"),
        (("--generator", "lm"), "--model DIR goes with"),
        (("--generator", "lm", "--model", "/nowhere"), "--model /nowhere: there is no such folder"),
        (("--generator", "ngram"), "--corpus: ngram is fitted to it"),
        (("--generator", "file"), "--candidates FILE... goes with"),
        (("--generator", "file", "--candidates", "/nowhere"), "--candidates /nowhere: there is no such file"),
        (("--tokenizer", "/nowhere"), "--tokenizer /nowhere: there is no such file"),
        (("--separator", ""), "--separator: an empty text"),
        (("--unit", 3), "did you mean --units?"),
        (("--units", 10**7), "candidates: 20000000 are the most"),
    ],
)
def test_bad_usage_is_refused(
    traps: Run, probes: Path, capsys: pytest.CaptureFixture[str], flags: tuple[object, ...], message: str
) -> None:
    small = () if {"--units", "--lengths", "--doses", "--controls"} & set(map(str, flags)) else SMALL
    extra = ("--doses", 1, 5) if "--units" in flags else ()
    assert traps(*flags, *extra, small=small) == 2
    assert message in capsys.readouterr().err
    assert not probes.exists()


def failed(traps: Run, probes: Path, capsys: pytest.CaptureFixture[str], *flags: object) -> str:
    assert traps(*flags) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert not list(probes.parent.glob("*probes*"))
    return said


def test_a_corpus_without_text_is_an_error(
    traps: Run, probes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    pq.write_table(pa.table({"text": pa.array([None, ""], pa.string())}), empty / "a.parquet")
    assert "no document has any text in column 'text'" in failed(traps, probes, capsys, "--corpus", empty)
    assert "no column 'body'" in failed(traps, probes, capsys, "--corpus", empty, "--text-column", "body")
    assert "--corpus" in failed(traps, probes, capsys, "--corpus", tmp_path / "nothing")
    (empty / "a.parquet").unlink()
    (empty / "b.jsonl").write_text('{"body": "some words"}\n')
    assert "no document has any text" in failed(traps, probes, capsys, "--corpus", empty)


def test_an_unreadable_tokenizer_and_an_unfillable_cell_are_errors(
    traps: Run, probes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.json").write_text("{}")
    assert "t.json: cannot be read as a tokenizers file" in failed(
        traps, probes, capsys, "--tokenizer", tmp_path / "t.json"
    )
    few = tmp_path / "few.jsonl"
    few.write_text('{"text": "one two three"}\n')
    said = failed(traps, probes, capsys, "--corpus", few)
    assert "no sentence of prose" in said
    assert "--form line" in said
    said = failed(traps, probes, capsys, "--corpus", few, "--form", "line")
    assert "cell 10xb00" in said
    assert "--allow-short" in said


def test_secrets_are_not_written_over_nor_into_what_is_public(
    traps: Run, probes: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert traps(target=corpus / "probes") == 2
    assert "lies inside --corpus" in capsys.readouterr().err
    public = tmp_path / "public"
    public.mkdir()
    (public / "manifest.json").write_text("{}")
    assert traps(target=public / "deep/probes") == 2
    assert "inside the public output" in capsys.readouterr().err
    probes.mkdir()
    (probes / "mine").write_text("x")
    assert traps() == 1
    assert "never replaced" in capsys.readouterr().err
    assert [path.name for path in probes.iterdir()] == ["mine"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_stopped_leaves_nothing_half(
    corpus: Path, probes: Path, traps: Run, number: signal.Signals
) -> None:
    arguments = ["traps", "--output", str(probes), "--corpus", str(corpus), "--units", "40", "--doses", "1"]
    stopped = stopped_at("transforms.probes.traps.make:fill", number, *arguments)
    assert stopped.returncode == (1 if number != signal.SIGKILL else -9)
    assert not probes.exists()
    if number == signal.SIGKILL:
        assert traps() == 0  # removes what the killed run left
        assert [path.name for path in probes.parent.iterdir()] == ["probes"]
    else:
        assert stopped.stderr.splitlines()[-1] == "trapline: stopped; nothing was written"
        assert not list(probes.parent.iterdir())


def test_the_documentations_commands_run(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "corpus").symlink_to(corpus)
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).resolve().parents[3] / "docs/guide/traps.md").read_text(encoding="utf-8")
    found = [line.split()[1:] for line in text.splitlines() if line.startswith("    trapline ")]
    assert [one[0] for one in found] == ["traps", "seal"]
    assert [main(one) for one in found] == [0, 0]
