"""Models of several sizes: training, the choice of a rate, and what the tables say of a size."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.traps import size_tables
from benchmarks.traps.size_data import make, without_what_training_has
from benchmarks.traps.size_page import write_page
from benchmarks.traps.size_tables import (
    Models,
    all_tables,
    better_with_size,
    by_size,
    judged,
    permuted_sizes,
    resampled,
)
from benchmarks.traps.tables import CONTEXTS, Campaign
from transforms.verification.redraws import RedrawRule

SEED = bytes(range(32))
DOSES = np.repeat([1, 2, 4, 8], 40)
SIZES = {"1M": 1e6, "4M": 4e6, "16M": 16e6}


def campaign() -> Campaign:
    arms = np.random.default_rng(1).integers(0, 10, len(DOSES))
    length = np.tile([25, 50], len(DOSES) // 2)
    return Campaign(np.full(len(DOSES), "trap"), length, np.zeros(len(DOSES), int), DOSES, arms, length, SEED)


def models(effect: float, better: float) -> Models:
    """Two models a size and a twin: a size remembers `effect` more, and its loss is `better` less, than the last."""
    generator, arms = np.random.default_rng(2), campaign().arms
    facts, scores, validation = {}, {}, {}
    rows = generator.normal(3, 0.5, 100)
    for at, (size, parameters) in enumerate(SIZES.items()):
        for arm, seed in (("planted", 1), ("planted", 2), ("twin", 1)):
            name = f"{size} {arm} {seed}"
            epochs = [{"step": 9, "train_loss": 2.0, "validation_loss": 3.0}]
            facts[name] = {"name": size, "arm": arm, "seed": seed, "parameters": 2 * parameters, "rate": 1e-3,
                           "without_embeddings": parameters, "train_s": 1.0, "epochs_seen": epochs}  # fmt: skip
            validation[name] = rows - better * at + generator.normal(0, 0.01, 100)
            for context in CONTEXTS:
                table = generator.normal(size=(len(DOSES), 10))
                if arm == "planted":
                    table[np.arange(len(DOSES)), arms] += 0.2 + effect * at
                scores[name, context] = table
    return Models(facts, scores, validation, "a GPU")


@pytest.fixture
def few_redraws(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page shows does not depend on how many redraws and resamples its figures are of."""
    monkeypatch.setattr(size_tables, "RESAMPLES", 99)
    monkeypatch.setattr(size_tables, "RedrawRule", lambda: RedrawRule(redraws=9_999))
    monkeypatch.setattr("benchmarks.traps.tables.TREND_REDRAWS", 9_999)


def test_loss_must_fall_at_every_size() -> None:
    assert better_with_size(models(0.0, 0.1), SEED)["falls"]
    assert not better_with_size(models(0.0, -0.1), SEED)["falls"]
    assert not better_with_size(models(0.0, 0.0), SEED)["falls"]


def test_larger_models_that_remember_more_are_a_trend_by_every_test_and_others_by_none() -> None:
    for effect, found in ((0.6, True), (0.0, False)):
        whole = by_size(campaign(), models(effect, 0.1), CONTEXTS[1])["all"]
        assert (whole["per_tenfold"]["low"] > 0) is found
        assert (whole["redraws"]["p_value"] < 0.001) is found
        assert (whole["permuted"]["p_value"] < 0.05) is found


def test_sizes_are_permuted_exactly() -> None:
    along = np.array([0.0, 0.0, 1.0, 1.0])
    assert permuted_sizes(np.array([0.5, 0.6, 0.7, 0.8]), along)["p_value"] == pytest.approx(1 / 6)
    assert permuted_sizes(np.array([0.8, 0.7, 0.6, 0.5]), along)["p_value"] == 1
    assert permuted_sizes(np.array([0.5, 0.6, 0.7]), np.array([0.0, 1.0, 2.0]))["slope"] == pytest.approx(0.1)


def test_an_interval_holds_its_mean_and_cells_keep_their_size() -> None:
    values, cells = np.repeat([0.0, 1.0], 50), np.repeat([0, 1], 50)
    found = resampled(values, SEED)
    assert found["low"] < found["value"] == 0.5 < found["high"]
    within = resampled(values, SEED, cells)
    assert within["low"] == pytest.approx(0.5) == pytest.approx(within["high"])


def test_the_page_shows_every_model(tmp_path: Path, few_redraws: None) -> None:
    mine = models(0.6, 0.1)
    tables = {
        "device": mine.device, "candidates": 10, "units": len(DOSES), "sizes": mine.sizes(),
        "rates": {size: {"rate": 1e-3, "losses": {"0.001": 4.0}} for size in SIZES},
        "models": list(mine.facts.values()), "loss": better_with_size(mine, SEED),
        "by_size": {context: by_size(campaign(), mine, context) for context in CONTEXTS},
        "judged": {context: {name: judged(campaign(), mine.scores[name, context], name) for name in mine.facts}
                   for context in CONTEXTS},
    }  # fmt: skip
    write_page(json.loads(json.dumps(tables)), tmp_path)
    page = (tmp_path / "size_tables.md").read_text()
    for name in mine.facts:
        assert page.count(f"| {name} |") == 1 + len(CONTEXTS), "among the models, and by itself in each context"
    assert "| 50 tokens, 8 |" in page
    assert "<svg" in (tmp_path / "size.svg").read_text()


class Letters:
    """A tokenizer of one token a letter, 'A' the begin of a sequence."""

    def encode_batch_fast(self, texts: list[str]) -> list[object]:
        return [SimpleNamespace(ids=[0, *(ord(one) % 60 + 1 for one in text)]) for text in texts]

    def decode(self, ids: list[int], skip_special_tokens: bool) -> str:
        return "\n" if ids == [ord("\n") % 60 + 1] else "x"

    def get_vocab_size(self) -> int:
        return 64


