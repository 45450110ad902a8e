"""`trapline report`, and `trapline check` of a planted corpus."""

import json
import re
import shutil
import stat
from pathlib import Path
from xml.etree import ElementTree as ET

import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from pipelines.cli import main
from schemas.secret.token_offsets import TOKENIZER_KEY
from tests.pipelines.planting.planted import Planted, documents, prepare, probe_rows, seal_and_draw, write_corpus


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_corpus(folder / "in", 120)
    rows = probe_rows(12) + probe_rows(3, seed=5, planted_as="document")
    for row in rows:
        row["perplexity"] = 10.0 + row["candidate"]
    secrets = seal_and_draw(folder / "secrets", rows)
    assert prepare(folder / "in", folder / "out", secrets) == 0
    return folder


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    """Bytes as tokens, with a space and the letter behind it as one: a word's first token changes behind a space."""
    vocab = {chr(code): at for at, code in enumerate(range(0x21, 0x250))}
    vocab["\u0120x"] = len(vocab)
    made = Tokenizer(models.BPE(vocab, [("\u0120", "x")]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def test_the_report_tells_what_was_planted_and_stays_secret(planted: Path, tokenizer: Path) -> None:
    secrets = planted / "secrets"
    flags = ["--secrets", secrets, "--input", planted / "out", "--tokenizer", tokenizer]
    assert main(["report", *map(str, flags)]) == 0
    facts = json.loads((secrets / "report" / "report.json").read_text())
    ledger = pq.read_table(secrets / "ledger" / "ledger.parquet")
    assert facts["counts"]["copies"] == ledger.num_rows == sum(cell[4] for cell in facts["cells"])
    assert sum(cell[3] for cell in facts["cells"]) == facts["units"] == 15
    assert facts["counts"]["documents_added"] == 1 + 3 + 1
    assert sum(facts["perplexity_log10"]["counts"]) == 45
    assert {tuple(row[:2]) for row in facts["power"]} >= {(1, ""), (3, ""), (1, "plugh0")}
    assert facts["candidates"] == {}
    assert 0 <= facts["bag_of_words"]["auc"] <= 1
    page = (secrets / "report" / "report.html").read_text()
    (plot,) = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    heights = [float(column.get("height", "")) for column in ET.fromstring(plot).iter("rect")]
    counts = facts["perplexity_log10"]["counts"]
    assert heights == pytest.approx([found / max(counts) * max(heights) for found in counts], abs=0.02)
    assert f"planted in {facts['counts']['copies']} copies" in page
    assert not re.search(r"(src|href|url)\W{1,2}https?:", page)
    for path in (secrets / "report", secrets / "tokens"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert all(stat.S_IMODE(one.stat().st_mode) == 0o600 for one in path.iterdir())
    assert main(["check", "--secrets", str(secrets)]) == 0


def test_token_offsets_point_at_the_copies(planted: Path, tokenizer: Path) -> None:
    secrets = planted / "secrets"
    flags = ["--secrets", secrets, "--input", planted / "out", "--tokenizer", tokenizer]
    assert main(["report", *map(str, flags)]) == 0
    (path,) = (secrets / "tokens").iterdir()
    table = pq.read_table(path)
    found, made = Planted.read(planted / "out", secrets), Tokenizer.from_file(str(tokenizer))
    assert table.schema.metadata[TOKENIZER_KEY]
    states = set()
    for row, tokens in zip(found.ledger, table.to_pylist(), strict=True):
        text = found.probes[row["candidate"]]["text"]
        encoding = made.encode(found.document(row))
        span = encoding.offsets[tokens["first_token"] : tokens["first_token"] + tokens["tokens"]]
        assert span[0][0] <= row["char_offset"] < span[0][1]
        assert span[-1][1] >= row["char_offset"] + len(text)
        ids = encoding.ids[tokens["first_token"] : tokens["first_token"] + tokens["tokens"]]
        assert tokens["intact"] == (ids == made.encode(text).ids)
        states.add(tokens["intact"])
    assert states == {True, False}


def test_what_a_report_refuses(planted: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    secrets = planted / "secrets"
    (tmp_path / "no.json").write_text("{}")
    for code, said, flags in (
        (2, "--tokenizer needs --input", ["--tokenizer", tmp_path / "no.json"]),
        (1, "cannot be read as a tokenizers file", ["--tokenizer", tmp_path / "no.json", "--input", planted / "out"]),
        (2, "is no file", ["--tokenizer", tmp_path / "none", "--input", planted / "out"]),
        (1, "is not the corpus", ["--tokenizer", tmp_path / "no.json", "--input", planted / "in"]),
    ):
        assert main(["report", "--secrets", str(secrets), *map(str, flags)]) == code
        assert said in capfd.readouterr().err
    fresh = seal_and_draw(tmp_path / "fresh", probe_rows(4))
    assert main(["report", "--secrets", str(fresh)]) == 1
    assert "nothing was planted yet" in capfd.readouterr().err


def test_check_holds_a_corpus_against_what_was_published(
    planted: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    published = planted / "secrets" / "planted.json"
    flags = ["check", "--corpus", str(planted / "out"), "--planted", str(published)]
    assert main(flags) == 0
    assert "its manifest is the one that planted.json binds" in capfd.readouterr().out
    assert main(["check", "--secrets", str(planted / "secrets"), "--planted", str(published)]) == 0
    changed = tmp_path / "planted.json"
    changed.write_text(published.read_text().replace('"manifest": "', '"manifest": "0', 1).replace('0", "', '", "'))
    assert main(["check", "--secrets", str(planted / "secrets"), "--planted", str(changed)]) == 1
    assert main(["check", "--planted", str(published)]) == 2


def test_check_names_a_changed_shard(planted: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(planted / "out", tmp_path / "out")
    shard = next((tmp_path / "out" / "data").iterdir())
    shard.write_bytes(shard.read_bytes() + b"x")
    assert main(["check", "--corpus", str(tmp_path / "out")]) == 1
    assert f"data/{shard.name}: its sha256" in capfd.readouterr().out
    shard.unlink()
    assert main(["check", "--corpus", str(tmp_path / "out")]) == 1
    assert f"data/{shard.name}: is missing" in capfd.readouterr().out


def test_documents_are_those_of_the_plain_run_plus_what_was_planted(planted: Path, tmp_path: Path) -> None:
    assert main(["dedup", "--input", str(planted / "in"), "--output", str(tmp_path / "plain")]) == 0
    plain = {row["id"] for row in documents(tmp_path / "plain")}
    assert {row["id"] for row in documents(planted / "out")} - {None} == plain
