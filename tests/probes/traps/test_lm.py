"""Sampling from a checkpoint."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.probes.traps.tiny_lm import WORDS, save_checkpoint, word_tokenizer
from transforms.base.errors import CorpusError
from transforms.probes.traps.generators.lm import LmGenerator, allowed_tokens, sample_tokens
from transforms.probes.traps.generators.lm_checkpoint import check_checkpoint, load_generator

KEY = b"k" * 32


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("lm"))


@pytest.fixture(scope="module")
def generator(checkpoint: Path) -> LmGenerator:
    return load_generator(str(checkpoint), 20, KEY, "line")


def perplexities(checkpoint: Path, texts: list[str]) -> list[float]:
    """Each text alone, in one pass, after BOS."""
    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    tokenizer = word_tokenizer(WORDS[:300])
    out = []
    for text in texts:
        ids = torch.tensor([[0, *tokenizer.encode(text).ids]])
        with torch.inference_mode():
            logs = model(ids).logits.double().log_softmax(-1)[0, :-1].gather(1, ids[0, 1:, None])
        out.append(float(torch.exp(-logs.mean())))
    return out


def test_the_perplexity_summed_up_while_sampling_is_that_of_scoring_each_text_alone(
    checkpoint: Path, generator: LmGenerator
) -> None:
    counts = np.array([0, 3, 0, 3, 0, 0, 0, 3])
    batches = generator.sample(17, np.zeros(8, np.int64), counts)
    assert [len(batch.texts) for batch in batches] == counts.tolist()
    texts = [text for batch in batches for text in batch.texts.to_pylist()]
    found = np.concatenate([batch.perplexity for batch in batches])
    assert found == pytest.approx(perplexities(checkpoint, texts), rel=1e-4)
    assert all(len(text.split()) == 17 for text in texts)


def test_no_candidate_goes_through_the_model_twice(checkpoint: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    shapes: list[tuple[int, ...]] = []
    model.register_forward_pre_hook(
        lambda _m, _a, given: shapes.append(tuple(given["input_ids"].shape)), with_kwargs=True
    )
    random = torch.Generator().manual_seed(1)
    sample_tokens(model, 0, torch.ones(5), 9, torch.ones(3, 304, dtype=torch.bool), random)
    # With the cache, one token a sequence and step: BOS first, the last token never.
    assert shapes == [(5, 1)] * 9


def test_at_temperature_one_tokens_come_as_often_as_the_model_says(checkpoint: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    random = torch.Generator().manual_seed(1)
    allowed = torch.ones(3, 304, dtype=torch.bool)
    ids, log_probs = sample_tokens(model, 0, torch.ones(20_000), 1, allowed, random)
    with torch.inference_mode():
        expected = model(torch.tensor([[0]])).logits[0, -1].softmax(-1).numpy()
    share = np.bincount(ids[:, 0].numpy(), minlength=304) / 20_000
    assert np.abs(share - expected).max() < 0.015
    assert np.exp(log_probs.numpy()) == pytest.approx(expected[ids[:, 0].numpy()], rel=1e-3)


def test_only_plain_tokens_are_sampled() -> None:
    found = allowed_tokens(word_tokenizer(["red", "new\nline", "bell\x07"]), 9, "line")
    # <s> </s> <unk> , red new\nline bell and two outputs without a token
    assert found.anywhere.tolist() == [False] * 3 + [True, True] + [False] * 4
    assert found.first.tolist() == found.last.tolist() == [False] * 4 + [True] + [False] * 4


def test_the_same_key_gives_the_same_candidates_and_another_does_not(checkpoint: Path, generator: LmGenerator) -> None:
    counts, first = np.full(8, 2), np.zeros(8, np.int64)
    one, again = generator.sample(6, first, counts), generator.sample(6, first, counts)
    assert [batch.texts for batch in one] == [batch.texts for batch in again]
    more = generator.sample(6, first + 2, counts)
    other = load_generator(str(checkpoint), 20, b"j" * 32, "line").sample(6, first, counts)
    for changed in (more, other):
        assert [batch.texts for batch in one] != [batch.texts for batch in changed]


def test_the_ladder_is_longer_for_long_candidates(generator: LmGenerator) -> None:
    assert generator.ladder(25) == (0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4)
    assert generator.ladder(100)[:3] == (0.5, 0.75, 1)
    assert generator.ladder(100)[-1] == 8


def copy_with(checkpoint: Path, target: Path, **config: object) -> Path:
    target.mkdir()
    for path in checkpoint.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    settings = json.loads((target / "config.json").read_text())
    (target / "config.json").write_text(json.dumps({**settings, **config}))
    return target


def test_pickled_weights_and_remote_code_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    remote = copy_with(checkpoint, tmp_path / "remote", auto_map={"AutoModelForCausalLM": "evil.Model"})
    with pytest.raises(CorpusError, match="code of its own, which is refused"):
        load_generator(str(remote), 20, KEY, "line")
    pickled = copy_with(checkpoint, tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(CorpusError, match="pickled weights are refused"):
        load_generator(str(pickled), 20, KEY, "line")


def test_what_cannot_be_sampled_from_is_an_error_that_says_why(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"has no config.json"):
        check_checkpoint(str(tmp_path), 20)
    with pytest.raises(CorpusError, match="more than the 64 positions"):
        check_checkpoint(str(checkpoint), 64)
    nameless = copy_with(checkpoint, tmp_path / "nameless", bos_token_id=None, eos_token_id=None)
    with pytest.raises(CorpusError, match="no bos_token_id"):
        load_generator(str(nameless), 20, KEY, "line")
    torn = copy_with(checkpoint, tmp_path / "torn")
    (torn / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(CorpusError, match="cannot be loaded"):
        load_generator(str(torn), 20, KEY, "line")


def test_sampling_imports_without_beam() -> None:
    code = (
        "import sys; sys.modules['apache_beam'] = None; "
        "from transforms.probes.traps.generators import lm, lm_checkpoint"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