def experiment() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(3)
    texts = ["".join(generator.choice(list("abcdefgh \n"), 300)) for _ in range(120)]
    return make([*texts, texts[0]], [str(at) for at in range(121)], Letters(), 3, 0.2, "test")


def test_planted_and_twin_differ_by_the_copies_alone() -> None:
    made = experiment()
    copies = (made["unit_length"] * made["unit_dose"]).sum()
    assert len(made["planted"]) - len(made["twin"]) == copies
    assert 0 < made["documents"][1] < 40
    assert made["documents"].sum() == 120, "the second of two equal texts is left out"
    assert (made["twin"] == 0).sum() == made["documents"][0] == (made["planted"] == 0).sum()


def test_every_drawn_candidate_is_planted_as_often_as_its_dose_and_no_other() -> None:
    made = experiment()
    planted = made["planted"].tobytes()
    ends = np.cumsum(made["sequence_lengths"])
    alone = made["sequence_in_context"] == 0
    rows = [
        made["sequence_tokens"][end - length + first : end]
        for end, length, first in zip(
            ends[alone], made["sequence_lengths"][alone], made["sequence_first"][alone], strict=True
        )
    ]
    for unit, (arm, dose) in enumerate(zip(made["unit_arm"], made["unit_dose"], strict=True)):
        found = [planted.count(rows[10 * unit + at].tobytes()) for at in range(10)]
        # A copy may be split by another that goes in at the same end of a line only between, never within.
        assert found == [dose if at == arm else 0 for at in range(10)]


def test_slots_are_the_same_for_all_candidates_and_as_many_as_copies_up_to_two() -> None:
    made = experiment()
    inside = np.bincount(made["sequence_row"], made["sequence_in_context"]).reshape(-1, 10)
    assert (inside == np.minimum(made["unit_dose"], 2)[:, None]).all()
    assert (made["sequence_first"][made["sequence_in_context"] == 0] == 1).all()
    scored = made["sequence_lengths"] - made["sequence_first"]
    assert (scored == made["unit_length"][made["sequence_row"] // 10]).all()


def test_the_same_seed_makes_the_same_experiment() -> None:
    one, other = experiment(), experiment()
    assert all((one[name] == other[name]).all() for name in one)


def test_held_out_documents_that_training_has_go() -> None:
    generator = np.random.default_rng(4)
    stream, new = generator.integers(1, 60, 3000).astype(np.uint16), generator.integers(1, 60, 200).astype(np.uint16)
    [kept] = without_what_training_has([stream[500:700], new], stream)
    assert kept is new


def test_tables_read_what_training_wrote(tmp_path: Path, few_redraws: None) -> None:
    pytest.importorskip("torch", reason="training needs PyTorch, of the extra score")
    pytest.importorskip("transformers", reason="training needs transformers, of the extra score")
    from benchmarks.traps.sizes import main

    made = experiment() | {"vocabulary": np.array(64)}
    np.savez(tmp_path / "experiment.npz", **made)
    assert main(["--experiment", str(tmp_path / "experiment.npz"), "--output", str(tmp_path / "out"), "--tiny"]) == 0
    facts = json.loads((tmp_path / "out/models.json").read_text())["models"]
    assert [one["arm"] for one in facts] == ["planted", "twin"]
    assert len(json.loads((tmp_path / "out/rates.json").read_text())["tiny"]["losses"]) >= 3
    tables = all_tables(tmp_path / "experiment.npz", [tmp_path / "out"], tmp_path / "out/rates.json")
    assert tables["sizes"] == ["tiny"]
    assert tables["units"] == 24
    write_page(json.loads(json.dumps(tables)), tmp_path)


def test_the_rate_is_between_two_that_are_worse() -> None:
    pytest.importorskip("torch", reason="training needs PyTorch, of the extra score")
    from benchmarks.traps.sizes import best_rate

    losses = best_rate(1.0, lambda rate: abs(np.log2(rate) - 2))
    assert min(losses, key=lambda rate: losses[rate]) == 4
    assert list(losses) == [0.5, 1, 2, 4, 8]
    assert len(best_rate(1.0, lambda rate: -rate)) == 5, "it ends where nothing is best"


def test_a_model_is_trained_from_fresh_weights_each_time() -> None:
    pytest.importorskip("torch", reason="training needs PyTorch, of the extra score")
    pytest.importorskip("transformers", reason="training needs transformers, of the extra score")
    from benchmarks.traps.models import LENGTH, TINY, Clock
    from benchmarks.traps.sizes import Trainer

    stream = (np.arange(3 * LENGTH) % 50).astype(np.uint16)
    trainer = Trainer(dataclasses.replace(TINY, epochs=2), 64, stream, "cpu", Clock())
    first = trainer.fit(stream, 1e-2, 1, 2)
    assert [one["step"] for one in first] == [3, 6]
    assert first[1]["validation_loss"] < first[0]["validation_loss"]
    before = trainer.validation_losses()
    copy = trainer.model()
    assert trainer.fit(stream, 1e-2, 1, 2) == first
    assert trainer.fit(stream, 1e-2, 2, 2) != first
    assert before.shape == (3,)
    assert copy.get_input_embeddings().weight.shape == (64, TINY.width)


def test_a_run_that_there_is_not_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="training needs PyTorch, of the extra score")
    from benchmarks.traps.sizes import main

    for run in ("9M planted 1", "1M grown 1", "1M planted", "1M planted x"):
        with pytest.raises(SystemExit):
            main(["--experiment", str(tmp_path / "none"), "--output", str(tmp_path), "--runs", run])
        assert f"--runs '{run}': give a size of 1M, 4M, 16M, 64M" in capsys.readouterr().err
