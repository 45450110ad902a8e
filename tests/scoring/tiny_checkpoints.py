"""Checkpoints of a few thousand random weights, one of each architecture, with a byte-pair tokenizer of 300 tokens."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

ARCHITECTURES = ("llama", "gpt_neox", "gpt2", "qwen2", "mamba")
"""Names that `tiny_model` takes."""

BOS, EOS = "<s>", "</s>"
VOCABULARY = 300
CONTEXT = 128
"""Positions of a tiny model; Mamba has no limit."""

_SENTENCES = (
    "The keeper of the lighthouse wrote one line a day and never read it again.",
    "Knights tell the truth and knaves lie; who of the two spoke first?",
    "Seventy-three grey geese crossed the river before the ice had set.",
    "Ein kleines Dorf am Rande des Waldes, in dem niemand je gezählt wurde.",
)


def tiny_tokenizer(bos: bool = True) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer, trained on four sentences; any UTF-8 text goes there and back. Id 0 is BOS, 1 is EOS."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[BOS, EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_SENTENCES, trainer)
    special = {"bos_token": BOS, "eos_token": EOS} if bos else {"eos_token": EOS}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **special)


def tiny_model(
    architecture: str, seed: int = 0, vocabulary: int = VOCABULARY, context: int = CONTEXT
) -> PreTrainedModel:
    """A model with random weights, spread wide enough that its greedy continuations are not all one token."""
    same: dict[str, Any] = {
        "vocab_size": vocabulary,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "tie_word_embeddings": False,
    }
    rotary = same | {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": context,
    }
    torch.manual_seed(seed)
    model: PreTrainedModel
    if architecture == "llama":
        model = LlamaForCausalLM(LlamaConfig(**rotary, num_key_value_heads=2))
    elif architecture == "gpt_neox":
        model = GPTNeoXForCausalLM(GPTNeoXConfig(**rotary))
    elif architecture == "gpt2":
        model = GPT2LMHeadModel(GPT2Config(**same, n_embd=32, n_layer=2, n_head=4, n_positions=context))
    elif architecture == "qwen2":
        model = Qwen2ForCausalLM(Qwen2Config(**rotary, num_key_value_heads=2))
    elif architecture == "mamba":
        model = MambaForCausalLM(MambaConfig(**same, hidden_size=32, num_hidden_layers=2, state_size=4))
    else:
        raise ValueError(f"architecture {architecture!r}: one of {', '.join(ARCHITECTURES)}")
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim == 2 and architecture != "mamba":
                weights.copy_(torch.randn(weights.shape, generator=generator) * weights.shape[1] ** -0.5)
        output = model.get_output_embeddings()
        assert output is not None
        output.weight.copy_(torch.randn(output.weight.shape, generator=generator) * 0.5)  # type: ignore[operator,arg-type]
    return model.float().eval()


def tiny_checkpoint(
    folder: Path, architecture: str, seed: int = 0, tokenizer: PreTrainedTokenizerFast | None = None, **options: int
) -> Path:
    """Write a checkpoint (safetensors, with a tokenizer) in the Hugging Face layout; returns `folder`.

    `options` go to `tiny_model`: `vocabulary`, `context`.
    """
    tiny_model(architecture, seed, **options).save_pretrained(folder, safe_serialization=True)
    (tiny_tokenizer() if tokenizer is None else tokenizer).save_pretrained(folder)
    return folder
