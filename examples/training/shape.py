"""Llama-shaped models with random weights, and folders of them in the Hugging Face layout."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM


@dataclass(frozen=True)
class Shape:
    """Of a model: two layers and about 0.2 million parameters by default, at 1,000 words.

    Attributes:
        vocabulary: rows of the embedding, which is the head, too.
        width: of the hidden states; a multiple of twice `heads`.
        layers: decoder layers.
        heads: of attention, each with a key of its own.
        inner: width between the two products of an MLP; 0: three times `width`.
        positions: most tokens of a sequence.
    """

    vocabulary: int
    width: int = 64
    layers: int = 2
    heads: int = 2
    inner: int = 0
    positions: int = 512


def build(shape: Shape, seed: int) -> LlamaForCausalLM:
    """A model whose weights follow from `seed`, float32 on the CPU."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.width,
            intermediate_size=shape.inner or 3 * shape.width,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            max_position_embeddings=shape.positions,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=None,
        )
    )


def parameters_of(model: LlamaForCausalLM) -> int:
    """Trained numbers; the embedding, which is the head, counts once."""
    return sum(one.numel() for one in model.parameters())


def save(model: LlamaForCausalLM, folder: Path, tokenizer: Path) -> None:
    """Write a checkpoint that `trapline score` takes: configuration, weights, and a copy of `tokenizer.json`."""
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    model.save_pretrained(folder)
    shutil.copyfile(tokenizer, folder / "tokenizer.json")


def weights_sha256(model: LlamaForCausalLM) -> str:
    """SHA-256 of all names and weights, in order of the names, in hexadecimal."""
    whole = hashlib.sha256()
    for name, one in sorted(model.named_parameters()):
        whole.update(name.encode())
        whole.update(one.detach().cpu().numpy().tobytes())
    return whole.hexdigest()
