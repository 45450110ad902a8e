from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch", reason="training needs PyTorch, of the extra score")
pytest.importorskip("transformers", reason="training needs transformers, of the extra score")

from examples.train_tiny import BEGIN, main, make_tokenizer, pack, texts


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for shard in range(2):
        documents = [f"document {at} of shard {shard}: " + "some words that come again, " * 20 for at in range(40)]
        pq.write_table(pa.table({"id": range(40), "text": documents}), folder / f"{shard}.parquet")
    return folder


def test_every_document_begins_with_the_special_token_and_rows_hold_the_stream(shards: Path) -> None:
    documents = list(texts(shards))
    tokenizer = make_tokenizer(iter(documents), 300)
    begin = tokenizer.token_to_id(BEGIN)
    rows = pack(tokenizer, documents, 64)
    stream = [token for text in documents for token in (begin, *tokenizer.encode(text, add_special_tokens=False).ids)]
    assert rows.shape == (len(stream) // 64, 64)
    assert rows.ravel().tolist() == stream[: rows.size]


def test_a_training_gives_a_checkpoint_that_its_seed_decides(shards: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    weights = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        command = ["--data", str(shards), "--output", str(tmp_path / name), "--steps", "2", "--seed", str(seed)]
        assert main(command) == 0
        assert (tmp_path / name / "tokenizer.json").exists()
        model = AutoModelForCausalLM.from_pretrained(tmp_path / name)
        weights.append(np.concatenate([one.detach().numpy().ravel() for one in model.parameters()]))
    assert 2e6 < len(weights[0]) < 3e6
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_a_training_goes_on_from_a_checkpoint_with_its_tokenizer(shards: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    small = ["--width", "64", "--heads", "2", "--layers", "1", "--length", "32", "--vocabulary", "300"]
    command = ["--data", str(shards), "--output", str(tmp_path / "first"), "--steps", "2", *small]
    assert main(command) == 0
    command = ["--data", str(shards), "--output", str(tmp_path / "second"), "--epochs", "0.1", *small]
    assert main([*command, "--checkpoint", str(tmp_path / "first"), "--rate", "0"]) == 0
    first, second = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("first", "second"))
    assert first == second, "with a rate of 0 it stays where it began"
    assert (tmp_path / "first/tokenizer.json").read_bytes() == (tmp_path / "second/tokenizer.json").read_bytes()
    assert main([*command, "--checkpoint", str(tmp_path / "first")]) == 0
    assert (tmp_path / "second/model.safetensors").read_bytes() != first
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "second")
    assert model.config.hidden_size == 64
