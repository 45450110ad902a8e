"""Continuations are those of a plain pass over all tokens, whatever a model's cache does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.scoring.odd_checkpoints import make
from transforms.base.texts import Ragged
from transforms.scoring.generation.continuation import GenerationSettings, generate
from transforms.scoring.generation.past import Cache, Tokens, past_of
from transforms.scoring.generation.plan import GenerationPlan
from transforms.scoring.generation.results import generate_for
from transforms.scoring.model.batches import Sequences
from transforms.scoring.sequences import Prepared

PROMPTS = [[5, 6, 7, 8, 9], [11, 12], [20, 21, 22, 23], [5, 6, 7, 8, 9]]
NEW = 8


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def plain(model: Any, prompt: list[int], new: int = NEW) -> list[int]:
    held = list(prompt)
    with torch.inference_mode():
        for _ in range(new):
            held.append(int(model(input_ids=torch.tensor([held]), use_cache=False).logits[0, -1].argmax()))
    return held[len(prompt) :]


@pytest.mark.parametrize(
    ("kind", "way"),
    [("zamba2", Tokens), ("rwkv", Tokens), ("recurrent_gemma", Tokens), ("bloom", Cache), ("bert_decoder", Cache)],
)
def test_greedy_tokens_are_those_of_a_plain_pass(kind: str, way: type) -> None:
    model = make(kind).eval()
    assert isinstance(past_of(model), way)
    found = generate(model, Ragged.from_rows(PROMPTS), list("abcd"), NEW, GenerationSettings())
    ends = found.tokens.offsets
    for at, prompt in enumerate(PROMPTS):
        assert found.tokens.values[ends[at] : ends[at + 1]].tolist() == plain(model, prompt)


def test_a_cache_that_mixes_up_its_rows_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make("bloom").eval()
    monkeypatch.setattr(Cache, "keep", lambda self, rows: None)
    assert isinstance(past_of(model), Tokens)


def test_samples_read_again_are_those_of_the_cache() -> None:
    from transforms.scoring.generation.sampling import SamplingScheme

    settings = GenerationSettings(SamplingScheme(1.0, 0), samples=3, seed=4)
    first = generate(make("bloom").eval(), Ragged.from_rows(PROMPTS), list("abcd"), NEW, settings)
    model = make("bloom").eval()
    from transforms.scoring.generation import past

    past._cached[model] = ""
    second = generate(model, Ragged.from_rows(PROMPTS), list("abcd"), NEW, settings)
    np.testing.assert_array_equal(first.tokens.values, second.tokens.values)


def test_on_the_cpu_in_bfloat16_what_is_generated_depends_on_nothing_beside(tmp_path: Path) -> None:
    plan = GenerationPlan(("extraction_probability", "recall"), 1, 1.0, 0, 1.0, 40, 0, 6, (), True)

    def generated(rows: list[list[int]]) -> Any:
        flat, lengths = np.concatenate(rows).astype(np.int64), [len(row) for row in rows]
        many = len(rows)
        sequences = Sequences(flat, np.cumsum([0, *lengths]).astype(np.int64), np.ones(many, np.int64))
        prepared = Prepared(
            sequences, np.arange(many), np.full(many, -1), [None] * many, np.ones(many, np.int64), np.zeros(many, int)
        )
        model = make("bloom").eval().bfloat16()
        return generate_for(model, prepared, [str(at) for at in range(many)], plan, None, 0)

    together = generated(PROMPTS)
    before = 0
    for at, prompt in enumerate(PROMPTS):
        alone = generated([prompt])
        np.testing.assert_array_equal(alone.whole.tokens.values, together.whole.tokens.take(np.array([at])).values)
        scored = len(prompt) - 1
        np.testing.assert_array_equal(alone.scheme_log_probs, together.scheme_log_probs[before : before + scored])
        before += scored
