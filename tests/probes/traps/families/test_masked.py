"""Words suggested by a masked language model small enough to make here."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tokenizers import processors
from transformers import BertConfig, BertForMaskedLM

from pipelines.cli import main
from tests.probes.traps.tiny_lm import WORDS, word_tokenizer
from transforms.probes.traps.families.suggesting.masked import load_masked
from transforms.probes.traps.families.words import places_in

KNOWN = WORDS[:200]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("masked")
    tokenizer = word_tokenizer(KNOWN)
    tokenizer.add_special_tokens(["[MASK]"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"mask_token": {"content": "[MASK]"}}))
    torch.manual_seed(3)
    size = tokenizer.get_vocab_size()
    config = BertConfig(
        vocab_size=size, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=64,
    )  # fmt: skip
    BertForMaskedLM(config).save_pretrained(folder)
    return folder


def test_words_are_the_most_probable_at_the_mask(checkpoint: Path) -> None:
    texts = [" ".join(KNOWN[3 * at : 3 * at + length]) for at, length in enumerate((9, 20, 5))]
    array = pa.array(texts, pa.large_string())
    places = places_in(array, 2, None)
    assert len(places) == 8 + 19 + 4
    found = load_masked(str(checkpoint), 20, None).propose(array, places)
    model = BertForMaskedLM.from_pretrained(checkpoint).eval()
    tokenizer = word_tokenizer(KNOWN)
    for place, words in zip(places, found, strict=True):
        own = texts[place.text].split()
        at = texts[place.text][: place.start].count(" ")
        ids = [0, *tokenizer.encode(texts[place.text]).ids, 1]
        ids[at + 1] = tokenizer.get_vocab_size()
        with torch.inference_mode():
            scores = model(input_ids=torch.tensor([ids])).logits[0, at + 1]
        best = sorted(
            (word for word in KNOWN if word != own[at]), key=lambda word: -scores[tokenizer.token_to_id(word)]
        )
        assert len(words) == 100
        top = [float(scores[tokenizer.token_to_id(word)]) for word in words]
        assert top == pytest.approx([float(scores[tokenizer.token_to_id(word)]) for word in best[:100]], abs=1e-5)
        assert own[at] not in words


def test_traps_are_made_with_it(checkpoint: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    lines = [" ".join(KNOWN[at] for at in random.integers(0, len(KNOWN), 16)) for _ in range(40)]
    (tmp_path / "own.txt").write_text("\n".join(lines))
    flags = ["--generator", "file", "--candidates", str(tmp_path / "own.txt"), "--form", "line", "--doses", "4"]
    flags += ["--units", "2", "--controls", "2", "--fuzzy", "4", "--fuzzy-model", str(checkpoint), "--allow-short"]
    assert main(["traps", "--output", str(tmp_path / "probes"), *flags]) == 0
    rows = pq.read_table(tmp_path / "probes" / "probes.parquet").to_pylist()
    assert len(rows) == 6
    for row in rows:
        assert json.loads(row["family"])["words_by"].startswith("masked/1:")
        for variant in row["variants"]:
            assert sum(one != other for one, other in zip(row["text"].split(), variant.split(), strict=True)) == 4


@pytest.mark.parametrize("broken", ["mask", "positions", "weights"])
def test_a_folder_that_cannot_be_used_is_named(
    broken: str, checkpoint: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for file in checkpoint.iterdir():
        if not (broken == "weights" and file.suffix == ".safetensors"):
            (folder / file.name).write_bytes(file.read_bytes())
    if broken == "mask":
        (folder / "tokenizer_config.json").write_text("{}")
    (tmp_path / "own.txt").write_text("\n".join(WORDS[:30]))
    flags = ["--generator", "file", "--candidates", str(tmp_path / "own.txt"), "--form", "line", "--fuzzy", "1"]
    flags += ["--lengths", "90"] if broken == "positions" else []
    assert main(["traps", "--output", str(tmp_path / "probes"), *flags, "--fuzzy-model", str(folder)]) == 1
    said = capfd.readouterr().err
    assert f"--fuzzy-model {folder}" in said
    wanted = {"mask": "names no mask_token", "positions": "64 positions", "weights": "no .safetensors"}
    assert wanted[broken] in said
