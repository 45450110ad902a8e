"""`trapline certify` of units whose copies differ, and of units that are asked about."""

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.certifying.units import rho_of
from pipelines.cli import main
from schemas.secret.questions import QUESTIONS
from tests.pipelines.planting.planted import prepare, probe_rows, seal_and_draw, write_corpus
from transforms.planting.tables.spelled import texts_as_value
from transforms.planting.tables.unit import Candidate, Unit


def families(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Candidates of 21 words, with two variants that differ in the last word, and one that is not planted."""
    for row in rows:
        first = row["text"].split()[0]
        head = " ".join(f"{first}w{number}" for number in range(20))
        row["text"], row["dose"] = f"{head} first", 3
        row["variants"], row["fresh"] = [f"{head} second", f"{head} third"], [f"{head} fourth"]
    return rows


def test_a_copy_that_is_alive_does_not_pass_for_its_variants_altered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_corpus(tmp_path / "in", 120)
    secrets = seal_and_draw(tmp_path / "secrets", families(probe_rows(2)))
    assert prepare(tmp_path / "in", tmp_path / "planted", secrets) == 0
    ledger = pq.read_table(secrets / "ledger/ledger.parquet").to_pylist()
    rows = {row["id"]: row for row in pq.read_table(secrets / "probes/probes.parquet").to_pylist()}
    drawn = [rows[one["candidate"]] for one in ledger if one["copy"] == 0]
    # Of one unit the canonical text is left, of the other a variant in upper case; and a text that was never planted.
    left = [drawn[0]["text"], drawn[1]["variants"][0].upper(), drawn[0]["fresh"][0]]
    pq.write_table(pa.table({"text": left}), tmp_path / "theirs.parquet")
    capsys.readouterr()
    assert main(["certify", "--secrets", str(secrets), "--corpus", str(tmp_path / "theirs.parquet")]) == 0
    found = json.loads((secrets / "certificates/released.json").read_text())
    (judged,) = found["judges"]
    assert (judged["alive"], judged["altered"], judged["gone"], found["held_out_found"]) == (1, 2, 3, 1)
    assert "sealed texts that are there but were never planted, so they leaked: 1" in capsys.readouterr().out


def test_the_questions_of_units_that_pass_go_along(tmp_path: Path) -> None:
    write_corpus(tmp_path / "in", 120)
    probes = tmp_path / "probes"
    probes.mkdir()
    rows = probe_rows(4)
    for row in rows:
        row["text"] = f"{row['text']} {'long ' * 60}end" if row["dose"] == 3 else row["text"]
    pq.write_table(pa.Table.from_pylist(rows), probes / "probes.parquet")
    units = list(dict.fromkeys(row["unit"] for row in rows))
    same = {"ask": "semantic", "slot": 0, "before": "Who?", "lead": " ", "weight": 1.0, "answers": ["a", "b", "c"]}
    asked = [{"unit": unit, **same} for unit in units]
    pq.write_table(pa.Table.from_pylist(asked, schema=QUESTIONS), probes / "questions.parquet")
    files = ["--probes", str(probes), "--input", str(tmp_path / "in"), "--output", str(tmp_path / "out")]
    gate = ["--judges", "substrings", "--gate", "substrings", "--drop", "--max-doc-share", "0.6"]
    assert main(["certify", *files, *gate]) == 0
    kept = set(pq.read_table(tmp_path / "out/probes.parquet")["unit"].to_pylist())
    assert kept == {row["unit"] for row in rows if row["dose"] == 1}
    assert set(pq.read_table(tmp_path / "out/questions.parquet")["unit"].to_pylist()) == kept
    assert main(["seal", "--probes", str(tmp_path / "out"), "--secrets", str(tmp_path / "s"), "--ask", "semantic"]) == 0


def test_nothing_is_said_of_doses_whose_texts_are_planted_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.certifying.units.measured", lambda: {(4, "30"): 0.5})

    def unit(dose: int, *variants: str) -> Unit:
        columns = [("family", "text", '{"blocks": 4}'), ("length_tokens", "integer", "30")]
        own = (("variants", "texts", texts_as_value(variants)),) if variants else ()
        return Unit("u", "trap", "s", dose, (Candidate("a", "one", (*own, *columns)), Candidate("b", "two")))

    found = rho_of([unit(3, "x", "y"), unit(4, "x", "y"), unit(4)]).tolist()
    assert (found[0], found[2]) == (0.5, 1.0)
    assert math.isnan(found[1])
