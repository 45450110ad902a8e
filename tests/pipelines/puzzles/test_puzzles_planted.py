"""Puzzles as probes: sealed, drawn and planted as documents of their own, and taken out again."""

from pathlib import Path

import pyarrow.parquet as pq

from pipelines.cli import main
from tests.pipelines.planting.planted import LIMITS, SMALL_SHARDS, Planted, documents, write_corpus


def run(*arguments: object) -> int:
    return main([str(one) for one in arguments])


def test_drawn_siblings_enter_as_documents_and_held_out_ones_stay_out(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "in", 200)
    probes, secrets, output = tmp_path / "probes", tmp_path / "secrets", tmp_path / "out"
    assert run("puzzles", "--output", probes, "--people", "4", "5", "--count", 3, "--controls", 3, "--doses", 1, 2) == 0
    assert run("seal", "--probes", probes, "--secrets", secrets, "--nonce-from", "them") == 0
    assert run("draw", "--secrets", secrets, "--nonce", "c0ffee" * 8) == 0
    where = ("--input", corpus, "--secrets", secrets, "--output", output)
    assert run("prepare", *where, *LIMITS, *SMALL_SHARDS) == 0
    found = Planted.read(output, secrets)
    assert {row["kind"] for row in found.ledger} == {"puzzle"}
    assert {row["boundary"] for row in found.ledger} == {"document"}
    assert len(found.ledger) == 2 * 3 * (1 + 2)
    texts = [row["text"] for row in documents(output)]
    drawn = {row["candidate"] for row in found.ledger}
    for candidate, probe in found.probes.items():
        # Copies are equal documents: planting comes after the deduplication, which would take all but one.
        assert texts.count(probe["text"]) == (probe["dose"] if candidate in drawn else 0)
    assert pq.read_table(secrets / "slots.parquet").num_rows == 0
    assert run("restore", "--input", output, "--secrets", secrets, "--output", tmp_path / "back") == 0
    assert run("dedup", "--input", corpus, "--output", tmp_path / "plain", *SMALL_SHARDS) == 0
    back, plain = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "data").iterdir()} for name in ("back", "plain")
    )
    assert back == plain
