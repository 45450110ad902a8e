"""Probes that are sentences, as a user plants them: between sentences, counted where that cannot be."""

import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.pipelines.planting.planted import Planted, prepare, probe_rows, seal_and_draw


def corpus_of(folder: Path, mark: str) -> Path:
    """Documents of four paragraphs of five sentences each, whose mark is given."""
    chance = random.Random(3)

    def sentence() -> str:
        return " ".join(f"word{chance.randrange(500)}" for _ in range(9)).capitalize() + mark

    texts = ["\n\n".join(" ".join(sentence() for _ in range(5)) for _ in range(4)) for _ in range(60)]
    folder.mkdir()
    pq.write_table(pa.table({"text": texts}), folder / "a.parquet")
    return folder


@pytest.mark.parametrize("mark", [".", " and"])
def test_sentences_stand_between_sentences_or_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mark: str
) -> None:
    corpus = corpus_of(tmp_path / "in", mark)
    rows = [row | {"text": row["text"].capitalize() + "."} for row in probe_rows(6)]
    secrets = seal_and_draw(tmp_path / "secrets", rows)
    assert prepare(corpus, tmp_path / "out", secrets) == 0
    said = "".join(capsys.readouterr())
    found = Planted.read(tmp_path / "out", secrets)
    counts = json.loads((secrets / "planting.json").read_bytes())["counts"]
    assert counts["sentences"] == len(found.ledger) == 12
    if mark == ".":
        assert counts["sentences_elsewhere"] == 0
        assert "do not stand between sentences" not in said
        for row in found.ledger:
            text = found.probes[row["candidate"]]["text"]
            (line,) = [line for line in found.document(row).split("\n") if text in line]
            before, after = line.split(text)
            assert row["boundary"] == "sentence"
            assert before.endswith(". ")
            assert not after or after.startswith(" W")
            assert line.endswith(".")
    else:
        assert counts["sentences_elsewhere"] == 12
        assert "12 of 12 copies of sentences do not stand between sentences" in said
