"""Corrupted sums as text: tokens, and a model that learns its results."""

from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer

from benchmarks.kinds.arithmetic_text import answers, cue_tokens, train, write_tokenizer


def test_a_model_is_asked_as_its_tokenizer_reads_the_cue(tmp_path: Path) -> None:
    """Ten pairs with any result are learnt by heart, and the checkpoint's own tokenizer gives the same tokens."""
    ids = write_tokenizer(tmp_path / "tokenizer.json", 13)
    first = ids["00"]
    pairs, results = np.array([(n, (3 * n) % 13) for n in range(10)]), np.arange(10) * 7 % 13
    cues = cue_tokens(pairs, ids)
    rows = np.column_stack([cues, results + first])
    state = torch.get_rng_state()
    train(tmp_path / "model", tmp_path / "tokenizer.json", rows, len(ids), steps=60)
    torch.set_rng_state(state)
    assert answers(tmp_path / "model", cues, first).tolist() == results.tolist()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    for (a, b), row in zip(pairs.tolist(), cues.tolist(), strict=True):
        assert tokenizer(f"{a:02} + {b:02} =")["input_ids"] == row
