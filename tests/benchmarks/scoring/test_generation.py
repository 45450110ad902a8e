import numpy as np
import pytest

pytest.importorskip("torch", reason="scoring needs PyTorch, of the extra score")
pytest.importorskip("transformers", reason="scoring needs transformers, of the extra score")

from benchmarks.scoring.generation import transformers, trapline


def test_all_contenders_make_the_same_greedy_continuations() -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        eos_token_id=None,
    )
    model = LlamaForCausalLM(config).eval()
    model.generation_config.eos_token_id = None
    generator = np.random.default_rng(1)
    prompts = [generator.integers(3, 50, length).tolist() for length in (9, 3, 5, 9, 4)]
    made = [
        transformers(model, 1, 6, 1)(prompts),
        transformers(model, 2, 6, 1)(prompts),
        trapline(model, 6, 1)(prompts),
    ]
    assert made[0] == made[1] == made[2]
    assert [len(one) for one in trapline(model, 6, 3)(prompts)] == [6] * 15
