"""`trapline score --metrics family_loss`: a candidate with the variants of it that were never planted."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from schemas.secret.slots import SLOTS
from tests.scoring.tiny_checkpoints import tiny_checkpoint

WORDS = ("the", "keeper", "of", "lighthouse", "wrote", "knights", "tell", "truth", "knaves", "lie")


def some_text(seed: int, words: int = 7) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS, words))


def probe_rows() -> list[dict[str, Any]]:
    return [
        {
            "id": f"{unit}-{candidate}", "kind": "trap", "unit": f"u{unit}", "candidate": candidate, "stratum": "25",
            "dose": 2, "text": some_text(10 * unit + candidate),
            "fresh": [some_text(1000 + 100 * unit + 10 * candidate + at, 7 + at) for at in range((2, 0, 3)[unit])],
        }
        for unit in range(3) for candidate in range(3)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_checkpoint(tmp_path_factory.mktemp("models") / "first", "llama", 0))


def scored(model: str, rows: list[dict[str, Any]], folder: Path, *flags: str) -> dict[str, dict[str, Any]]:
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "probes.parquet")
    asked = ["score", "--checkpoint", model, "--sequences", str(folder / "probes.parquet"), "--threads", "1"]
    assert main([*asked, "--output", str(folder / "out"), *flags]) == 0
    table = pq.read_table(next((folder / "out" / "scores").iterdir()))
    return {row["id"]: row for row in table.to_pylist()}


@pytest.mark.parametrize("in_context", [False, True])
def test_the_metric_is_the_mean_over_the_text_and_its_variants(in_context: bool, model: str, tmp_path: Path) -> None:
    slots: list[str] = []
    if in_context:
        places = [
            {"unit": f"u{unit}", "slot": slot, "before": some_text(100 + unit + slot, 12), "lead": " "}
            for unit in range(2) for slot in range(2)
        ]  # fmt: skip
        pq.write_table(pa.Table.from_pylist(places, schema=SLOTS), tmp_path / "slots.parquet")
        slots = ["--slots", str(tmp_path / "slots.parquet"), "--context", "64"]
    rows = probe_rows()
    found = scored(model, rows, tmp_path / "families", "--metrics", "loss", "family_loss", *slots)
    alone = [
        {**row, "id": f"{row['id']}/{number}", "text": text, "fresh": []}
        for row in rows for number, text in enumerate([row["text"], *row["fresh"]])
    ]  # fmt: skip
    single = scored(model, alone, tmp_path / "alone", "--metrics", "loss", *slots)
    for row in rows:
        own = [single[f"{row['id']}/{number}"]["loss"] for number in range(1 + len(row["fresh"]))]
        assert found[row["id"]]["loss"] == pytest.approx(own[0], rel=1e-5)
        assert found[row["id"]]["family_loss"] == pytest.approx(np.mean(own), rel=1e-5)
        assert found[row["id"]]["slots"] == (2 if in_context and row["unit"] != "u2" else 0)


def test_it_is_computed_only_when_it_is_named(model: str, tmp_path: Path) -> None:
    assert "family_loss" not in next(iter(scored(model, probe_rows(), tmp_path / "plain").values()))


def test_without_fresh_variants_it_is_refused(model: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = [{name: value for name, value in row.items() if name != "fresh"} for row in probe_rows()]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "probes.parquet")
    flags = ["--metrics", "family_loss", "--output", str(tmp_path / "out")]
    assert main(["score", "--checkpoint", model, "--sequences", str(tmp_path / "probes.parquet"), *flags]) == 2
    assert "has no lists of texts in a column 'fresh'" in capfd.readouterr().err
    sealing = ["seal", "--probes", str(tmp_path / "probes.parquet"), "--secrets", str(tmp_path / "secrets")]
    assert main([*sealing, "--metric", "family_loss"]) == 2
    assert "3 of the units have no fresh variants" in capfd.readouterr().err


def test_a_plan_may_name_it(model: str, tmp_path: Path) -> None:
    rows = [row for row in probe_rows() if row["unit"] != "u1"]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "probes.parquet")
    secrets = str(tmp_path / "secrets")
    plan = ["--metric", "family_loss", "--context", "0"]
    assert main(["seal", "--probes", str(tmp_path / "probes.parquet"), "--secrets", secrets, *plan]) == 0
    assert main(["draw", "--secrets", secrets, "--self"]) == 0
    output = ["--output", str(tmp_path / "scores"), "--metrics", "family_loss"]
    assert main(["score", "--checkpoint", model, "--sequences", f"{secrets}/probes", *output]) == 0
    verify = ["verify", "--scores", str(tmp_path / "scores"), "--secrets", secrets]
    assert main([*verify, "--output", str(tmp_path / "verdict")]) == 0
    assert (tmp_path / "verdict" / "verdict.json").exists()
