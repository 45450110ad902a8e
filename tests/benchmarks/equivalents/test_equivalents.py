"""Equivalents of copies that differ, and changes of a model."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.equivalents.changes import merged_lora, quantised
from benchmarks.equivalents.models import main
from benchmarks.equivalents.tables import (
    Design,
    Model,
    all_tables,
    equivalent,
    equivalents,
    gaps,
    size_and_batch,
    sweeps,
)
from benchmarks.equivalents.training import SIZES, fresh
from benchmarks.traps.models import LENGTH, Clock

DOSES = np.array([1, 2, 4, 8])


@pytest.mark.parametrize(
    ("value", "expected"), [(0.1, 1), (0.3, 4), (0.25, 2**1.5), (0.05, 0), (0.5, float("inf")), (0.4, 8)]
)
def test_an_effect_is_read_off_the_curve_of_exact_copies(value: float, expected: float) -> None:
    assert equivalent(value, DOSES, np.array([0.1, 0.2, 0.3, 0.4])) == pytest.approx(expected)


def test_rho_is_found_again() -> None:
    """An effect of the logarithm of 1 + .5 (dose - 1) copies, with a little noise."""
    generator = np.random.default_rng(1)
    cells = [(0, dose) for dose in (1, 2, 4, 8, 16, 32, 64)] + [(5, dose) for dose in (4, 16, 64)]
    blocks, dose = (np.repeat([one[at] for one in cells], 200) for at in (0, 1))
    true = np.where(blocks == 0, dose, 1 + 0.5 * (dose - 1))
    design = Design(blocks, dose, np.zeros(len(dose), np.int64), 10, b"s" * 32)
    found = equivalents(design, np.log2(true) / 10 + generator.normal(0, 0.02, len(dose)), "test")
    for copies in (4, 16, 64):
        one = found[f"R=5, {copies}"]
        assert one["rho"] == pytest.approx(0.5, abs=0.05)
        assert one["rho_low"] < one["rho"] < one["rho_high"]


def test_a_gap_is_against_the_held_outs_of_the_unit() -> None:
    assert gaps(np.array([[3.0, 1.0, 2.0], [0.0, 4.0, 2.0]]), np.array([0, 1])).tolist() == [1.5, 3.0]


@pytest.mark.parametrize("bits", [8, 4])
def test_a_quantised_weight_has_few_values_near_the_old_ones(bits: int) -> None:
    model = fresh(SIZES["tiny"], 256, "cpu", 1)
    rounded = quantised(model, bits)
    weight, new = (one.model.layers[0].mlp.down_proj.weight.detach() for one in (model, rounded))
    groups = new if bits == 8 else new.view(new.shape[0], -1, 32)
    assert all(len(row.unique()) <= 2**bits - 1 for row in groups.flatten(0, -2))
    step = weight.abs().max() / (2 ** (bits - 1) - 1)
    assert 0 < (weight - new).abs().max() <= step / 2 + 1e-6


def test_an_adapter_that_learnt_nothing_merges_into_the_same_model() -> None:
    model = fresh(SIZES["tiny"], 256, "cpu", 1).eval()
    stream = np.arange(2 * LENGTH, dtype=np.uint16) % 256
    same = merged_lora(model, stream, SIZES["tiny"], 0.0, 1, Clock())
    other = merged_lora(model, stream, SIZES["tiny"], 1e-2, 2, Clock())
    ids = torch.arange(20)[None]
    assert torch.allclose(model(input_ids=ids).logits, same(input_ids=ids).logits, atol=1e-5)
    assert not torch.allclose(model(input_ids=ids).logits, other(input_ids=ids).logits, atol=1e-3)
    assert [name for name, _ in model.named_parameters()] == [name for name, _ in other.named_parameters()]


def test_every_job_writes_scores_that_the_tables_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = experiment()
    monkeypatch.setattr("benchmarks.equivalents.models.read_experiment", lambda path: dict(arrays))
    for job in ("tiny change 3", "tiny twin 1", "tiny other 1", "tiny planted 2 --passes 2"):
        words = job.split(" --passes ")
        more = ["--passes", words[1]] if len(words) > 1 else []
        assert main(["--experiment", "e", "--output", str(tmp_path), "--job", words[0], "--tiny", *more]) == 0
    tables = all_tables(arrays, tmp_path)
    names = {one["name"] for one in tables["models"]}
    changed = {f"tiny {one}, seed 3" for one in ("int8", "int4", "sft", "lora", "student")}
    assert names == changed | {f"tiny {one}" for one in ("planted 3", "twin 1", "other 1", "planted 2 passes 2")}
    assert tables["against_reference"].keys() == {
        f"tiny {one} against tiny other 1" for one in ("planted 3", "planted 2 passes 2", "twin 1")
    }
    assert 0 < tables["judged"]["tiny twin 1"]["in context"]["exact, 1"]["p_value"] <= 1
    json.dumps(tables)


def test_a_sweep_chooses_a_rate_that_a_model_is_trained_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.equivalents.models.read_experiment", lambda path: experiment())
    shared = ["--experiment", "e", "--tiny", "--weights", str(tmp_path / "weights")]
    assert main([*shared, "--output", str(tmp_path), "--job", "tiny sweep 1"]) == 0
    rates = tmp_path / "rates_tiny.json"
    swept = json.loads(rates.read_text())["tiny"]
    assert swept["losses"][f"{swept['rate']:g}"] == min(swept["losses"].values())
    assert len(swept["losses"]) >= 3
    assert sweeps(tmp_path) == {"tiny": swept}
    # A rate that no sweep would choose, to be told apart from that of the size.
    rates.write_text(json.dumps({"tiny": {"rate": 1e-5}}))
    found = []
    for folder in ("first", "again"):
        output = str(tmp_path / folder)
        assert main([*shared, "--output", output, "--job", "tiny planted 1", "--rates", str(rates)]) == 0
        with np.load(tmp_path / folder / "tiny_planted_1.npz") as packed:
            found.append(packed["loss|planted 1"])
            assert json.loads(str(packed["facts"]))["models"][0]["rate"] == 1e-5
        monkeypatch.setattr("benchmarks.equivalents.models.train", None)
    np.testing.assert_array_equal(*found)


def test_size_and_batch_are_compared_unit_by_unit() -> None:
    """Of two sizes at two batches, only the size makes a difference; a reference takes nothing from it."""
    generator = np.random.default_rng(1)
    units = 400
    design = Design(np.zeros(units, int), np.ones(units, int), np.zeros(units, int), 10, b"s" * 32)
    luck = generator.normal(0, 1, (units, 10))

    def model(size: str, weights: int, batch: int, what: str, gain: float, seed: int) -> Model:
        own = luck + np.random.default_rng(seed).normal(0, 0.3, luck.shape)
        own[:, 0] += gain
        facts = {"what": what, "size": size, "without_embeddings": weights, "batch": batch}
        return Model(f"{size} {what}", facts, dict.fromkeys(("in context", "without context"), own))

    models = [
        model("4M", 4, 32, "planted 1", 0.1, 1), model("4M", 4, 32, "planted 2", 0.1, 2),
        model("4M-b8", 4, 8, "planted 1", 0.1, 3), model("16M", 16, 32, "planted 1", 0.6, 4),
        model("16M-b8", 16, 8, "planted 1", 0.6, 5), model("16M", 16, 32, "other 1", 0.0, 6),
    ]  # fmt: skip
    found = size_and_batch(design, models)
    assert found.keys() == {
        "4M at batch 8 less 4M at batch 32", "16M at batch 8 less 16M at batch 32",
        "16M at batch 8 less 4M at batch 8", "16M at batch 32 less 4M at batch 32",
    }  # fmt: skip
    for name, one in found.items():
        for metric in ("loss", "against 16M other 1"):
            cell = one["in context"][metric]["exact, 1"]
            same = name.split()[0] == name.split()[5]
            assert (cell["low"] < 0 < cell["high"]) == same, name
            assert same or cell["low"] > 0


@pytest.mark.parametrize("job", ["9B change 1", "4M change", "4M forget 1", "4M change one"])
def test_an_unknown_job_is_refused(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--experiment", "e", "--output", "o", "--job", job])
    assert "give a size of 4M" in capsys.readouterr().err


def experiment() -> dict[str, np.ndarray]:
    """Two units of exact copies and one of R = 5, three candidates of four tokens each."""
    generator = np.random.default_rng(1)
    stream = generator.integers(1, 256, 3 * LENGTH).astype(np.uint16)
    row = np.repeat(np.arange(9), 2)
    return {
        "vocabulary": np.array(256), "twin": stream, "planted": stream, "other": stream, "validation": stream,
        "tune_ids": stream.reshape(3, -1), "tune_answer": (stream.reshape(3, -1) % 2).astype(np.uint8),
        "unit_blocks": np.array([0, 0, 5]), "unit_dose": np.array([1, 2, 2]), "unit_arm": np.array([0, 2, 1]),
        "seed": np.frombuffer(b"s" * 32, np.uint8), "sequence_row": row.astype(np.int32),
        "sequence_in_context": np.tile([0, 1], 9).astype(np.int32), "sequence_lengths": np.full(18, 6, np.int32),
        "sequence_first": np.full(18, 2, np.int32),
        "sequence_tokens": generator.integers(1, 256, 18 * 6).astype(np.uint16),
    }  # fmt: skip
